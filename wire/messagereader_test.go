package wire

import (
	"reflect"
	"testing"
)

// TestMessageReader: what a reader has read before, and refused, makes no difference to
// what it reads.
func TestMessageReader(t *testing.T) {
	name := MustParseName("www.example.")
	long := Message{ID: 1, Flags: FlagQR, Questions: []Question{{name, TypeA, ClassIN}}, EDNS: &EDNS{UDPSize: 1232, Extended: 1}, RCode: 16}
	for range 50 {
		long.Answers = append(long.Answers, Record{Name: name, Type: TypeMX, Class: ClassIN, Data: []byte("\x00\x01\x01a\x00")})
		long.Authority = append(long.Authority, Record{Name: name, Type: TypeAAAA, Class: ClassIN, Data: make([]byte, 16)})
		long.Additional = append(long.Additional, Record{Name: name, Type: TypeA, Class: ClassIN, Data: make([]byte, 4)})
	}
	short := Message{ID: 2, Flags: FlagQR, Answers: []Record{{Name: MustParseName("x.example."), Type: TypeTXT, Class: ClassIN, Data: []byte("\x01x")}}}
	var r MessageReader
	for i, m := range []*Message{&short, &long, &short, nil, &long, nil, &short} {
		if m == nil {
			b, _ := long.AppendTo(nil)
			if _, err := r.Parse(b[:len(b)-3]); err == nil {
				t.Fatal("half a message is read")
			}
			continue
		}
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		want, err := ParseMessage(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := r.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range [][2]any{
			{got.ID, want.ID}, {got.Flags, want.Flags}, {got.RCode, want.RCode}, {len(got.Questions), len(want.Questions)}, {got.EDNS, want.EDNS},
		} {
			if !reflect.DeepEqual(part[0], part[1]) {
				t.Errorf("message %d: %v, want %v", i, part[0], part[1])
			}
		}
		for s := SectionAnswer; s <= SectionAdditional; s++ {
			if a, b := got.Section(s), want.Section(s); len(a) != len(b) || len(a) > 0 && !reflect.DeepEqual(a, b) {
				t.Errorf("message %d, section %v: %v, want %v", i, s, a, b)
			}
		}
	}
}
