package encrypted

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/names-dns/names/internal/pin"
	"github.com/names-dns/names/names"
)

const somePin = "B6LEEoIsxgYmZnhsL+MUw4MtEyz8WUCMHTa3mFR7b20="

func TestParse(t *testing.T) {
	key, err := pin.Parse(somePin)
	if err != nil {
		t.Fatal(err)
	}
	quad9 := netip.MustParseAddr("9.9.9.9")
	for text, want := range map[string]Server{
		"tls://9.9.9.9#dns.quad9.net": {Protocol: names.TLS, Host: "9.9.9.9", Port: 853, Address: quad9, Name: "dns.quad9.net"},
		"tls://9.9.9.9":               {Protocol: names.TLS, Host: "9.9.9.9", Port: 853, Address: quad9, Name: "9.9.9.9"},
		"TLS://DNS.Quad9.net.:8853":   {Protocol: names.TLS, Host: "dns.quad9.net", Port: 8853, Name: "dns.quad9.net"},
		"tls://dns.quad9.net@9.9.9.9": {Protocol: names.TLS, Host: "dns.quad9.net", Port: 853, Address: quad9, Name: "dns.quad9.net"},
		"tls://[2620:fe::fe]:853#dns.quad9.net": {Protocol: names.TLS, Host: "2620:fe::fe", Port: 853,
			Address: netip.MustParseAddr("2620:fe::fe"), Name: "dns.quad9.net"},
		"tls://2620:fe::fe": {Protocol: names.TLS, Host: "2620:fe::fe", Port: 853, Address: netip.MustParseAddr("2620:fe::fe"), Name: "2620:fe::fe"},
		"https://dns.example/dns-query@192.0.2.1": {Protocol: names.HTTPS, Host: "dns.example", Port: 443, Path: "/dns-query",
			Address: netip.MustParseAddr("192.0.2.1"), Name: "dns.example"},
		"https://dns.example":          {Protocol: names.HTTPS, Host: "dns.example", Port: 443, Path: "/dns-query", Name: "dns.example"},
		"h3://dns.example:8443/a/b":    {Protocol: names.HTTPS, HTTP3: true, Host: "dns.example", Port: 8443, Path: "/a/b", Name: "dns.example"},
		"quic://192.0.2.1#dns.example": {Protocol: names.QUIC, Host: "192.0.2.1", Port: 853, Address: netip.MustParseAddr("192.0.2.1"), Name: "dns.example"},
		"tls://192.0.2.1?pin=" + somePin: {Protocol: names.TLS, Host: "192.0.2.1", Port: 853, Address: netip.MustParseAddr("192.0.2.1"), Name: "192.0.2.1",
			Pins: [][32]byte{key}},
		"tls://192.0.2.1?opportunistic": {Protocol: names.TLS, Host: "192.0.2.1", Port: 853, Address: netip.MustParseAddr("192.0.2.1"), Name: "192.0.2.1", NoProof: true},
		"tls://ns.example#tls.example?pin=" + somePin + "&pin=" + somePin + "@2001:db8::1": {Protocol: names.TLS, Host: "ns.example", Port: 853,
			Address: netip.MustParseAddr("2001:db8::1"), Name: "tls.example", Pins: [][32]byte{key, key}},
	} {
		got, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", text, diff)
		}
		if again, err := Parse(got.String()); err != nil || !cmp.Equal(got, again, cmpopts.EquateComparable(netip.Addr{})) {
			t.Errorf("%s is written as %s, which is %+v, %v", text, got.String(), again, err)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"dns://192.0.2.1":                              "is not one of tls://",
		"tls://":                                       `"" is not the name or address of a server`,
		"tls://a b":                                    `"a b" is not the name or address`,
		"tls://192.0.2.1:0":                            `"0" is not a port`,
		"tls://192.0.2.1:x":                            `"x" is not a port`,
		"tls://dns.example/dns-query":                  "tls:// has no path",
		"tls://dns.example@ns.example":                 `"ns.example" after @ is not an address`,
		"tls://192.0.2.1@192.0.2.2":                    "are two addresses of one server",
		"tls://192.0.2.1#":                             `"" after # is not a name`,
		"tls://192.0.2.1?pin=abc":                      `"abc" is not a pin`,
		"tls://192.0.2.1?pins=" + somePin:              `option "pins" is not one of`,
		"tls://192.0.2.1?opportunistic=1":              "opportunistic has no value",
		"tls://192.0.2.1?opportunistic&pin=" + somePin: "exclude each other",
		"tls://" + strings.Repeat("a", maxURL):         "is longer than",
	} {
		if got, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", text, got, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("tls://9.9.9.9:853#dns.quad9.net")
	f.Add("https://dns.example:443/dns-query?opportunistic@[2001:db8::1]")
	f.Add("quic://[::1]?pin=" + somePin)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Parse(text)
		if err != nil {
			return
		}
		again, err := Parse(s.String())
		if err != nil || again.String() != s.String() {
			t.Errorf("%q is written as %q, which is %q, %v", text, s.String(), again.String(), err)
		}
	})
}
