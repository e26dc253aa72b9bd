package wire

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestNameText(t *testing.T) {
	for _, test := range []struct{ text, wire, again string }{
		{".", "\x00", "."},
		{"com", "\x03com\x00", "com."},
		{"www.Example.COM.", "\x03www\x07Example\x03COM\x00", "www.Example.COM."},
		{`a\.b.c`, "\x03a.b\x01c\x00", `a\.b.c.`},
		{`\065\066.`, "\x02AB\x00", "AB."},
		{`\000\032\127\255.`, "\x04\x00 \x7f\xff\x00", `\000\032\127\255.`},
		{`\;\"\(\)\@\$\\.`, "\x07;\"()@$\\\x00", `\;\"\(\)\@\$\\.`},
		{`\*.x`, "\x01*\x01x\x00", "*.x."},
		{"a b.", "\x03a b\x00", `a\032b.`}, // a caller's business where names end
		{`\@`, "\x01@\x00", `\@.`},
		{"a@b", "\x03a@b\x00", `a\@b.`},
		{"grün.", "\x05gr\xc3\xbcn\x00", `gr\195\188n.`},
	} {
		n, err := ParseName(test.text)
		if err != nil || n.Wire() != test.wire {
			t.Errorf("ParseName(%q) = %q, %v; want %q", test.text, n.Wire(), err, test.wire)
			continue
		}
		if got := n.String(); got != test.again {
			t.Errorf("String of %q = %q, want %q", test.wire, got, test.again)
		}
		if back, err := ParseName(test.again); err != nil || back != n {
			t.Errorf("ParseName(%q) = %q, %v", test.again, back.Wire(), err)
		}
	}
	if got := (Name{}).String(); got != "" {
		t.Errorf("no name prints as %q", got)
	}
}

func TestNameTextErrors(t *testing.T) {
	for _, test := range []struct {
		text string
		err  error
	}{
		{"", ErrEmptyName},
		{"..", ErrEmptyLabel},
		{".a", ErrEmptyLabel},
		{"a..b", ErrEmptyLabel},
		{"a..", ErrEmptyLabel},
		{`a\`, ErrEscape},
		{`a\1`, ErrEscape},
		{`a\12`, ErrEscape},
		{`a\12x`, ErrEscape},
		{`a\256`, ErrEscape},
		{strings.Repeat("a", 64), ErrLabelTooLong},
		{strings.Repeat("a.", 128), ErrNameTooLong},
		{strings.Repeat("a.", 127) + "a", ErrNameTooLong},
	} {
		if n, err := ParseName(test.text); !errors.Is(err, test.err) || !n.IsZero() {
			t.Errorf("ParseName(%q) = %s, %v; want %v", test.text, n, err, test.err)
		}
	}
	if _, err := ParseName(strings.Repeat(`\`, 1<<20)); err == nil || len(err.Error()) > 300 {
		t.Errorf("error for a long name: %d octets", len(err.Error()))
	}
}

func TestNameTextWithOrigin(t *testing.T) {
	origin := MustParseName("example.com.")
	for _, test := range []struct {
		text   string
		origin Name
		want   string
		err    error
	}{
		{"www", origin, "www.example.com.", nil},
		{"www.", origin, "www.", nil},
		{"a.b", origin, "a.b.example.com.", nil},
		{"@", origin, "example.com.", nil},
		{".", origin, ".", nil},
		{"www", Root, "www.", nil},
		{"www", Name{}, "", ErrNoOrigin},
		{"@", Name{}, "", ErrNoOrigin},
		{"www.", Name{}, "www.", nil},
		{strings.Repeat("a.", 121) + "a", origin, "", ErrNameTooLong},
	} {
		before := []byte("kept")
		b, err := AppendNameFromText(before, test.text, test.origin)
		if !errors.Is(err, test.err) || string(b[:4]) != "kept" || err != nil && len(b) != 4 {
			t.Errorf("AppendNameFromText(%q) = %q, %v; want %v", test.text, b, err, test.err)
			continue
		}
		if err != nil {
			continue
		}
		if n, _, err := NameFromWire(b[4:]); err != nil || n.String() != test.want {
			t.Errorf("AppendNameFromText(%q) = %s, %v; want %s", test.text, n, err, test.want)
		}
	}
}

func TestNameTextRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 50_000 {
		labels := make([]string, r.IntN(6))
		for i := range labels {
			label := make([]byte, 1+r.IntN(12))
			for j := range label {
				label[j] = byte(r.IntN(256))
			}
			labels[i] = string(label)
		}
		n, err := NameFromLabels(labels...)
		if err != nil {
			t.Fatal(err)
		}
		back, err := ParseName(n.String())
		if err != nil || back != n {
			t.Fatalf("%q prints as %s and reads as %q, %v", n.Wire(), n, back.Wire(), err)
		}
	}
}
