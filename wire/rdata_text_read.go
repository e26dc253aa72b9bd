package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"unsafe"
)

// wordReader turns words of presentation format into rdata, a field at a
// time. As with [Cursor], the first thing that goes wrong stays, and a caller that
// reads may look for it once.
type wordReader struct {
	words  []Word
	next   int // the word to be read next
	origin Name
	b      []byte
	start  int // where the data starts in b
	err    error
}

// data is what has been read so far.
func (w *wordReader) data() []byte { return w.b[w.start:] }

// more reports whether there is a word to be read.
func (w *wordReader) more() bool { return w.err == nil && w.next < len(w.words) }

// fail makes this the error unless there is one: the word index is to blame.
func (w *wordReader) fail(index int, format string, args ...any) {
	if w.err == nil {
		w.err = &WordError{index, fmt.Errorf(format, args...)}
	}
}

// expected fails at the word that was read last.
func (w *wordReader) expected(what string) {
	w.fail(w.next-1, "expected %s, found %s", what, quoteForError(w.words[w.next-1].Text))
}

// word reads a word; nil if there is none. what is for the error.
func (w *wordReader) word(what string) []byte {
	if w.err != nil {
		return nil
	}
	if w.next >= len(w.words) {
		w.fail(w.next, "expected %s, found the end of the data", what)
		return nil
	}
	w.next++
	if text := w.words[w.next-1].Text; text != nil {
		return text
	}
	return []byte{} // an empty word is a word
}

// number reads a decimal number up to limit.
func (w *wordReader) number(what string, limit uint64) uint64 {
	text := w.word(what)
	if text == nil {
		return 0
	}
	n, ok := parseUint(text, limit)
	if !ok {
		w.fail(w.next-1, "expected %s from 0 to %d, found %s", what, limit, quoteForError(text))
	}
	return n
}

// parseUint reads decimal digits and nothing else.
func parseUint(text []byte, limit uint64) (uint64, bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	n := uint64(0)
	for _, c := range text {
		d := uint64(c - '0')
		if d > 9 || n > limit/10 || limit-n*10 < d {
			return 0, false
		}
		n = n*10 + d
	}
	return n, true
}

func (w *wordReader) uint8() { w.b = append(w.b, byte(w.number("a number", 1<<8-1))) }

func (w *wordReader) uint16() { w.append16(uint16(w.number("a number", 1<<16-1))) }

func (w *wordReader) uint32() { w.append32(uint32(w.number("a number", 1<<32-1))) }

func (w *wordReader) uint48() { w.b = appendUint48(w.b, w.number("a number", 1<<48-1)) }

func (w *wordReader) uint64() {
	w.b = binary.BigEndian.AppendUint64(w.b, w.number("a number", 1<<64-1))
}

func (w *wordReader) append16(n uint16) { w.b = binary.BigEndian.AppendUint16(w.b, n) }

func (w *wordReader) append32(n uint32) { w.b = binary.BigEndian.AppendUint32(w.b, n) }

// appendUint48 appends the lower six octets of n.
func appendUint48(b []byte, n uint64) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(n>>32))
	return binary.BigEndian.AppendUint32(b, uint32(n))
}

// period reads seconds, plain or with units: 5400, 1h30m.
func (w *wordReader) period() {
	text := w.word("a number of seconds")
	if text == nil {
		return
	}
	n, ok := parsePeriod(text)
	if !ok {
		w.expected("a number of seconds up to 4294967295 or a period such as 1h30m")
	}
	w.append32(n)
}

// parsePeriod reads a number of seconds, or numbers each with its unit out of
// w, d, h, m and s; a last one without a unit counts seconds.
func parsePeriod(text []byte) (uint32, bool) {
	if n, ok := parseUint(text, 1<<32-1); ok {
		return uint32(n), true
	}
	total, digits := uint64(0), 0
	for i, c := range text {
		if isDigit(c) {
			digits++
			continue
		}
		var unit uint64
		switch fold[c] {
		case 'w':
			unit = 7 * 24 * 3600
		case 'd':
			unit = 24 * 3600
		case 'h':
			unit = 3600
		case 'm':
			unit = 60
		case 's':
			unit = 1
		default:
			return 0, false
		}
		n, ok := parseUint(text[i-digits:i], 1<<32-1)
		if !ok {
			return 0, false
		}
		if total += n * unit; total > 1<<32-1 {
			return 0, false
		}
		digits = 0
	}
	last, ok := uint64(0), true
	if digits > 0 {
		last, ok = parseUint(text[len(text)-digits:], 1<<32-1)
	}
	total += last
	return uint32(total), ok && len(text) > 0 && total <= 1<<32-1
}

func (w *wordReader) name() {
	text := w.word("a name")
	if text == nil {
		return
	}
	b, err := AppendNameFromText(w.b, text, w.origin)
	if err != nil {
		w.fail(w.next-1, "expected a name, found %s: %w", quoteForError(text), err)
		return
	}
	w.b = b
}

// nameList reads names up to the end.
func (w *wordReader) nameList() {
	for w.more() {
		w.name()
	}
}

func (w *wordReader) ipv4() {
	text := w.word("an IPv4 address")
	if text == nil {
		return
	}
	b, ok := appendIPv4(w.b, text)
	if !ok {
		w.expected("an IPv4 address")
		return
	}
	w.b = b
}

// appendIPv4 appends the address in text: four numbers without leading zeros.
func appendIPv4(b, text []byte) ([]byte, bool) {
	start := len(b)
	n, digits, parts := 0, 0, 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && isDigit(text[i]) {
			if digits > 0 && n == 0 {
				return b[:start], false
			}
			n = n*10 + int(text[i]-'0')
			digits++
			if n > 255 {
				return b[:start], false
			}
			continue
		}
		if digits == 0 || i < len(text) && text[i] != '.' || parts == 4 {
			return b[:start], false
		}
		b = append(b, byte(n))
		n, digits = 0, 0
		parts++
	}
	return b, parts == 4
}

