package recursor

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// outcome says in a word how r answers.
func outcome(t *testing.T, r names.Resolver, name string, kind wire.Type) string {
	t.Helper()
	m, err := namestest.Try(t, r, name, kind)
	switch {
	case err == names.ErrPass:
		return "pass"
	case err != nil:
		return err.Error()
	case !m.Flags.Has(wire.FlagAA):
		return "not authoritative"
	case len(m.Answers) > 0 && len(m.Authority) == 0:
		return text(m.Answers)
	case len(m.Answers) > 0 || len(m.Authority) != 1 || m.Authority[0].Type != wire.TypeSOA || m.Authority[0].TTL != localTTL:
		return m.String()
	case m.RCode == wire.RCodeNoError:
		return "no data in " + m.Authority[0].Name.String()
	}
	return fmt.Sprintf("%v in %v", m.RCode, m.Authority[0].Name)
}

func TestLocalNames(t *testing.T) {
	local, err := NewLocalNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		kind wire.Type
		want string
	}{
		// RFC 6761 6.3
		{"localhost.", wire.TypeA, "localhost. A 127.0.0.1"},
		{"LOCALHOST.", wire.TypeAAAA, "LOCALHOST. AAAA ::1"},
		{"a.b.localhost.", wire.TypeA, "a.b.localhost. A 127.0.0.1"},
		{"localhost.", wire.TypeANY, "localhost. A 127.0.0.1"},
		{"localhost.", wire.TypeMX, "no data in localhost."},
		{"a.localhost.", wire.TypeTXT, "no data in localhost."},
		{"localhost.", wire.TypeSOA, "localhost. SOA localhost. nobody.invalid. 1 3600 1200 604800 10800"},
		{"localhost.", wire.TypeNS, "localhost. NS localhost."},
		{"localhost.example.", wire.TypeA, "pass"},
		{"notlocalhost.", wire.TypeA, "pass"},
		// RFC 6761 6.2, 6.4; RFC 7686 2; RFC 8375 4
		{"www.test.", wire.TypeA, "NXDOMAIN in test."},
		{"a.b.invalid.", wire.TypeA, "NXDOMAIN in invalid."},
		{"invalid.", wire.TypeA, "no data in invalid."},
		{"facebookcorewwwi.onion.", wire.TypeA, "NXDOMAIN in onion."},
		{"printer.home.arpa.", wire.TypeAAAA, "NXDOMAIN in home.arpa."},
		{"home.arpa.", wire.TypeNS, "home.arpa. NS home.arpa."},
		{"home.arpa.", wire.TypeDS, "pass"},
		{"printer.home.arpa.", wire.TypeDS, "NXDOMAIN in home.arpa."},
		{"onion.", wire.TypeDS, "no data in onion."},
		// RFC 9462 4
		{"_dns.resolver.arpa.", 64, "no data in resolver.arpa."},
		{"x.resolver.arpa.", wire.TypeA, "no data in resolver.arpa."},
		// RFC 6303 4
		{"1.0.0.127.in-addr.arpa.", wire.TypePTR, "1.0.0.127.in-addr.arpa. PTR localhost."},
		{"1.0.0.127.IN-addr.ARPA.", wire.TypeANY, "1.0.0.127.IN-addr.ARPA. PTR localhost."},
		{"1.0.0.127.in-addr.arpa.", wire.TypeA, "no data in 127.in-addr.arpa."},
		{"0.127.in-addr.arpa.", wire.TypePTR, "no data in 127.in-addr.arpa."},
		{"127.in-addr.arpa.", wire.TypePTR, "no data in 127.in-addr.arpa."},
		{"2.0.0.127.in-addr.arpa.", wire.TypePTR, "NXDOMAIN in 127.in-addr.arpa."},
		{"10.0.127.in-addr.arpa.", wire.TypePTR, "NXDOMAIN in 127.in-addr.arpa."},
		{"x.1.0.0.127.in-addr.arpa.", wire.TypePTR, "NXDOMAIN in 127.in-addr.arpa."},
		{reverse("::1"), wire.TypePTR, reverse("::1") + " PTR localhost."},
		{reverse("::"), wire.TypePTR, "no data in " + reverse("::")},
		{reverse("::2"), wire.TypePTR, "pass"},
		{reverse("0.1.2.3"), wire.TypePTR, "NXDOMAIN in 0.in-addr.arpa."},
		{reverse("255.255.255.255"), wire.TypePTR, "no data in 255.255.255.255.in-addr.arpa."},
		{reverse("255.255.255.254"), wire.TypePTR, "pass"},
		{reverse("10.1.2.3"), wire.TypePTR, "NXDOMAIN in 10.in-addr.arpa."},
		{reverse("172.15.0.1"), wire.TypePTR, "pass"},
		{reverse("172.16.0.1"), wire.TypePTR, "NXDOMAIN in 16.172.in-addr.arpa."},
		{reverse("172.31.0.1"), wire.TypePTR, "NXDOMAIN in 31.172.in-addr.arpa."},
		{reverse("172.32.0.1"), wire.TypePTR, "pass"},
		{reverse("192.168.3.4"), wire.TypePTR, "NXDOMAIN in 168.192.in-addr.arpa."},
		{reverse("192.0.2.1"), wire.TypePTR, "NXDOMAIN in 2.0.192.in-addr.arpa."},
		{reverse("198.51.100.1"), wire.TypePTR, "NXDOMAIN in 100.51.198.in-addr.arpa."},
		{reverse("203.0.113.1"), wire.TypePTR, "NXDOMAIN in 113.0.203.in-addr.arpa."},
		{reverse("169.254.1.1"), wire.TypePTR, "NXDOMAIN in 254.169.in-addr.arpa."},
		{reverse("fd12::1"), wire.TypePTR, "NXDOMAIN in d.f.ip6.arpa."},
		{reverse("fc00::1"), wire.TypePTR, "pass"},
		{reverse("feb0::1"), wire.TypePTR, "NXDOMAIN in b.e.f.ip6.arpa."},
		{reverse("fec0::1"), wire.TypePTR, "pass"},
		{reverse("2001:db8::1"), wire.TypePTR, "NXDOMAIN in 8.b.d.0.1.0.0.2.ip6.arpa."},
		{"10.in-addr.arpa.", wire.TypeSOA, "10.in-addr.arpa. SOA 10.in-addr.arpa. nobody.invalid. 1 3600 1200 604800 10800"},
		{"10.in-addr.arpa.", wire.TypeDS, "pass"},
		// RFC 8880 7
		{"ipv4only.arpa.", wire.TypeA, "ipv4only.arpa. A 192.0.0.170\nipv4only.arpa. A 192.0.0.171"},
		{"IPv4only.ARPA.", wire.TypeANY, "IPv4only.ARPA. A 192.0.0.170"},
		{"ipv4only.arpa.", wire.TypeAAAA, "no data in ipv4only.arpa."},
		{"ipv4only.arpa.", wire.TypeSOA, "ipv4only.arpa. SOA ipv4only.arpa. nobody.invalid. 1 3600 1200 604800 10800"},
		{"ipv4only.arpa.", wire.TypeDS, "pass"},
		{"x.ipv4only.arpa.", wire.TypeA, "NXDOMAIN in ipv4only.arpa."},
		{reverse("192.0.0.170"), wire.TypePTR, reverse("192.0.0.170") + " PTR ipv4only.arpa."},
		{reverse("192.0.0.171"), wire.TypePTR, reverse("192.0.0.171") + " PTR ipv4only.arpa."},
		{reverse("192.0.0.171"), wire.TypeA, "no data in " + reverse("192.0.0.171")},
		{"x." + reverse("192.0.0.171"), wire.TypePTR, "NXDOMAIN in " + reverse("192.0.0.171")},
		{reverse("192.0.0.172"), wire.TypePTR, "pass"},
		// RFC 7793
		{reverse("100.63.0.1"), wire.TypePTR, "pass"},
		{reverse("100.64.0.1"), wire.TypePTR, "NXDOMAIN in 64.100.in-addr.arpa."},
		{reverse("100.127.0.1"), wire.TypePTR, "NXDOMAIN in 127.100.in-addr.arpa."},
		{reverse("100.128.0.1"), wire.TypePTR, "pass"},
		// Names of others.
		{".", wire.TypeNS, "pass"},
		{"example.com.", wire.TypeA, "pass"},
		{"in-addr.arpa.", wire.TypeNS, "pass"},
		{reverse("8.8.8.8"), wire.TypePTR, "pass"},
		{strings.Repeat("a.", 126) + "x.", wire.TypeA, "pass"},
		{strings.Repeat("a.", 122) + "arpa.", wire.TypeA, "pass"},
	} {
		if got := outcome(t, local, c.name, c.kind); got != c.want {
			t.Errorf("%s %v: got %s, want %s", c.name, c.kind, got, c.want)
		}
	}
}

