package pyzone

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxString is the most octets of a string: record data cannot have more.
const maxString = 65535

// maxNumber is the most characters of a number.
const maxNumber = 100

// isStringPrefix reports whether a quote after prefix belongs to it.
func isStringPrefix(prefix []byte) bool {
	switch strings.ToLower(string(prefix)) {
	case "r", "u", "b", "br", "rb", "f", "fr", "rf", "t", "tr", "rt":
		return true
	}
	return false
}

// stringReader reads one string literal. It reports the first error, and still
// passes over the rest of the literal.
type stringReader struct {
	*lexer
	value  []byte
	copied bool // value is a copy already
	run    int  // start of the text that is not in value yet
	raw    bool
	octets bool
	failed bool
}

// readString reads the string literal whose quote is next into t.
func (l *lexer) readString(t *token, prefix string) {
	r := stringReader{lexer: l, raw: strings.Contains(prefix, "r"), octets: strings.Contains(prefix, "b")}
	if kind := strings.Trim(prefix, "r"); kind == "f" || kind == "t" {
		r.fail(t.at, "%s-strings are not supported: a pyzone is read, not run", kind)
		r.raw = true
	}
	r.read(t.at)
	t.kind, t.value, t.octets = text, r.value, r.octets
	if len(r.value) > maxString {
		r.fail(t.at, "string is longer than %d octets", maxString)
	}
	if r.failed {
		t.kind = broken
	}
}

func (r *stringReader) fail(at place, format string, args ...any) {
	if !r.failed {
		r.failed = true
		r.errorf(at, format, args...)
	}
}

func (r *stringReader) read(start place) {
	quote := r.text[r.at : r.at+1]
	if rest := r.text[r.at:]; len(rest) >= 3 && rest[1] == quote[0] && rest[2] == quote[0] {
		quote = rest[:3]
	}
	r.at += len(quote)
	r.run = r.at
	for r.at < len(r.text) {
		switch c := r.text[r.at]; {
		case c == quote[0] && bytes.HasPrefix(r.text[r.at:], quote):
			r.take(r.at)
			r.at += len(quote)
			return
		case c == '\\':
			r.readBackslash()
		case c == '\n' || c == '\r':
			if len(quote) == 1 {
				r.fail(start, "string is not closed before the line ends")
				return
			}
			r.readLineEnd()
		default:
			r.at++
		}
	}
	r.fail(start, "string is never closed")
	r.brackets = nil // these are not closed either, which is not worth another error
}

// take adds the run of plain text that ends at end to the value. A literal of a
// single run is not copied.
func (r *stringReader) take(end int) {
	run := r.text[r.run:end]
	if r.octets {
		if i := bytes.IndexFunc(run, func(c rune) bool { return c >= utf8.RuneSelf }); i >= 0 {
			r.fail(r.placeOf(r.run+i), "bytes literal holds a character that is not ASCII: write \\x and two hexadecimal digits")
		}
	} else if !r.failed && !r.checkUTF8(r.run, end) {
		r.failed = true
	}
	if r.value == nil && !r.copied {
		r.value = run[:len(run):len(run)]
		return
	}
	r.add(run...)
}

// add adds octets that are not in the text.
func (r *stringReader) add(octets ...byte) {
	if !r.copied {
		r.value, r.copied = append([]byte(nil), r.value...), true
	}
	if len(r.value) <= maxString {
		r.value = append(r.value, octets...)
	}
}

// readLineEnd adds the end of a line inside the literal, "\n" however it is
// written.
func (r *stringReader) readLineEnd() {
	r.take(r.at)
	r.skipLineEnd()
	r.add('\n')
	r.run = r.at
}

// readBackslash reads an escape.
func (r *stringReader) readBackslash() {
	if r.at+1 == len(r.text) {
		r.at++
		return // the literal is not closed
	}
	next := r.text[r.at+1]
	if r.raw {
		r.at++ // the backslash stays, and the character after it does not end the literal
		if next == '\n' || next == '\r' {
			r.readLineEnd()
		} else {
			r.at++
		}
		return
	}
	r.take(r.at)
	backslash := r.at
	r.at += 2
	switch next {
	case '\n', '\r':
		r.at--
		r.skipLineEnd()
	case '\\', '\'', '"':
		r.add(next)
	case 'a':
		r.add('\a')
	case 'b':
		r.add('\b')
	case 'f':
		r.add('\f')
	case 'n':
		r.add('\n')
	case 'r':
		r.add('\r')
	case 't':
		r.add('\t')
	case 'v':
		r.add('\v')
	case '0', '1', '2', '3', '4', '5', '6', '7':
		end := backslash + 2
		for end < len(r.text) && end < backslash+4 && '0' <= r.text[end] && r.text[end] <= '7' {
			end++
		}
		r.at = end
		r.addCode(backslash, backslash+1, 8)
	case 'x':
		r.readHex(backslash, 2)
	default:
		switch {
		case next == 'u' && !r.octets:
			r.readHex(backslash, 4)
		case next == 'U' && !r.octets:
			r.readHex(backslash, 8)
		case next == 'N' && !r.octets:
			r.fail(r.placeOf(backslash), `\N{...} is not supported: write \u and four hexadecimal digits`)
		default: // Python keeps the backslash of unknown escapes
			r.run, r.at = backslash, backslash+1
			return
		}
	}
	r.run = r.at
}

