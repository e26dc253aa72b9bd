package wire

import "testing"

// TestRdataTextAllocates: zones of millions of records are loaded through
// this, into a buffer that is used again.
func TestRdataTextAllocates(t *testing.T) {
	b := make([]byte, 0, 1024)
	for typ, text := range map[Type]string{
		TypeA:          "192.0.2.1",
		TypeAAAA:       "2001:db8::1",
		TypeNS:         "ns1.example.net.",
		TypeCNAME:      "www",
		TypeMX:         "10 mail",
		TypeTXT:        `"v=spf1 -all" a\032b`,
		TypeSOA:        "ns1 hostmaster 2026010100 2h 1h 2w 300",
		TypeDS:         "60485 8 2 D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A",
		TypeNSEC:       "next A NS RRSIG NSEC",
		TypeNSEC3:      "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A RRSIG",
		TypeDNSKEY:     "257 3 13 a2V5a2V5",
		TypeSRV:        "0 5 5060 sip",
		TypeCAA:        `0 issue "ca.example.net"`,
		Type(65280):    `\# 3 0A0B0C`,
		TypeTLSA:       "3 1 1 D2ABDE240D7CD3EE6B4B28C54DF034B97983A1D16E8A410E4561CB106618E971",
		TypeOPENPGPKEY: "mQENBFVH",
		TypeRRSIG:      "A 8 2 3600 20260201000000 20260101000000 12345 example. c2lnbmF0dXJl",
	} {
		words := splitWords(text)
		allocs := testing.AllocsPerRun(100, func() {
			if _, err := AppendRdataFromText(b, typ, words, testOrigin); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%v from text: %v allocations", typ, allocs)
		}
	}
}

// TestRdataAllocates: nothing that works on octets allocates, for any type.
func TestRdataAllocates(t *testing.T) {
	b := make([]byte, 0, 4096)
	for _, s := range loadSamples(t) {
		var w Writer
		w.Reset(nil, 65535)
		w.SetSection(SectionAnswer)
		if err := w.Raw(testOrigin, s.Type, ClassIN, 1, s.data); err != nil {
			t.Fatal(err)
		}
		message := w.Finish()
		d := NewRdata(s.Type)
		var r Reader
		next := func() {
			if err := r.Reset(message); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Next(); err != nil {
				t.Fatal(err)
			}
		}
		next()
		if err := r.Parse(d); err != nil {
			t.Fatal(err)
		}
		for what, f := range map[string]func(){
			"Parse": func() {
				next()
				if err := r.Parse(d); err != nil {
					t.Fatal(err)
				}
			},
			"Reader.AppendRdata": func() {
				next()
				if _, err := r.AppendRdata(b, s.Type); err != nil {
					t.Fatal(err)
				}
			},
			"AppendTo":             func() { d.AppendTo(b, nil) },
			"CheckRdata":           func() { _ = CheckRdata(s.Type, s.data) },
			"AppendCanonicalRdata": func() { AppendCanonicalRdata(b, s.Type, s.data) },
		} {
			if allocs := testing.AllocsPerRun(20, f); allocs != 0 {
				t.Errorf("%s: %s allocates %v times", s.name(), what, allocs)
			}
		}
	}
}
