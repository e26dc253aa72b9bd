package testnet

import (
	"errors"
	"fmt"
	"strings"

	"github.com/names-dns/names/wire"
)

// Error says where in a file of stories something is wrong. It wraps the cause.
type Error struct {
	File         string
	Line, Column int // both count from 1; columns are octets
	Err          error
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %v", e.File, e.Line, e.Column, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// line is a line of a file that holds something.
type line struct {
	number int // from 1
	indent int // blanks in front of the text
	text   string
	below  []*line // what is indented below it

	happened []string // what was expected below it, as it came
}

// last returns the number of the last line below l, or its own.
func (l *line) last() int {
	for len(l.below) > 0 {
		l = l.below[len(l.below)-1]
	}
	return l.number
}

// maxIndent is how far a line may be indented, and so how deep lines nest.
const maxIndent = 100

// readLines makes a tree of a text: what is indented more than the line before
// it is below that line. Blank lines and those that begin with # are left out.
func readLines(file, text string) (*line, error) {
	root := &line{indent: -1}
	open := []*line{root} // each below the one before
	number := 0
	for row := range strings.SplitSeq(text, "\n") {
		number++
		row = strings.TrimSuffix(row, "\r")
		l := &line{number: number, text: strings.TrimSpace(row)}
		if l.text == "" || l.text[0] == '#' {
			continue
		}
		l.indent = len(row) - len(strings.TrimLeft(row, " "))
		if row[l.indent] == '\t' {
			return nil, &Error{file, number, l.indent + 1, errors.New("lines are indented with blanks, not tabs")}
		}
		if l.indent > maxIndent {
			return nil, &Error{file, number, l.indent + 1, fmt.Errorf("line is indented by more than %d blanks", maxIndent)}
		}
		for open[len(open)-1].indent >= l.indent {
			open = open[:len(open)-1]
		}
		above := open[len(open)-1]
		if len(above.below) > 0 && above.below[0].indent != l.indent {
			return nil, &Error{file, number, l.indent + 1, errors.New("line is indented neither as the one above it nor more")}
		}
		above.below = append(above.below, l)
		open = append(open, l)
	}
	return root, nil
}

// word is a word of a line.
type word struct {
	text   string
	column int // from 1
}

// words cuts a line into words. A comma, and a colon at the end of a word, are
// words too.
func (l *line) words() []word {
	var words []word
	at := 0
	for field := range strings.FieldsSeq(l.text) {
		at += strings.Index(l.text[at:], field)
		column := l.indent + at + 1
		at += len(field)
		mark := ""
		if n := len(field) - 1; n > 0 && (field[n] == ',' || field[n] == ':' && !endsAddress(field)) {
			field, mark = field[:n], field[n:]
		}
		words = append(words, word{field, column})
		if mark != "" {
			words = append(words, word{mark, column + len(field)})
		}
	}
	return words
}

// endsAddress reports whether the colon that text ends with belongs to an
// address, as in 2001:db8::, rather than follow it.
func endsAddress(text string) bool {
	return strings.HasSuffix(text, "::") && !strings.HasSuffix(text, ":::")
}

// recordWords cuts the line of a zone into words as master files do: quotes
// hold blanks together, a backslash takes the meaning from what follows, a
// semicolon begins a remark. Records go over one line only.
func (l *line) recordWords() (words []wire.Word, columns []int, err error) {
	for i := 0; i < len(l.text); {
		column := l.indent + i + 1
		switch c := l.text[i]; {
		case c == ' ' || c == '\t':
			i++
		case c == ';':
			return words, columns, nil
		case c == '"':
			end := i + 1
			for end < len(l.text) && l.text[end] != '"' {
				end += skip(l.text[end:])
			}
			if end >= len(l.text) {
				return nil, nil, &atColumn{column, wire.ErrUnclosedQuote}
			}
			words, columns = append(words, wire.Word{Text: []byte(l.text[i+1 : end]), Quoted: true}), append(columns, column)
			i = end + 1
		default:
			end := i
			for end < len(l.text) && !strings.ContainsRune(" \t;\"", rune(l.text[end])) {
				end += skip(l.text[end:])
			}
			end = min(end, len(l.text))
			words, columns = append(words, wire.Word{Text: []byte(l.text[i:end])}), append(columns, column)
			i = end
		}
	}
	return words, columns, nil
}

// skip returns the length of the octet that text starts with, escaped or not.
func skip(text string) int {
	if text[0] == '\\' {
		return 2
	}
	return 1
}

// atColumn is an error with its place in a line.
type atColumn struct {
	column int
	err    error
}

func (e *atColumn) Error() string { return e.err.Error() }

func (e *atColumn) Unwrap() error { return e.err }
