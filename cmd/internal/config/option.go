package config

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/settings"
)

// about is what an option says of itself, whatever it fills.
type about struct {
	key     string
	what    string // what it decides, in sentences
	why     string // what it is if it is not given, and the reason for that
	example string // a value, as it is written in a file

	others []string // what the option is called on the command line and in other servers

	kind       kind
	tables     []about // what each element of a list of tables has
	least      int64
	most       int64 // 0: numbers have no limits
	words      []string
	isSize     bool // a string or a number of octets
	isRequired bool
}

// option is a key of a section: it fills something of a T.
type option[T any] struct {
	about
	// read sets the value in a file. It reports whether the value is good.
	read func(r *reader, t *T, v *node) bool
	// write returns the value as it is written in a file, "" if there is none.
	write func(t *T) string
}

// text is an option that is a string.
func text[T any](a about, field func(*T) *string) option[T] {
	a.kind = isString
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		if !r.is(v, isString, a) {
			return false
		}
		if v.text == "" {
			return r.failf(v, "is empty; write %s, or leave it out", a.written())
		}
		*field(t) = v.text
		return true
	}, func(t *T) string { return quoteUnlessEmpty(*field(t)) }}
}

// moment is an option that is a date and time.
func moment[T any](a about, field func(*T) *time.Time) option[T] {
	a.kind = isString
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		if !r.is(v, isString, a) {
			return false
		}
		at, err := time.Parse(time.RFC3339, v.text)
		if err != nil {
			return r.failf(v, "%q is not a time; write %s", v.text, a.written())
		}
		*field(t) = at
		return true
	}, func(t *T) string {
		if field(t).IsZero() {
			return ""
		}
		return quote(field(t).Format(time.RFC3339))
	}}
}

// path is an option that is the path of a file. It is taken to begin at the
// folder of the file that it is written in.
func path[T any](a about, field func(*T) *string) option[T] {
	o := text(a, field)
	read := o.read
	o.read = func(r *reader, t *T, v *node) bool {
		if !read(r, t, v) {
			return false
		}
		*field(t) = r.resolve(v.text)
		return true
	}
	return o
}

// word is an option that is one of a.words.
func word[T any](a about, field func(*T) *string) option[T] {
	o := text(a, field)
	read := o.read
	o.read = func(r *reader, t *T, v *node) bool {
		if v.kind == isString && !slices.Contains(a.words, v.text) {
			return r.failf(v, "%s is not one of %s%s", strconv.Quote(v.text), strings.Join(a.words, ", "), didYouMean(v.text, a.words))
		}
		return read(r, t, v)
	}
	return o
}

// number is an option that is a number between a.least and a.most.
func number[T any](a about, field func(*T) *int) option[T] {
	a.kind = isInteger
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		if !r.is(v, isInteger, a) {
			return false
		}
		if v.integer < a.least || v.integer > a.most {
			return r.failf(v, "%d is not between %d and %d; write %s", v.integer, a.least, a.most, a.written())
		}
		*field(t) = int(v.integer)
		return true
	}, func(t *T) string {
		if *field(t) < int(a.least) {
			return "" // decided when the server starts
		}
		return strconv.Itoa(*field(t))
	}}
}

// toggle is an option that is true or false.
func toggle[T any](a about, field func(*T) *bool) option[T] {
	a.kind = isBool
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		if !r.is(v, isBool, a) {
			return false
		}
		*field(t) = v.truth
		return true
	}, func(t *T) string { return strconv.FormatBool(*field(t)) }}
}

// maybe is an option that is true or false, or is not given.
func maybe[T any](a about, field func(*T) **bool) option[T] {
	a.kind = isBool
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		if !r.is(v, isBool, a) {
			return false
		}
		truth := v.truth
		*field(t) = &truth
		return true
	}, func(t *T) string {
		if *field(t) == nil {
			return ""
		}
		return strconv.FormatBool(**field(t))
	}}
}

// maybeNumber is an option that is a number between a.least and a.most, or is not given.
func maybeNumber[T any](a about, field func(*T) **int) option[T] {
	a.kind = isInteger
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		var n int
		if !number(a, func(*T) *int { return &n }).read(r, t, v) {
			return false
		}
		*field(t) = &n
		return true
	}, func(t *T) string {
		if *field(t) == nil {
			return ""
		}
		return strconv.Itoa(**field(t))
	}}
}

