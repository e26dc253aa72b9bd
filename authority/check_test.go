package authority

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

const checkedApex = "@ 60 SOA ns h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"

// TestCheck: what refuses a zone, what only warns, and where it is said to be.
func TestCheck(t *testing.T) {
	long := strings.Repeat("x", 250)
	var huge strings.Builder
	for i := range 300 {
		fmt.Fprintf(&huge, "huge 60 TXT \"%d%s\"\n", i, long)
	}
	var chain, types strings.Builder
	for i := range 900 {
		fmt.Fprintf(&chain, "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom 60 NSEC3 1 0 %d %s 0P9MHAVEQVM6T7VBL5LOP2U3T2RP3TOM\n", i, strings.Repeat("ab", 50))
	}
	for t := 300; t < 33100; t++ { // each with a signature: more RRsets than a node can count
		if t := wire.Type(t); t != wire.TypeTA && t != wire.TypeDLV {
			fmt.Fprintf(&types, "many 60 TYPE%d \\# 0\nmany 60 RRSIG TYPE%d 13 2 60 20300101000000 20200101000000 1 example. AAAA\n", t, t)
		}
	}
	for _, test := range []struct {
		name, zone string
		want       []string // beginnings of the problems
	}{
		{"right", checkedApex, nil},
		{"no SOA", "@ 60 NS ns.elsewhere.\n", []string{"zone: zone example. has no SOA record at its apex"}},
		{"SOA of another zone", "other. 60 SOA a. b. 1 2 3 4 5\n@ 60 NS ns.elsewhere.\n", []string{
			"zone:1:1: warning: other. is outside the zone example.: the record is left out",
			"zone: zone example. has no SOA record at its apex, but the file has one for other.: if that is the zone's name, give it as --origin other. or --bindzone other.=FILE"}},
		{"two SOAs", checkedApex + "@ 60 SOA ns h 2 2 3 4 5\n", []string{"zone:4:1: zone example. has more than one SOA record"}},
		{"the same SOA twice", checkedApex + "@ 60 SOA ns h 1 2 3 4 5\n", nil},
		{"the same SOA in another case", checkedApex + "@ 60 SOA NS H 1 2 3 4 5\n", nil},
		{"SOA below", checkedApex + "sub 60 SOA ns h 1 2 3 4 5\n", []string{"zone:4:1: SOA record of sub.example. inside the zone"}},
		{"no NS", "@ 60 SOA ns h 1 2 3 4 5\n", []string{"zone: zone example. has no NS record at its apex"}},
		{"empty", "", []string{"zone: zone example. has no SOA record at its apex", "zone: zone example. has no NS record at its apex"}},
		{"CNAME and other data", checkedApex + "a 60 CNAME ns\na 60 A 192.0.2.1\n", []string{"zone:4:1: a.example. has a CNAME record and other data: A at zone:5:1"}},
		{"CNAME and its signature", checkedApex + "a 60 CNAME ns\na 60 RRSIG CNAME 13 2 60 20300101000000 20200101000000 1 example. AAAA\n", nil},
		{"two CNAMEs", checkedApex + "a 60 CNAME b\na 60 CNAME c\n", []string{"zone:5:1: a.example. has more than one CNAME record"}},
		{"one CNAME twice", checkedApex + "a 60 CNAME ns\na 60 CNAME ns\n", nil},
		{"one CNAME in two cases", checkedApex + "a 60 CNAME ns\na 60 CNAME NS\n", nil},
		{"names below a DNAME", checkedApex + "a 60 DNAME b\nx.a 60 A 192.0.2.1\n", []string{"zone:5:1: x.a.example. is below a name that has a DNAME record"}},
		{"two DNAMEs", checkedApex + "a 60 DNAME b\na 60 DNAME c\n", []string{"zone:5:1: a.example. has more than one DNAME record"}},
		{"RRset too large", checkedApex + huge.String(), []string{"zone:4:1: the 300 TXT records of huge.example. take"}},
		{"many iterations", checkedApex + "@ 60 NSEC3PARAM 1 0 150 -\n", []string{"zone:4:1: warning: NSEC3 with 150 iterations"}},
		{"too many iterations", checkedApex + "@ 60 NSEC3PARAM 1 0 2501 -\n", []string{"zone:4:1: NSEC3 with 2501 iterations: no more than 2500"}},
		{"no iterations", checkedApex + "@ 60 NSEC3PARAM 1 0 0 -\n", nil},
		{"chain too large", checkedApex + chain.String(), []string{"zone:4:1: the 900 NSEC3 records of 0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example. take"}},
		{"too many types", checkedApex + types.String(), []string{"zone:65539:1: many.example. has more than 65535 RRsets"}},
		{"TTLs differ", checkedApex + "a 60 A 192.0.2.1\na 50 A 192.0.2.2\n", []string{"zone:5:1: warning: TTL 50 differs from the TTL 60 of other A records of a.example.: the smallest counts"}},
		{"outside", checkedApex + "a.elsewhere. 60 A 192.0.2.1\n", []string{"zone:4:1: warning: a.elsewhere. is outside the zone example."}},
		{"no glue", checkedApex + "sub 60 NS ns.sub\n", []string{"zone:4:1: warning: the NS record points to ns.sub.example., which has no address in the zone"}},
		{"no address of our own server", checkedApex + "@ 60 NS ns2\n", []string{"zone:4:1: warning: the NS record points to ns2.example., which has no address"}},
		{"glue of a sibling", checkedApex + "sub 60 NS ns.other\nother 60 NS ns.elsewhere.\n", nil},
		{"NS at a wildcard's name", checkedApex + "* 60 A 192.0.2.1\nsub 60 NS anything\n", nil},
		{"NS at an alias", checkedApex + "alias 60 CNAME ns\n@ 60 NS alias\n", []string{"zone:5:1: warning: the NS record points to alias.example., which is an alias"}},
		{"MX at an alias", checkedApex + "alias 60 CNAME ns\n@ 60 MX 1 alias\n", []string{"zone:5:1: warning: the MX record points to alias.example., which is an alias"}},

		{"MX that ends twice", checkedApex + "@ 60 MX 1 mail.example\n", []string{"zone:4:1: warning: the MX record points to mail.example.example., which ends in the zone's name twice: is a dot missing at the end? Write mail.example."}},
		{"owner that ends twice", checkedApex + "www.example 60 A 192.0.2.1\n", []string{"zone:4:1: warning: www.example.example. ends in the zone's name twice: is a dot missing at the end? Write www.example."}},
		{"names that only look so", checkedApex + "myexample 60 CNAME ns\n@ 60 MX 1 xexample.test.\nexampleexample 60 CNAME ns\n", nil},
		{"dangling alias", checkedApex + "a 60 CNAME b\n", []string{"zone:4:1: warning: the CNAME record points to b.example., which does not exist in the zone"}},
		{"alias to another zone", checkedApex + "a 60 CNAME b.test.\nb 60 CNAME x.sub\nsub 60 NS ns.test.\n", nil},
		{"alias that a wildcard answers", checkedApex + "a 60 CNAME b\n* 60 A 192.0.2.1\n", nil},
		{"alias that a DNAME answers", checkedApex + "a 60 CNAME b.d\nd 60 DNAME test.\n", nil},
		{"alias to an empty non-terminal", checkedApex + "a 60 CNAME b\nx.b 60 TXT x\n", nil},
		{"alias to itself", checkedApex + "a 60 CNAME a\n", []string{"zone:4:1: warning: the CNAME record of a.example. points back to itself: it has no answer"}},
		{"loop of three", checkedApex + "a 60 CNAME b\nb 60 CNAME c\nc 60 CNAME A\nd 60 CNAME a\n", []string{"zone:4:1: warning: the CNAME record of a.example. points back to itself through b.example., c.example.: it has no answer"}},
		{"chain of eight", checkedApex + aliases(8), nil},
		{"chain of ten", checkedApex + aliases(10), []string{"zone:4:1: warning: from a1.example. there are more than 8 CNAME records in a row", "zone:5:1: warning: from a2.example. there are"}},
		{"MX without address", checkedApex + "@ 60 MX 1 mail\n@ 60 MX 2 old\nold 60 TXT gone\n@ 60 MX 0 .\n", []string{
			"zone:4:1: warning: the MX record points to mail.example., which does not exist in the zone",
			"zone:5:1: warning: the MX record points to old.example., which has no address"}},
		{"SRV without address", checkedApex + "_sip._udp 60 SRV 1 1 5060 sip\n", []string{"zone:4:1: warning: the SRV record points to sip.example., which does not exist in the zone"}},
		{"PTR to nothing", checkedApex + "1 60 PTR host\n2 60 PTR ns\n3 60 PTR _x\n_x 60 TXT x\n", []string{"zone:4:1: warning: the PTR record points to host.example., which does not exist in the zone"}},
		{"MX that is an address", checkedApex + "@ 60 MX 1 192.0.2.1\n@ 60 MX 1 192.0.2.1.\n@ 60 MX 1 2001:db8::1\n", []string{
			"zone:5:1: warning: the MX record points to 192.0.2.1., which is an address",
			"zone:4:1: warning: the MX record points to 192.0.2.1.example., which is an address",
			"zone:6:1: warning: the MX record points to 2001:db8::1.example., which is an address"}},
		{"NS and CNAME that are addresses", checkedApex + "@ 60 NS 192.0.2.1\nwww 60 CNAME 192.0.2.1\n", []string{
			"zone:4:1: warning: the NS record points to 192.0.2.1.example., which is an address",
			"zone:5:1: warning: the CNAME record points to 192.0.2.1.example., which is an address"}},
		{"numbers that are not an address", checkedApex + "www 60 CNAME 1.2.3.4.test.\n@ 60 MX 1 1.2.3.\n1.0 60 CNAME 1.0-25.test.\n", nil},
		{"URL", checkedApex + "www 60 CNAME https://www.example.net/\n", []string{`zone:4:1: warning: the CNAME record points to https://www.example.net/.example., which is a URL`}},
		{"UTF-8", checkedApex + "bücher 60 A 192.0.2.1\n@ 60 MX 1 bücher.test.\n", []string{
			"zone:5:1: warning: the MX record points to bücher.test., which is not a name in ASCII: clients ask for its xn-- form; write xn--bcher-kva.test.",
			"zone:4:1: warning: bücher.example. is not a name in ASCII: clients ask for its xn-- form; write xn--bcher-kva.example."}},
		{"Latin-1", checkedApex + "b\xfccher 60 A 192.0.2.1\n", []string{`zone:4:1: warning: b\252cher.example. is not a name in ASCII: clients ask for the xn-- form of its labels; write that`}},
		{"no-break space in a name", checkedApex + "a\u00a0b 60 A 192.0.2.1\n", []string{"zone:4:1: warning: a\u00a0b.example. is not a name in ASCII: it has a no-break space in it (U+00A0)"}},
		{"underscore in a host", checkedApex + "my_host 60 A 192.0.2.1\n@ 60 MX 1 my_host\n_dmarc 60 TXT x\ngc._msdcs 60 A 192.0.2.1\n* 60 A 192.0.2.1\n", []string{
			"zone:5:1: warning: the MX record points to my_host.example., which is not the name of a host",
			"zone:4:1: warning: my_host.example. has an address, but is not the name of a host"}},
		{"RNAME with an at sign", "@ 60 SOA ns a.b@example.test. 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n", []string{"zone:1:1: warning: the SOA's RNAME has an at sign: write it as a name, a\\.b.example.test."}},
		{"RNAME with an at sign and no dot", "@ 60 SOA ns hostmaster@a.example 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n", []string{"zone:1:1: warning: the SOA's RNAME has an at sign: write it as a name, hostmaster.a.example."}},
		{"SOA's names end twice", "@ 60 SOA ns.example h.example 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n", []string{
			"zone:1:1: warning: the SOA's RNAME is h.example.example., which ends in the zone's name twice: is a dot missing at the end? Write h.example.",
			"zone:1:1: warning: the SOA's MNAME is ns.example.example., which ends in the zone's name twice"}},
		{"MNAME that is an address", "@ 60 SOA 192.0.2.1 h 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n", []string{"zone:1:1: warning: the SOA's MNAME is 192.0.2.1.example., an address"}},
		{"SOA without its dot", "example 60 SOA ns h 1 2 3 4 5\n", []string{
			"zone: zone example. has no SOA record at its apex", "zone: zone example. has no NS record at its apex",
			"zone:1:1: SOA record of example.example. inside the zone example.: a dot is missing at the end of its owner; write example. or @",
			"zone:1:1: warning: example.example. ends in the zone's name twice"}},
		{"two SPF records", checkedApex + "@ 60 TXT \"v=spf1 -all\"\n@ 60 TXT \"v=spf1 mx -all\"\n@ 60 TXT v=spf10\n", []string{"zone:5:1: warning: example. has more than one SPF record"}},
		{"DMARC and DKIM at the wrong owner", checkedApex + "@ 60 TXT \"v=DMARC1; p=none\"\n_dmarc 60 TXT \"v=DMARC1; p=none\"\na.test._report._dmarc 60 TXT v=DMARC1\nx 60 TXT \"v=DKIM1; p=\"\nx._domainkey 60 TXT \"v=DKIM1; p=\"\n", []string{
			"zone:4:1: warning: a DMARC policy is looked for at _dmarc.example., not at example.",
			"zone:7:1: warning: a DKIM key is looked for at SELECTOR._domainkey.x.example., not at x.example."}},
		{"text of 255 octets", checkedApex + "@ 60 TXT \"" + strings.Repeat("é", 127) + "x\" y\n", nil},
		{"quotes of a word processor", checkedApex + "@ 60 TXT “v=spf1 -all”\n@ 60 TXT \"v=spf1\u00a0-all\"\n@ 60 TXT \"he said “no”; it’s fine\"\n", []string{
			"zone:4:1: warning: the text has a typographic quote in it (U+201C): write it as on a keyboard",
			"zone:5:1: warning: the text has a no-break space in it (U+00A0): write it as on a keyboard"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, problems := buildZone(t, "example.", test.zone)
			var got []string
			errors := 0
			for _, p := range problems.Problems {
				got = append(got, p.Error())
				if !p.Warning {
					errors++
				}
			}
			if len(got) != len(test.want) {
				t.Fatalf("got %d problems:\n%s\nwant %d:\n%s", len(got), strings.Join(got, "\n"), len(test.want), strings.Join(test.want, "\n"))
			}
			for i := range got {
				if !strings.HasPrefix(got[i], test.want[i]) {
					t.Errorf("got  %s\nwant %s", got[i], test.want[i])
				}
			}
			if (s == nil) != (errors > 0) {
				t.Errorf("%d errors, and the zone loaded: %v", errors, s != nil)
			}
		})
	}
}

