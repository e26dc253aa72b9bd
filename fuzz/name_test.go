package fuzz

import (
	"bytes"
	"testing"

	"github.com/names-dns/names/wire"
)

// FuzzName reads any text as a name and any octets as another, relative to
// it. What is accepted reads back from its text, its octets and its key; order,
// equality and suffix agree between names and keys.
func FuzzName(f *testing.F) {
	for _, text := range []string{".", "example.com.", "www.Example.com", `a\.b\000\255\@.x`, "*.example", "a..b", `\`, `\256`, "@",
		"xn--bcher-kva.example", "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk.x."} {
		f.Add(text, []byte("\x03www\x07example\x03com\x00"))
		f.Add(text, []byte("\x02\x00\x01\x01.\x00"))
	}
	f.Add("a", []byte("\xc0\x0c"))
	f.Add("a", []byte{})
	f.Fuzz(func(t *testing.T, text string, octets []byte) {
		a, errA := wire.ParseName(text)
		b, n, errB := wire.NameFromWire(octets)
		for _, x := range []struct {
			name wire.Name
			err  error
		}{{a, errA}, {b, errB}} {
			if x.err != nil {
				if !x.name.IsZero() {
					t.Fatalf("%q comes with %v", x.name.Wire(), x.err)
				}
				continue
			}
			survives(t, x.name)
		}
		if errB == nil && b.Wire() != string(octets[:n]) {
			t.Fatalf("%q reads as %q", octets, b.Wire())
		}
		if errA != nil || errB != nil {
			return
		}
		order := a.Compare(b)
		if order != -b.Compare(a) || order != a.Key().Compare(b.Key()) || (order == 0) != a.Equal(b) || (order == 0) != (a.Key() == b.Key()) {
			t.Fatalf("%s and %s: order %d, keys %d, equal %v", a, b, order, a.Key().Compare(b.Key()), a.Equal(b))
		}
		if a.HasSuffix(b) != a.Key().HasSuffix(b.Key()) || a.HasSuffix(b) != a.Ancestor(b.LabelCount()).Equal(b) {
			t.Fatalf("%s has the suffix %s: %v", a, b, a.HasSuffix(b))
		}
		// Relative to b, or not at all.
		joined, err := wire.AppendNameFromText([]byte("x"), text, b)
		if err != nil {
			return
		}
		whole, _, err := wire.NameFromWire(joined[1:])
		if err != nil || whole.Len() != len(joined)-1 || !whole.Equal(a) && !whole.HasSuffix(b) {
			t.Fatalf("%q under %s is %q, %v", text, b, joined, err)
		}
	})
}

// survives checks that a name is the same after every conversion.
func survives(t *testing.T, n wire.Name) {
	if n.Len() > wire.MaxNameLen || n.Len() != len(n.AppendTo(nil)) {
		t.Fatalf("%q has the length %d", n.Wire(), n.Len())
	}
	if back, err := wire.ParseName(n.String()); err != nil || back != n {
		t.Fatalf("%q prints as %s, which reads as %q, %v", n.Wire(), n, back.Wire(), err)
	}
	if n.Key().Name() != n.Fold() || !n.Fold().Equal(n) || n.Key() != n.Fold().Key() {
		t.Fatalf("%s folds to %s, its key is of %s", n, n.Fold(), n.Key().Name())
	}
	var labels []string
	for rest := n; !rest.IsRoot(); rest = rest.Parent() {
		labels = append(labels, rest.FirstLabel())
		if !n.HasSuffix(rest) {
			t.Fatalf("%s is not below %s", n, rest)
		}
	}
	if back, err := wire.NameFromLabels(labels...); err != nil || back != n || len(labels) != n.LabelCount() {
		t.Fatalf("labels of %s give %s, %v", n, back, err)
	}
	// Written twice into a message, the second time as a pointer.
	var c wire.Compressor
	c.Reset(0)
	header := make([]byte, wire.HeaderLen)
	once := c.AppendName(header, n)
	twice := c.AppendName(bytes.Clone(once), n)
	if n.IsRoot() != (len(twice) == len(once)+1) || !n.IsRoot() && string(twice[len(once):]) != "\xc0\x0c" {
		t.Fatalf("%s written twice: %q", n, twice)
	}
}
