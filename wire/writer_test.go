package wire

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestWriterSections(t *testing.T) {
	msg := mxReply(t)
	h, err := ParseHeader(msg)
	if err != nil || h.ID != 4660 || h.Flags != FlagQR|FlagAA|FlagRD || h.Counts != [4]uint16{1, 2, 0, 5} {
		t.Errorf("%+v, %v", h, err)
	}
}

func TestWriterKeepsWhatStoodBefore(t *testing.T) {
	var w Writer
	w.Reset([]byte("before"), 512)
	name := MustParseName("a.example.")
	w.Question(Question{name, TypeA, ClassIN})
	w.SetSection(SectionAnswer)
	w.Raw(name, TypeA, ClassIN, 1, []byte{1, 2, 3, 4})
	msg := w.Finish()
	if string(w.Buffer()[:6]) != "before" || !bytes.Equal(w.Buffer()[6:], msg) || w.Len() != len(msg) {
		t.Fatalf("buffer %q", w.Buffer())
	}
	ends, _, err := readAll(msg, func(int) bool { return false })
	if err != nil || len(ends) != 1 {
		t.Errorf("%v, %v", ends, err)
	}
}

// Records whose owners are given by their offsets are those whose owners are
// given by their names.
func TestWriterRawAt(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	owners := []Name{MustParseName("www.example."), MustParseName("example."), MustParseName("mail.example.")}
	for range 200 {
		var byName, byPlace Writer
		before, limit := []byte("before")[:r.IntN(7)], 512+r.IntN(1000)
		for _, w := range []*Writer{&byName, &byPlace} {
			w.Reset(bytes.Clone(before), limit)
			w.Question(Question{owners[0], TypeA, ClassIN})
			w.SetSection(SectionAnswer)
		}
		places := map[string]NameOffset{owners[0].Wire(): byPlace.Owner(), owners[1].Wire(): byPlace.Owner() + 4}
		for range 40 {
			owner, target := owners[r.IntN(len(owners))], owners[r.IntN(len(owners))]
			kind, data := TypeMX, target.AppendTo([]byte{0, 1})
			if r.IntN(2) == 0 {
				kind, data = TypeTXT, append([]byte{40}, make([]byte, 40)...)
			}
			want := byName.Raw(owner, kind, ClassIN, 1, data)
			var got error
			if place := places[owner.Wire()]; place != 0 {
				got = byPlace.RawAt(place, kind, ClassIN, 1, data)
			} else {
				got = byPlace.Raw(owner, kind, ClassIN, 1, data)
				places[owner.Wire()] = byPlace.Owner()
			}
			if want != got || !bytes.Equal(byName.Finish(), byPlace.Finish()) {
				t.Fatalf("%v and %v:\n%x\n%x", want, got, byName.Finish(), byPlace.Finish())
			}
			if got == nil && kind == TypeMX {
				if places[target.Wire()] == 0 {
					places[target.Wire()] = byPlace.Target()
				} else if at := byPlace.Target(); at != places[target.Wire()] {
					t.Fatalf("%v is at %d, found at %d", target, places[target.Wire()], at)
				}
			} else if got == nil && byPlace.Target() != 0 {
				t.Fatal("text leads somewhere")
			}
		}
	}
}

