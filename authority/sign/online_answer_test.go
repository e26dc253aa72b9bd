package sign

import (
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestSuccessor: nothing that could be asked for lies between a name and the next one,
// at the limits of labels and names too.
func TestSuccessor(t *testing.T) {
	zone := wire.MustParseName("example.")
	last := strings.Repeat("\xff", 63)
	// name has so many octets on the wire, its first label as given.
	name := func(first string, length int) wire.Name {
		labels := []string{first}
		left := length - len("\x07example\x00") - len(first) - 1
		for left > 0 {
			n := min(left, 64)
			if left-n == 1 {
				n--
			}
			labels = append(labels, strings.Repeat("m", n-1))
			left -= n
		}
		n, err := wire.NameFromLabels(append(labels, "example")...)
		if err != nil || n.Len() != length {
			t.Fatalf("%q, %d: %v, %v", first, length, n, err)
		}
		return n
	}
	for _, c := range []struct {
		name wire.Name
		want func(n wire.Name) wire.Name
	}{
		{zone, child("\x00")},
		{name("a", 20), child("\x00")},
		{name("a", 253), child("\x00")},
		{name("a", 254), sibling("a\x00")},
		{name("a", 255), sibling("b")},
		{name("@", 255), sibling("[")},
		{name("Z", 255), sibling("{")},
		{name("a\xff", 255), sibling("b")},
		{name(strings.Repeat("a", 63), 254), sibling(strings.Repeat("a", 62) + "b")},
		{name(last, 255), func(n wire.Name) wire.Name { return sibling(strings.Repeat("m", 62) + "n")(n.Parent()) }},
	} {
		got := successor(c.name, zone)
		if want := c.want(c.name); !got.Equal(want) {
			t.Errorf("after %s comes %s, want %s", c.name, got, want)
		}
		if got.Compare(c.name) <= 0 || !got.HasSuffix(zone) {
			t.Errorf("%s does not follow %s", got, c.name)
		}
	}
	ends, err := wire.NameFromLabels(last, last, last, strings.Repeat("\xff", 53), "example")
	if err != nil {
		t.Fatal(err)
	}
	if ends.Len() != wire.MaxNameLen {
		t.Fatal(ends.Len())
	}
	if got := successor(ends, zone); got.Compare(ends) <= 0 && !got.Equal(zone) {
		t.Errorf("after %s comes %s", ends, got)
	}
}

func child(label string) func(wire.Name) wire.Name {
	return func(n wire.Name) wire.Name {
		n, _ = n.Prepend(label)
		return n
	}
}

func sibling(label string) func(wire.Name) wire.Name {
	return func(n wire.Name) wire.Name {
		n, _ = n.Parent().Prepend(label)
		return n
	}
}

func FuzzSuccessor(f *testing.F) {
	f.Add([]byte("\x03www\x07example\x00"))
	zone := wire.MustParseName("example.")
	f.Fuzz(func(t *testing.T, b []byte) {
		name, _, err := wire.BorrowName(b)
		if err != nil || !name.HasSuffix(zone) {
			return
		}
		got := successor(name, zone)
		if !got.HasSuffix(zone) || !got.Equal(zone) && got.Compare(name) <= 0 {
			t.Errorf("after %s comes %s", name, got)
		}
	})
}
