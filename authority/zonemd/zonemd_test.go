package zonemd

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// parse reads a zone as "names serve" does. Records outside the zone are left out.
func parse(t testing.TB, text string) *authority.Snapshot {
	t.Helper()
	origin := wire.MustParseName("example.")
	var problems diagnostic.List
	b := authority.NewBuilder(origin, wire.ClassIN, &problems)
	err := zonefile.Read([]byte("$ORIGIN example.\n"+text), "zone", zonefile.Options{Origin: origin}, &problems, func(r *zonefile.Record) error {
		if r.Name.HasSuffix(origin) {
			b.Add(r.Record, r.Position)
		}
		return nil
	})
	if err = errors.Join(err, problems.Err()); err != nil {
		t.Fatal(err)
	}
	s, err := b.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	// The examples of RFC 8976 A.1 to A.3.
	simpleZone = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
              86400  IN  NS      ns1
              86400  IN  NS      ns2
              86400  IN  ZONEMD  2018031900 1 1 ( c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3
                                                  a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c )
ns1           3600   IN  A       203.0.113.63
ns2           3600   IN  AAAA    2001:db8::63
`
	complexZone = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
              86400  IN  NS      ns1
              86400  IN  NS      ns2
              86400  IN  ZONEMD  2018031900 1 1 ( a3b69bad980a3504e1cffcb0fd6397f93848071c93151f55
                                                  2ae2f6b1711d4bd2d8b39808226d7b9db71e34b72077f8fe )
ns1           3600   IN  A       203.0.113.63
NS2           3600   IN  AAAA    2001:db8::63
occluded.sub  7200   IN  TXT     "I'm occluded but must be digested"
sub           7200   IN  NS      ns1
duplicate     300    IN  TXT     "I must be digested just once"
duplicate     300    IN  TXT     "I must be digested just once"
foo.test.     555    IN  TXT     "out-of-zone data must be excluded"
UPPERCASE     3600   IN  TXT     "canonicalize uppercase owner names"
*             777    IN  PTR     dont-forget-about-wildcards
mail          3600   IN  MX      20 MAIL1
mail          3600   IN  MX      10 Mail2.Example.
sortme        3600   IN  AAAA    2001:db8::5:61
sortme        3600   IN  AAAA    2001:db8::3:62
sortme        3600   IN  AAAA    2001:db8::4:63
sortme        3600   IN  AAAA    2001:db8::1:65
sortme        3600   IN  AAAA    2001:db8::2:64
non-apex      900    IN  ZONEMD  2018031900 1 1 ( 616c6c6f776564206275742069676e6f7265642e20616c6c
                                                  6f776564206275742069676e6f7265642e20616c6c6f7765 )
`
	severalDigests = `
example.      86400  IN  SOA     ns1 admin 2018031900 1800 900 604800 86400
example.      86400  IN  NS      ns1.example.
example.      86400  IN  NS      ns2.example.
example.      86400  IN  ZONEMD  2018031900 1 1 ( 62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637
                                                  493daaf401c92c279dd10f0edb1c56f8080211f8480ee306 )
example.      86400  IN  ZONEMD  2018031900 1 2 ( 08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2f
                                                  a9a5e6eb85f37c8a4e114d884e66f176eab121cb02db7d65
                                                  2e0cc4827e7a3204f166b47e5613fd27 )
example.      86400  IN  ZONEMD  2018031900 1 240 ( e2d523f654b9422a96c5a8f44607bbee )
example.      86400  IN  ZONEMD  2018031900 241 1 ( e1846540e33a9e4189792d18d5d131f605fc283e )
ns1.example.  3600   IN  A       203.0.113.63
ns2.example.  86400  IN  TXT     "This example has multiple digests"
NS2.EXAMPLE.  3600   IN  AAAA    2001:db8::63
`
)

// TestRFCExamples verifies the examples of the RFC, and both digests of the third.
func TestRFCExamples(t *testing.T) {
	for what, text := range map[string]string{"A.1": simpleZone, "A.2": complexZone, "A.3": severalDigests} {
		if err := Verify(parse(t, text)); err != nil {
			t.Errorf("RFC 8976 %s: %v", what, err)
		}
	}
	s := parse(t, severalDigests)
	for h, want := range map[Hash]string{
		SHA384: "62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c279dd10f0edb1c56f8080211f8480ee306",
		SHA512: "08cfa1115c7b948c4163a901270395ea226a930cd2cbcf2fa9a5e6eb85f37c8a4e114d884e66f176eab121cb02db7d652e0cc4827e7a3204f166b47e5613fd27",
	} {
		if got := fmt.Sprintf("%x", Digest(s.Origin(), s.All(), h)); got != want {
			t.Errorf("%v: %s, want %s", h, got, want)
		}
	}
}

