package wire

import (
	"net/netip"
	"testing"
)

func TestReverseName(t *testing.T) {
	for _, test := range []struct{ addr, name string }{
		{"192.0.2.1", "1.2.0.192.in-addr.arpa."},
		{"0.0.0.0", "0.0.0.0.in-addr.arpa."},
		{"255.255.255.255", "255.255.255.255.in-addr.arpa."},
		{"2001:db8::567:89ab", "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."}, // RFC 5952 has the address
		{"::", "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa."},
	} {
		addr := netip.MustParseAddr(test.addr)
		n := ReverseName(addr)
		if n.String() != test.name {
			t.Errorf("ReverseName(%s) = %s, want %s", addr, n, test.name)
		}
		upper := MustParseName(test.name)
		for _, name := range []Name{n, upper} {
			if back, ok := AddrFromReverseName(name); !ok || back != addr {
				t.Errorf("AddrFromReverseName(%s) = %s, %v", name, back, ok)
			}
		}
	}
	if got := ReverseName(netip.MustParseAddr("::ffff:192.0.2.1")).String(); got != "1.2.0.192.in-addr.arpa." {
		t.Errorf("mapped address gives %s", got)
	}
	if got := ReverseName(netip.MustParseAddr("fe80::1%eth0")); got != ReverseName(netip.MustParseAddr("fe80::1")) {
		t.Errorf("address with a zone gives %s", got)
	}
	if !ReverseName(netip.Addr{}).IsZero() {
		t.Error("no address has a reverse name")
	}
}

func TestAddrFromReverseNameRefuses(t *testing.T) {
	const ip6 = "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
	if addr, ok := AddrFromReverseName(MustParseName("B.A" + ip6[3:len(ip6)-5] + "ARPA.")); !ok || addr.String() != "2001:db8::567:89ab" {
		t.Errorf("upper case: %s, %v", addr, ok)
	}
	for _, name := range []string{
		".", "arpa.", "in-addr.arpa.", "192.in-addr.arpa.", "2.0.192.in-addr.arpa.", "0.1.2.0.192.in-addr.arpa.",
		"256.2.0.192.in-addr.arpa.", "01.2.0.192.in-addr.arpa.", "a.2.0.192.in-addr.arpa.", "+1.2.0.192.in-addr.arpa.",
		"1.2.0.192.in-addr.example.", "1.2.0.192.ip6.arpa.", `\045\049.2.0.192.in-addr.arpa.`,
		"x" + ip6[1:], "0." + ip6, ip6[2:], "00" + ip6[1:],
	} {
		if addr, ok := AddrFromReverseName(MustParseName(name)); ok {
			t.Errorf("AddrFromReverseName(%s) = %s", name, addr)
		}
	}
	if _, ok := AddrFromReverseName(Name{}); ok {
		t.Error("no name is an address")
	}
}