// At every limit: what does not fit is left out whole, and the message is as
// if it had never been tried.
func TestWriterLimit(t *testing.T) {
	example, host := MustParseName("example."), MustParseName("a-long-name-for-a-host.example.")
	steps := []func(w *Writer) error{
		func(w *Writer) error { return w.Question(Question{example, TypeMX, ClassIN}) },
		func(w *Writer) error {
			w.SetSection(SectionAnswer)
			return w.Raw(example, TypeMX, ClassIN, 1, host.AppendTo([]byte{0, 1}))
		},
		func(w *Writer) error { return w.Raw(host, TypeTXT, ClassIN, 1, []byte("\x10sixteen octets..")) },
		func(w *Writer) error { return w.Raw(MustParseName("b.example."), TypeA, ClassIN, 1, make([]byte, 4)) },
		func(w *Writer) error { return w.RawAt(HeaderLen, TypeA, ClassIN, 1, make([]byte, 4)) },
		func(w *Writer) error { return w.RawAt(HeaderLen, TypeNS, ClassIN, 1, host.AppendTo(nil)) },
		func(w *Writer) error { return w.EDNS(&EDNS{UDPSize: 512, Options: Options("\x00\x03\x00\x00")}) },
	}
	var full Writer
	full.Reset(nil, 65535)
	for i, step := range steps {
		if err := step(&full); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	for limit := HeaderLen; limit <= full.Len(); limit++ {
		buf := make([]byte, 0, limit+WriterSlack)
		var w Writer
		w.Reset(buf, limit)
		done := 0
		for _, step := range steps {
			before := w.Mark()
			octets := bytes.Clone(w.Buffer())
			err := step(&w)
			if err == nil {
				done++
				continue
			}
			if err != ErrNoSpace || !bytes.Equal(w.Buffer(), octets) {
				t.Fatalf("limit %d: %v leaves %q", limit, err, w.Buffer())
			}
			if after := w.Mark(); after.len != before.len || after.compressed != before.compressed || after.counts != before.counts {
				t.Fatalf("limit %d: mark %+v, before %+v", limit, after, before)
			}
		}
		msg := w.Finish()
		if len(msg) > limit || &msg[0] != &buf[:1][0] {
			t.Fatalf("limit %d: %d octets, or in another buffer", limit, len(msg))
		}
		if limit == full.Len() && done != len(steps) {
			t.Errorf("limit %d: only %d steps fit", limit, done)
		}
		if _, _, err := readAll(msg, func(int) bool { return false }); err != nil {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestWriterReserve(t *testing.T) {
	var w Writer
	w.Reset(nil, 100)
	if w.Reserve(89) || !w.Reserve(60) || w.Reserve(29) || !w.Reserve(28) {
		t.Error("Reserve promises more than there is, or less")
	}
	if err := w.Question(Question{Root, TypeA, ClassIN}); err != ErrNoSpace {
		t.Errorf("a question in the reserve: %v", err)
	}
	if err := w.Append([]byte{0}, 0); err != ErrNoSpace {
		t.Errorf("octets in the reserve: %v", err)
	}
	if err := w.EDNS(&EDNS{}); err != ErrNoSpace {
		t.Errorf("OPT in the reserve: %v", err)
	}
	w.Release()
	if err := w.EDNS(&EDNS{}); err != nil || w.Len() != HeaderLen+11 {
		t.Errorf("OPT after Release: %v, %d octets", err, w.Len())
	}
	w.SetLimit(HeaderLen + 11)
	if err := w.Append([]byte{0}, 0); err != ErrNoSpace || w.Limit() != HeaderLen+11 {
		t.Errorf("octets above a new limit: %v", err)
	}
	w.SetLimit(1 << 20)
	if w.Limit() != 65535 {
		t.Errorf("limit %d", w.Limit())
	}
}

// Whatever is rolled back leaves no trace: what follows is written as by a
// writer that never saw it.
func TestRollbackLeavesNoTrace(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	write := func(w *Writer, n Name) {
		if err := w.Raw(n, TypeNS, ClassIN, 1, randomNameLike(n).AppendTo(nil)); err != nil {
			t.Fatal(err)
		}
	}
	for range 2000 {
		var once, twice Writer
		once.Reset(nil, 65535)
		twice.Reset([]byte("elsewhere"), 65535)
		for _, w := range []*Writer{&once, &twice} {
			w.Question(Question{MustParseName("a.b."), TypeNS, ClassIN})
			w.SetSection(SectionAnswer)
		}
		for range r.IntN(8) {
			n := randomName(r)
			write(&once, n)
			write(&twice, n)
			mark := twice.Mark()
			for range r.IntN(4) {
				write(&twice, randomName(r))
				twice.SetSection(SectionAuthority)
			}
			twice.Rollback(mark)
			if twice.Mark() != mark {
				t.Fatal("the mark after a rollback is another one")
			}
		}
		if !bytes.Equal(once.Finish(), twice.Finish()) {
			t.Fatalf("%q\n%q", once.Finish(), twice.Finish())
		}
	}
}

// randomNameLike returns a name that shares something with n.
func randomNameLike(n Name) Name {
	child, err := n.Prepend("ns")
	if err != nil {
		return n
	}
	return child
}

func TestWriterMoveTo(t *testing.T) {
	example := MustParseName("www.example.")
	for _, room := range []int{0, 600, 4096} {
		var w Writer
		w.Reset(make([]byte, 0, 2048), 512)
		w.Question(Question{example, TypeA, ClassIN})
		w.SetSection(SectionAnswer)
		mark := w.Mark()
		w.Raw(MustParseName("gone.example."), TypeA, ClassIN, 1, make([]byte, 4))
		old := w.Buffer()
		w.MoveTo(append(make([]byte, 0, room), "prefix"...))
		clear(old)
		w.Rollback(mark)
		if err := w.Raw(example, TypeA, ClassIN, 1, []byte{1, 2, 3, 4}); err != nil {
			t.Fatal(err)
		}
		msg := w.Finish()
		if string(w.Buffer()[:6]) != "prefix" {
			t.Errorf("room %d: buffer %q", room, w.Buffer())
		}
		if cap(w.Buffer())-6 < 512+WriterSlack {
			t.Errorf("room %d: only %d octets", room, cap(w.Buffer()))
		}
		var r Reader
		r.Reset(msg)
		r.SkipQuestions()
		if h, err := r.Next(); err != nil || h.Name != example || len(msg) != 12+17+2+10+4 {
			t.Errorf("room %d: %v, %v in %q", room, h, err, msg)
		}
	}
}

func TestWriterCounts(t *testing.T) {
	var w Writer
	w.Reset(nil, 65535)
	w.SetSection(SectionAnswer)
	if err := w.Append(nil, 65535); err != nil || w.Count(SectionAnswer) != 65535 {
		t.Fatalf("%v, count %d", err, w.Count(SectionAnswer))
	}
	length := w.Len()
	if err := w.Raw(Root, TypeA, ClassIN, 1, make([]byte, 4)); err != ErrNoSpace || w.Len() != length || w.Count(SectionAnswer) != 65535 {
		t.Errorf("record 65536: %v", err)
	}
	if err := w.Append(nil, 1); err != ErrNoSpace {
		t.Errorf("Append of record 65536: %v", err)
	}
	w.SetSection(SectionAdditional)
	w.Append(nil, 65535)
	if err := w.EDNS(&EDNS{}); err != ErrNoSpace || w.Len() != length {
		t.Errorf("OPT as record 65536: %v", err)
	}
}

func TestWriterRefuses(t *testing.T) {
	var w Writer
	w.Reset(nil, 65535)
	if err := w.Question(Question{Type: TypeA, Class: ClassIN}); !errors.Is(err, ErrEmptyName) {
		t.Errorf("a question of no name: %v", err)
	}
	w.Question(Question{Root, TypeA, ClassIN})
	if err := w.Raw(Root, TypeA, ClassIN, 1, make([]byte, 4)); !errors.Is(err, ErrSectionOrder) {
		t.Errorf("a record in the question section: %v", err)
	}
	w.SetSection(SectionAnswer)
	before := w.Mark()
	if err := w.Raw(Name{}, TypeA, ClassIN, 1, make([]byte, 4)); !errors.Is(err, ErrEmptyName) {
		t.Errorf("a record of no name: %v", err)
	}
	if err := w.Question(Question{Root, TypeA, ClassIN}); !errors.Is(err, ErrSectionOrder) {
		t.Errorf("a question after the question section: %v", err)
	}
	if err := w.Raw(Root, TypeNULL, ClassIN, 1, make([]byte, 65535)); err != ErrNoSpace {
		t.Errorf("65535 octets of data: %v", err)
	}
	if err := w.Raw(Root, TypeNULL, ClassIN, 1, make([]byte, 1<<17)); err != ErrNoSpace {
		t.Errorf("131072 octets of data: %v", err)
	}
	if w.Mark() != before {
		t.Errorf("mark %+v, want %+v", w.Mark(), before)
	}
	w.SetSection(SectionAuthority)
	w.SetSection(SectionAnswer)
	if w.Section() != SectionAuthority {
		t.Errorf("section went back to %s", w.Section())
	}
	w.SetSection(SectionEnd)
	if w.Section() != SectionAdditional {
		t.Errorf("section went on to %s", w.Section())
	}
}
