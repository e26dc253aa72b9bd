package wire

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestBadRdataText: each text is wrong at the word with that index, and the
// message says so.
func TestBadRdataText(t *testing.T) {
	for _, test := range []struct {
		typ   Type
		text  string
		index int
		want  string // part of the message
	}{
		{TypeA, "", 0, "expected an IPv4 address, found the end of the data"},
		{TypeA, "192.0.2.256", 0, `expected an IPv4 address, found "192.0.2.256"`},
		{TypeA, "192.0.2", 0, "IPv4"},
		{TypeA, "192.0.2.", 0, "IPv4"},
		{TypeA, "192.0.2.1.", 0, "IPv4"},
		{TypeA, "192.0.2.1.1", 0, "IPv4"},
		{TypeA, "192.0.2.01", 0, "IPv4"},
		{TypeA, "192.0..1", 0, "IPv4"},
		{TypeA, "::1", 0, "IPv4"},
		{TypeA, `192.0.2.1 "" `, 1, `expected no more data, found ""`},
		{TypeA, "192.0.2.1 192.0.2.2 x", 1, `expected no more data, found "192.0.2.2"`},
		{TypeAAAA, "192.0.2.1", 0, "expected an IPv6 address"},
		{TypeAAAA, "fe80::1%eth0", 0, "expected an IPv6 address"},
		{TypeAAAA, "1::2::3", 0, "expected an IPv6 address"},
		{TypeAAAA, `""`, 0, "expected an IPv6 address"},
		{TypeNS, "", 0, "expected a name, found the end of the data"},
		{TypeNS, "a..b", 0, `expected a name, found "a..b": label is empty`},
		{TypeNS, `""`, 0, "name is empty"},
		{TypeNS, `a\25`, 0, "escape"},
		{TypeNS, strings.Repeat("a", 64), 0, "label is longer than 63 octets"},
		{TypeNS, strings.Repeat("a.", 125) + "a", 0, "name is longer than 255 octets"},
		{TypeMX, "mail", 0, `expected a number from 0 to 65535, found "mail"`},
		{TypeMX, "65536 mail", 0, "expected a number from 0 to 65535"},
		{TypeMX, "-1 mail", 0, "expected a number"},
		{TypeMX, "+1 mail", 0, "expected a number"},
		{TypeMX, "0x1 mail", 0, "expected a number"},
		{TypeMX, `"" mail`, 0, "expected a number"},
		{TypeMX, "10", 1, "expected a name"},
		{TypeSOA, "a b 4294967296 1 1 1 1", 2, "from 0 to 4294967295"},
		{TypeSOA, "a b 1h 1 1 1 1", 2, "expected a number"},
		{TypeSOA, "a b 1 1x 1 1 1", 3, "1h30m"},
		{TypeSOA, "a b 1 h 1 1 1", 3, "1h30m"},
		{TypeSOA, "a b 1 7102w 1 1 1", 3, "1h30m"},
		{TypeSOA, "a b 1 1h99999999999 1 1 1", 3, "1h30m"},
		{TypeSOA, "a b 1 7101w1000000 1 1 1", 3, "1h30m"},
		{TypeSOA, "a b 1 1 1 1", 6, "found the end of the data"},
		{TypeTXT, "", 0, "expected a character-string, found the end"},
		{TypeTXT, "a " + strings.Repeat("b", 256), 1, "at most 255 octets, found one of 256"},
		{TypeTXT, `a\256`, 0, "escape"},
		{TypeHINFO, "a", 1, "character-string"},
		{TypeHINFO, "a b c", 2, "no more data"},
		{TypeISDN, "a b c", 2, "no more data"},
		{TypeWKS, "192.0.2.1 carrier-pigeon 25", 1, "expected a protocol"},
		{TypeWKS, "192.0.2.1 tcp 65536", 2, "expected a service"},
		{TypeWKS, "192.0.2.1 tcp 25 nonsense", 3, "expected a service"},
		{TypeNSAP, "", 0, "expected 0x"},
		{TypeATMA, "", 0, "telephone number"},
		{TypeCAA, "0", 1, "letters and digits"},
		{TypeKEY, "0x10000 3 5 AA==", 0, "expected flags"},
		{TypeRRSIG, "", 0, "expected a record type, found the end"},
		{TypeRRSIG, "A 8 2 1", 4, "expected a time, found the end"},
		{TypeEUI48, "", 0, "six pairs"},
		{TypeNID, "1", 1, "four groups"},
		{TypeNSAP, "47", 0, "expected 0x"},
		{TypeNSAP, "0x", 0, "expected 0x"},
		{TypeNSAP, "0x4.7.0", 0, "even number"},
		{TypeKEY, "HOST|NONSENSE 3 5 AA==", 0, "expected flags"},
		{TypeKEY, "65536 3 5 AA==", 0, "expected flags"},
		{TypeKEY, "0 PIGEON 5 AA==", 1, "expected a protocol"},
		{TypeKEY, "0 3 5", 3, "expected base64, found the end"},
		{TypeLOC, "91 N 0 W 0", 0, "a latitude: degrees from 0 to 90"},
		{TypeLOC, "90 0 0.001 N 0 W 0", 3, "at most 90 degrees"},
		{TypeLOC, "1 60 N 0 W 0", 1, "minutes from 0 to 59"},
		{TypeLOC, "1 2 60 N 0 W 0", 2, "seconds from 0 to 59.999"},
		{TypeLOC, "1 2 3.1234 N 0 W 0", 2, "seconds"},
		{TypeLOC, "1 2 3. N 0 W 0", 2, "seconds"},
		{TypeLOC, "1 2 3 4 N 0 W 0", 3, "direction"},
		{TypeLOC, "1 E 0 W 0", 1, "minutes from 0 to 59, or the letter"},
		{TypeLOC, "1 N 2 E", 4, "expected an altitude"},
		{TypeLOC, "1 N 2 E -100000.01m", 4, "altitude"},
		{TypeLOC, "1 N 2 E 42849672.96m", 4, "altitude"},
		{TypeLOC, "1 N 2 E 0 90000000.01", 5, "expected a size"},
		{TypeLOC, "1 N 2 E 0 1 x", 6, "expected a size"},
		{TypeLOC, "1 N 2 E 0 1 2 3 4", 8, "no more data"},
		{TypeNXT, "a CAA", 1, "from 1 to 127"},
		{TypeNXT, "a A PIGEON", 2, "record type"},
		{TypeEID, "ABC", 0, `even number of hex digits, found "ABC"`},
		{TypeEID, "AB C", 1, "even number of hex digits"},
		{TypeEID, "AB XY", 1, "expected hex digits"},
		{TypeEID, "", 0, "expected hex digits, found the end"},
		{TypeEID, `""`, 0, `expected hex digits, found ""`},
		{TypeEID, `"" ""`, 1, `expected hex digits, found ""`},
		{TypeDHCID, `""`, 0, `expected base64, found ""`},
		{TypeATMA, "+", 0, "telephone number"},
		{TypeATMA, "+12a", 0, "telephone number"},
		{TypeATMA, "123", 0, "telephone number"},
		{TypeCERT, "PIGEON 1 1 AA==", 0, "certificate type"},
		{TypeCERT, "PKIX 1 PIGEON AA==", 2, "expected an algorithm"},
		{TypeCERT, "PKIX 1 1 A", 3, "multiple of four"},
		{TypeCERT, "PKIX 1 1 AA", 3, "multiple of four"},
		{TypeCERT, "PKIX 1 1 AA== AA==", 4, "expected base64"},
		{TypeCERT, "PKIX 1 1 AB==", 3, "expected base64"},
		{TypeCERT, "PKIX 1 1 A===", 3, "expected base64"},
		{TypeCERT, "PKIX 1 1 AA-_", 3, "expected base64"},
		{TypeA6, "129 ::", 0, "from 0 to 128"},
		{TypeA6, "64 x y", 1, "IPv6"},
		{TypeA6, "64 ::", 2, "expected a name"},
		{TypeA6, "0 :: a", 2, "no more data"},
		{TypeA6, "128 :: a", 2, "no more data"},
		{TypeAPL, "1:192.0.2.0/33", 0, "address range"},
		{TypeAPL, "1:192.0.2.0/24 2:192.0.2.0/24", 1, "address range"},
		{TypeAPL, "3:192.0.2.0/24", 0, "address range"},
		{TypeAPL, "1:192.0.2.0", 0, "address range"},
		{TypeAPL, "192.0.2.0/24", 0, "address range"},
		{TypeAPL, "2:::/129", 0, "address range"},
		{TypeDS, "1 8 1 AABB", 3, "expected 20 octets for a digest of type 1, found 2"},
		{TypeDS, "1 8 2 " + strings.Repeat("AA", 33), 3, "expected 32 octets"},
		{TypeDS, "1 8 4 " + strings.Repeat("AA ", 47), 3, "expected 48 octets"},
		{TypeDS, "1 8 1", 3, "hex digits"},
		{TypeCDS, "1 8 1 AABB", 3, "expected 20 octets"},
		{TypeZONEMD, "1 1 1 AABB", 3, "expected 48 octets"},
		{TypeZONEMD, "1 256 1 AABB", 1, "a scheme"},
		{TypeZONEMD, "1 1 2 AABB", 3, "expected 64 octets"},
		{TypeSSHFP, "1 1 AABB", 2, "expected 20 octets"},
		{TypeSSHFP, "1 2 AABB", 2, "expected 32 octets"},
		{TypeIPSECKEY, "1 4 2 . AA==", 1, "from 0 to 3"},
		{TypeIPSECKEY, "1 0 2 a AA==", 3, `expected "." for no gateway`},
		{TypeIPSECKEY, "1 1 2 a AA==", 3, "IPv4"},
		{TypeRRSIG, "PIGEON 8 1 1 1 1 1 . AA==", 0, "record type"},
		{TypeRRSIG, "TYPE65536 8 1 1 1 1 1 . AA==", 0, "record type"},
		{TypeRRSIG, "A 256 1 1 1 1 1 . AA==", 1, "algorithm"},
		{TypeRRSIG, "A 8 1 1 20261301000000 1 1 . AA==", 4, "YYYYMMDDHHmmSS"},
		{TypeRRSIG, "A 8 1 1 1 4294967296 1 . AA==", 5, "YYYYMMDDHHmmSS"},
		{TypeNSEC, "a A PIGEON", 2, "record type"},
		{TypeNSEC3, "1 0 0 AAB 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR", 3, "salt"},
		{TypeNSEC3, "1 0 0 " + strings.Repeat("AA", 256) + " 2T7B", 3, "salt of at most 255 octets"},
		{TypeNSEC3, "1 0 0 - W", 4, "base32hex"},
		{TypeNSEC3, "1 0 0 - 2", 4, "base32hex"},
		{TypeNSEC3, "1 0 0 - 21", 4, "base32hex"},
		{TypeNSEC3, "1 0 0 - 222", 4, "base32hex"},
		{TypeNSEC3, `1 0 0 - ""`, 4, "base32hex"},
		{TypeNSEC3, "1 0 0 - " + strings.Repeat("0", 410), 4, "at most 255 octets"},
		{TypeHIP, "1 - AA==", 1, "host identity tag"},
		{TypeHIP, "1 AA ", 2, "base64"},
		{TypeHIP, "1 AA A", 2, "expected base64"},
		{TypeHIP, "1 " + strings.Repeat("AA", 256) + " AAAA", 1, "at most 255 octets"},
		{TypeHIP, `1 AA ""`, 2, "public key of 1 to 65535 octets"},
		{TypeHIP, "1 AA AA== a..b", 3, "name"},
		{TypeDSYNC, "CDS PIGEON 1 a", 1, "expected a scheme, NOTIFY"},
		{TypeNID, "1 1:2:3", 1, "four groups"},
		{TypeNID, "1 1:2:3:4:5", 1, "four groups"},
		{TypeNID, "1 1:2:3:12345", 1, "four groups"},
		{TypeNID, "1 1::3:4", 1, "four groups"},
		{TypeNID, "1 1:2:3:g", 1, "four groups"},
		{TypeEUI48, "00-00-5e-00-53", 0, "six pairs"},
		{TypeEUI48, "00:00:5e:00:53:2a", 0, "six pairs"},
		{TypeEUI48, "00-00-5e-00-53-2g", 0, "six pairs"},
		{TypeEUI64, "00-00-5e-00-53-2a", 0, "eight pairs"},
		{TypeTSIG, "a 1 2 3 AA== 1 0 0", 4, "expected 3 octets in base64, found 1"},
		{TypeTSIG, "a 281474976710656 2 0 1 0 0", 1, "from 0 to 281474976710655"},
		{TypeTSIG, "a 1 2 0 1 PIGEON 0", 5, "response code"},
		{TypeIPN, "18446744073709551616", 0, "from 0 to 18446744073709551615"},
		{TypeURI, "1 2", 2, "expected a string"},
		{TypeCAA, "0 is-sue a", 1, "letters and digits"},
		{TypeCAA, `0 "" a`, 1, "letters and digits"},
		{TypeCAA, "0 issue", 2, "expected a string"},
		{TypeDOA, `0 0 0 "" *`, 4, "base64"},
		{TypeAMTRELAY, "1 2 1 a", 1, "from 0 to 1"},
		{TypeAMTRELAY, "1 0 4 a", 2, "from 0 to 3"},

		{TypeSVCB, "1 . pigeon=1", 2, `expected a parameter of a service, found "pigeon=1"`},
		{TypeSVCB, "1 . ALPN=h2", 2, "parameter of a service"},
		{TypeSVCB, "1 . key01=a", 2, "parameter of a service"},
		{TypeSVCB, "1 . key65536=a", 2, "parameter of a service"},
		{TypeSVCB, "1 . =a", 2, "parameter of a service"},
		{TypeSVCB, "1 . port=1 alpn=h2 port=2", 4, "parameter port is there twice"},
		{TypeSVCB, "1 . port=1 key3=aa", 3, "parameter port is there twice"},
		{TypeSVCB, "1 . port", 2, "value that parameter port can have"},
		{TypeSVCB, "1 . port=65536", 2, "parameter port"},
		{TypeSVCB, "1 . alpn", 2, "parameter alpn"},
		{TypeSVCB, `1 . alpn=""`, 2, "parameter alpn"},
		{TypeSVCB, "1 . alpn=h2,,h3", 2, "parameter alpn"},
		{TypeSVCB, "1 . alpn=h2,", 2, "parameter alpn"},
		{TypeSVCB, "1 . alpn=" + strings.Repeat("a", 256), 2, "parameter alpn"},
		{TypeSVCB, `1 . alpn=a\\`, 2, "parameter alpn"},
		{TypeSVCB, `1 . alpn=a\2`, 2, "parameter alpn"},
		{TypeSVCB, "1 . no-default-alpn=a alpn=b", 2, "parameter no-default-alpn"},
		{TypeSVCB, "1 . port=1 no-default-alpn", 2, "requires the parameter alpn"},
		{TypeSVCB, "1 . ipv4hint=::1", 2, "parameter ipv4hint"},
		{TypeSVCB, "1 . ipv4hint", 2, "parameter ipv4hint"},
		{TypeSVCB, "1 . ipv6hint=1.2.3.4", 2, "parameter ipv6hint"},
		{TypeSVCB, "1 . ech=*", 2, "parameter ech"},
		{TypeSVCB, "1 . ech", 2, "parameter ech"},
		{TypeSVCB, "1 . key3=a", 2, "parameter port"},
		{TypeSVCB, "1 . mandatory", 2, "parameter mandatory"},
		{TypeSVCB, "1 . mandatory=mandatory", 2, "parameter mandatory"},
		{TypeSVCB, "1 . mandatory=port,port port=1", 2, "parameter mandatory"},
		{TypeSVCB, "1 . mandatory=port", 2, "parameter port is mandatory and missing"},
		{TypeSVCB, "1 . tls-supported-groups=29,29", 2, "tls-supported-groups"},
		{TypeSVCB, "1 . dohpath", 2, "dohpath"},
		{TypeSVCB, "1 . ohttp=1", 2, "ohttp"},
		{TypeSVCB, "1 . ohttp=", 2, "ohttp="},
		{TypeSVCB, "1 . alpn=a no-default-alpn=", 3, "no-default-alpn="},
		{TypeSVCB, "1 . docpath=", 2, "docpath="},
		{TypeSVCB, "1 . key65000=", 2, "key65000="},
		{TypeSVCB, "1 . dohpath=/dns-query", 2, "no variable dns"},
		{TypeSVCB, "1 . dohpath=/dns-query{?name}", 2, "no variable dns"},
		{TypeSVCB, "1 . dohpath=/{?DNS}", 2, "no variable dns"},
		{TypeSVCB, "1 . dohpath=https://dns.example/q{?dns}", 2, "is not a path"},
		{TypeSVCB, "1 . dohpath=//dns.example/q{?dns}", 2, "is not a path"},
		{TypeSVCB, "1 . dohpath=dns-query{?dns}", 2, "is not a path"},
		{TypeSVCB, "1 . dohpath={/dns}", 2, "is not a path"},
		{TypeSVCB, "1 . dohpath=/q{?dns", 2, "a brace without the other"},
		{TypeSVCB, "1 . dohpath=/q}{?dns}", 2, "a brace without the other"},
		{TypeSVCB, "1 . dohpath=/q{?dns}{}", 2, "malformed"},
		{TypeSVCB, "1 . dohpath=/q{?dns:0}", 2, "malformed"},
		{TypeSVCB, "1 . dohpath=/q{=dns}", 2, "malformed"},
		{TypeSVCB, "1 . key7=/q", 2, "no variable dns"},
		{TypeSVCB, "1 . dohpath=/\\255{?dns}", 2, "is not UTF-8"},

		// The generic form.
		{TypeA, `\#`, 1, "expected the number of octets"},
		{TypeA, `\# x`, 1, "the number of octets from 0 to 65535"},
		{TypeA, `\# 65536`, 1, "the number of octets from 0 to 65535"},
		{TypeA, `\# 4`, 2, "expected hex digits, found the end"},
		{TypeA, `\# 4 C00002`, 2, "expected 4 octets, found 3"},
		{TypeA, `\# 0 C0`, 2, "expected 0 octets, found 1"},
		{TypeA, `\# 3 C00002`, 2, "octets are not data of type A: data ends too early"},
		{TypeA, `\# 5 C000020101`, 2, "octets are left over"},
		{TypeA, `\# 0`, 1, "octets are not data of type A"},
		{TypeNS, `\# 2 C00C`, 2, "compressed"},
		{TypeCAA, `\# 2 0000`, 2, "tag is not made of letters"},
		{TypeSVCB, `\# 11 00010000030001000000`, 2, "expected 11 octets, found 10"},
		{TypeSVCB, `\# 8 0001000003000101`, 2, "value of parameter port"},
		{TypeA, `"\\#" 4 C0000201`, 0, "expected an IPv4 address"},
		{TypeNULL, "x", 0, "generic form"},
		{TypeNULL, "", 0, "generic form"},
		{65280, "192.0.2.1", 0, `data of type TYPE65280 is known in the generic form only: expected \# and a length`},
		{TypeOPT, "x", 0, "generic form"},
	} {
		b := []byte("before")
		words := splitWords(test.text)
		for i := range words {
			words[i].Text = slices.Clone(words[i].Text)
		}
		got, err := AppendRdataFromText(b, test.typ, words, testOrigin)
		var at *WordError
		if !errors.As(err, &at) {
			t.Errorf("%v %s: %v (%X), want an error", test.typ, test.text, err, got)
			continue
		}
		if at.Index != test.index || !strings.Contains(at.Err.Error(), test.want) {
			t.Errorf("%v %s: word %d: %v\nwant word %d: %s", test.typ, test.text, at.Index, at.Err, test.index, test.want)
		}
		if string(got) != "before" {
			t.Errorf("%v %s: b is not as it was: %q", test.typ, test.text, got)
		}
	}
}