// TestDoubles: records are the same if they differ in the case of names alone,
// and stand in canonical order.
func TestDoubles(t *testing.T) {
	s := mustZone(t, "example.", checkedApex+`@ 60 NS NS
@ 60 MX 65 B
@ 60 MX 65 a
@ 60 MX 65 b
@ 60 MX 97 a
@ 60 TXT b
@ 60 TXT B
@ 60 TXT b
`)
	var got []string
	for r := range s.All() {
		got = append(got, strings.Join(strings.Split(r.String(), "\t")[3:], " "))
	}
	want := []string{"SOA ns.example. h.example. 1 2 3 4 5", "NS ns.example.",
		"MX 65 a.example.", "MX 65 B.example.", "MX 97 a.example.", `TXT "B"`, `TXT "b"`, "A 192.0.2.1"}
	if !slices.Equal(got, want) || s.Records() != len(want) {
		t.Errorf("%d records\n%q\nwant\n%q", s.Records(), got, want)
	}
}

// TestZoneWithoutName is refused, whatever is in it.
func TestZoneWithoutName(t *testing.T) {
	var problems diagnostic.List
	b := NewBuilder(wire.Name{}, wire.ClassIN, &problems)
	b.Add(wire.Record{Name: wire.Root, Type: wire.TypeNS, Class: wire.ClassIN, Data: []byte{0}}, diagnostic.Position{})
	b.Add(wire.Record{Type: wire.TypeNS, Class: wire.ClassIN, Data: []byte{0}}, diagnostic.Position{})
	if s, err := b.Freeze(); s != nil || err == nil || !strings.HasPrefix(err.Error(), "the zone has no name") {
		t.Errorf("zone %v, %v", s, err)
	}
}