// TestVerify: what is wrong with a digest, and what policies make of it.
func TestVerify(t *testing.T) {
	const digest = "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3"
	line := func(text string) string {
		var lines []string
		for l := range strings.Lines(simpleZone) {
			if !strings.Contains(l, "ZONEMD") && !strings.Contains(l, "a1ddc0b9") {
				lines = append(lines, l)
			}
		}
		return strings.Join(lines, "") + text + "\n"
	}
	for _, test := range []struct {
		what, zone string
		want       error
		reason     string
	}{
		{"right", simpleZone, nil, ""},
		{"another address", strings.Replace(simpleZone, "203.0.113.63", "203.0.113.64", 1), ErrMismatch, "the zone has the sha384 digest"},
		{"another TTL", strings.Replace(simpleZone, "3600", "3601", 1), ErrMismatch, "digest"},
		{"a name more", simpleZone + "x 60 A 192.0.2.1\n", ErrMismatch, "digest"},
		{"another serial number", strings.Replace(simpleZone, "ZONEMD  2018031900", "ZONEMD  2018031901", 1), ErrMismatch, "for serial number 2018031901"},
		{"none", line(""), ErrMissing, ""},
		{"another scheme", line("example. 86400 ZONEMD 2018031900 2 1 " + digest + digest), ErrUnsupported, ""},
		{"another algorithm", line("example. 86400 ZONEMD 2018031900 1 3 " + digest + digest), ErrUnsupported, ""},
		{"two of a kind", simpleZone + "example. 86400 ZONEMD 2018031900 1 1 " + digest + digest + "\n", ErrMismatch, "more than one"},
		{"the other is right", simpleZone + "example. 86400 ZONEMD 2018031900 1 2 " + strings.Repeat("00", 64) + "\n", nil, ""},
	} {
		err := Verify(parse(t, test.zone))
		if !errors.Is(err, test.want) || err != nil && !strings.Contains(err.Error(), test.reason) {
			t.Errorf("%s: %v, want %v, %s", test.what, err, test.want, test.reason)
		}
		for p, refuses := range map[Policy]bool{Off: false, IfPresent: test.want == ErrMismatch, Required: test.want != nil} {
			if got := p.Accept(err); (got != nil) != refuses {
				t.Errorf("%s, policy %v: %v", test.what, p, got)
			}
			z := authority.NewEmptyZone(wire.MustParseName("example."), wire.ClassIN)
			z.SetPipeline(&authority.Pipeline{Check: []authority.Stage{Verifier(p)}})
			if got := z.Replace(authority.FromTransfer, parse(t, test.zone)); (got != nil) != refuses {
				t.Errorf("%s, policy %v: transfer: %v", test.what, p, got)
			}
		}
	}
}

// The version that an incremental transfer makes is verified before it is seen.
func TestVerifyEdits(t *testing.T) {
	z := authority.NewZone(parse(t, simpleZone))
	z.SetPipeline(&authority.Pipeline{Check: []authority.Stage{Verifier(IfPresent)}})
	edit := func(source authority.Source, lines string) error {
		_, err := z.Update(source, func(txn *authority.Txn) error {
			txn.RemoveRRset(txn.Origin(), wire.TypeZONEMD)
			for r := range parse(t, simpleZone+lines).All() {
				if r.Type != wire.TypeZONEMD {
					txn.Add(r)
				}
			}
			d := wire.ZONEMD{Serial: 2018031901, Scheme: 1, HashAlgorithm: 1}
			txn.SetSerial(2018031901)
			soa := txn.RRset(txn.Origin(), wire.TypeSOA)[0]
			soa = soa.Clone()
			soa.Data[len(soa.Data)-17]++
			txn.KeepSerial()
			txn.Add(soa)
			d.Digest = Digest(txn.Origin(), txn.All(), SHA384)
			if strings.Contains(lines, "wrong") {
				d.Digest[3]++
			}
			return txn.Add(wire.Record{Name: txn.Origin(), Type: wire.TypeZONEMD, Class: wire.ClassIN, TTL: 86400, Data: d.AppendTo(nil, nil)})
		})
		return err
	}
	if err := edit(authority.FromTransfer, "wrong 60 A 192.0.2.1\n"); !errors.Is(err, ErrMismatch) {
		t.Errorf("a wrong digest: %v", err)
	}
	if got := z.Snapshot().Serial(); got != 2018031900 {
		t.Errorf("the zone has changed to %v", got)
	}
	if err := edit(authority.FromUpdate, "wrong 60 A 192.0.2.1\n"); err != nil {
		t.Errorf("an update: %v", err)
	}
	z = authority.NewZone(parse(t, simpleZone))
	z.SetPipeline(&authority.Pipeline{Check: []authority.Stage{Verifier(Required)}})
	if err := edit(authority.FromTransfer, "a 60 A 192.0.2.1\nz.ns1 60 A 192.0.2.1\n*.b 60 TXT x\n"); err != nil {
		t.Errorf("a right digest: %v", err)
	}
	if err := Verify(z.Snapshot()); err != nil {
		t.Error(err)
	}
}