// TestBadRdata: octets that are wrong in other ways than being cut short.
func TestBadRdata(t *testing.T) {
	for _, test := range []struct {
		typ  Type
		data string
		want string
	}{
		{TypeA, "\x01\x02\x03\x04\x05", "left over"},
		{TypeNS, "\x40a", "label type"},
		{TypeNS, "\xC0\x00", "compressed"},
		{TypeTXT, "", "ends too early"},
		{TypeNSEC, "\x00\x00\x00", "0 octets, not 1 to 32"},
		{TypeNSEC, "\x00\x00\x21" + strings.Repeat("\x01", 33), "33 octets, not 1 to 32"},
		{TypeNSEC, "\x00\x00\x01\x40\x00\x01\x40", "ascending"},
		{TypeNSEC, "\x00\x01\x01\x40\x00\x01\x40", "ascending"},
		{TypeNSEC, "\x00\x00\x02\x40\x00", "without a type"},
		{TypeNXT, "\x00\x80", "not that of an NXT"},
		{TypeNXT, "\x00" + strings.Repeat("\x01", 17), "not that of an NXT"},
		{TypeNXT, "\x00\x40\x00", "without a type"},
		{TypeNSEC3, "\x01\x00\x00\x00\x00\x00", "hashed name is empty"},
		{TypeLOC, "\x01\x12\x16\x13\x80\x00\x00\x00\x80\x00\x00\x00\x00\x98\x96\x80", "version 1"},
		{TypeLOC, "\x00\xA2\x16\x13\x80\x00\x00\x00\x80\x00\x00\x00\x00\x98\x96\x80", "decimal digits"},
		{TypeLOC, "\x00\x12\x16\x13\x00\x00\x00\x00\x80\x00\x00\x00\x00\x98\x96\x80", "latitude beyond 90"},
		{TypeAPL, "\x00\x01\x21\x00", "longer than its family"},
		{TypeAPL, "\x00\x01\x20\x05\x01\x02\x03\x04\x05", "longer than its family"},
		{TypeAPL, "\x00\x01\x20\x02\x01\x00", "zero octet"},
		{TypeA6, "\x81", "prefix of 129 bits"},
		{TypeA6, "\x41\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x00", "reaches into the prefix"},
		{TypeIPSECKEY, "\x01\x04\x02", "unknown type 4"},
		{TypeAMTRELAY, "\x01\x84", "unknown type 4"},
		{TypeHIP, "\x00\x01\x00\x01\x01", "is empty"},
		{TypeHIP, "\x01\x01\x00\x00\x01", "is empty"},
		{TypeWKS, "\x01\x02\x03\x04\x06" + strings.Repeat("\x01", 8193), "65536 bits"},
		{TypeATMA, "\x01a", "telephone"},
		{TypeCAA, "\x00\x00", "tag"},
		{TypeCAA, "\x00\x01-", "tag"},
		{TypeSVCB, "\x00\x01\x00\x00\x03\x00\x02\x00\x01\x00\x01\x00\x03\x02h2", "ascending"},
		{TypeSVCB, "\x00\x01\x00\x00\x03\x00\x02\x00\x01\x00\x03\x00\x02\x00\x01", "ascending"},
		{TypeSVCB, "\x00\x01\x00\x00\x01\x00\x02\x02h", "value of parameter alpn"},
		{TypeSVCB, "\x00\x01\x00\x00\x00\x00\x04\x00\x03\x00\x01", "value of parameter mandatory"},
		{TypeSVCB, "\x00\x01\x00\x00\x04\x00\x03\x01\x02\x03", "value of parameter ipv4hint"},
	} {
		for title, err := range map[string]error{
			"CheckRdata": CheckRdata(test.typ, []byte(test.data)),
			"Parse":      parseRdata(test.typ, []byte(test.data)),
		} {
			if err == nil || !strings.Contains(err.Error(), test.want) || !isRdataError(err) {
				t.Errorf("%v %q: %s says %v, want %s", test.typ, test.data, title, err, test.want)
			}
		}
		if text := string(AppendRdataText(nil, test.typ, []byte(test.data))); !strings.HasPrefix(text, `\# `) {
			t.Errorf("%v %q prints %s, want the generic form", test.typ, test.data, text)
		}
	}
}

func parseRdata(typ Type, data []byte) error {
	c := CursorOver(data)
	return NewRdata(typ).Parse(&c)
}
