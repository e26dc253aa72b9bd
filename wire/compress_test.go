package wire

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// startMessage returns a compressor and the twelve octets of a header after
// some of a caller's own.
func startMessage() (*Compressor, []byte) {
	b := append([]byte("before"), make([]byte, HeaderLen)...)
	c := new(Compressor)
	c.Reset(len("before"))
	return c, b
}

func TestCompression(t *testing.T) {
	for _, test := range []struct {
		names string
		want  string // after the header, which ends at 0x0c
	}{
		{"a.example. a.example.", "\x01a\x07example\x00 \xc0\x0c"},
		{"a.example. b.example.", "\x01a\x07example\x00 \x01b\xc0\x0e"},
		{"a.example. b.a.example. c.b.a.example.", "\x01a\x07example\x00 \x01b\xc0\x0c \x01c\xc0\x17"},
		{"a.example. A.EXAMPLE.", "\x01a\x07example\x00 \xc0\x0c"},
		{"a.example. B.EXAMPLE.", "\x01a\x07example\x00 \x01B\xc0\x0e"},
		{". . a. .", "\x00 \x00 \x01a\x00 \x00"},
		{"a. a. b.a.", "\x01a\x00 \xc0\x0c \x01b\xc0\x0c"},
		{"ab.c. b.c.", "\x02ab\x01c\x00 \x01b\xc0\x0f"},             // not into the middle of a label
		{`x\001b\001c. b.c.`, "\x05x\x01b\x01c\x00 \x01b\x01c\x00"}, // nor to what only looks like labels
		{"x.aexample. example.", "\x01x\x08aexample\x00 \x07example\x00"},
		{"a.b.c. x.c. y.b.c. y.x.c.", "\x01a\x01b\x01c\x00 \x01x\xc0\x10 \x01y\xc0\x0e \x01y\xc0\x13"},
		{"a@. a`.", "\x02a@\x00 \x02a`\x00"}, // '@' and '`' differ in the bit of the cases and are not letters
		{strings.Repeat("l", 40) + ".x. " + strings.Repeat("L", 40) + ".x.", "\x28" + strings.Repeat("l", 40) + "\x01x\x00 \xc0\x0c"},
	} {
		c, b := startMessage()
		for i, text := range strings.Fields(test.names) {
			before := len(b)
			b = c.AppendName(b, MustParseName(text))
			if wire := strings.Split(test.want, " ")[i]; string(b[before:]) != wire {
				t.Errorf("%s: %s is written as %q, want %q", test.names, text, b[before:], wire)
			}
		}
	}
}

func TestNoCompressor(t *testing.T) {
	var c *Compressor
	b := c.AppendName([]byte("x"), MustParseName("a.b"))
	b = c.AppendName(b, MustParseName("a.b"))
	if string(b) != "x\x01a\x01b\x00\x01a\x01b\x00" {
		t.Errorf("a nil compressor writes %q", b)
	}
}

// Random names, written compressed and read back: the same names; every
// pointer leads backward to the start of a label and below 0x4000.
func TestCompressionAgainstSlowTwin(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		c, b := startMessage()
		start := len("before")
		var names []Name
		var offsets []int
		labelStarts := map[int]bool{}
		for range 1 + r.IntN(200) {
			n := randomName(r)
			if r.IntN(20) == 0 { // get above 0x3FFF now and then
				b = append(b, make([]byte, r.IntN(4000))...)
			}
			if len(b)-start > 60000 {
				break
			}
			before := len(b)
			b = c.AppendName(b, n)
			names, offsets = append(names, n), append(offsets, before-start)
			at := before - start
			for {
				l := int(b[start+at])
				if l >= 0xC0 {
					target := (l&0x3F)<<8 | int(b[start+at+1])
					if target >= before-start || !labelStarts[target] {
						t.Fatalf("%s: pointer at %d points to %d, where no label starts", n, at, target)
					}
					at += 2
					break
				}
				if l == 0 {
					at++
					break
				}
				labelStarts[at] = true
				at += 1 + l
			}
			if start+at != len(b) {
				t.Fatalf("%s: written octets end at %d, the name at %d", n, len(b)-start, at)
			}
		}
		var memory nameMemory
		msg := b[start:]
		for i, n := range names {
			got, _, err := readName(msg, offsets[i], len(msg), &memory)
			if err != nil || !got.Equal(n) {
				t.Fatalf("%s at %d reads as %s, %v", n, offsets[i], got, err)
			}
			if slow, _, err := slowReadName(msg, offsets[i]); err != nil || slow != got {
				t.Fatalf("%s at %d: the slow twin reads %s, %v", n, offsets[i], slow, err)
			}
		}
	}
}

func TestPointerLimit(t *testing.T) {
	c, b := startMessage()
	start := len("before")
	b = append(b, make([]byte, 0x3FFF-1-HeaderLen)...) // the next octet is at 0x3FFE
	b = c.AppendName(b, MustParseName("a.b."))         // a at 0x3FFE, b at 0x4000
	before := len(b)
	b = c.AppendName(b, MustParseName("a.b."))
	if got := string(b[before:]); got != "\xff\xfe" {
		t.Errorf("a.b. again is %q", got)
	}
	before = len(b)
	b = c.AppendName(b, MustParseName("x.b."))
	if got := string(b[before:]); got != "\x01x\x01b\x00" {
		t.Errorf("x.b. points past 0x3FFF: %q", got)
	}
	if n, _, err := slowReadName(b[start:], 0x3FFE); err != nil || n.String() != "a.b." {
		t.Errorf("reads as %s, %v", n, err)
	}
}