// What a transaction yields as all records is what the version has.
func TestAllRecordsOfTransaction(t *testing.T) {
	z := authority.NewZone(parse(t, complexZone))
	var during []string
	z.SetPipeline(&authority.Pipeline{Digest: []authority.Stage{func(txn *authority.Txn) error {
		during = nil
		for r := range txn.All() {
			during = append(during, r.String())
		}
		return nil
	}}})
	for _, edit := range []func(txn *authority.Txn) error{
		func(txn *authority.Txn) error {
			txn.RemoveName(wire.MustParseName("uppercase.example."))
			txn.RemoveName(wire.MustParseName("*.example."))
			return nil
		},
		func(txn *authority.Txn) error {
			for _, name := range []string{"zz.example.", "a.b.c.example.", "ns1.example.", "NEW.mail.example."} {
				if err := txn.Add(wire.Record{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN, TTL: 5, Data: []byte{1, 2, 3, 4}}); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		if _, err := z.Update(authority.FromControl, edit); err != nil {
			t.Fatal(err)
		}
		var after []string
		for r := range z.Snapshot().All() {
			after = append(after, r.String())
		}
		if !slices.Equal(during, after) {
			t.Errorf("during:\n%s\nafter:\n%s", strings.Join(during, "\n"), strings.Join(after, "\n"))
		}
	}
}

// Every version has its own digest, also when nothing else needs one.
func TestGenerate(t *testing.T) {
	z := authority.NewEmptyZone(wire.MustParseName("example."), wire.ClassIN)
	z.SetPipeline(&authority.Pipeline{Digest: []authority.Stage{Generator(SHA512)}})
	check := func(what string, serial wire.Serial) {
		t.Helper()
		s := z.Snapshot()
		if err := Verify(s); err != nil || s.Serial() != serial {
			t.Errorf("%s: serial %v: %v", what, s.Serial(), err)
		}
		n := 0
		for r := range s.All() {
			if r.Type == wire.TypeZONEMD && r.Name.Equal(s.Origin()) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%s: %d digests", what, n)
		}
	}
	for _, text := range []string{simpleZone, severalDigests} {
		if err := z.Replace(authority.FromFile, parse(t, text)); err != nil {
			t.Fatal(err)
		}
		check("load", 2018031900)
	}
	changes, err := z.Update(authority.FromUpdate, func(txn *authority.Txn) error {
		txn.RemoveName(wire.MustParseName("ns2.example."))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check("update", 2018031901)
	if len(changes.Removed) != 4 || len(changes.Added) != 2 { // SOA, ZONEMD; and two of ns2
		t.Errorf("%d removed, %d added", len(changes.Removed), len(changes.Added))
	}
	if c, err := z.Update(authority.FromUpdate, func(txn *authority.Txn) error { txn.RemoveName(wire.MustParseName("x.example.")); return nil }); err != nil || !c.IsEmpty() {
		t.Errorf("an update that changes nothing: %v, %v", c, err)
	}
	if err := z.Replace(authority.FromTransfer, parse(t, simpleZone)); err != nil {
		t.Fatal(err)
	}
	check("transfer", 2018031900)
	signed := simpleZone + "example. 60 RRSIG NS 13 1 60 20300101000000 20200101000000 1 example. AAAA\n"
	if err := z.Replace(authority.FromFile, parse(t, signed)); err == nil {
		t.Error("a signed zone is not refused")
	}
}

func TestParsePolicies(t *testing.T) {
	for p := IfPresent; p <= Off; p++ {
		if got, err := ParsePolicy(p.String()); err != nil || got != p {
			t.Errorf("%v: %v", p, err)
		}
	}
	for h := SHA384; h <= SHA512; h++ {
		if got, err := ParseHash(h.String()); err != nil || got != h {
			t.Errorf("%v: %v", h, err)
		}
	}
	if _, err := ParsePolicy("maybe"); err == nil {
		t.Error("maybe is a policy")
	}
	if _, err := ParseHash("md5"); err == nil {
		t.Error("md5 is a hash algorithm")
	}
}