// TestSetFillsMessage: an RRset that fits a message of 65,535 octets exactly is
// taken by a zone file and by a transaction, and answered; one octet more is
// refused by both. So is one that fits only because its names are compressed.
func TestSetFillsMessage(t *testing.T) {
	// Header, question big.example. TXT IN, pointer, fixed part.
	const room = 65535 - wire.HeaderLen - 13 - 4 - 2 - 10
	text := func(octets int) string {
		var b strings.Builder
		b.WriteString("big 60 TXT")
		for octets > 0 {
			n := min(octets, 256)
			if octets == 257 {
				n = 255
			}
			b.WriteString(" \"" + strings.Repeat("x", n-1) + "\"")
			octets -= n
		}
		return b.String()
	}
	var pointers strings.Builder
	long := strings.Repeat(strings.Repeat("y", 60)+".", 3)
	for i := range 1200 {
		fmt.Fprintf(&pointers, "big 60 MX %d %sexample.\n", i, long)
	}
	for what, c := range map[string]struct {
		lines string
		count int
		fits  bool
	}{
		"exactly":        {text(room), 1, true},
		"one octet more": {text(room + 1), 1, false},
		"compressed":     {pointers.String(), 1200, true},
	} {
		for _, path := range []string{"zone", "transaction"} {
			var s *Snapshot
			var err error
			if path == "zone" {
				var problems *diagnostic.List
				s, problems = buildZone(t, "example.", checkedApex+c.lines)
				err = problems.Err()
			} else {
				z := NewZone(mustZone(t, "example.", checkedApex))
				_, err = z.Update(FromControl, func(txn *Txn) error {
					for _, r := range records(t, c.lines) {
						if err := txn.Add(r); err != nil {
							return err
						}
					}
					return nil
				})
				s = z.Snapshot()
			}
			if (err == nil) != c.fits {
				t.Errorf("%s, %s: %v", what, path, err)
			}
			if err != nil || !c.fits {
				continue
			}
			var x names.Exchange
			typ := wire.TypeTXT
			if c.count > 1 {
				typ = wire.TypeMX
			}
			q := wire.Question{Name: wire.MustParseName("big.example."), Type: typ, Class: wire.ClassIN}
			x.Read(wire.AppendQuery(nil, 1, wire.FlagCD, q, nil), names.Peer{Transport: names.TCP})
			x.Begin(nil, 65535)
			var set Set
			if err := set.SetZones([]*Zone{NewZone(s)}); err != nil {
				t.Fatal(err)
			}
			if err := set.TryResolve(&x); err != nil {
				t.Fatal(err)
			}
			reply := x.Finish()
			h, _ := wire.ParseHeader(reply)
			if h.Flags.Has(wire.FlagTC) || int(h.Counts[wire.SectionAnswer]) != c.count || what == "exactly" && len(reply) != 65535 {
				t.Errorf("%s, %s: %d records in %d octets, flags %016b", what, path, h.Counts[wire.SectionAnswer], len(reply), h.Flags)
			}
			if h.Flags.Has(wire.FlagCD) { // RFC 4035 3.1.6
				t.Errorf("%s: CD is copied into an authoritative answer", what)
			}
		}
	}
}

