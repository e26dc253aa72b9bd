package zonefile

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// generate reads BIND's
//
//	$GENERATE start-stop[/step] owner [TTL] [class] type data
//
// and emits a record for each number of the range, with the number in place of
// the dollar signs of owner and data.
func (r *reader) generate() {
	s := &r.scanner
	if len(s.words) < 5 {
		s.failWord(len(s.words), fmt.Errorf("%s wants a range, an owner, a type and data", s.words[0].Text))
		return
	}
	numbers, err := parseRange(s.words[1].Text)
	if err != nil {
		s.failWord(1, fmt.Errorf("range %s: %w", quoteWord(s.words[1].Text), err))
		return
	}
	if numbers.count() > int64(r.generatesLeft) {
		s.failWord(1, fmt.Errorf("more than %d records made by $GENERATE", r.options.MaxGenerated))
		return
	}
	h, ok := r.readHeader(3)
	if !ok {
		return
	}
	if h.next == len(s.words) {
		s.failWord(h.next, errors.New("data is missing"))
		return
	}
	if h.t == wire.TypeSOA {
		s.failWord(h.next-1, errors.New("a zone has one SOA record: $GENERATE cannot make it"))
		return
	}
	r.generatesLeft -= int(numbers.count())
	g := generator{
		owner: s.words[2].Text, data: joinWords(s.words[h.next:]),
		header: h,
		at:     s.position(s.offset(0)),
	}
	for n := numbers.start; n <= numbers.stop && r.stopped == nil && !s.broken; n += numbers.step {
		r.generateOne(&g, n)
	}
}

// generator executes one $GENERATE.
type generator struct {
	owner, data []byte // templates
	header      header
	at          diagnostic.Position

	text     []byte // a template with its number filled in; used again
	name     []byte // the owner of one record; used again
	scanner  scanner
	problems diagnostic.List // of scanner
}

// joinWords returns the data as one template. One word between quotes stands
// for what it holds: so it is written in BIND, which wants the data in one word.
func joinWords(words []wire.Word) []byte {
	if len(words) == 1 {
		return words[0].Text
	}
	var b []byte
	for _, w := range words {
		switch {
		case w.Quoted:
			b = append(append(append(b, ' ', '"'), w.Text...), '"')
		default:
			b = append(append(b, ' '), w.Text...)
		}
	}
	return b
}

// generateOne emits the record for number n. An error ends the directive: the next
// number would probably repeat it.
func (r *reader) generateOne(g *generator, n int64) {
	s := &r.scanner
	var err error
	if g.text, err = appendExpansion(g.text[:0], g.owner, n); err == nil {
		g.name, err = wire.AppendNameFromText(g.name[:0], g.text, r.origin)
	}
	if err != nil {
		s.failWord(2, fmt.Errorf("owner %s for number %d: %w", quoteWord(g.owner), n, err))
		return
	}
	if g.text, err = appendExpansion(g.text[:0], g.data, n); err != nil {
		s.failWord(g.header.next, fmt.Errorf("data for number %d: %w", n, err))
		return
	}
	words := g.scanner.words
	g.scanner = newScanner("", g.text, &g.problems)
	g.scanner.words = words
	g.scanner.next()
	if g.scanner.broken {
		s.failWord(g.header.next, fmt.Errorf("data for number %d: %w", n, g.problems.Problems[0].Err))
		return
	}
	data, _, err := r.parseData(&g.scanner, g.header.t, 0)
	if err != nil {
		s.failWord(g.header.next, fmt.Errorf("%s data for number %d: %w", g.header.t, n, err))
		return
	}
	seconds, ok := r.chooseTTL(g.header.ttl, g.header.t, data)
	if ok {
		owner, _, _ := wire.BorrowName(g.name)
		r.emitRecord(owner, seconds, g.header.t, data, g.at)
	}
}

// appendExpansion appends template to b with n in place of each $ and, as its
// modifiers say, of each ${offset[,width[,base]]}. $$ is a dollar sign. A backslash
// escapes what follows and stays, because the word is read like others afterwards.
func appendExpansion(b, template []byte, n int64) ([]byte, error) {
	for i := 0; i < len(template); i++ {
		switch c := template[i]; {
		case c == '\\' && i+1 < len(template):
			b = append(b, c, template[i+1])
			i++
		case c != '$':
			b = append(b, c)
		case i+1 < len(template) && template[i+1] == '$':
			b = append(b, '$')
			i++
		case i+1 < len(template) && template[i+1] == '{':
			end := bytes.IndexByte(template[i:], '}')
			if end < 0 {
				return b, errModifiers
			}
			m, err := parseModifiers(string(template[i+2 : i+end]))
			if err != nil {
				return b, err
			}
			b = m.append(b, n)
			i += end
		default:
			b = strconv.AppendInt(b, n, 10)
		}
	}
	return b, nil
}

