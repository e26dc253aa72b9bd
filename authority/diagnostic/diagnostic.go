package diagnostic

import (
	"fmt"
	"strings"
)

// Position is a place in a file. Line and Column count from 1; Column counts
// octets. Zero means that it is not known.
type Position struct {
	File   string
	Line   int
	Column int
}

// String returns FILE:LINE:COLUMN, without what is not known.
func (p Position) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Problem is one thing that is wrong. A warning lets the zone load all the
// same.
type Problem struct {
	Position Position
	Warning  bool
	Err      error
}

// Error returns FILE:LINE:COLUMN: what is wrong.
func (p *Problem) Error() string {
	kind := ""
	if p.Warning {
		kind = "warning: "
	}
	if at := p.Position.String(); at != "" {
		return at + ": " + kind + p.Err.Error()
	}
	return kind + p.Err.Error()
}

func (p *Problem) Unwrap() error { return p.Err }

// Limit is how many problems of each grade a [List] keeps unless told otherwise.
const Limit = 20

// List collects problems up to a limit and counts the others. The zero value
// is ready.
type List struct {
	Limit    int // of errors kept, and of warnings; zero means the constant Limit
	Problems []*Problem
	Errors   int // all, kept or not
	Warnings int // all, kept or not
}

// Errorf adds an error.
func (l *List) Errorf(at Position, format string, args ...any) {
	l.Add(&Problem{Position: at, Err: fmt.Errorf(format, args...)})
}

// Warnf adds a warning.
func (l *List) Warnf(at Position, format string, args ...any) {
	l.Add(&Problem{Position: at, Warning: true, Err: fmt.Errorf(format, args...)})
}

// Add adds a problem.
func (l *List) Add(p *Problem) {
	count := &l.Errors
	if p.Warning {
		count = &l.Warnings
	}
	*count++
	if *count <= l.limit() {
		l.Problems = append(l.Problems, p)
	}
}

// Join adds the problems of another list, which may be nil, as if they had been
// added to l one by one. Its limit is to be that of l or higher.
func (l *List) Join(other *List) {
	if other == nil {
		return
	}
	errors, warnings := other.Errors, other.Warnings
	for _, p := range other.Problems {
		l.Add(p)
		if p.Warning {
			warnings--
		} else {
			errors--
		}
	}
	l.Errors += errors // those that other did not keep
	l.Warnings += warnings
}

// Full reports whether more errors came than are kept: a reader may stop.
func (l *List) Full() bool { return l.Errors > l.limit() }

func (l *List) limit() int {
	if l.Limit == 0 {
		return Limit
	}
	return l.Limit
}

// Err returns nil if there is no error, the list otherwise.
func (l *List) Err() error {
	if l.Errors == 0 {
		return nil
	}
	return l
}

// Error returns the errors, a line each, and how many were left out. There may
// be more than that: readers stop when a list is full.
func (l *List) Error() string {
	var b strings.Builder
	shown := 0
	for _, p := range l.Problems {
		if p.Warning {
			continue
		}
		if shown > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.Error())
		shown++
	}
	if l.Errors > shown {
		fmt.Fprintf(&b, "\nand %d more at least", l.Errors-shown)
	}
	return b.String()
}

// Unwrap returns the errors that were kept, each a [*Problem].
func (l *List) Unwrap() []error {
	var errs []error
	for _, p := range l.Problems {
		if !p.Warning {
			errs = append(errs, p)
		}
	}
	return errs
}
