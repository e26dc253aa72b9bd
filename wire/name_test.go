package wire

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// randomName makes names that go wrong easily: few distinct octets, among
// them zero, one, a dot and both cases.
func randomName(r *rand.Rand) Name {
	octets := []byte{0, 1, 2, '.', 'a', 'A', 'b', 'B', '@', '[', '\\', 0xC0, 0xFF}
	var labels []string
	for range r.IntN(5) {
		label := make([]byte, 1+r.IntN(3))
		for i := range label {
			label[i] = octets[r.IntN(len(octets))]
		}
		labels = append(labels, string(label))
	}
	n, err := NameFromLabels(labels...)
	if err != nil {
		panic(err)
	}
	return n
}

// labelsOf is the slow way to a name's labels.
func labelsOf(n Name) []string {
	var labels []string
	for ; !n.IsRoot(); n = n.Parent() {
		labels = append(labels, n.FirstLabel())
	}
	return labels
}

// lowerASCII is ASCII lower case.
func lowerASCII(s string) []byte {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 32
		}
	}
	return b
}

// slowCompare is RFC 4034 6.1 word for word: sort by the most significant
// label, then by the next one.
func slowCompare(a, b Name) int {
	x, y := labelsOf(a), labelsOf(b)
	slices.Reverse(x)
	slices.Reverse(y)
	for i := range x {
		x[i] = string(lowerASCII(x[i]))
	}
	for i := range y {
		y[i] = string(lowerASCII(y[i]))
	}
	return slices.Compare(x, y)
}

func slowHasSuffix(n, zone Name) bool {
	x, y := labelsOf(n), labelsOf(zone)
	if len(x) < len(y) {
		return false
	}
	x = x[len(x)-len(y):]
	for i := range x {
		if string(lowerASCII(x[i])) != string(lowerASCII(y[i])) {
			return false
		}
	}
	return true
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

func TestNameAgainstSlowTwins(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		a, b := randomName(r), randomName(r)
		want := slowCompare(a, b)
		if got := a.Compare(b); sign(got) != want {
			t.Fatalf("%s.Compare(%s) = %d, want %d", a, b, got, want)
		}
		if got := a.Key().Compare(b.Key()); sign(got) != want {
			t.Fatalf("keys of %s and %s compare as %d, want %d", a, b, got, want)
		}
		if got := a.Equal(b); got != (want == 0) {
			t.Fatalf("%s.Equal(%s) = %v", a, b, got)
		}
		if got := a.Key() == b.Key(); got != (want == 0) {
			t.Fatalf("keys of %s and %s are equal: %v", a, b, got)
		}
		suffix := slowHasSuffix(a, b)
		if got := a.HasSuffix(b); got != suffix {
			t.Fatalf("%s.HasSuffix(%s) = %v", a, b, got)
		}
		if got := a.Key().HasSuffix(b.Key()); got != suffix {
			t.Fatalf("key of %s has the key of %s as suffix: %v", a, b, got)
		}
		if back := a.Key().Name(); back != a.Fold() {
			t.Fatalf("key of %s gives back %s", a, back)
		}
	}
}

// The example of RFC 4034 6.1, in order.
func TestCanonicalOrder(t *testing.T) {
	sorted := []string{
		"example.", "a.example.", "yljkjljk.a.example.", "Z.a.example.", "zABC.a.EXAMPLE.",
		"z.example.", `\001.z.example.`, "*.z.example.", `\200.z.example.`,
	}
	for i := range sorted {
		for j := range sorted {
			a, b := MustParseName(sorted[i]), MustParseName(sorted[j])
			want := sign(i - j)
			if got := a.Compare(b); sign(got) != want {
				t.Errorf("%s.Compare(%s) = %d, want %d", a, b, got, want)
			}
			if got := a.Key().Compare(b.Key()); sign(got) != want {
				t.Errorf("keys of %s and %s compare as %d, want %d", a, b, got, want)
			}
		}
	}
	if Root.Compare(Name{}) <= 0 || (Name{}).Compare(Root) >= 0 || (Name{}).Compare(Name{}) != 0 {
		t.Error("no name does not come before the root")
	}
}

