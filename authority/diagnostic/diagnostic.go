package diagnostic

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
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

// Problem is one thing that is wrong. A warning lets the zone load.
type Problem struct {
	Position Position
	Warning  bool
	Code     Code // of a warning
	// About is the name in the record that is to blame, if it is one; otherwise
	// it is what stands at Position.
	About string
	Err   error
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

// Limit is how many errors, and how many warnings, a [List] keeps by default.
const Limit = 20

// MaxErrors is the number of errors after which reading is given up by default:
// that many say that the file holds something else, or cannot be mended by hand.
const MaxErrors = 10_000

// List collects problems up to a limit and counts the others. The zero value
// is ready. A nil *List reads as an empty one; it cannot be added to.
type List struct {
	Limit     int    // of errors kept, and of warnings; zero means the constant Limit
	MaxErrors int    // the list is full after so many; zero means the constant MaxErrors
	Ignore    []Code // warnings that are neither kept nor counted
	Problems  []*Problem
	Errors    int // all, kept or not
	Warnings  int // all, kept or not

	counts map[Code]int // of warnings
}

// Fork returns an empty list with the settings of l, to be joined to it later.
func (l *List) Fork() *List {
	return &List{Limit: l.Limit, MaxErrors: l.MaxErrors, Ignore: l.Ignore}
}

// Errorf adds an error.
func (l *List) Errorf(at Position, format string, args ...any) {
	if l.countError() {
		l.Problems = append(l.Problems, &Problem{Position: at, Err: fmt.Errorf(format, args...)})
	}
}

// Warnf adds a warning.
func (l *List) Warnf(at Position, code Code, format string, args ...any) {
	l.WarnAboutf(at, code, "", format, args...)
}

// WarnAboutf adds a warning about a name in the record at a place.
func (l *List) WarnAboutf(at Position, code Code, about, format string, args ...any) {
	if l.countWarning(code) {
		l.Problems = append(l.Problems, &Problem{Position: at, Warning: true, Code: code, About: about, Err: fmt.Errorf(format, args...)})
	}
}

// Add adds a problem.
func (l *List) Add(p *Problem) {
	if p.Warning && l.countWarning(p.Code) || !p.Warning && l.countError() {
		l.Problems = append(l.Problems, p)
	}
}

// countError counts an error and reports whether it is to be kept.
func (l *List) countError() bool {
	l.Errors++
	return l.Errors <= l.limit()
}

// countWarning counts a warning and reports whether it is to be kept. The first
// of each kind always is: a common one must not hide a rare one.
func (l *List) countWarning(code Code) bool {
	if slices.Contains(l.Ignore, code) {
		return false
	}
	if l.counts == nil {
		l.counts = make(map[Code]int)
	}
	l.Warnings++
	l.counts[code]++
	return l.Warnings <= l.limit() || l.counts[code] == 1
}

// Count returns the number of warnings of that kind, kept or not.
func (l *List) Count(code Code) int { return l.counts[code] }

// Codes returns the kinds of warnings in the list, the most frequent first.
func (l *List) Codes() []Code {
	return slices.SortedFunc(maps.Keys(l.counts), func(a, b Code) int {
		return cmp.Or(cmp.Compare(l.counts[b], l.counts[a]), cmp.Compare(a, b))
	})
}

// Join adds the problems of another list, which may be nil, as if they had been
// added to l one by one. Its limit must be that of l or higher.
func (l *List) Join(other *List) {
	if other == nil {
		return
	}
	errors := other.Errors
	left := maps.Clone(other.counts) // those that other did not keep
	for _, p := range other.Problems {
		l.Add(p)
		if p.Warning {
			left[p.Code]--
		} else {
			errors--
		}
	}
	l.Errors += errors
	for code, n := range left {
		if n > 0 && !slices.Contains(l.Ignore, code) {
			l.Warnings += n
			l.counts[code] += n
		}
	}
}

// Full reports whether there are so many errors that a reader may stop.
func (l *List) Full() bool {
	if l == nil {
		return false
	}
	most := l.MaxErrors
	if most == 0 {
		most = max(MaxErrors, l.limit())
	}
	return l.Errors > most
}

func (l *List) limit() int {
	if l.Limit == 0 {
		return Limit
	}
	return l.Limit
}

// Err returns nil if there is no error, the list otherwise.
func (l *List) Err() error {
	if l == nil || l.Errors == 0 {
		return nil
	}
	return l
}

// Error returns the errors, a line each, and how many were left out.
func (l *List) Error() string {
	if l == nil {
		return ""
	}
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
	switch more := l.Errors - shown; {
	case more > 0 && l.Full():
		fmt.Fprintf(&b, "\nand %d more at least", more)
	case more > 0:
		fmt.Fprintf(&b, "\nand %d more", more)
	}
	return b.String()
}

// Unwrap returns the errors that were kept, each a [*Problem].
func (l *List) Unwrap() []error {
	if l == nil {
		return nil
	}
	var errs []error
	for _, p := range l.Problems {
		if !p.Warning {
			errs = append(errs, p)
		}
	}
	return errs
}
