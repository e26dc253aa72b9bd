package wire

import (
	"encoding/binary"
	"errors"
	"testing"
)

// mxReply is a reply as servers send it: MX records with the addresses of
// their hosts and an OPT record, names compressed. Seven records.
func mxReply(t testing.TB) []byte {
	t.Helper()
	var w Writer
	w.Reset(nil, 65535)
	w.ID, w.Flags = 4660, FlagQR|FlagAA|FlagRD
	example := MustParseName("example.com.")
	hosts := []Name{MustParseName("mail.example.com."), MustParseName("mail2.example.com.")}
	var errs []error
	errs = append(errs, w.Question(Question{example, TypeMX, ClassIN}))
	w.SetSection(SectionAnswer)
	for i, host := range hosts {
		errs = append(errs, w.Raw(example, TypeMX, ClassIN, 3600, host.AppendTo([]byte{0, byte(10 * i)})))
	}
	w.SetSection(SectionAdditional)
	for i, host := range hosts {
		errs = append(errs, w.Raw(host, TypeA, ClassIN, 3600, []byte{192, 0, 2, byte(i)}))
		errs = append(errs, w.Raw(host, TypeAAAA, ClassIN, 3600, []byte{0x20, 1, 0xd, 0xb8, 15: byte(i)}))
	}
	errs = append(errs, w.EDNS(&EDNS{UDPSize: 1232, Options: Options{}.AppendOption(OptionNSID, []byte("ns1"))}))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return w.Finish()
}

// readAll reads every record with Next, or, where skip says so, with Skip. It
// returns where each record ended.
func readAll(msg []byte, skip func(i int) bool) (ends []int, types []Type, err error) {
	var r Reader
	if err := r.Reset(msg); err != nil {
		return nil, nil, err
	}
	for i := 0; r.Section() != SectionEnd; i++ {
		if r.Section() == SectionQuestion {
			if skip(i) {
				err = r.SkipQuestions()
			} else if _, err = r.Question(); err == ErrSectionDone {
				err = r.NextSection()
			}
			if err != nil {
				return ends, types, err
			}
			continue
		}
		typ := TypeNone
		if skip(i) {
			err = r.Skip()
		} else {
			var h RecordHeader
			h, err = r.Next()
			typ = h.Type
		}
		switch err {
		case nil:
			ends, types = append(ends, r.dataEnd), append(types, typ)
		case ErrSectionDone:
			if err := r.NextSection(); err != nil {
				return ends, types, err
			}
		default:
			return ends, types, err
		}
	}
	return ends, types, r.Close()
}

