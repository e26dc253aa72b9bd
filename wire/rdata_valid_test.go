package wire

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"testing"
)

// impossible has values with fields that no record can say, of every type that
// has such fields.
func impossible() []Rdata {
	long, huge := bytes.Repeat([]byte("x"), 256), bytes.Repeat([]byte("x"), 70000)
	v4, v6 := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")
	zoned := netip.MustParseAddr("fe80::1%1")
	name := MustParseName("a.example.")
	soa := func(primary, mailbox Name) *SOA { return &SOA{Primary: primary, Mailbox: mailbox} }
	return []Rdata{
		&A{}, &A{v6}, &AAAA{}, &AAAA{v4}, &AAAA{zoned},
		&NS{}, &MD{}, &MF{}, &CNAME{}, &MB{}, &MG{}, &MR{}, &PTR{}, &DNAME{}, &NSAPPTR{}, &ALIAS{},
		&MX{}, &MX{Preference: 10}, &AFSDB{}, &RT{}, &KX{}, &PX{}, &PX{Map822: name}, &PX{MapX400: name},
		soa(Name{}, name), soa(name, Name{}), soa(Name{}, Name{}),
		&MINFO{}, &MINFO{Errors: name}, &MINFO{Responsible: name},
		&RP{}, &RP{Text: name}, &RP{Mailbox: name}, &TALINK{}, &TALINK{Next: name}, &TALINK{Previous: name},
		&WKS{}, &WKS{Addr: v6}, &WKS{Addr: v4, Ports: huge}, &L32{}, &L32{Locator: v6}, &LP{},
		&SRV{}, &SRV{Port: 53}, &DSYNC{}, &NAPTR{}, &NAPTR{Flags: long, Replacement: name}, &NAPTR{Services: long, Replacement: name},
		&NAPTR{Regexp: long, Replacement: name},
		&HINFO{CPU: long}, &HINFO{OS: long}, &X25{Address: long}, &ISDN{Address: long}, &ISDN{Subaddress: CharacterStrings("\x01a\x01b")},
		&ISDN{Subaddress: CharacterStrings("\x05a")},
		&GPOS{Longitude: long}, &GPOS{Latitude: long}, &GPOS{Altitude: long}, &DOA{MediaType: long},
		&TXT{}, &TXT{Strings: CharacterStrings("\x05cut")}, &SPF{}, &NINFO{}, &AVC{}, &RESINFO{}, &WALLET{}, &CLA{},
		&SVCB{}, &SVCB{Priority: 1}, &SVCB{Target: name, Params: SvcParams("\x00\x03\x00\x01\x35")}, &HTTPS{},
		&HTTPS{SVCB{Params: SvcParams{}.Set(SvcPort, []byte{0, 53})}},
		&NSEC{}, &NSEC{Types: TypeBitmap("\x00\x01\x40")}, &NSEC{Next: name, Types: TypeBitmap("\x00\x05\x40")},
		&NXT{}, &NXT{Next: name, Types: NXTBitmap(long)}, &CSYNC{Types: TypeBitmap("\x00")},
		&NSEC3{}, &NSEC3{NextHashed: long}, &NSEC3{NextHashed: []byte("x"), Salt: long}, &NSEC3PARAM{Salt: long},
		&RRSIG{}, &RRSIG{Signature: []byte("\x00signature")}, &SIG{}, &TKEY{}, &TKEY{Algorithm: name, Key: huge}, &TKEY{Algorithm: name, Other: huge},
		&TSIG{}, &TSIG{Algorithm: name, MAC: huge}, &TSIG{Algorithm: name, Other: huge}, &TSIG{Algorithm: name, TimeSigned: 1 << 48},
		&HIP{HIT: long}, &HIP{PublicKey: huge}, &HIP{Rendezvous: NameList("\x05cut")},
		&APL{Items: APLItems("\x00\x01")}, &IPSECKEY{Gateway: Gateway{Addr: zoned}}, &AMTRELAY{Relay: Gateway{Addr: zoned}},
		&CAA{}, &CAA{Tag: long}, &CAA{Tag: []byte("is sue")},
		&A6{}, &A6{Suffix: v4}, &A6{PrefixLen: 200, Suffix: v6, Prefix: name}, &A6{PrefixLen: 64, Suffix: v6}, &A6{Suffix: v6, Prefix: name},
		&ATMA{Format: 1, Address: []byte("12a")},
		&LOC{Version: 1}, &LOC{Size: 0xff}, &LOC{Latitude: 1}, &LOC{Longitude: 1},
		&Unknown{Code: TypeA, Data: []byte("abc")}, &Unknown{Code: 65280, Data: huge},
	}
}

// TestImpossibleFields: what a record cannot say is an error from every writer,
// and its octets are refused by all who take octets.
func TestImpossibleFields(t *testing.T) {
	owner := MustParseName("example.")
	seen := map[Type]bool{}
	for _, d := range impossible() {
		seen[d.Type()] = true
		what := fmt.Sprintf("%T %+v", d, d)[:min(120, len(fmt.Sprintf("%T %+v", d, d)))]
		if ValidateRdata(d) == nil {
			t.Errorf("%s: no error", what)
		}
		if _, err := NewRecord(owner, ClassIN, 60, d); err == nil {
			t.Errorf("%s: NewRecord takes it", what)
		}
		var w Writer
		w.Reset(nil, 65535)
		w.SetSection(SectionAnswer)
		before := w.Mark()
		if err := w.Record(owner, ClassIN, 60, d); err == nil || w.Mark() != before {
			t.Errorf("%s: Writer.Record takes it: %v", what, err)
		}
		if err := CheckRdata(d.Type(), d.AppendTo(nil, nil)); err == nil {
			t.Errorf("%s: AppendTo writes %x, which is valid", what, d.AppendTo(nil, nil))
		}
	}
	// No type is forgotten: an empty value is either valid or in the list.
	for code := range len(rdataTypes) {
		typ := Type(code)
		if rdataTypeOf(typ).value == nil || seen[typ] {
			continue
		}
		d := NewRdata(typ)
		if err := ValidateRdata(d); err != nil {
			t.Errorf("%v: an empty value has an error and is not in the list: %v", typ, err)
		}
		if err := CheckRdata(typ, d.AppendTo(nil, nil)); err != nil {
			t.Errorf("%v: an empty value is written as what cannot be read, without an error: %v", typ, err)
		}
	}
	if _, err := NewRecord(Name{}, ClassIN, 60, &A{netip.MustParseAddr("192.0.2.1")}); !errors.Is(err, ErrEmptyName) {
		t.Errorf("without an owner: %v", err)
	}
}

// TestPossibleFields: the samples of all types are valid, and survive.
func TestPossibleFields(t *testing.T) {
	for _, s := range loadSamples(t) {
		d, err := Record{Type: s.Type, Data: s.data}.Rdata()
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRecord(testOrigin, ClassIN, 1, d)
		if err != nil || !bytes.Equal(r.Data, s.data) {
			t.Errorf("%s: %x, %v", s.name(), r.Data, err)
		}
	}
}

// TestValuesPrint: values print as pointers to them do.
func TestValuesPrint(t *testing.T) {
	for _, s := range loadSamples(t) {
		d, err := Record{Type: s.Type, Data: s.data}.Rdata()
		if err != nil {
			t.Fatal(err)
		}
		value := reflect.ValueOf(d).Elem().Interface()
		if got, want := fmt.Sprint(value), fmt.Sprint(d); got != want {
			t.Errorf("%v: value prints as %s, pointer as %s", s.Type, got, want)
		}
	}
}