func reverse(addr string) string { return wire.ReverseName(netip.MustParseAddr(addr)).String() }

func TestLocalNamesKeepTheContract(t *testing.T) {
	local, err := NewLocalNames()
	if err != nil {
		t.Fatal(err)
	}
	var questions []wire.Question
	for _, name := range []string{"localhost.", "www.test.", "home.arpa.", reverse("::1"), "ipv4only.arpa.", "example.", "."} {
		for _, kind := range []wire.Type{wire.TypeA, wire.TypePTR, wire.TypeSOA, wire.TypeANY, wire.TypeDS} {
			questions = append(questions, wire.Question{Name: wire.MustParseName(name), Type: kind, Class: wire.ClassIN})
		}
	}
	questions = append(questions, wire.Question{Name: localhost, Type: wire.TypeA, Class: wire.ClassCH})
	namestest.CheckResolver(t, local, questions...)
}

// Exceptions are for the names at and below them, whether they are zones,
// above zones or within.
func TestLocalNamesExcept(t *testing.T) {
	local, err := NewLocalNames(wire.MustParseName("1.168.192.in-addr.ARPA."), wire.MustParseName("test."), wire.MustParseName("ip6.arpa."))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		reverse("192.168.1.7"):      "pass",
		"1.168.192.in-addr.arpa.":   "pass",
		reverse("192.168.2.7"):      "NXDOMAIN in 168.192.in-addr.arpa.",
		"www.test.":                 "pass",
		reverse("fd00::1"):          "pass",
		"11.168.192.in-addr.arpa.":  "NXDOMAIN in 168.192.in-addr.arpa.",
		"x.11.168.192.in-addr.arpa": "NXDOMAIN in 168.192.in-addr.arpa.",
	} {
		if got := outcome(t, local, name, wire.TypePTR); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if _, err := NewLocalNames(wire.Name{}); err == nil {
		t.Error("an empty name is accepted")
	}
	if none, err := NewLocalNames(wire.Root); err != nil || outcome(t, none, "localhost.", wire.TypeA) != "pass" {
		t.Errorf("all names are excepted, error %v", err)
	}
}

func TestLocalNamesAllocateNothing(t *testing.T) {
	local, err := NewLocalNames(wire.MustParseName("1.168.192.in-addr.arpa."))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"localhost.", "www.example.com.", reverse("10.1.2.3"), reverse("::1"), "a.test."} {
		x := newExchange(wire.Question{Name: wire.MustParseName(name), Type: wire.TypePTR, Class: wire.ClassIN}, nil, 512)
		if n := testing.AllocsPerRun(100, func() {
			local.TryResolve(x)
			x.Restart()
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkLocalNamesPass(b *testing.B) { benchmarkLocalNames(b, "www.example.com.", names.ErrPass) }
func BenchmarkLocalNames(b *testing.B)     { benchmarkLocalNames(b, reverse("10.1.2.3"), nil) }

func benchmarkLocalNames(b *testing.B, name string, want error) {
	local, err := NewLocalNames()
	if err != nil {
		b.Fatal(err)
	}
	x := newExchange(wire.Question{Name: wire.MustParseName(name), Type: wire.TypePTR, Class: wire.ClassIN}, nil, 512)
	b.ReportAllocs()
	for b.Loop() {
		if err := local.TryResolve(x); err != want {
			b.Fatal(err)
		}
		x.Restart()
	}
}