func TestReaderWalksAReply(t *testing.T) {
	msg := mxReply(t)
	if want := 115 + 11 + 7; len(msg) > 200 || len(msg) < want {
		t.Fatalf("the reply has %d octets: is it compressed?", len(msg))
	}
	var r Reader
	if err := r.Reset(msg); err != nil {
		t.Fatal(err)
	}
	q, err := r.Question()
	if err != nil || q.String() != "example.com.\tIN\tMX" {
		t.Fatalf("question %v, %v", q, err)
	}
	if _, err := r.Question(); err != ErrSectionDone {
		t.Fatalf("a second question: %v", err)
	}
	type line struct {
		section Section
		owner   string
		typ     Type
	}
	var got []line
	var cursorNames []string
	for r.Section() != SectionEnd {
		h, err := r.Next()
		if err == ErrSectionDone {
			if err := r.NextSection(); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line{r.Section(), h.Name.String(), h.Type})
		if h.Type == TypeMX {
			c := r.Data()
			c.Uint16()
			cursorNames = append(cursorNames, c.CompressedName().String())
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if h.Type != TypeOPT && (h.TTL != 3600 || h.Class != ClassIN) {
			t.Errorf("header %+v", h)
		}
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	want := []line{
		{SectionAnswer, "example.com.", TypeMX}, {SectionAnswer, "example.com.", TypeMX},
		{SectionAdditional, "mail.example.com.", TypeA}, {SectionAdditional, "mail.example.com.", TypeAAAA},
		{SectionAdditional, "mail2.example.com.", TypeA}, {SectionAdditional, "mail2.example.com.", TypeAAAA},
		{SectionAdditional, ".", TypeOPT},
	}
	if len(got) != len(want) {
		t.Fatalf("records %v", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("record %d is %v, want %v", i, got[i], want[i])
		}
	}
	if len(cursorNames) != 2 || cursorNames[0] != "mail.example.com." || cursorNames[1] != "mail2.example.com." {
		t.Errorf("hosts %v", cursorNames)
	}
}

// Every prefix of a message ends in an error that says where; skipping comes
// to the same end as reading, in every mixture.
func TestReaderPrefixes(t *testing.T) {
	msg := mxReply(t)
	never, always := func(int) bool { return false }, func(int) bool { return true }
	ends, types, err := readAll(msg, never)
	if err != nil || len(ends) != 7 || types[0] != TypeMX {
		t.Fatalf("%v, %v, %v", ends, types, err)
	}
	for mixture := range 256 {
		mixed, _, err := readAll(msg, func(i int) bool { return mixture>>(i%8)&1 == 1 })
		if err != nil || len(mixed) != len(ends) {
			t.Fatalf("mixture %b: %v, %v", mixture, mixed, err)
		}
		for i := range ends {
			if mixed[i] != ends[i] {
				t.Fatalf("mixture %b: record %d ends at %d, want %d", mixture, i, mixed[i], ends[i])
			}
		}
	}
	for n := range msg {
		for _, skip := range []func(int) bool{never, always} {
			_, _, err := readAll(msg[:n:n], skip)
			var where *Error
			if !errors.Is(err, ErrShort) || !errors.As(err, &where) || where.Offset > n {
				t.Fatalf("cut to %d octets: %v", n, err)
			}
		}
	}
	for _, skip := range []func(int) bool{never, always} {
		if _, _, err := readAll(append(msg, 0), skip); err != nil {
			t.Errorf("followed by an octet: %v", err)
		}
	}
}

// Counts that claim more than there is. Those that claim less end the message
// earlier, which may be where no record ends.
func TestReaderTrustsNoCount(t *testing.T) {
	for section := range 4 {
		for _, count := range []uint16{0, 1, 3, 100, 65535} {
			msg := mxReply(t)
			if binary.BigEndian.Uint16(msg[4+2*section:]) >= count {
				continue
			}
			binary.BigEndian.PutUint16(msg[4+2*section:], count)
			_, _, err := readAll(msg, func(int) bool { return false })
			var where *Error
			if !errors.As(err, &where) {
				t.Errorf("section %d with count %d: %v", section, count, err)
			}
		}
	}
}

func TestReaderSectionsInOrder(t *testing.T) {
	msg := mxReply(t)
	var r Reader
	if err := r.Reset(msg); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Section{SectionQuestion, SectionAnswer, SectionAuthority, SectionAdditional, SectionEnd, SectionEnd} {
		if r.Section() != want {
			t.Fatalf("section %s, want %s", r.Section(), want)
		}
		if err := r.NextSection(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Next(); err != ErrSectionDone {
		t.Errorf("Next after the end: %v", err)
	}
	if err := r.Skip(); err != ErrSectionDone {
		t.Errorf("Skip after the end: %v", err)
	}
	if _, err := r.Question(); err != ErrSectionDone {
		t.Errorf("Question after the end: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	r.Reset(msg)
	if err := r.Skip(); err != nil || r.Section() != SectionAnswer { // the first record, not the question
		t.Errorf("Skip from the start: %v, now in %s", err, r.Section())
	}
	var zero Reader
	if _, err := zero.Next(); err != ErrSectionDone {
		t.Errorf("Next of a zero Reader: %v", err)
	}
}

// A copy remembers a place, and names of both stay whole.
func TestReaderCopy(t *testing.T) {
	msg := mxReply(t)
	var r Reader
	if err := r.Reset(msg); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Question(); err != nil {
		t.Fatal(err)
	}
	place := r
	first, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	c := r.Data()
	c.Uint16()
	host := c.CompressedName()
	for range 3 {
		if _, err := place.Next(); err != nil && err != ErrSectionDone {
			t.Fatal(err)
		}
	}
	place.NextSection()
	place.NextSection()
	for range 4 {
		if h, err := place.Next(); err != nil || h.TTL != 3600 {
			t.Fatal(h, err)
		}
	}
	if first.Name.String() != "example.com." || host.String() != "mail.example.com." {
		t.Errorf("names of the first reader are now %s and %s", first.Name, host)
	}
}

func TestReaderReset(t *testing.T) {
	var r Reader
	for n := range HeaderLen {
		if err := r.Reset(make([]byte, n)); !errors.Is(err, ErrShort) {
			t.Errorf("%d octets: %v", n, err)
		}
		if _, err := r.Next(); err != ErrSectionDone {
			t.Errorf("Next of %d octets: %v", n, err)
		}
	}
	if err := r.Reset(mxReply(t)); err != nil || r.Header().ID != 4660 || r.Offset() != HeaderLen {
		t.Errorf("%v, %+v", err, r.Header())
	}
}
