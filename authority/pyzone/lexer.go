package pyzone

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/names-dns/names/authority/diagnostic"
)

// maxDepth is how deep brackets may be nested. A zone needs two levels.
const maxDepth = 32

// tokenKind is what a token is.
type tokenKind uint8

const (
	endOfFile   tokenKind = iota
	endOfLine             // of a logical line: inside brackets there are none
	word                  // a name or a keyword
	number                // source is the literal
	text                  // value is the string
	punctuation           // source is the operator or bracket
	broken                // not a Python token; the error has been reported
)

// place is a position in the text; line and column count from 1.
type place struct {
	line, column int
}

func (p place) String() string { return fmt.Sprintf("line %d, column %d", p.line, p.column) }

// token is one token. Source points into the text.
type token struct {
	kind   tokenKind
	at     place
	source []byte
	value  []byte // of a string; may point into the text
	octets bool   // the string is of bytes, not of text
}

// is reports whether t is the punctuation or word p.
func (t *token) is(p string) bool {
	return (t.kind == punctuation || t.kind == word) && string(t.source) == p
}

// bracket is an opening bracket that has not been closed yet.
type bracket struct {
	open byte
	at   place
}

// lexer splits the text into tokens. It joins lines as Python does and checks that
// brackets match, so that the parser need not.
type lexer struct {
	text      []byte
	file      string
	problems  *diagnostic.List
	at        int // the next octet
	line      int
	lineStart int // where the present line begins
	brackets  []bracket
}

func newLexer(text []byte, file string, problems *diagnostic.List) lexer {
	l := lexer{text: text, file: file, problems: problems, line: 1}
	if bom := []byte("\ufeff"); bytes.HasPrefix(text, bom) {
		l.at, l.lineStart = len(bom), len(bom)
	}
	return l
}

func (l *lexer) here() place { return l.placeOf(l.at) }

// placeOf is the place of an octet of the present line.
func (l *lexer) placeOf(offset int) place { return place{l.line, offset - l.lineStart + 1} }

func (l *lexer) position(at place) diagnostic.Position {
	return diagnostic.Position{File: l.file, Line: at.line, Column: at.column}
}

func (l *lexer) errorf(at place, format string, args ...any) {
	l.problems.Errorf(l.position(at), format, args...)
}

// next returns the next token. At the end it returns endOfFile each time.
func (l *lexer) next() token {
	if ended, t := l.skipBlanks(); ended {
		return t
	}
	t := token{at: l.here()}
	start := l.at
	switch c := l.text[l.at]; {
	case c == '"' || c == '\'':
		l.readString(&t, "")
	case isWordStart(c):
		l.skipWord()
		if l.at < len(l.text) && (l.text[l.at] == '"' || l.text[l.at] == '\'') && isStringPrefix(l.text[start:l.at]) {
			l.readString(&t, string(bytes.ToLower(l.text[start:l.at])))
			break
		}
		t.kind = word
		if !l.checkUTF8(start, l.at) {
			t.kind = broken
		}
	case isDigit(c), c == '.' && l.at+1 < len(l.text) && isDigit(l.text[l.at+1]):
		l.readNumber(&t)
	default:
		l.readPunctuation(&t)
	}
	t.source = l.text[start:l.at]
	return t
}

// skipBlanks moves to the next token. If that is the end of a logical line or of
// the file, it returns the token and true.
func (l *lexer) skipBlanks() (bool, token) {
	for l.at < len(l.text) {
		switch c := l.text[l.at]; c {
		case ' ', '\t', '\f':
			l.at++
		case '#':
			if !l.skipComment() {
				return true, token{kind: broken, at: l.here()}
			}
		case '\r', '\n':
			t := token{kind: endOfLine, at: l.here()}
			l.skipLineEnd()
			if len(l.brackets) == 0 {
				return true, t
			}
		case '\\':
			if !l.startsLineEnd(l.at + 1) {
				return false, token{}
			}
			l.at++
			l.skipLineEnd()
		default:
			return false, token{}
		}
	}
	if n := len(l.brackets); n > 0 {
		open := l.brackets[n-1]
		l.errorf(open.at, "%q is never closed", open.open)
		l.brackets = nil
		return true, token{kind: broken, at: l.here()}
	}
	return true, token{kind: endOfFile, at: l.here()}
}

