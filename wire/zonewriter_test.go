package wire

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// writeZone writes records into messages of at most limit octets, the first of which has
// a question.
func writeZone(t testing.TB, origin Name, limit int, records []Record) (messages [][]byte) {
	t.Helper()
	var w Writer
	var z ZoneWriter
	begin := func() {
		w.Reset(append(make([]byte, 0, limit), "before"...), limit)
		if len(messages) == 0 {
			w.Question(Question{origin, TypeAXFR, ClassIN})
		}
		w.SetSection(SectionAnswer)
		z.Begin(&w, origin)
	}
	begin()
	for i := range records {
		r := &records[i]
		err := z.Record(r.Name, r.Type, r.Class, r.TTL, r.Data)
		if err == ErrNoSpace && w.Count(SectionAnswer) > 0 {
			messages = append(messages, w.Finish())
			begin()
			err = z.Record(r.Name, r.Type, r.Class, r.TTL, r.Data)
		}
		if err != nil {
			t.Fatalf("record %d, %v: %v", i, r.Name, err)
		}
	}
	return append(messages, w.Finish())
}

// checkZone reads messages, which have to hold the records.
func checkZone(t testing.TB, messages [][]byte, limit int, records []Record) {
	t.Helper()
	n := 0
	for _, message := range messages {
		if len(message) > limit {
			t.Fatalf("message of %d octets, the limit is %d", len(message), limit)
		}
		m, err := ParseMessage(message)
		if err != nil {
			t.Fatal(err)
		}
		for i := range m.Answers {
			got, want := &m.Answers[i], &records[n]
			if got.Name != want.Name || got.Type != want.Type || got.Class != want.Class || got.TTL != want.TTL || string(got.Data) != string(want.Data) {
				t.Fatalf("record %d is %v %v %x, want %v %v %x", n, got.Name, got.Type, got.Data, want.Name, want.Type, want.Data)
			}
			n++
		}
	}
	if n != len(records) {
		t.Fatalf("%d records, want %d", n, len(records))
	}
}

// record makes one of "OWNER TYPE NAME", or of "OWNER".
func record(text string) Record {
	fields := strings.Fields(text)
	r := Record{Name: MustParseName(fields[0]), Type: TypeTXT, Class: ClassIN, TTL: 3600, Data: []byte("\x01x")}
	if len(fields) > 1 {
		r.Type, _ = ParseType(fields[1])
		r.Data = []byte(MustParseName(fields[2]).Wire())
		if r.Type == TypeMX {
			r.Data = append([]byte{0, 5}, r.Data...)
		}
	}
	return r
}

func TestZoneWriterCompression(t *testing.T) {
	for _, test := range []struct{ what, records, want string }{
		{"the zone's name is in the question", "ex. a.ex. b.ex.", "\xc0\x0c|x \x01a\xc0\x0c|x \x01b\xc0\x0c|x"},
		{"an owner again, and its child", "a.ex. a.ex. b.a.ex. c.ex.", "\x01a\xc0\x0c|x \xc0\x14|x \x01b\xc0\x14|x \x01c\xc0\x0c|x"},
		{"another case", "d.ex. D.ex. d.eX.", "\x01d\xc0\x0c|x \x01D\xc0\x0c|x \x01d\x02eX\x00|x"},
		{"what looks like labels", `x.ex. y\001x.ex. x.ex.`, "\x01x\xc0\x0c|x \x03y\x01x\xc0\x0c|x \x01x\xc0\x0c|x"},
		{"names in data", "ex./NS/ns.ex. ex./NS/a.net. a.ex./MX/b.a.net. a.ex./NS/a.ex. a.ex./NS/.",
			"\xc0\x0c|\x02ns\xc0\x0c \xc0\x0c|\x01a\x03net\x00 \x01a\xc0\x0c|\x00\x05\x01b\xc0\x31 \xc0\x38|\xc0\x38 \xc0\x38|\x00"},
		{"names in data of other types", "ex./DNAME/ex.", "\xc0\x0c|\x02ex\x00"},
	} {
		var records []Record
		for _, text := range strings.Fields(test.records) {
			records = append(records, record(strings.ReplaceAll(text, "/", " ")))
		}
		messages := writeZone(t, MustParseName("ex."), 65535, records)
		if got := withoutFixed(messages[0], len(records)); got != strings.ReplaceAll(test.want, "|x", "|\x01x") {
			t.Errorf("%s: %q, want %q", test.what, got, test.want)
		}
		checkZone(t, messages, 65535, records)
	}
}

