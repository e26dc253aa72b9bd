package wire

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// differ says in what two messages differ, "" if in nothing. Owners and data
// are compared octet by octet.
func differ(a, b *Message) string {
	if a.ID != b.ID || a.Flags != b.Flags || a.RCode != b.RCode || !slices.Equal(a.Questions, b.Questions) {
		return fmt.Sprintf("header or question: %d %#x %s %v, %d %#x %s %v",
			a.ID, uint16(a.Flags), a.RCode, a.Questions, b.ID, uint16(b.Flags), b.RCode, b.Questions)
	}
	for s := SectionAnswer; s <= SectionAdditional; s++ {
		if len(a.Section(s)) != len(b.Section(s)) {
			return fmt.Sprintf("%s section: %d records, %d records", s, len(a.Section(s)), len(b.Section(s)))
		}
		for i, r := range a.Section(s) {
			o := b.Section(s)[i]
			if r.Name != o.Name || r.Type != o.Type || r.Class != o.Class || r.TTL != o.TTL || !bytes.Equal(r.Data, o.Data) {
				return fmt.Sprintf("%s section: %s %x, %s %x", s, r, r.Data, o, o.Data)
			}
		}
	}
	switch {
	case (a.EDNS == nil) != (b.EDNS == nil):
		return "one has EDNS, the other has not"
	case a.EDNS == nil:
		return ""
	}
	x, y := *a.EDNS, *b.EDNS
	if x.UDPSize != y.UDPSize || x.Extended != y.Extended || x.Version != y.Version || x.Flags != y.Flags || !bytes.Equal(x.Options, y.Options) {
		return fmt.Sprintf("EDNS: %+v, %+v", x, y)
	}
	return ""
}

func TestParseMessage(t *testing.T) {
	octets := mxReply(t)
	m, err := ParseMessage(octets)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(octets)
	clear(octets) // the message shares no memory with them
	if len(m.Questions) != 1 || len(m.Answers) != 2 || len(m.Authority) != 0 || len(m.Additional) != 4 || m.EDNS == nil {
		t.Fatalf("%s", m)
	}
	if got := m.Answers[1].String(); got != "example.com.\t3600\tIN\tMX\t10 mail2.example.com." {
		t.Errorf("second answer: %s", got)
	}
	d, err := m.Answers[0].Rdata()
	if mx, ok := d.(*MX); err != nil || !ok || mx.Preference != 0 || mx.Exchange.String() != "mail.example.com." {
		t.Errorf("first answer: %v, %v", d, err)
	}
	again, err := m.AppendTo([]byte("x"))
	if err != nil || !bytes.Equal(again[1:], want) {
		t.Errorf("AppendTo gives %v\n%q, want\n%q", err, again[1:], want)
	}
	if m.Section(SectionQuestion) != nil || len(m.Section(SectionAdditional)) != 4 || m.Section(SectionEnd) != nil {
		t.Error("Section is wrong")
	}
	for n := range want {
		if m, err := ParseMessage(want[:n]); !errors.Is(err, ErrShort) {
			t.Fatalf("cut to %d octets: %v, %v", n, m, err)
		}
	}
}

func TestMessageEndsWhereItsCountsSay(t *testing.T) {
	msg := mxReply(t)
	want, err := ParseMessage(msg)
	if err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{"x", "\x00\x00\x00\x00", string(msg)} {
		got, err := ParseMessage(append(bytes.Clone(msg), more...))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("followed by %q: %+v, %v", more, got, err)
		}
	}
}

func TestParseMessageIsStrict(t *testing.T) {
	const opt = "\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
	header := func(qd, an, ns, ar uint16) string {
		return string(Header{Counts: [4]uint16{qd, an, ns, ar}}.AppendTo(nil))
	}
	const a = "\x00\x00\x01\x00\x01\x00\x00\x00\x00\x00\x04\x01\x02\x03\x04"
	for _, test := range []struct {
		what, octets string
		section      Section
		offset       int
		err          error
	}{
		{"two OPTs", header(0, 0, 0, 2) + opt + opt, SectionAdditional, 34, ErrDuplicateOPT},
		{"OPT as answer", header(0, 1, 0, 0) + opt, SectionAnswer, 23, ErrOPTSection},
		{"OPT with an owner", header(0, 0, 0, 1) + "\x01a" + opt, SectionAdditional, 25, ErrOPTOwner},
		{"A of three octets", header(0, 0, 1, 0) + a[:10] + "\x03abc", SectionAuthority, 23, ErrShort},
		{"A of five octets", header(0, 1, 0, 0) + a[:10] + "\x05abcde", SectionAnswer, 27, ErrTrailing},
		{"A of no octets", header(0, 1, 0, 0) + a[:10] + "\x00", SectionAnswer, 23, ErrShort},
		{"CNAME with two names", header(0, 1, 0, 0) + "\x00\x00\x05\x00\x01\x00\x00\x00\x00\x00\x02\x00\x00", SectionAnswer, 24, ErrTrailing},
		{"MX with a loop", header(0, 1, 0, 0) + "\x00\x00\x0f\x00\x01\x00\x00\x00\x00\x00\x04\x00\x01\xc0\x19", SectionAnswer, 25, ErrPointer},
	} {
		_, err := ParseMessage([]byte(test.octets))
		var where *Error
		if !errors.Is(err, test.err) || !errors.As(err, &where) || where.Section != test.section || where.Offset != test.offset {
			t.Errorf("%s: %v; want %v in the %s section at octet %d", test.what, err, test.err, test.section, test.offset)
		}
	}
}