// skipComment passes over a comment. Like the rest of the text, it has to be
// UTF-8.
func (l *lexer) skipComment() bool {
	start := l.at
	for l.at < len(l.text) && l.text[l.at] != '\n' && l.text[l.at] != '\r' {
		l.at++
	}
	return l.checkUTF8(start, l.at)
}

// checkUTF8 reports octets of the present line that are not UTF-8.
func (l *lexer) checkUTF8(start, end int) bool {
	for i := start; i < end; {
		if l.text[i] < utf8.RuneSelf {
			i++
			continue
		}
		r, width := utf8.DecodeRune(l.text[i:end])
		if r == utf8.RuneError && width == 1 {
			l.errorf(l.placeOf(i), "octet 0x%02x is not UTF-8", l.text[i])
			return false
		}
		i += width
	}
	return true
}

func (l *lexer) startsLineEnd(i int) bool {
	return i < len(l.text) && (l.text[i] == '\n' || l.text[i] == '\r')
}

// skipLineEnd passes over "\n", "\r\n" or "\r".
func (l *lexer) skipLineEnd() {
	if l.text[l.at] == '\r' && l.at+1 < len(l.text) && l.text[l.at+1] == '\n' {
		l.at++
	}
	l.at++
	l.line++
	l.lineStart = l.at
}

// skipWord passes over a name or a keyword. Which letters beyond ASCII Python
// allows does not matter: no such name has a meaning in a pyzone.
func (l *lexer) skipWord() {
	for l.at < len(l.text) && (isWordStart(l.text[l.at]) || isDigit(l.text[l.at])) {
		l.at++
	}
}

func isWordStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c >= utf8.RuneSelf
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// operators of more than one character, longer ones first. They are only used to
// name them in errors.
var operators = []string{
	"...", "**=", "//=", "<<=", ">>=",
	"**", "//", "<<", ">>", ":=", "->", "==", "!=", "<=", ">=", "+=", "-=", "*=", "/=", "%=", "@=", "&=", "|=", "^=",
}

// readPunctuation reads an operator or a bracket.
func (l *lexer) readPunctuation(t *token) {
	rest := l.text[l.at:]
	for _, op := range operators {
		if bytes.HasPrefix(rest, []byte(op)) {
			t.kind = punctuation
			l.at += len(op)
			return
		}
	}
	c := rest[0]
	l.at++
	switch c {
	case '(', '[', '{':
		l.openBracket(t, c)
	case ')', ']', '}':
		l.closeBracket(t, c)
	case '+', '-', '*', '/', '%', '@', '&', '|', '^', '~', '<', '>', '=', '.', ',', ':', ';':
		t.kind = punctuation
	case '\\':
		t.kind = broken
		l.errorf(t.at, "backslash is not the last character of its line")
	default:
		t.kind = broken
		l.errorf(t.at, "character %q has no meaning in Python", c)
	}
}

func (l *lexer) openBracket(t *token, c byte) {
	if len(l.brackets) == maxDepth {
		l.errorf(t.at, "brackets are nested deeper than %d levels", maxDepth)
		t.kind = broken
		l.at, l.brackets = len(l.text), nil // this cannot be meant: stop reading
		return
	}
	t.kind = punctuation
	l.brackets = append(l.brackets, bracket{c, t.at})
}

// closing is the closing bracket for each opening one.
var closing = map[byte]byte{'(': ')', '[': ']', '{': '}'}

func (l *lexer) closeBracket(t *token, c byte) {
	n := len(l.brackets)
	if n == 0 {
		t.kind = broken
		l.errorf(t.at, "%q closes nothing", c)
		return
	}
	open := l.brackets[n-1]
	l.brackets = l.brackets[:n-1]
	t.kind = punctuation
	if closing[open.open] != c {
		t.kind = broken
		l.errorf(t.at, "%q does not close the %q of %v", c, open.open, open.at)
	}
}