// size is an option that is a number of octets, as a number or with a unit.
func size[T any](a about, field func(*T) *int64) option[T] {
	a.kind, a.isSize = isString, true
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		if v.kind != isInteger && !r.is(v, isString, a) {
			return false
		}
		n, err := settings.ParseSize(v.text)
		if err != nil {
			return r.failf(v, "%s is not a size; write %s", strconv.Quote(v.text), a.written())
		}
		*field(t) = n
		return true
	}, func(t *T) string { return strconv.Quote(formatSize(*field(t))) }}
}

// formatSize writes a size with the largest unit that has no remainder.
func formatSize(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n%unit.size == 0 && n > 0 {
			return strconv.FormatInt(n/unit.size, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10)
}

// span is an option that is a length of time between a.least and a.most
// seconds.
func span[T any](a about, field func(*T) *time.Duration) option[T] {
	a.kind = isString
	least, most := time.Duration(a.least)*time.Second, time.Duration(a.most)*time.Second
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		if !r.is(v, isString, a) {
			return false
		}
		d, err := time.ParseDuration(v.text)
		switch {
		case err != nil:
			return r.failf(v, "%s is not a time; write %s", strconv.Quote(v.text), a.written())
		case d < least || d > most:
			return r.failf(v, "%s is not between %v and %v; write %s", strconv.Quote(v.text), least, most, a.written())
		}
		*field(t) = d
		return true
	}, func(t *T) string {
		if *field(t) == 0 {
			return ""
		}
		return strconv.Quote(field(t).String())
	}}
}

// list is an option that is a list of strings, each of which add reads.
func list[T any](a about, add func(r *reader, t *T, text string) error, all func(*T) []string) option[T] {
	a.kind = isArray
	return option[T]{a, func(r *reader, t *T, v *node) bool {
		if v.kind == isString {
			return r.failf(v, "is a string where a list is expected; write [%s]", strconv.Quote(v.text))
		}
		if !r.is(v, isArray, a) {
			return false
		}
		if len(v.elements) == 0 {
			return r.failf(v, "is an empty list; write %s, or leave it out", a.written())
		}
		good := true
		for _, e := range v.elements {
			if e.kind != isString {
				good = r.failf(e, "%s is in a list of strings; write %s", kindNames[e.kind], a.written())
				continue
			}
			if err := add(r, t, e.text); err != nil {
				good = r.failf(e, "%v; write %s", err, a.written())
			}
		}
		return good
	}, func(t *T) string {
		texts := all(t)
		if len(texts) == 0 {
			return ""
		}
		quoted := make([]string, len(texts))
		for i, s := range texts {
			quoted[i] = quote(s)
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}}
}

// valueList is an option that is a list of values, which parse reads.
func valueList[T any, V fmt.Stringer](a about, parse func(text string) (V, error), field func(*T) *[]V) option[T] {
	return list(a, func(_ *reader, t *T, text string) error {
		v, err := parse(text)
		*field(t) = append(*field(t), v)
		return err
	}, func(t *T) []string { return texts(*field(t)) })
}

// texts are values as they are written.
func texts[V fmt.Stringer](all []V) (list []string) {
	for _, v := range all {
		list = append(list, v.String())
	}
	return list
}

// required is an option that has to be given.
func required[T any](o option[T]) option[T] {
	o.isRequired = true
	return o
}

// written is the option with its example, as in a file.
func (a about) written() string { return a.key + " = " + a.example }

// quote writes a string as TOML does. What Go writes in other ways is not
// printable.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteRune(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, c)
		default:
			b.WriteRune(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func quoteUnlessEmpty(s string) string {
	if s == "" {
		return ""
	}
	return quote(s)
}

// resolve returns a path as seen from the folder of the file.
func (r *reader) resolve(p string) string {
	if filepath.IsAbs(p) {
		return filepath.Clean(p)
	}
	return filepath.Join(filepath.Dir(r.file), p)
}