// withoutFixed is the answers of a message with a question for ex.: "OWNER|DATA", as
// they are written.
func withoutFixed(message []byte, records int) string {
	var parts []string
	at := HeaderLen + len("\x02ex\x00") + 4
	for range records {
		owner := at
		for message[at] != 0 && message[at] < 0xC0 {
			at += 1 + int(message[at])
		}
		if at++; message[at-1] >= 0xC0 {
			at++
		}
		n := int(binary.BigEndian.Uint16(message[at+8:]))
		parts = append(parts, fmt.Sprintf("%s|%s", message[owner:at], message[at+10:at+10+n]))
		at += 10 + n
	}
	return strings.Join(parts, " ")
}

// Random zones come back as they were, in messages short and long.
func TestZoneWriterAgainstReader(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 300 {
		origin := randomName(r)
		var records []Record
		owner, target := origin, origin
		for range 1 + r.IntN(3000) {
			if r.IntN(3) > 0 {
				owner = nameNear(r, owner, origin)
			}
			if r.IntN(3) > 0 {
				target = nameNear(r, target, Root)
			}
			d := Record{Name: owner, Class: ClassIN, TTL: r.Uint32()}
			switch r.IntN(6) {
			case 0:
				d.Type, d.Data = TypeNS, []byte(target.Wire())
			case 1:
				d.Type, d.Data = TypeMX, append([]byte{0, byte(r.Uint32())}, target.Wire()...)
			case 2:
				d.Type, d.Data = TypeSOA, append([]byte(target.Wire()+owner.Wire()), make([]byte, 20)...)
			case 3:
				d.Type, d.Data = TypePTR, []byte(owner.Wire())
			default:
				d.Type, d.Data = TypeNULL, make([]byte, r.IntN(40)*r.IntN(40))
			}
			records = append(records, d)
		}
		limit := 2200 + r.IntN(2)*(65535-2200)
		messages := writeZone(t, origin, limit, records)
		checkZone(t, messages, limit, records)
		for _, message := range messages {
			checkPointers(t, message)
		}
	}
}

// nameNear is a child, the parent, a sibling or another relative of a name below origin.
func nameNear(r *rand.Rand, n, origin Name) Name {
	for up := r.IntN(3); up > 0 && n.LabelCount() > origin.LabelCount(); up-- {
		n = n.Parent()
	}
	for range r.IntN(3) {
		if child, err := n.Prepend(string(rune('a'+r.IntN(3))) + "\x01a"[:r.IntN(3)]); err == nil && child.Len() < 200 {
			n = child
		}
	}
	return n
}

// checkPointers reports owners for which a reader follows too many pointers.
func checkPointers(t *testing.T, message []byte) {
	t.Helper()
	at := HeaderLen
	skip := func() {
		pointers, isFirst, i := 0, true, at
		for message[i] != 0 {
			if message[i] < 0xC0 {
				i += 1 + int(message[i])
				continue
			}
			if isFirst {
				at, isFirst = i+2, false
			}
			if pointers++; pointers > maxDepth {
				t.Fatalf("more than %d pointers", maxDepth)
			}
			i = int(binary.BigEndian.Uint16(message[i:]) & maxPointer)
		}
		if isFirst {
			at = i + 1
		}
	}
	if binary.BigEndian.Uint16(message[4:]) > 0 {
		skip()
		at += 4
	}
	for range binary.BigEndian.Uint16(message[6:]) {
		skip()
		at += 10 + int(binary.BigEndian.Uint16(message[at+8:]))
	}
}

func TestZoneWriterRefuses(t *testing.T) {
	origin := MustParseName("ex.")
	var w Writer
	var z ZoneWriter
	w.Reset(make([]byte, 0, 2048), 512)
	z.Begin(&w, origin)
	if err := z.Record(origin, TypeA, ClassIN, 1, make([]byte, 4)); err != ErrSectionOrder {
		t.Errorf("in the question section: %v", err)
	}
	w.SetSection(SectionAnswer)
	if err := z.Record(Name{}, TypeA, ClassIN, 1, make([]byte, 4)); err != ErrEmptyName {
		t.Errorf("no owner: %v", err)
	}
	w.Reserve(100)
	for n := range 100 {
		before := w.Len()
		err := z.Record(origin, TypeA, ClassIN, 1, make([]byte, 4))
		if err == ErrNoSpace {
			if w.Len() != before || w.Len() <= 512-100-16 || w.Count(SectionAnswer) != n {
				t.Errorf("the message is full with %d octets, %d records", w.Len(), w.Count(SectionAnswer))
			}
			return
		}
	}
	t.Error("the message is never full")
}
