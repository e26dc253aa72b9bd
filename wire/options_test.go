package wire

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestOptions(t *testing.T) {
	for _, test := range []struct {
		option Option
		octets string
		line   string // of the OPT pseudosection
	}{
		{&NSID{ID: []byte("ns1")}, "ns1", `; NSID: 6e 73 31 ("ns1")`},
		{&NSID{}, "", "; NSID"},
		{&ClientSubnet{Source: netip.MustParsePrefix("192.0.2.0/24")}, "\x00\x01\x18\x00\xc0\x00\x02", "; CLIENT-SUBNET: 192.0.2.0/24/0"},
		{&ClientSubnet{Source: netip.MustParsePrefix("192.0.2.128/25"), Scope: 32}, "\x00\x01\x19\x20\xc0\x00\x02\x80", "; CLIENT-SUBNET: 192.0.2.128/25/32"},
		{&ClientSubnet{Source: netip.MustParsePrefix("0.0.0.0/0")}, "\x00\x01\x00\x00", "; CLIENT-SUBNET: 0.0.0.0/0/0"},
		{&ClientSubnet{Source: netip.MustParsePrefix("2001:db8::/33"), Scope: 48}, "\x00\x02\x21\x30\x20\x01\x0d\xb8\x00", "; CLIENT-SUBNET: 2001:db8::/33/48"},
		{&ClientSubnet{Source: netip.PrefixFrom(netip.MustParseAddr("::ffff:192.0.2.1"), 128)}, "\x00\x02\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01", "; CLIENT-SUBNET: ::ffff:192.0.2.1/128/0"},
		{&ClientSubnet{}, "\x00\x00\x00\x00", "; CLIENT-SUBNET: 0/0/0"},
		{&Cookie{Client: [8]byte{1, 2, 3, 4, 5, 6, 7, 8}}, "\x01\x02\x03\x04\x05\x06\x07\x08", "; COOKIE: 0102030405060708"},
		{&Cookie{Client: [8]byte{1}, Server: []byte("12345678")}, "\x01\x00\x00\x00\x00\x00\x00\x0012345678", "; COOKIE: 01000000000000003132333435363738"},
		{&Expire{Seconds: 604800}, "\x00\x09\x3a\x80", "; EXPIRE: 604800"},
		{&Expire{Empty: true}, "", "; EXPIRE"},
		{&Keepalive{Timeout: 125}, "\x00\x7d", "; TCP KEEPALIVE: 12.5 secs"},
		{&Keepalive{Timeout: 65535}, "\xff\xff", "; TCP KEEPALIVE: 6553.5 secs"},
		{&Keepalive{Empty: true}, "", "; TCP KEEPALIVE"},
		{&Padding{Octets: make([]byte, 5)}, "\x00\x00\x00\x00\x00", "; PAD: (5 bytes)"},
		{&Padding{}, "", "; PAD"},
		{&Padding{Octets: []byte("\x00x")}, "\x00x", `; PAD: 00 78 (".x")`},
		{&Chain{ClosestTrustPoint: MustParseName("example.")}, "\x07example\x00", "; CHAIN: example."},
		{&Chain{ClosestTrustPoint: Root}, "\x00", "; CHAIN: ."},
		{&KeyTag{Tags: []uint16{20326, 38696}}, "\x4f\x66\x97\x28", "; KEY-TAG: 20326, 38696"},
		{&ExtendedError{Code: ExtendedErrorProhibited}, "\x00\x12", "; EDE: 18 (Prohibited)"},
		{&ExtendedError{Code: ExtendedErrorBlocked, Text: `a (b) \ü:`}, "\x00\x0fa (b) \\ü:", `; EDE: 15 (Blocked): (a (b) \\\195\188:)`},
		{&ExtendedError{Code: 49152, Text: "x"}, "\xc0\x00x", "; EDE: 49152: (x)"},
		{&ZoneVersion{Labels: 2, Version: []byte{0, 0, 1, 2}}, "\x02\x00\x00\x00\x01\x02", "; ZONEVERSION: 2 SOA-SERIAL 258"},
		{&ZoneVersion{Labels: 0, Type: 246, Version: []byte{0xab}}, "\x00\xf6\xab", "; ZONEVERSION: 0 246 ab"},
		{&ZoneVersion{Labels: 1, Type: 247}, "\x01\xf7", "; ZONEVERSION: 1 247 "},
		{&ZoneVersion{Empty: true}, "", "; ZONEVERSION"},
		{&ReportChannel{Agent: MustParseName("a.example.")}, "\x01a\x07example\x00", "; REPORT-CHANNEL: a.example."},
		{&AlgorithmList{Code: OptionDAU, Algorithms: []byte{8, 13, 15}}, "\x08\x0d\x0f", "; DAU: 8 13 15"},
		{&AlgorithmList{Code: OptionDHU, Algorithms: []byte{2}}, "\x02", "; DHU: 2"},
		{&AlgorithmList{Code: OptionN3U}, "", "; N3U"},
		{&UnknownOption{Code: 65001, Data: []byte("a(\"\x00")}, "a(\"\x00", `; OPT=65001: 61 28 22 00 ("a(".")`},
		{&UnknownOption{Code: 65002}, "", "; OPT=65002"},
		{&UnknownOption{Code: OptionLLQ, Data: []byte{0}}, "\x00", `; OPT=1: 00 (".")`},
	} {
		name := test.line
		code := test.option.OptionCode()
		if got := string(test.option.AppendTo([]byte("x"))); got != "x"+test.octets || test.option.Len() != len(test.octets) {
			t.Errorf("%s: octets %q, length %d; want %q", name, got[1:], test.option.Len(), test.octets)
		}
		o, err := ParseOption(code, []byte(test.octets))
		if err != nil || string(o.AppendTo(nil)) != test.octets || o.OptionCode() != code {
			t.Errorf("%s: read as %+v, %v", name, o, err)
		}
		if got := string(appendOptionText([]byte("x"), code, []byte(test.octets))); got != "x"+test.line {
			t.Errorf("shown as %q, want %q", got[1:], test.line)
		}
		list, err := parseOptionText(nil, test.line[1:])
		if want := (Options{}).Append(test.option); err != nil || !bytes.Equal(list, want) {
			t.Errorf("%s: read from text as %q, %v; want %q", name, list, err, want)
		}
	}
}