func (w *wordReader) ipv6() {
	text := w.word("an IPv6 address")
	if text == nil {
		return
	}
	b, ok := appendIPv6(w.b, text)
	if !ok {
		w.expected("an IPv6 address")
		return
	}
	w.b = b
}

// appendIPv6 appends the address in text (RFC 4291 2.2). A form that ends in an
// IPv4 address is rare and left to package netip.
func appendIPv6(b, text []byte) ([]byte, bool) {
	var octets [16]byte
	at, gap, i := 0, -1, 0 // gap is where zeros are left out
	if len(text) > 1 && text[0] == ':' && text[1] == ':' {
		gap, i = 0, 2
	}
	for i < len(text) {
		n, first := uint32(0), i
		for ; i < len(text) && hexValues[text[i]] < 16; i++ {
			n = n<<4 | uint32(hexValues[text[i]])
		}
		if i < len(text) && text[i] == '.' {
			return appendIPv6WithIPv4(b, text)
		}
		if i == first || i-first > 4 || at == len(octets) {
			return b, false
		}
		octets[at], octets[at+1] = byte(n>>8), byte(n)
		at += 2
		if i == len(text) {
			break
		}
		if i++; text[i-1] != ':' || i == len(text) {
			return b, false
		}
		if text[i] == ':' {
			if i++; gap >= 0 {
				return b, false
			}
			gap = at
		}
	}
	if gap < 0 && at < len(octets) || gap >= 0 && at == len(octets) {
		return b, false
	}
	if gap >= 0 {
		end := len(octets) - (at - gap)
		copy(octets[end:], octets[gap:at])
		clear(octets[gap:end])
	}
	return append(b, octets[:]...), true
}

func appendIPv6WithIPv4(b, text []byte) ([]byte, bool) {
	if slices.Contains(text, '%') {
		return b, false
	}
	// The parser keeps its argument in its error only, and that is dropped.
	a, err := netip.ParseAddr(unsafe.String(unsafe.SliceData(text), len(text)))
	if err != nil || !a.Is6() {
		return b, false
	}
	octets := a.As16()
	return append(b, octets[:]...), true
}

// maxStringLen is what fits the length octet of a character-string.
const maxStringLen = 255

// characterString reads a word as a character-string.
func (w *wordReader) characterString() {
	text := w.word("a character-string")
	if text == nil {
		return
	}
	length := len(w.b)
	w.b = append(w.b, 0)
	w.unescaped(text)
	n := len(w.b) - length - 1
	if n > maxStringLen {
		w.fail(w.next-1, "expected a character-string of at most %d octets, found one of %d", maxStringLen, n)
		return
	}
	w.b[length] = byte(n)
}

// characterStrings reads words up to the end, at least one.
func (w *wordReader) characterStrings() {
	w.characterString()
	for w.more() {
		w.characterString()
	}
}

func (w *wordReader) optionalString() {
	if w.more() {
		w.characterString()
	}
}

// longString reads a word as text of any length.
func (w *wordReader) longString() {
	if text := w.word("a string"); text != nil {
		w.unescaped(text)
	}
}

// unescaped appends text, the last word read, with its escapes resolved.
func (w *wordReader) unescaped(text []byte) {
	b, err := appendUnescaped(w.b, text)
	if err != nil {
		w.fail(w.next-1, "expected a string, found %s: %w", quoteForError(text), err)
		return
	}
	w.b = b
}

// appendUnescaped appends text with its escapes resolved.
func appendUnescaped(b, text []byte) ([]byte, error) {
	for {
		plain := bytes.IndexByte(text, '\\')
		if plain < 0 {
			return append(b, text...), nil
		}
		c, width, err := unescape(text[plain:])
		if err != nil {
			return b, err
		}
		b = append(append(b, text[:plain]...), c)
		text = text[plain+width:]
	}
}

// sizedBase64 reads a number of octets and, unless it is zero, a word of
// base64 that has as many.
func (w *wordReader) sizedBase64() {
	want := w.number("the number of octets", 1<<16-1)
	w.append16(uint16(want))
	if want == 0 {
		return
	}
	before := len(w.b)
	w.base64Word()
	if got := len(w.b) - before; w.err == nil && uint64(got) != want {
		w.fail(w.next-1, "expected %d octets in base64, found %d", want, got)
	}
}

// code8 reads an octet: a name of it, case ignored, or a decimal number.
func code8[N ~uint8](w *wordReader, what string, names map[string]N) N {
	text := w.word(what)
	if text == nil {
		return 0
	}
	n, ok := parseUint(text, 1<<8-1)
	code := N(n)
	if !ok {
		code, ok = parseCode(text, names, "")
	}
	if !ok {
		w.expected(what)
	}
	w.b = append(w.b, byte(code))
	return code
}

// recordType reads the mnemonic of a type, TYPEnnn, or a number.
func (w *wordReader) recordType() {
	text := w.word("a record type")
	if text == nil {
		return
	}
	n, ok := parseUint(text, 1<<16-1)
	if !ok {
		n = uint64(w.parseType(text))
	}
	w.append16(uint16(n))
}

// parseType reads text, the last word read, as a type.
func (w *wordReader) parseType(text []byte) Type {
	t, err := ParseType(text)
	if err != nil {
		w.expected("a record type")
	}
	return t
}

// errNoText is why some data that is right is printed in the generic form:
// presentation format has no words for it.
var errNoText = errors.New("octets have no text of their own")