// modifiers control how a number is written.
type modifiers struct {
	offset int64
	width  int  // at least so many characters
	base   byte // d, o, x, X, or n, N for nibbles in reverse as ip6.arpa has them
}

var errModifiers = errors.New("not ${offset[,width[,base]]} with a width up to 255 and a base of d, o, x, X, n or N")

func parseModifiers(text string) (modifiers, error) {
	m := modifiers{base: 'd'}
	parts := strings.Split(text, ",")
	if len(parts) > 3 {
		return m, errModifiers
	}
	offset, err := strconv.ParseInt(parts[0], 10, 32)
	if err != nil {
		return m, errModifiers
	}
	m.offset = offset
	if len(parts) > 1 {
		width, err := strconv.ParseUint(parts[1], 10, 8)
		if err != nil {
			return m, errModifiers
		}
		m.width = int(width)
	}
	if len(parts) > 2 {
		if len(parts[2]) != 1 || !strings.Contains("doxXnN", parts[2]) {
			return m, errModifiers
		}
		m.base = parts[2][0]
	}
	return m, nil
}

// append writes n. Negative numbers are written with a sign in base 10 and as 32
// bits in the others, as BIND does.
func (m modifiers) append(b []byte, n int64) []byte {
	n += m.offset
	bits := uint32(n)
	switch m.base {
	case 'o':
		return appendPadded(b, "", strconv.FormatUint(uint64(bits), 8), m.width)
	case 'x':
		return appendPadded(b, "", strconv.FormatUint(uint64(bits), 16), m.width)
	case 'X':
		return appendPadded(b, "", strings.ToUpper(strconv.FormatUint(uint64(bits), 16)), m.width)
	case 'n':
		return appendNibbles(b, bits, m.width, "0123456789abcdef")
	case 'N':
		return appendNibbles(b, bits, m.width, "0123456789ABCDEF")
	}
	if n < 0 {
		return appendPadded(b, "-", strconv.FormatInt(-n, 10), m.width)
	}
	return appendPadded(b, "", strconv.FormatInt(n, 10), m.width)
}

func appendPadded(b []byte, sign, digits string, width int) []byte {
	b = append(b, sign...)
	for pad := width - len(sign) - len(digits); pad > 0; pad-- {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// appendNibbles writes the hexadecimal digits of bits from the lowest on with
// dots between. The dots count for the width; one that is even ends in a dot.
func appendNibbles(b []byte, bits uint32, width int, digits string) []byte {
	start := len(b)
	for {
		b = append(b, digits[bits&15])
		bits >>= 4
		if len(b)-start >= width && bits == 0 {
			return b
		}
		b = append(b, '.')
		if len(b)-start >= width && bits == 0 {
			return b
		}
	}
}

// numbers is the range of a $GENERATE: start, start+step and so on, up to stop.
type numbers struct{ start, stop, step int64 }

func (n numbers) count() int64 { return (n.stop-n.start)/n.step + 1 }

var errRange = errors.New("not start-stop or start-stop/step")

// parseRange reads start-stop[/step]. Each is at most 2^31-1, as in BIND.
func parseRange(text []byte) (numbers, error) {
	var n numbers
	var err error
	if n.start, text, err = leadingNumber(text); err != nil {
		return n, err
	}
	if len(text) == 0 || text[0] != '-' {
		return n, errRange
	}
	if n.stop, text, err = leadingNumber(text[1:]); err != nil {
		return n, err
	}
	n.step = 1
	if len(text) > 0 {
		if text[0] != '/' {
			return n, errRange
		}
		if n.step, text, err = leadingNumber(text[1:]); err != nil {
			return n, err
		}
	}
	switch {
	case len(text) > 0:
		return n, errRange
	case n.stop < n.start:
		return n, errors.New("stop is before start")
	case n.step == 0:
		return n, errors.New("step is 0")
	}
	return n, nil
}

// leadingNumber returns the number that text starts with, and the rest.
func leadingNumber(text []byte) (int64, []byte, error) {
	i, n := 0, int64(0)
	for ; i < len(text) && '0' <= text[i] && text[i] <= '9'; i++ {
		if n = n*10 + int64(text[i]-'0'); n > math.MaxInt32 {
			return 0, nil, errors.New("number is larger than 2147483647")
		}
	}
	if i == 0 {
		return 0, nil, errRange
	}
	return n, text[i:], nil
}
