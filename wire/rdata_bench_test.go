package wire

import "testing"

// BenchmarkRdataText measures the way of most records of a large zone.
func BenchmarkRdataText(b *testing.B) {
	for _, sample := range []struct {
		typ  Type
		text string
	}{
		{TypeA, "192.0.2.1"},
		{TypeAAAA, "2001:db8::1"},
		{TypeNS, "ns1.example.net."},
		{TypeMX, "10 mail"},
		{TypeTXT, `"v=spf1 include:_spf.example.net -all"`},
		{TypeSOA, "ns1 hostmaster 2026010100 7200 3600 1209600 300"},
		{TypeDS, "60485 8 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"},
		{TypeNSEC, "next A NS SOA MX TXT AAAA RRSIG NSEC DNSKEY"},
		{TypeNSEC3, "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG"},
		{TypeRRSIG, "A 8 2 3600 20260201000000 20260101000000 12345 example. c2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJlc2lnbmF0dXJl"},
	} {
		words := splitWords(sample.text)
		buf := make([]byte, 0, 1024)
		b.Run(sample.typ.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := AppendRdataFromText(buf, sample.typ, words, testOrigin); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