func TestHasSuffixByLabels(t *testing.T) {
	for _, test := range []struct {
		name, zone string
		want       bool
	}{
		{"www.example.com.", "example.com.", true},
		{"www.example.com.", "EXAMPLE.Com.", true},
		{"example.com.", "example.com.", true},
		{"badexample.com.", "example.com.", false},
		{`bad\.example.com.`, "example.com.", false},
		{`x\007example\003com.`, "com.", false},
		{"com.", "example.com.", false},
		{"example.com.", ".", true},
		{".", ".", true},
		{".", "com.", false},
	} {
		n, zone := MustParseName(test.name), MustParseName(test.zone)
		if got := n.HasSuffix(zone); got != test.want {
			t.Errorf("%s.HasSuffix(%s) = %v", n, zone, got)
		}
		if got := n.Key().HasSuffix(zone.Key()); got != test.want {
			t.Errorf("key of %s has the key of %s as suffix: %v", n, zone, got)
		}
	}
	if Root.HasSuffix(Name{}) || (Name{}).HasSuffix(Root) || (Key{}).HasSuffix(Root.Key()) || Root.Key().HasSuffix(Key{}) {
		t.Error("no name takes part in suffixes")
	}
}

// RFC 4343: case is ignored in the 26 letters of ASCII and nowhere else.
func TestEqualFoldsASCIIOnly(t *testing.T) {
	for a := range 256 {
		for b := range 256 {
			x, _ := NameFromLabels(string([]byte{byte(a)}))
			y, _ := NameFromLabels(string([]byte{byte(b)}))
			want := string(lowerASCII(string([]byte{byte(a)}))) == string(lowerASCII(string([]byte{byte(b)})))
			if got := x.Equal(y); got != want {
				t.Errorf("%s.Equal(%s) = %v", x, y, got)
			}
		}
	}
	if MustParseName("a.b").Equal(MustParseName("a.bc")) {
		t.Error("a.b equals a.bc")
	}
}

func TestNameLimits(t *testing.T) {
	label63 := strings.Repeat("a", 63)
	for _, test := range []struct {
		labels []string
		err    error
	}{
		{[]string{label63}, nil},
		{[]string{label63 + "a"}, ErrLabelTooLong},
		{[]string{label63, label63, label63, label63[:61]}, nil}, // 255 octets
		{[]string{label63, label63, label63, label63[:62]}, ErrNameTooLong},
		{slices.Repeat([]string{"a"}, 127), nil},
		{slices.Repeat([]string{"a"}, 128), ErrNameTooLong},
		{[]string{"a", "", "b"}, ErrEmptyLabel},
		{nil, nil},
	} {
		n, err := NameFromLabels(test.labels...)
		if !errors.Is(err, test.err) {
			t.Errorf("NameFromLabels of %d labels: %v, want %v", len(test.labels), err, test.err)
		}
		text := strings.Join(test.labels, ".")
		if text == "" {
			text = "."
		}
		for _, dot := range []string{"", "."} {
			if text == "." {
				dot = ""
			}
			parsed, err := ParseName(text + dot)
			if !errors.Is(err, test.err) {
				t.Errorf("ParseName of %d octets, ending %q: %v, want %v", len(text), dot, err, test.err)
			}
			if err == nil && parsed != n {
				t.Errorf("ParseName gives %s, NameFromLabels %s", parsed, n)
			}
		}
		if err == nil && n.LabelCount() != len(test.labels) {
			t.Errorf("%s has %d labels, want %d", n, n.LabelCount(), len(test.labels))
		}
	}
}