// Octets that are not of an option's form are refused as values and shown,
// and read back, as octets.
func TestOptionsMalformed(t *testing.T) {
	for _, test := range []struct {
		code   OptionCode
		octets string
	}{
		{OptionClientSubnet, ""},
		{OptionClientSubnet, "\x00\x01\x00"},
		{OptionClientSubnet, "\x00\x03\x08\x00\x01"},                          // family 3
		{OptionClientSubnet, "\x00\x01\x21\x00\x01\x02\x03\x04\x05"},          // prefix of 33
		{OptionClientSubnet, "\x00\x01\x18\x21\xc0\x00\x02"},                  // scope of 33
		{OptionClientSubnet, "\x00\x01\x18\x00\xc0\x00"},                      // an octet short
		{OptionClientSubnet, "\x00\x01\x18\x00\xc0\x00\x02\x00"},              // an octet too many
		{OptionClientSubnet, "\x00\x01\x17\x00\xc0\x00\x01"},                  // a bit after the prefix
		{OptionClientSubnet, "\x00\x02\x81\x00" + strings.Repeat("\x01", 17)}, // prefix of 129
		{OptionClientSubnet, "\x00\x00\x08\x00\x01"},
		{OptionCookie, ""},
		{OptionCookie, "1234567"},
		{OptionCookie, "123456789"},
		{OptionCookie, "123456781234567"},
		{OptionCookie, "12345678" + strings.Repeat("x", 33)},
		{OptionExpire, "\x00"},
		{OptionExpire, "\x00\x00\x00\x00\x00"},
		{OptionKeepalive, "\x00"},
		{OptionKeepalive, "\x00\x00\x00"},
		{OptionChain, ""},
		{OptionChain, "\x01a"},
		{OptionChain, "\x01a\x00\x00"},
		{OptionChain, "\xc0\x0c"},
		{OptionReportChannel, ""},
		{OptionKeyTag, ""},
		{OptionKeyTag, "\x00\x00\x00"},
		{OptionExtendedError, ""},
		{OptionExtendedError, "\x00"},
		{OptionZoneVersion, "\x00"},
		{OptionZoneVersion, "\x00\x00\x00\x00\x01"},
		{OptionZoneVersion, "\x80\x00\x00\x00\x00\x01"},
	} {
		if o, err := ParseOption(test.code, []byte(test.octets)); !errors.Is(err, ErrOption) {
			t.Errorf("%s of %q: %+v, %v", test.code, test.octets, o, err)
		}
		line := appendOptionText(nil, test.code, []byte(test.octets))
		if !strings.HasPrefix(string(line), "; OPT=") {
			t.Errorf("%s of %q is shown as %q", test.code, test.octets, line)
		}
		list, err := parseOptionText(nil, string(line[1:]))
		if want := (Options{}).AppendOption(test.code, []byte(test.octets)); err != nil || !bytes.Equal(list, want) {
			t.Errorf("%q reads as %q, %v", line, list, err)
		}
	}
	for _, line := range []string{
		"CLIENT-SUBNET: 192.0.2.0", "CLIENT-SUBNET: 192.0.2.0/33", "CLIENT-SUBNET: 192.0.2.0/24/33", "CLIENT-SUBNET: x/0/0",
		"CLIENT-SUBNET: fe80::1%eth0/64/0", "CLIENT-SUBNET: 0/8/0", "EXPIRE: x", "EXPIRE: 4294967296", "TCP KEEPALIVE: 6553.6 secs",
		"TCP KEEPALIVE: 1.23 secs", "TCP KEEPALIVE: x", "PAD: (x bytes)", "PAD: (5", "PAD: (65536 bytes)", "CHAIN: a..b", "CHAIN:",
		"KEY-TAG:", "KEY-TAG: 65536", "EDE: x", "EDE: 1: text", "ZONEVERSION: 1", "ZONEVERSION: 1 SOA-SERIAL x", "ZONEVERSION: 1 2 xx",
		"ZONEVERSION: 1 2 3 4", "ZONEVERSION: 200 1 aa", "DAU: 256", "NSID: xyz", "COOKIE: xyz", "REPORT-CHANNEL:", `EDE: 1: (\256)`,
	} {
		if list, err := parseOptionText(nil, line); err == nil || len(list) != 0 {
			t.Errorf("%q reads as %q", line, list)
		}
	}
}