// readHex reads the escape at backslash that has exactly digits hexadecimal
// digits.
func (r *stringReader) readHex(backslash, digits int) {
	for range digits {
		if r.at == len(r.text) || !isHexDigit(r.text[r.at]) {
			r.fail(r.placeOf(backslash), "escape \\%c wants %d hexadecimal digits", r.text[backslash+1], digits)
			return
		}
		r.at++
	}
	r.addCode(backslash, backslash+2, 16)
}

// addCode adds the octet, or the character in UTF-8, whose number is the text from
// digits to the present position.
func (r *stringReader) addCode(backslash, digits, base int) {
	code, err := strconv.ParseUint(string(r.text[digits:r.at]), base, 32)
	switch {
	case err != nil:
		r.fail(r.placeOf(backslash), "escape %s: %v", r.text[backslash:r.at], err)
	case r.octets && code > 255:
		r.fail(r.placeOf(backslash), "escape %s is more than an octet", r.text[backslash:r.at])
	case r.octets:
		r.add(byte(code))
	case code > utf8.MaxRune || !utf8.ValidRune(rune(code)):
		r.fail(r.placeOf(backslash), "escape %s is not a character", r.text[backslash:r.at])
	default:
		r.add(utf8.AppendRune(nil, rune(code))...)
	}
}

func isHexDigit(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

// readNumber reads all that looks like part of a number; parseNumber checks it.
func (l *lexer) readNumber(t *token) {
	t.kind = number
	start := l.at
	for ; l.at < len(l.text); l.at++ {
		switch c := l.text[l.at]; {
		case isDigit(c), c == '.', c < utf8.RuneSelf && isWordStart(c):
		case (c == '+' || c == '-') && isExponent(l.text[start:l.at]):
		default:
			return
		}
	}
}

// isExponent reports whether a sign after the number belongs to it.
func isExponent(number []byte) bool {
	last := number[len(number)-1]
	return (last == 'e' || last == 'E') && !hasBase(number)
}

// hasBase reports whether the number has a base prefix: 0x, 0o, 0b.
func hasBase(number []byte) bool {
	if len(number) < 2 || number[0] != '0' {
		return false
	}
	switch number[1] {
	case 'x', 'X', 'o', 'O', 'b', 'B':
		return true
	}
	return false
}

var errTooLarge = errors.New("number is too large")

func errInvalid(source []byte) error { return fmt.Errorf("invalid number %.40s", source) }

// parseNumber reads a number literal: an integer below 2⁶⁴ or a float.
func parseNumber(source []byte) (value, error) {
	switch {
	case len(source) > maxNumber:
		return value{}, fmt.Errorf("number has more than %d characters", maxNumber)
	case hasBase(source):
	case source[len(source)-1] == 'j' || source[len(source)-1] == 'J':
		return value{}, errors.New("complex numbers are not supported")
	case bytes.ContainsAny(source, ".eE"):
		return parseFloat(source)
	case bytes.IndexFunc(source, func(c rune) bool { return c != '_' && (c < '0' || c > '9') }) >= 0:
		if unit := source[len(source)-1]; bytes.IndexByte([]byte("sSmMhHdDwWyY"), unit) >= 0 {
			return value{}, fmt.Errorf("%w: a time with a unit is a string, '%s'", errInvalid(source), source)
		}
		return value{}, errInvalid(source)
	case source[0] == '0' && len(bytes.Trim(source, "0_")) > 0:
		return value{}, fmt.Errorf("%w: Python allows no leading zeros", errInvalid(source))
	}
	n, err := strconv.ParseUint(string(source), 0, 64)
	if errors.Is(err, strconv.ErrRange) {
		return value{}, errTooLarge
	}
	if err != nil {
		return value{}, errInvalid(source)
	}
	return value{kind: integer, integer: n}, nil
}

func parseFloat(source []byte) (value, error) {
	for i, c := range source { // an underscore has to be between two digits
		if c == '_' && (i == 0 || i == len(source)-1 || !isDigit(source[i-1]) || !isDigit(source[i+1])) {
			return value{}, errInvalid(source)
		}
	}
	f, err := strconv.ParseFloat(strings.ReplaceAll(string(source), "_", ""), 64)
	if errors.Is(err, strconv.ErrRange) && math.IsInf(f, 0) {
		return value{}, errTooLarge
	}
	if err != nil {
		return value{}, errInvalid(source)
	}
	return value{kind: float, float: f}, nil
}
