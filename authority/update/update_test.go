package update

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/internal/zonetest"
	"github.com/names-dns/names/wire"
)

var origin = wire.MustParseName("example.")

const apex = "@ SOA ns admin 10 7200 3600 1209600 300\n@ NS ns\nns A 192.0.2.53\n"

// newZone is the zone "example." with the apex and these lines, the TTL of
// which is 60.
func newZone(t testing.TB, lines string) *authority.Zone {
	t.Helper()
	return authority.NewZone(zonetest.Snapshot(t, origin, "$TTL 60\n"+apex+lines+"\n"))
}

// parse reads lines of nsupdate's language, separated by semicolons.
func parse(t testing.TB, lines string) *Request {
	t.Helper()
	r := NewRequest(origin)
	for line := range strings.SplitSeq(lines, ";") {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		if err := r.Parse(line, Text{Origin: origin, TTL: 60, HasTTL: true}); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return r
}

// try makes a request without any policy.
func try(z *authority.Zone, r *Request) (wire.RCode, error) {
	t, err := z.Begin(authority.FromUpdate)
	if err != nil {
		return wire.RCodeServFail, err
	}
	defer t.Rollback()
	for _, step := range []func() error{func() error { return r.Check(t) }, r.Scan, func() error { return r.Apply(t) }} {
		if err := step(); err != nil {
			return RCodeOf(err), err
		}
	}
	_, err = commit(t)
	return RCodeOf(err), err
}

// rest is the records of the zone that are not in apex; of the SOA record its
// serial number. Each has its owner, TTL unless it is 60, type and data.
func rest(z *authority.Zone) string {
	var lines []string
	for r := range z.Snapshot().All() {
		fields := strings.Fields(strings.ReplaceAll(r.String(), ".example.", ""))
		if r.Type == wire.TypeSOA {
			lines = append(lines, fields[6])
			continue
		}
		ttl := fields[1] + " "
		if ttl == "60 " {
			ttl = ""
		}
		line := fmt.Sprintf("%s %s%s", strings.TrimSuffix(fields[0], "."), ttl, strings.Join(fields[3:], " "))
		if line != "example NS ns" && line != "ns A 192.0.2.53" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines[1:])
	return strings.Join(lines, "; ")
}

// TestPrerequisites has each row of RFC 2136 3.2.
func TestPrerequisites(t *testing.T) {
	const zone = `www A 192.0.2.1
www A 192.0.2.2
www TXT "Text"
mail MX 10 Host.Example.
below.empty A 192.0.2.3
alias CNAME www
`
	z := newZone(t, zone)
	for _, test := range []struct {
		prerequisites string
		want          wire.RCode
	}{
		{"", wire.RCodeNoError},
		// 2.4.1, 3.2.1: RRset exists, whatever it has
		{"yxrrset www A", wire.RCodeNoError},
		{"yxrrset WWW A", wire.RCodeNoError},
		{"yxrrset www AAAA", wire.RCodeNXRRSet},
		{"yxrrset none A", wire.RCodeNXRRSet},
		{"yxrrset empty A", wire.RCodeNXRRSet},
		{"yxrrset alias A", wire.RCodeNXRRSet}, // aliases are not followed
		{"yxrrset @ SOA", wire.RCodeNoError},
		// 2.4.2, 3.2.3: RRset exists, and has these records
		{"yxrrset www A 192.0.2.1; yxrrset www A 192.0.2.2", wire.RCodeNoError},
		{"yxrrset www A 192.0.2.2; yxrrset www A 192.0.2.1; yxrrset www A 192.0.2.2", wire.RCodeNoError},
		{"yxrrset www A 192.0.2.1", wire.RCodeNXRRSet},
		{"yxrrset www A 192.0.2.1; yxrrset www A 192.0.2.2; yxrrset www A 192.0.2.3", wire.RCodeNXRRSet},
		{"yxrrset www A 192.0.2.1; yxrrset www A 192.0.2.3", wire.RCodeNXRRSet},
		{"yxrrset none A 192.0.2.1", wire.RCodeNXRRSet},
		{"yxrrset mail MX 10 host.example.", wire.RCodeNoError},
		{"yxrrset mail MX 11 host.example.", wire.RCodeNXRRSet},
		{`yxrrset www TXT "Text"`, wire.RCodeNoError},
		{`yxrrset www TXT "text"`, wire.RCodeNXRRSet},
		{`yxrrset www TXT "Text"; yxrrset www A 192.0.2.1; yxrrset www A 192.0.2.2; yxrrset mail MX 10 HOST.example.`, wire.RCodeNoError},
		// 2.4.3: RRset does not exist
		{"nxrrset www AAAA", wire.RCodeNoError},
		{"nxrrset none A", wire.RCodeNoError},
		{"nxrrset empty A", wire.RCodeNoError},
		{"nxrrset www A", wire.RCodeYXRRSet},
		// 2.4.4: name is in use
		{"yxdomain www", wire.RCodeNoError},
		{"yxdomain none", wire.RCodeNXDomain},
		{"yxdomain empty", wire.RCodeNXDomain}, // an empty non-terminal is not
		{"yxdomain below.empty", wire.RCodeNoError},
		// 2.4.5: name is not in use
		{"nxdomain none", wire.RCodeNoError},
		{"nxdomain empty", wire.RCodeNoError},
		{"nxdomain www", wire.RCodeYXDomain},
		{"nxdomain @", wire.RCodeYXDomain},
		// several: the first that is not met counts, exact ones come last
		{"yxrrset www A 192.0.2.9; nxdomain www", wire.RCodeYXDomain},
		{"yxdomain none; nxdomain www", wire.RCodeNXDomain},
		// 3.2.1: outside the zone
		{"yxdomain www.example.org.", wire.RCodeNotZone},
		{"nxrrset org. A", wire.RCodeNotZone},
		{"yxrrset org. A 192.0.2.1", wire.RCodeNotZone},
	} {
		if got, err := try(z, parse(t, test.prerequisites)); got != test.want {
			t.Errorf("%s: %v, want %v", test.prerequisites, err, test.want)
		}
	}
	www := wire.MustParseName("www.example.")
	for what, p := range map[string]wire.Record{
		"a TTL with class ANY":   {Name: www, Type: wire.TypeA, Class: wire.ClassAny, TTL: 1},
		"a TTL with class NONE":  {Name: www, Type: wire.TypeA, Class: wire.ClassNone, TTL: 1},
		"a TTL with class IN":    {Name: www, Type: wire.TypeA, Class: wire.ClassIN, TTL: 1, Data: []byte{192, 0, 2, 1}},
		"data with class ANY":    {Name: www, Type: wire.TypeA, Class: wire.ClassAny, Data: []byte{192, 0, 2, 1}},
		"data with class NONE":   {Name: www, Type: wire.TypeAAAA, Class: wire.ClassNone, Data: make([]byte, 16)},
		"another class":          {Name: www, Type: wire.TypeA, Class: wire.ClassCH, Data: []byte{0}},
		"TTL, outside the zone":  {Name: wire.MustParseName("org."), Type: wire.TypeA, Class: wire.ClassAny, TTL: 1},
		"data with ANY and ANY":  {Name: www, Type: wire.TypeANY, Class: wire.ClassAny, Data: []byte{0}},
		"data with NONE and ANY": {Name: www, Type: wire.TypeANY, Class: wire.ClassNone, Data: []byte{0}},
	} {
		r := NewRequest(origin)
		r.Prerequisites = []wire.Record{p}
		if got, err := try(z, r); got != wire.RCodeFormErr {
			t.Errorf("prerequisite with %s: %v", what, err)
		}
	}
	if got := z.Snapshot().Serial(); got != 10 {
		t.Errorf("the zone has changed: serial %v", got)
	}
}

// TestScan has each row of RFC 2136 3.4.1.
func TestScan(t *testing.T) {
	www, a := wire.MustParseName("www.example."), []byte{192, 0, 2, 1}
	z := newZone(t, "www A 192.0.2.1")
	for _, test := range []struct {
		what   string
		update wire.Record
		want   wire.RCode
	}{
		{"outside the zone", wire.Record{Name: wire.MustParseName("org."), Type: wire.TypeA, Class: wire.ClassIN, Data: a}, wire.RCodeNotZone},
		{"removal outside the zone", wire.Record{Name: wire.MustParseName("org."), Type: wire.TypeANY, Class: wire.ClassAny}, wire.RCodeNotZone},
		{"addition", wire.Record{Name: www, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: a}, wire.RCodeNoError},
		{"addition of ANY", wire.Record{Name: www, Type: wire.TypeANY, Class: wire.ClassIN, Data: a}, wire.RCodeFormErr},
		{"addition of AXFR", wire.Record{Name: www, Type: wire.TypeAXFR, Class: wire.ClassIN, Data: a}, wire.RCodeFormErr},
		{"addition of MAILA", wire.Record{Name: www, Type: wire.TypeMAILA, Class: wire.ClassIN, Data: a}, wire.RCodeFormErr},
		{"addition of MAILB", wire.Record{Name: www, Type: wire.TypeMAILB, Class: wire.ClassIN, Data: a}, wire.RCodeFormErr},
		{"addition of TKEY", wire.Record{Name: www, Type: wire.TypeTKEY, Class: wire.ClassIN, Data: a}, wire.RCodeFormErr},
		{"addition without data", wire.Record{Name: www, Type: wire.TypeA, Class: wire.ClassIN}, wire.RCodeFormErr},
		{"removal of an RRset", wire.Record{Name: www, Type: wire.TypeAAAA, Class: wire.ClassAny}, wire.RCodeNoError},
		{"removal of an RRset with a TTL", wire.Record{Name: www, Type: wire.TypeA, Class: wire.ClassAny, TTL: 1}, wire.RCodeFormErr},
		{"removal of an RRset with data", wire.Record{Name: www, Type: wire.TypeA, Class: wire.ClassAny, Data: a}, wire.RCodeFormErr},
		{"removal of AXFR", wire.Record{Name: www, Type: wire.TypeAXFR, Class: wire.ClassAny}, wire.RCodeFormErr},
		{"removal of a name", wire.Record{Name: wire.MustParseName("x.example."), Type: wire.TypeANY, Class: wire.ClassAny}, wire.RCodeNoError},
		{"removal of a record", wire.Record{Name: www, Type: wire.TypeA, Class: wire.ClassNone, Data: []byte{192, 0, 2, 9}}, wire.RCodeNoError},
		{"removal of a record with a TTL", wire.Record{Name: www, Type: wire.TypeA, Class: wire.ClassNone, TTL: 1, Data: a}, wire.RCodeFormErr},
		{"removal of a record of type ANY", wire.Record{Name: www, Type: wire.TypeANY, Class: wire.ClassNone, Data: a}, wire.RCodeFormErr},
		{"removal of a record of type MAILA", wire.Record{Name: www, Type: wire.TypeMAILA, Class: wire.ClassNone, Data: a}, wire.RCodeFormErr},
		{"another class", wire.Record{Name: www, Type: wire.TypeA, Class: wire.ClassCH, Data: a}, wire.RCodeFormErr},
	} {
		r := NewRequest(origin)
		r.RemoveName(www) // must have no effect if another update is not well-formed
		r.Add(wire.Record{Name: www, Type: wire.TypeA, TTL: 60, Data: a})
		r.Updates = append(r.Updates, test.update)
		if got, err := try(z, r); got != test.want {
			t.Errorf("%s: %v, want %v", test.what, err, test.want)
		}
		if got := rest(z); got != "10; www A 192.0.2.1" {
			t.Fatalf("%s: zone is %s", test.what, got)
		}
	}
}

// TestUpdates has each row of RFC 2136 3.4.2.
func TestUpdates(t *testing.T) {
	for _, test := range []struct{ zone, updates, want string }{
		// 3.4.2.2: additions
		{"", "add www A 192.0.2.1", "11; www A 192.0.2.1"},
		{"", "add www A 192.0.2.1; add www A 192.0.2.2", "11; www A 192.0.2.1; www A 192.0.2.2"},
		{"www A 192.0.2.1", "add www A 192.0.2.1", "10; www A 192.0.2.1"},
		{"www A 192.0.2.1", "add WWW 90 A 192.0.2.1", "11; www 90 A 192.0.2.1"},
		{"www A 192.0.2.1", "add www 90 A 192.0.2.2", "11; www 90 A 192.0.2.1; www 90 A 192.0.2.2"},
		{"m MX 1 Mail", "add m MX 1 mail.EXAMPLE.", "11; m MX 1 mail"},
		// aliases: what is there stays
		{"www CNAME a", "add www CNAME b", "11; www CNAME b"},
		{"www CNAME a", "add www A 192.0.2.1", "10; www CNAME a"},
		{"www A 192.0.2.1", "add www CNAME a", "10; www A 192.0.2.1"},
		{"www A 192.0.2.1", "del www A; add www CNAME a", "11; www CNAME a"},
		{"www CNAME a", "del www CNAME; add www A 192.0.2.1", "11; www A 192.0.2.1"},
		{"www CNAME a", "add www A 192.0.2.1; del www CNAME", "11"},
		{"", "add @ CNAME a", "10"},
		{"d DNAME a", "add d DNAME b", "11; d DNAME b"},
		// WKS: one for each address and protocol
		{"w WKS 192.0.2.1 6 25", "add w WKS 192.0.2.1 6 80", "11; w WKS 192.0.2.1 6 80"},
		{"w WKS 192.0.2.1 6 25", "add w WKS 192.0.2.1 17 53", "11; w WKS 192.0.2.1 17 53; w WKS 192.0.2.1 6 25"},
		// SOA: only forward
		{"", "add @ SOA ns admin 11 7200 3600 1209600 300", "11"},
		{"", "add @ SOA ns admin 400 7200 3600 1209600 300", "400"},
		{"", "add @ SOA ns admin 9 7200 3600 1209600 300", "10"},
		{"", "add @ SOA ns admin 2147483658 7200 3600 1209600 300", "10"}, // no order
		{"", "add @ SOA ns admin 4294967295 7200 3600 1209600 300", "10"},
		{"", "add @ SOA ns admin 10 7201 3600 1209600 300", "11"},
		{"", "add @ SOA ns admin 20 7200 3600 1209600 300; add www A 192.0.2.1", "20; www A 192.0.2.1"},
		{"", "add www SOA ns admin 20 7200 3600 1209600 300", "10"},
		// 3.4.2.3: removals of RRsets and names
		{"www A 192.0.2.1\nwww A 192.0.2.2\nwww TXT a", "del www A", "11; www TXT \"a\""},
		{"www A 192.0.2.1\nwww TXT a\nx.www A 192.0.2.1", "del www", "11; x.www A 192.0.2.1"},
		{"www A 192.0.2.1", "del none; del none A; del none A 192.0.2.1", "10; www A 192.0.2.1"},
		{"@ TXT a\n@ MX 0 ns", "del @", "11"},
		{"", "del @ NS; del @ SOA", "10"},
		{"child NS ns", "del child NS", "11"},
		{"child NS ns", "del child", "11"},
		// 3.4.2.4: removals of records
		{"www A 192.0.2.1\nwww A 192.0.2.2", "del www A 192.0.2.1", "11; www A 192.0.2.2"},
		{"www A 192.0.2.1", "del www A 192.0.2.3", "10; www A 192.0.2.1"},
		{"m MX 1 Mail", "del m MX 1 mail", "11"},
		{"", "del @ NS ns", "10"},
		{"@ NS ns2", "del @ NS ns2", "11"},
		{"@ NS ns2", "del @ NS ns; del @ NS ns2; add @ NS ns; del @ NS ns2", "11"},
		{"child NS ns", "del child NS ns", "11"},
		{"", "del @ SOA ns admin 10 7200 3600 1209600 300", "10"},
		// in their order, and all at once
		{"", "add www A 192.0.2.1; del www; add www A 192.0.2.2", "11; www A 192.0.2.2"},
		{"www A 192.0.2.1", "del www; add www A 192.0.2.1", "10; www A 192.0.2.1"},
	} {
		z := newZone(t, test.zone)
		r := parse(t, test.updates)
		message, err := r.AppendTo(nil, 7)
		if err != nil {
			t.Fatal(err)
		}
		if r, err = ParseRequest(message); err != nil {
			t.Fatal(err)
		}
		if rcode, err := try(z, r); rcode != wire.RCodeNoError {
			t.Errorf("%s: %v", test.updates, err)
		}
		if got := rest(z); got != test.want {
			t.Errorf("%s, %s: zone is %s, want %s", test.zone, test.updates, got, test.want)
		}
	}
}

// What would not be a zone is refused, and all of it.
func TestInvalidResult(t *testing.T) {
	z := newZone(t, "d.x A 192.0.2.1")
	rcode, err := try(z, parse(t, "add www A 192.0.2.1; add x DNAME other"))
	if rcode != wire.RCodeRefused || rest(z) != "10; d.x A 192.0.2.1" {
		t.Errorf("%v; zone is %s", err, rest(z))
	}
}

// Signatures and what proves absence stay when all records of a name go: they are
// for the signer.
func TestDerivedRecordsStay(t *testing.T) {
	z := newZone(t, "www A 192.0.2.1\nwww NSEC ns A RRSIG NSEC\n")
	if rcode, err := try(z, parse(t, "del www")); rcode != wire.RCodeNoError {
		t.Fatal(err)
	}
	if got := rest(z); got != "11; www NSEC ns A RRSIG NSEC" {
		t.Errorf("zone is %s", got)
	}
}

func TestMalformedRequests(t *testing.T) {
	good, err := parse(t, "add www A 192.0.2.1").AppendTo(nil, 1)
	if err != nil {
		t.Fatal(err)
	}
	question := []wire.Question{{Name: origin, Type: wire.TypeSOA, Class: wire.ClassIN}}
	message := func(m wire.Message) []byte {
		m.Flags = m.Flags.WithOpcode(wire.OpcodeUpdate)
		b, err := m.AppendTo(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for what, b := range map[string][]byte{
		"nothing":             nil,
		"a header":            good[:12],
		"cut off":             good[:len(good)-1],
		"no zone":             message(wire.Message{}),
		"type of zone":        message(wire.Message{Questions: []wire.Question{{Name: origin, Type: wire.TypeANY, Class: wire.ClassIN}}}),
		"two zones":           message(wire.Message{Questions: append(question, question...)}),
		"length of data":      message(wire.Message{Questions: question, Authority: []wire.Record{{Name: origin, Type: wire.TypeA, Class: wire.ClassIN, Data: []byte{1}}}}),
		"name without an end": append(slices.Clone(good[:12]), 1),
	} {
		if r, err := ParseRequest(b); RCodeOf(err) != wire.RCodeFormErr {
			t.Errorf("%s: %v, %v", what, r, err)
		}
	}
}

func TestParseLines(t *testing.T) {
	for _, test := range []struct{ line, want, err string }{
		{"update add www.example. 300 A 192.0.2.1", "www.example.\t300\tIN\tA\t192.0.2.1", ""},
		{"add www.example. 300 IN A 192.0.2.1", "www.example.\t300\tIN\tA\t192.0.2.1", ""},
		{"UPDATE ADD www.example 300 a 192.0.2.1", "www.example.\t300\tIN\tA\t192.0.2.1", ""},
		{`add t.example. 300 TXT "two words" b`, `t.example.` + "\t300\tIN\tTXT\t" + `"two words" "b"`, ""},
		{"add www.example. A 192.0.2.1", "", "no TTL"},
		{"add www.example. 99999999999 A 192.0.2.1", "", "not a TTL"},
		{"add www.example. 1 A 192.0.2", "", ""},
		{"add www.example. 1 A", "", ""},
		{"add www.example. 1 CH A 192.0.2.1", "", "class CH"},
		{"add www.example. 1 A 192.0.2.1 (", "", ""},
		{"update delete www.example. A", "www.example.\t0\tANY\tA", ""},
		{"update del www.example. 300 IN A 192.0.2.1", "www.example.\t0\tNONE\tA\t192.0.2.1", ""},
		{"del www.example.", "www.example.\t0\tANY\tANY", ""},
		{"del www.example. ANY", "www.example.\t0\tANY\tANY", ""},
		{"prereq yxrrset www.example. IN A 192.0.2.1", "www.example.\t0\tIN\tA\t192.0.2.1", ""},
		{"prereq nxrrset www.example. A", "www.example.\t0\tNONE\tA", ""},
		{"prereq nxdomain www.example.", "www.example.\t0\tNONE\tANY", ""},
		{"yxdomain www.example.", "www.example.\t0\tANY\tANY", ""},
		{"prereq yxdomain www.example. A", "", "too many"},
		{"prereq nxrrset www.example. A 192.0.2.1", "", "too many"},
		{"prereq add www.example. 1 A 192.0.2.1", "", "not followed by"},
		{"update nxdomain www.example.", "", "not followed by"},
		{"prereq something www.example.", "", "not a prerequisite"},
		{"del", "", "name is missing"},
		{"nxrrset www.example.", "", "type is missing"},
		{"nxrrset www.example. NOTYPE", "", "not a record type"},
		{"send", "", ErrNotUpdate.Error()},
		{"", "", ErrNotUpdate.Error()},
	} {
		r := NewRequest(origin)
		err := r.Parse(test.line, Text{})
		if test.want == "" {
			if err == nil || !strings.Contains(err.Error(), test.err) {
				t.Errorf("%s: %v, want %q", test.line, err, test.err)
			}
			continue
		}
		if all := append(r.Prerequisites, r.Updates...); err != nil || len(all) != 1 || all[0].String() != test.want {
			t.Errorf("%s: %v, %v, want %q", test.line, all, err, test.want)
		}
	}
}