// UPDATE has records without data (RFC 2136 2.4, 2.5).
func TestMessageOfUpdate(t *testing.T) {
	const text = `;; ->>HEADER<<- opcode: UPDATE, status: NOERROR, id: 7
;; flags:; ZONE: 1, PREREQUISITE: 3, UPDATE: 3, ADDITIONAL: 0

;; ZONE SECTION:
;example.	IN	SOA

;; PREREQUISITE SECTION:
a.example.	0	ANY	ANY
b.example.	0	NONE	A
c.example.	0	IN	A	192.0.2.1

;; UPDATE SECTION:
d.example.	0	ANY	MX
e.example.	0	NONE	A	192.0.2.2
f.example.	3600	IN	A	192.0.2.3
`
	m, err := ParseMessageText(text)
	if err != nil {
		t.Fatal(err)
	}
	octets, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseMessage(octets)
	if err != nil {
		t.Fatal(err)
	}
	if d := differ(m, back); d != "" {
		t.Error(d)
	}
	if got := back.String(); got != text {
		t.Errorf("got\n%s\nwant\n%s", got, text)
	}
}

// OPT goes before the record that signs all the rest.
func TestMessageKeepsSignatureLast(t *testing.T) {
	for _, text := range []string{
		"key. 0 ANY TSIG hmac-sha256. 1700000000 300 0 1 NOERROR 0",
		". 0 ANY SIG TYPE0 8 0 0 20260101000000 20250101000000 1 key. AAAA",
	} {
		m, err := ParseMessageText(";; OPT PSEUDOSECTION:\n; EDNS: udp: 1232\n;; ADDITIONAL SECTION:\na. 1 IN A 192.0.2.1\n" + text)
		if err != nil {
			t.Fatal(err)
		}
		octets, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, types, err := readAll(octets, func(int) bool { return false })
		if want := []Type{TypeA, TypeOPT, m.Additional[1].Type}; err != nil || !slices.Equal(types, want) {
			t.Errorf("%v, %v; want %v", types, err, want)
		}
		back, err := ParseMessage(octets)
		if err != nil || differ(m, back) != "" {
			t.Errorf("%v %s", err, differ(m, back))
		}
	}
}

func TestMessageRCode(t *testing.T) {
	m := &Message{RCode: RCodeBadVers, Flags: FlagQR | 7} // the four bits of Flags do not count
	if b, err := m.AppendTo([]byte("x")); !errors.Is(err, ErrRCode) || string(b) != "x" {
		t.Errorf("BADVERS without EDNS: %q, %v", b, err)
	}
	m.EDNS = &EDNS{UDPSize: 512, Extended: 0xFF} // nor does Extended
	b, err := m.AppendTo(nil)
	if err != nil {
		t.Fatal(err)
	}
	back, err := ParseMessage(b)
	if err != nil || back.RCode != RCodeBadVers || back.Flags != FlagQR || back.EDNS.Extended != 1 {
		t.Errorf("%+v, %v", back, err)
	}
	m.RCode = 0x1000
	if _, err := m.AppendTo(nil); !errors.Is(err, ErrRCode) {
		t.Errorf("an rcode of 13 bits: %v", err)
	}
}

func TestMessageTooLarge(t *testing.T) {
	m := new(Message)
	for range 300 {
		m.Answers = append(m.Answers, Record{Name: Root, Type: TypeNULL, Class: ClassIN, Data: make([]byte, 300)})
	}
	if b, err := m.AppendTo([]byte("x")); !errors.Is(err, ErrNoSpace) || string(b) != "x" {
		t.Errorf("%d octets, %v", len(b), err)
	}
	m = &Message{Answers: []Record{{Type: TypeA, Class: ClassIN, Data: make([]byte, 4)}}}
	if _, err := m.AppendTo(nil); !errors.Is(err, ErrEmptyName) {
		t.Errorf("a record of no name: %v", err)
	}
}

func TestRecordClone(t *testing.T) {
	octets := []byte("\x01a\x00")
	name, _, _ := BorrowName(octets)
	data := []byte{1, 2, 3, 4}
	kept := Record{name, TypeA, ClassIN, 5, data}.Clone()
	clear(data)
	octets[1] = 'x'
	if got := kept.String(); got != "a.\t5\tIN\tA\t1.2.3.4" {
		t.Errorf("the clone is now %s", got)
	}
}

func TestErrorText(t *testing.T) {
	_, err := ParseMessage([]byte(string(Header{Counts: [4]uint16{1}}.AppendTo(nil)) + "\x01a"))
	if err == nil || !strings.HasPrefix(err.Error(), "question section, octet 12: ") {
		t.Errorf("%v", err)
	}
}

// A message whose data unfolds, pointer by pointer, to more than a record may
// have is refused rather than unfolded.
func TestMessageThatUnfolds(t *testing.T) {
	long := strings.Repeat("\x3f"+strings.Repeat("a", 63), 3) + "\x00"
	hip := "\x00\x00\x00\x00" + strings.Repeat("\xc0\x0c", 30000) // 30000 names of 193 octets
	b := Header{Counts: [4]uint16{1, 1}}.AppendTo(nil)
	b = append(b, long+"\x00\x37\x00\x01"+"\xc0\x0c\x00\x37\x00\x01\x00\x00\x00\x00"...)
	b = append(b, byte(len(hip)>>8), byte(len(hip)))
	b = append(b, hip...)
	_, err := ParseMessage(b)
	var where *Error
	if !errors.As(err, &where) || where.Section != SectionAnswer {
		t.Errorf("%v", err)
	}
	n := testing.AllocsPerRun(1, func() { ParseMessage(b) })
	if n > 20 {
		t.Errorf("%v allocations before it is refused", n)
	}
}
