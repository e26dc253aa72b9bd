package recursor

import (
	"testing"

	"github.com/names-dns/names/wire"
)

func TestMinimised(t *testing.T) {
	for _, test := range []struct {
		name         string
		known, asked int
		want         string
	}{
		{"www.example.com.", 0, 0, "com."},
		{"www.example.com.", 1, 1, "example.com."},
		{"www.example.com.", 2, 2, "www.example.com."},
		{"example.com.", 2, 0, "example.com."},
		{"_tcp.example.com.", 1, 0, "example.com."},
		{"a._tcp.example.com.", 2, 0, "a._tcp.example.com."},
		{"a._b._tcp.example.com.", 2, 0, "a._b._tcp.example.com."},
		{"x.a._tcp.example.com.", 2, 0, "a._tcp.example.com."},
		{"_dmarc.example.com.", 2, 0, "_dmarc.example.com."},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.", 0, 3, "n."},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.", 0, 4, "l.m.n."},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.", 0, 9, "a.b.c.d.e.f.g.h.i.j.k.l.m.n."},
		{"a.b.c.d.e.f.g.h.i.j.k.l.m.n.", 0, 10, "a.b.c.d.e.f.g.h.i.j.k.l.m.n."},
	} {
		name := wire.MustParseName(test.name)
		if got := name.Ancestor(minimised(name, test.known, test.asked)); got.String() != test.want {
			t.Errorf("%s, %d labels known, %d asked: %v, want %s", name, test.known, test.asked, got, test.want)
		}
	}
}

// TestMinimisedEnds: however many labels a name has, no more than maxMinimised
// questions are asked with a shortened one.
func TestMinimisedEnds(t *testing.T) {
	text := ""
	for range 127 {
		text += "a."
	}
	name := wire.MustParseName(text)
	for start := range 127 {
		known, asked := start, 0
		for {
			labels := minimised(name, known, asked)
			if labels <= known && labels < name.LabelCount() {
				t.Fatalf("%d labels known, %d asked: %d labels do not make progress", known, asked, labels)
			}
			if labels == name.LabelCount() {
				break
			}
			known, asked = labels, asked+1
		}
		if asked > maxMinimised {
			t.Errorf("from %d labels on: %d questions", start, asked)
		}
	}
}