// A full table writes longer messages, no wrong ones.
func TestCompressorFull(t *testing.T) {
	c, b := startMessage()
	start := len("before")
	var names []Name
	var offsets []int
	for i := range 3 * compressorSize {
		n, err := NameFromLabels(string(rune('a'+i%26))+strings.Repeat("x", i/26), "example")
		if err != nil {
			t.Fatal(err)
		}
		names, offsets = append(names, n), append(offsets, len(b)-start)
		b = c.AppendName(b, n)
	}
	for i, n := range names {
		if got, _, err := slowReadName(b[start:], offsets[i]); err != nil || got != n {
			t.Errorf("%s reads as %s, %v", n, got, err)
		}
	}
	before := len(b)
	b = c.AppendName(b, names[0])
	if !bytes.Equal(b[before:], []byte{0xC0, HeaderLen}) {
		t.Errorf("the first name is forgotten: %q", b[before:])
	}
	// Names that come later still share the rest with those before; each twice, since
	// the second one is written from memory.
	for i, text := range []string{"new.example.", "other.example.", "deep.a.example.", "flat.a.example.", "new.test.", "other.test.", "example.", "more.example."} {
		n := MustParseName(text)
		before, shared := len(b), strings.HasSuffix(text, "example.")
		b = c.AppendName(b, n)
		if got, _, err := slowReadName(b[start:], before-start); err != nil || got != n {
			t.Errorf("%d: %s reads as %s, %v", i, n, got, err)
		}
		if size := len(b) - before; shared != (size <= 1+len(n.FirstLabel())+2) {
			t.Errorf("%d: %s takes %d octets", i, n, size)
		}
	}
	b = append(b[:start], make([]byte, HeaderLen)...)
	c.Reset(start)
	for i := range compressorSize {
		b = c.AppendName(b, MustParseName(fmt.Sprintf("n%d.test.", i)))
	}
	before = len(b)
	b = c.AppendName(b, MustParseName("new.example."))
	if got := string(b[before:]); got != "\x03new\x07example\x00" {
		t.Errorf("the parent of another message is remembered: %q", got)
	}
}

// slowReadName is RFC 1035 4.1.4 with the least that keeps it from running in
// circles, and no memory of earlier names.
func slowReadName(msg []byte, at int) (Name, int, error) {
	var labels []string
	next := 0
	for jumps := 0; jumps < 1000; {
		if at >= len(msg) {
			return Name{}, 0, ErrShort
		}
		l := int(msg[at])
		switch {
		case l == 0:
			if next == 0 {
				next = at + 1
			}
			n, err := NameFromLabels(labels...)
			return n, next, err
		case l < 0x40:
			if at+1+l > len(msg) {
				return Name{}, 0, ErrShort
			}
			labels = append(labels, string(msg[at+1:at+1+l]))
			at += 1 + l
		case l >= 0xC0:
			if at+2 > len(msg) {
				return Name{}, 0, ErrShort
			}
			if next == 0 {
				next = at + 2
			}
			at = (l&0x3F)<<8 | int(msg[at+1])
			jumps++
		default:
			return Name{}, 0, ErrLabelType
		}
	}
	return Name{}, 0, ErrPointer
}

// TestPointersAreFew: names that grow from record to record do not lead through
// all of those before.
func TestPointersAreFew(t *testing.T) {
	var w Writer
	w.Reset(nil, 65535)
	owner := MustParseName("x.example.")
	if err := w.Question(Question{owner, TypeA, ClassIN}); err != nil {
		t.Fatal(err)
	}
	w.SetSection(SectionAnswer)
	for range 20 {
		next := MustParseName("x." + owner.String())
		var err error
		if place := w.Target(); place != 0 { // as the owner of the next link of a chain
			err = w.RawAt(place, TypeCNAME, ClassIN, 60, []byte(next.Wire()))
		} else {
			err = w.Raw(owner, TypeCNAME, ClassIN, 60, []byte(next.Wire()))
		}
		if err != nil {
			t.Fatal(err)
		}
		owner = next
	}
	message := w.Finish()
	pointersFrom := func(at int) (pointers int) {
		for message[at] != 0 {
			if message[at] < 0xC0 {
				at += 1 + int(message[at])
				continue
			}
			at = int(binary.BigEndian.Uint16(message[at:]) & maxPointer)
			pointers++
		}
		return pointers
	}
	var r Reader
	if err := r.Reset(message); err != nil {
		t.Fatal(err)
	}
	if err := r.SkipQuestions(); err != nil {
		t.Fatal(err)
	}
	most, records := 0, 0
	for ; ; records++ {
		start := r.dataEnd
		if _, err := r.Next(); err != nil {
			break
		}
		most = max(most, pointersFrom(start), pointersFrom(r.at))
	}
	if records != 20 || most != maxDepth {
		t.Errorf("%d records, names with up to %d pointers", records, most)
	}
	// It costs little room: every eighth name starts again.
	if every := HeaderLen + 15 + 20*(2+10+4); len(message) > every+2*(8+16) {
		t.Errorf("%d octets, and %d if every name were a label and a pointer", len(message), every)
	}
	if m, err := ParseMessage(message); err != nil || !m.Answers[19].Name.Equal(MustParseName(strings.Repeat("x.", 20)+"example.")) {
		t.Errorf("message does not read back: %v", err)
	}
}