func TestPrepend(t *testing.T) {
	label63 := strings.Repeat("x", 63)
	full, err := NameFromLabels(label63, label63, label63, label63[:59])
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		label string
		to    Name
		want  string
		err   error
	}{
		{"www", MustParseName("example.com"), "www.example.com.", nil},
		{"com", Root, "com.", nil},
		{"a.b", Root, `a\.b.`, nil},
		{label63, Root, label63 + ".", nil},
		{label63 + "x", Root, "", ErrLabelTooLong},
		{"", Root, "", ErrEmptyLabel},
		{"a", full, "a." + full.String(), nil}, // 255 octets
		{"ab", full, "", ErrNameTooLong},
		{"a", Name{}, "", ErrEmptyName},
	} {
		got, err := test.to.Prepend(test.label)
		if !errors.Is(err, test.err) || got.String() != test.want {
			t.Errorf("%s.Prepend(%q) = %s, %v; want %s, %v", test.to, test.label, got, err, test.want, test.err)
		}
		if err == nil && got.Parent() != test.to {
			t.Errorf("parent of %s is %s", got, got.Parent())
		}
	}
}

func TestAncestors(t *testing.T) {
	n := MustParseName("a.b.c")
	for labels, want := range []string{".", "c.", "b.c.", "a.b.c.", "a.b.c."} {
		if got := n.Ancestor(labels).String(); got != want {
			t.Errorf("Ancestor(%d) = %s, want %s", labels, got, want)
		}
	}
	if !Root.Parent().IsZero() || !(Name{}).Parent().IsZero() {
		t.Error("root or no name has a parent")
	}
	if !MustParseName("*.example").IsWildcard() || MustParseName("**.example").IsWildcard() ||
		MustParseName("a.*.example").IsWildcard() || Root.IsWildcard() || (Name{}).IsWildcard() {
		t.Error("IsWildcard is wrong")
	}
}

func TestNameFromWire(t *testing.T) {
	for _, test := range []struct {
		wire string
		n    int
		err  error
	}{
		{"\x03www\x00rest", 5, nil},
		{"\x00", 1, nil},
		{"", 0, ErrShort},
		{"\x03ww", 0, ErrShort},
		{"\x03www", 0, ErrShort},
		{"\x03www\xc0\x0c", 0, ErrCompressed},
		{"\x41a\x00", 0, ErrLabelType},
		{"\x80a\x00", 0, ErrLabelType},
		{strings.Repeat("\x01a", 127) + "\x00", 255, nil},
		{strings.Repeat("\x01a", 128) + "\x00", 0, ErrNameTooLong},
	} {
		n, length, err := NameFromWire([]byte(test.wire))
		if !errors.Is(err, test.err) || length != test.n || n.Wire() != test.wire[:test.n] {
			t.Errorf("NameFromWire(%q) = %s, %d, %v; want %d, %v", test.wire, n, length, err, test.n, test.err)
		}
		if b, l, e := BorrowName([]byte(test.wire)); b != n || l != length || e != err {
			t.Errorf("BorrowName(%q) = %s, %d, %v", test.wire, b, l, e)
		}
	}
}

func TestClone(t *testing.T) {
	b := []byte("\x03www\x00")
	borrowed, _, _ := BorrowName(b)
	kept := borrowed.Clone()
	b[1] = 'x'
	if kept.String() != "www." || borrowed.String() != "xww." {
		t.Errorf("clone %s, borrowed %s", kept, borrowed)
	}
	if !(Name{}).Clone().IsZero() {
		t.Error("clone of no name is a name")
	}
}

func TestKeyOfNothing(t *testing.T) {
	if !(Name{}).Key().IsZero() || Root.Key().IsZero() || !(Key{}).Name().IsZero() || Root.Key().Name() != Root {
		t.Error("keys of the root and of no name are mixed up")
	}
}

// TestFoldWord compares the folding of eight octets with that of one.
func TestFoldWord(t *testing.T) {
	for c := range 256 {
		for place := range 8 {
			word := uint64(c) << (8 * place)
			filler := uint64(0x4161405B7A7BC0DE) &^ (0xFF << (8 * place))
			var want uint64
			for i := range 8 {
				want |= uint64(FoldByte(byte((word|filler)>>(8*i)))) << (8 * i)
			}
			if got := FoldWord(word | filler); got != want {
				t.Fatalf("%#x folds to %#x, not %#x", word|filler, got, want)
			}
		}
	}
}