// dig adds words in parentheses that say nothing new.
func TestOptionsAsDigShowsThem(t *testing.T) {
	for line, want := range map[string]string{
		"EXPIRE: 604800 (1 week)":           "\x00\x09\x00\x04\x00\x09\x3a\x80",
		"COOKIE: 0102030405060708 (echoed)": "\x00\x0a\x00\x08\x01\x02\x03\x04\x05\x06\x07\x08",
		"EDE: 22 (No Reachable Authority)":  "\x00\x0f\x00\x02\x00\x16",
		"ede: 22":                           "\x00\x0f\x00\x02\x00\x16",
		"CLIENT-SUBNET: 192.0.2.77/24":      "\x00\x08\x00\x07\x00\x01\x18\x00\xc0\x00\x02",
		"TCP KEEPALIVE: 30 secs":            "\x00\x0b\x00\x02\x01\x2c",
		"NSID: 6e7331":                      "\x00\x03\x00\x03ns1",
	} {
		if list, err := parseOptionText(nil, line); err != nil || string(list) != want {
			t.Errorf("%q reads as %q, %v", line, list, err)
		}
	}
}

func TestOptionCodeNames(t *testing.T) {
	if OptionCookie.String() != "COOKIE" || OptionCode(65001).String() != "OPT=65001" || OptionLLQ.String() != "LLQ" {
		t.Error("String is wrong")
	}
	if !slices.IsSortedFunc(optionKinds, func(a, b optionKind) int { return int(a.code) - int(b.code) }) {
		t.Error("the table is not in order")
	}
	for _, k := range optionKinds {
		if got := NewOption(k.code).OptionCode(); got != k.code {
			t.Errorf("NewOption(%s) is a %s", k.code, got)
		}
	}
	if ExtendedErrorNewDelegationOnly != 34 || ExtendedErrorNewDelegationOnly.String() != "New Delegation Only" || ExtendedErrorCode(35).String() != "" {
		t.Error("extended errors are out of step")
	}
}
