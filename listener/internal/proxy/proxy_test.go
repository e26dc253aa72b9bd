package proxy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"
)

// v2 builds a header of version 2.
func v2(command, family byte, addresses ...byte) []byte {
	b := append([]byte(signature), command, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(addresses)))
	return append(b, addresses...)
}

var (
	ipv4 = []byte{192, 0, 2, 1, 192, 0, 2, 53, 0x10, 0x01, 0, 53}
	ipv6 = append(append(append(make([]byte, 0, 36), netip.MustParseAddr("2001:db8::1").AsSlice()...),
		netip.MustParseAddr("2001:db8::53").AsSlice()...), 0x10, 0x01, 0x03, 0x55)
)

func TestHeaders(t *testing.T) {
	client4, server4 := netip.MustParseAddrPort("192.0.2.1:4097"), netip.MustParseAddrPort("192.0.2.53:53")
	client6, server6 := netip.MustParseAddrPort("[2001:db8::1]:4097"), netip.MustParseAddrPort("[2001:db8::53]:853")
	tlv := append(append([]byte(nil), ipv4...), 0x04, 0, 2, 9, 9, 0x20, 0, 0)
	for _, c := range []struct {
		name string
		b    []byte
		want Header
	}{
		{"UDP over IPv4", v2(v2Proxy, v2UDP4, ipv4...), Header{Source: client4, Destination: server4}},
		{"TCP over IPv4", v2(v2Proxy, v2TCP4, ipv4...), Header{Source: client4, Destination: server4}},
		{"UDP over IPv6", v2(v2Proxy, v2UDP6, ipv6...), Header{Source: client6, Destination: server6}},
		{"TCP over IPv6", v2(v2Proxy, v2TCP6, ipv6...), Header{Source: client6, Destination: server6}},
		{"TLVs", v2(v2Proxy, v2TCP4, tlv...), Header{Source: client4, Destination: server4}},
		{"a health check", v2(v2Local, v2Unspecified), Header{IsLocal: true}},
		{"a health check with addresses", v2(v2Local, v2TCP4, ipv4...), Header{IsLocal: true}},
		{"a proxy that does not know", v2(v2Proxy, v2Unspecified), Header{IsLocal: true}},
		{"a client on a Unix socket", v2(v2Proxy, v2UnixStream, make([]byte, 216)...), Header{IsLocal: true}},
		{"text, IPv4", []byte("PROXY TCP4 192.0.2.1 192.0.2.53 4097 53\r\n"), Header{Source: client4, Destination: server4}},
		{"text, IPv6", []byte("PROXY TCP6 2001:db8::1 2001:db8::53 4097 853\r\n"), Header{Source: client6, Destination: server6}},
		{"text, unknown", []byte("PROXY UNKNOWN\r\n"), Header{IsLocal: true}},
		{"text, unknown with words", []byte("PROXY UNKNOWN a b c d\r\n"), Header{IsLocal: true}},
	} {
		c.want.Len = len(c.b)
		got, err := Read(append(c.b, "the message"...))
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v, %v, want %+v", c.name, got, err, c.want)
		}
		stream := strings.NewReader(string(c.b) + "the message")
		if got, err := ReadFrom(iotest.OneByteReader(stream)); err != nil || got != c.want || stream.Len() != len("the message") {
			t.Errorf("%s: got %+v, %v from a stream with %d octets after it", c.name, got, err, stream.Len())
		}
		for n := range c.b {
			if _, err := Read(c.b[:n]); !errors.Is(err, ErrShort) {
				t.Errorf("%s: the first %d octets: %v", c.name, n, err)
			}
			if _, err := ReadFrom(bytes.NewReader(c.b[:n])); err == nil {
				t.Errorf("%s: the first %d octets of a stream are taken", c.name, n)
			}
			if n >= Telling && !Begins(c.b[:n]) {
				t.Errorf("%s: the first %d octets do not tell", c.name, n)
			}
		}
	}
}

func TestMalformedHeaders(t *testing.T) {
	for name, b := range map[string][]byte{
		"a query":             {0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0},
		"another version":     v2(0x11, v2UDP4, ipv4...),
		"another command":     v2(0x22, v2UDP4, ipv4...),
		"another family":      v2(v2Proxy, 0x41, ipv4...),
		"another protocol":    v2(v2Proxy, 0x13, ipv4...),
		"addresses too short": v2(v2Proxy, v2UDP6, ipv4...),
		"no addresses":        v2(v2Proxy, v2TCP4),
		"half a TLV":          v2(v2Proxy, v2TCP4, append(append([]byte(nil), ipv4...), 4, 0)...),
		"a TLV too long":      v2(v2Proxy, v2TCP4, append(append([]byte(nil), ipv4...), 4, 0, 9, 1)...),
		"too long":            v2(v2Proxy, v2TCP4, make([]byte, MaxLen)...),
		"text without an end": []byte("PROXY TCP4 " + strings.Repeat("1", 200)),
		"text, few words":     []byte("PROXY TCP4 192.0.2.1 192.0.2.53 4097\r\n"),
		"text, many words":    []byte("PROXY TCP4 192.0.2.1 192.0.2.53 4097 53 1\r\n"),
		"text, two spaces":    []byte("PROXY TCP4  192.0.2.1 192.0.2.53 4097 53\r\n"),
		"text, wrong family":  []byte("PROXY TCP6 192.0.2.1 192.0.2.53 4097 53\r\n"),
		"text, UDP":           []byte("PROXY UDP4 192.0.2.1 192.0.2.53 4097 53\r\n"),
		"text, a zone":        []byte("PROXY TCP6 fe80::1%eth0 2001:db8::53 4097 53\r\n"),
		"text, port too high": []byte("PROXY TCP4 192.0.2.1 192.0.2.53 65536 53\r\n"),
		"text, port of zeros": []byte("PROXY TCP4 192.0.2.1 192.0.2.53 0053 53\r\n"),
		"text, signed port":   []byte("PROXY TCP4 192.0.2.1 192.0.2.53 +5 53\r\n"),
	} {
		if h, err := Read(b); err == nil || errors.Is(err, ErrShort) {
			t.Errorf("%s is taken: %+v, %v", name, h, err)
		}
		if h, err := ReadFrom(bytes.NewReader(append(b, make([]byte, MaxLen)...))); err == nil || errors.Is(err, ErrShort) {
			t.Errorf("%s is taken from a stream: %+v, %v", name, h, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(v2(v2Proxy, v2UDP6, ipv6...))
	f.Add(v2(v2Proxy, v2TCP4, append(append([]byte(nil), ipv4...), 4, 0, 1, 1)...))
	f.Add([]byte("PROXY TCP4 192.0.2.1 192.0.2.53 4097 53\r\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := Read(b)
		switch {
		case err != nil:
			if errors.Is(err, ErrShort) && len(b) >= MaxLen {
				t.Errorf("%d octets are not enough", len(b))
			}
		case h.Len < len(v1Start) || h.Len > min(len(b), MaxLen):
			t.Errorf("a header of %d octets in %d", h.Len, len(b))
		case h.IsLocal == h.Source.IsValid() || h.Source.IsValid() != h.Destination.IsValid():
			t.Errorf("%+v", h)
		}
	})
}