// aliases is a chain of n CNAME records that ends at ns.
func aliases(n int) string {
	var b strings.Builder
	for i := range n - 1 {
		fmt.Fprintf(&b, "a%d 60 CNAME a%d\n", i+1, i+2)
	}
	fmt.Fprintf(&b, "a%d 60 CNAME ns\n", n)
	return b.String()
}

// TestCheckSignatures: what is wrong with signatures without a look at their
// cryptography is said once for the zone.
func TestCheckSignatures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is 2000-01-01 00:00 UTC
		sign := func(owner, kind, from, to string) string {
			return fmt.Sprintf("%s 60 RRSIG %s 13 1 60 %s %s 1 example. AAAA\n", owner, kind, to, from)
		}
		ok := func(owner, kind string) string { return sign(owner, kind, "19991201000000", "20000201000000") }
		signed := checkedApex + ok("@", "SOA") + ok("@", "NS") + ok("@", "NSEC") + ok("ns", "NSEC") +
			"@ 60 NSEC ns SOA NS RRSIG NSEC\nns 60 NSEC @ A RRSIG NSEC\n"
		for _, test := range []struct {
			name, zone string
			want       []string
		}{
			{"right", signed + ok("ns", "A"), nil},
			{"unsigned", checkedApex, nil},
			{"expired", signed + sign("ns", "A", "19991201000000", "19991231235959"), []string{"zone:10:1: warning: 1 signatures have expired, the first on 1999-12-31 23:59:59 UTC, that of ns.example. A: sign the zone again"}},
			{"expires soon", signed + sign("ns", "A", "19991201000000", "20000103000000"), []string{"zone:10:1: warning: 1 signatures expire within three days, the first on 2000-01-03 00:00:00 UTC"}},
			{"expires later", signed + sign("ns", "A", "19991201000000", "20000105000000"), nil},
			{"not yet valid", signed + sign("ns", "A", "20000101000001", "20000201000000"), []string{"zone:10:1: warning: 1 signatures are not valid yet"}},
			{"missing", signed, []string{"zone:3:1: warning: 1 RRsets of the signed zone have no signature, ns.example. A for one"}},
			{"delegation and glue", signed + ok("ns", "A") + "x.ns 60 NS a.x.ns\na.x.ns 60 A 192.0.2.1\n", nil},
			{"gap", strings.Replace(signed, "@ 60 NSEC ns", "@ 60 NSEC nt", 1) + ok("ns", "A"), []string{"zone: warning: the chain of NSEC records has 1 gaps, the first after example."}},
		} {
			_, problems := buildZone(t, "example.", test.zone)
			var got []string
			for _, p := range problems.Problems {
				got = append(got, p.Error())
			}
			if !slices.EqualFunc(got, test.want, strings.HasPrefix) {
				t.Errorf("%s:\n%s\nwant\n%s", test.name, strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		}
	})
}
