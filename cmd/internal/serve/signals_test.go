package serve

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// bootstrapper is a parent that reads zones as RFC 9615 4.2 has it, and trusts those with an
// anchor.
type bootstrapper struct {
	zones   []*authority.Zone
	anchors *validate.Anchors
	now     func() time.Time
}

func (b *bootstrapper) rrset(name wire.Name, kind wire.Type) *validate.RRset {
	set := &validate.RRset{RRset: dnssec.RRset{Name: name, Type: kind, Class: wire.ClassIN}}
	var zone *authority.Zone
	for _, z := range b.zones {
		if name.HasSuffix(z.Origin()) && (zone == nil || z.Origin().HasSuffix(zone.Origin())) {
			zone = z
		}
	}
	for r := range zone.Snapshot().RecordsOf(name) {
		var sig wire.RRSIG
		switch c := wire.CursorOver(r.Data); {
		case r.Type == kind:
			set.TTL, set.Data = r.TTL, append(set.Data, r.Data)
		case r.Type == wire.TypeRRSIG && sig.Parse(&c) == nil && sig.Covered == kind:
			set.Signatures = append(set.Signatures, &sig)
		}
	}
	return set
}

// Fetch makes it the resolver of its validator.
func (b *bootstrapper) Fetch(_ context.Context, name wire.Name, kind wire.Type) (*validate.Reply, error) {
	return &validate.Reply{Question: wire.Question{Name: name, Type: kind, Class: wire.ClassIN}, Answer: []*validate.RRset{b.rrset(name, kind)}}, nil
}

// read returns the CDS records that a zone can be trusted to have: all of its name servers'
// zones have the same, below each server's name, and that is secure.
func (b *bootstrapper) read(ctx context.Context, zone wire.Name) ([][]byte, error) {
	servers := b.rrset(zone, wire.TypeNS)
	if len(servers.Data) == 0 {
		return nil, errors.New("there are no name servers")
	}
	v := validate.New(validate.Config{Fetcher: b, Anchors: b.anchors, Now: b.now, MaxZones: 8, MaxSignatures: 64})
	var found [][]byte
	for _, kind := range []wire.Type{wire.TypeCDS, wire.TypeCDNSKEY} {
		own := b.rrset(zone, kind).Data
		if len(own) == 0 {
			return nil, fmt.Errorf("no %v records", kind)
		}
		for _, data := range servers.Data {
			var ns wire.NS
			c := wire.CursorOver(data)
			if err := ns.Parse(&c); err != nil {
				return nil, err
			}
			name, err := wire.ParseName("_dsboot." + zone.String() + "_signal." + ns.Host.String())
			if err != nil || ns.Host.HasSuffix(zone) {
				return nil, fmt.Errorf("%v cannot vouch for %v: %w", ns.Host, zone, err)
			}
			signal := b.rrset(name, kind)
			if r := v.Check(ctx, &validate.Reply{Question: wire.Question{Name: name, Type: kind, Class: wire.ClassIN}, Answer: []*validate.RRset{signal}}, nil); r.Verdict != validate.Secure {
				return nil, fmt.Errorf("%v %v is %v: %v", name, kind, r.Verdict, r.Reason)
			}
			if !slices.EqualFunc(sorted(own), sorted(signal.Data), slices.Equal) {
				return nil, fmt.Errorf("%v of %v differ from those at %v", kind, zone, name)
			}
		}
		if kind == wire.TypeCDS {
			found = own
		}
	}
	return found, nil
}

func sorted(data [][]byte) [][]byte {
	return slices.SortedFunc(slices.Values(data), slices.Compare)
}

// TestSignals: the zone of the name servers vouches for others that are served, as a parent
// reads it, from their first CDS records on until the parent has the DS record; also after an
// exchange of keys, a reload, and a restart; for none that is not served any longer; and an operator's records
// at other names stay.
func TestSignals(t *testing.T) {
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	file := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(path(name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const head = "$TTL 3600\n@ SOA ns1.example.net. hostmaster 1 7200 3600 1209600 3600\n"
	hosts := head + "@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n"
	file("net", hosts+"_dsboot.gone.org._signal.ns1 CDNSKEY 257 3 13 AAAA\n_other._signal.ns1 TXT stays\n")
	child := head + "@ NS ns1.example.net.\n@ NS ns2.example.net.\n"
	file("a.org", child)
	file("b.org", child)
	file("unsigned.net", head+"@ NS ns1\nns1 A 192.0.2.1\n")
	file("c.org", head+"@ NS ns1.unsigned.net.\n")
	config := `[listen]
address = ["127.0.0.1:0"]
[journal]
dir = "journal"
[signing]
key-dir = "keys"
[policy.hosts]
signal = "until-ds"
ds-check = false
[policy.default]
cds = true
ds-check = false
[[zone]]
name = "example.net"
file = "net"
sign = "hosts"
[[zone]]
name = "unsigned.net"
file = "unsigned.net"
[[zone]]
name = "a.org"
file = "a.org"
sign = "default"
[[zone]]
name = "c.org"
file = "c.org"
sign = "default"
`
	last := "[[zone]]\nname = \"b.org\"\nfile = \"b.org\"\nsign = \"default\"\n"
	file("names.toml", config+last)
	s, log := startFromFile(t, path("names.toml"))
	signing := s.transfer.signing
	zoneOf := func(origin string) *authority.Zone {
		t.Helper()
		return s.current.Load().set.Find(wire.MustParseName(origin), wire.ClassIN)
	}
	now := time.Now()
	setClock := func(d time.Duration) { // between two rounds of the server, which look at it
		signing.signals.keeping.Lock()
		defer signing.signals.keeping.Unlock()
		signing.mu.Lock()
		defer signing.mu.Unlock()
		now = now.Add(d)
		signing.now = func() time.Time { return now }
	}
	setClock(0)
	pass := func(d time.Duration) {
		t.Helper()
		setClock(d)
		signing.refresh()
		signing.keepSignals()
		if err := sign.Verify(zoneOf("example.net.").Snapshot(), now); err != nil {
			t.Error(err)
		}
	}
	reader := func() *bootstrapper {
		signing.mu.Lock()
		now := signing.now()
		signing.mu.Unlock()
		b := &bootstrapper{anchors: new(validate.Anchors), now: func() time.Time { return now }}
		for _, origin := range []string{"example.net.", "unsigned.net.", "a.org.", "b.org.", "c.org."} {
			if z := zoneOf(origin); z != nil {
				b.zones = append(b.zones, z)
			}
		}
		for r := range zoneOf("example.net.").Snapshot().RecordsOf(wire.MustParseName("example.net.")) {
			if r.Type == wire.TypeDNSKEY {
				ds := wire.DS{KeyTag: dnssec.KeyTag(r.Data), Algorithm: wire.AlgorithmECDSAP256SHA256, DigestType: 2}
				ds.Digest, _ = dnssec.AppendDigest(nil, r.Name, r.Data, 2)
				b.anchors.AddDS(wire.MustParseName("example.net."), &ds)
			}
		}
		return b
	}
	read := func(zone string, want int) {
		t.Helper()
		found, err := reader().read(t.Context(), wire.MustParseName(zone))
		if len(found) != want || (err == nil) != (want > 0) {
			t.Fatalf("%s: %d CDS records, %v, not %d; log:\n%s", zone, len(found), err, want, log())
		}
	}
	names := func() (all []string) {
		for r := range zoneOf("example.net.").Snapshot().All() {
			if label, _, _ := strings.Cut(r.Name.String(), "."); r.Type == wire.TypeCDS || r.Type == wire.TypeCDNSKEY || label == "_other" && r.Type == wire.TypeTXT {
				all = append(all, label+" "+r.Type.String())
			}
		}
		slices.Sort(all)
		return all
	}
	expect := func(cds int, zones int) {
		t.Helper()
		want := append(slices.Repeat([]string{"_dsboot CDNSKEY", "_dsboot CDS"}, cds*zones*2), "_other TXT")
		slices.Sort(want)
		if got := names(); !slices.Equal(got, want) {
			t.Fatalf("%q, not %q; log:\n%s", got, want, log())
		}
	}
	eventually.Succeed(t, func() error { // the server does the first round itself
		if got := names(); len(got) != 1 {
			return fmt.Errorf("%q; log:\n%s", got, log())
		}
		return nil
	})
	read("a.org.", 0) // without keys that all know, there are no CDS records
	pass(26 * time.Hour)
	read("a.org.", 1)
	read("b.org.", 1)
	read("c.org.", 0)
	expect(1, 2)

	// The parent has the DS record of one.
	if _, err := s.doSigningConfirm(t.Context(), []string{"a.org"}); err != nil {
		t.Fatal(err)
	}
	pass(time.Hour)
	expect(1, 2)
	pass(25 * time.Hour)
	read("a.org.", 0)
	read("b.org.", 1)
	expect(1, 1)

	// The file of the signalling zone changes.
	file("net", strings.Replace(hosts, " 1 7200", " 100 7200", 1)+"_other._signal.ns1 TXT stays\nnew A 192.0.2.3\n")
	if _, err := s.reload(); err != nil {
		t.Fatal(err)
	}
	read("b.org.", 1)
	expect(1, 1)

	// It is not ours any longer.
	file("names.toml", config)
	if _, err := s.reload(); err != nil {
		t.Fatal(err)
	}
	eventually.Succeed(t, func() error {
		if got := names(); len(got) != 1 {
			return fmt.Errorf("%q; log:\n%s", got, log())
		}
		return nil
	})
	if err := sign.Verify(zoneOf("example.net.").Snapshot(), reader().now()); err != nil {
		t.Error(err)
	}
}

// TestSignalsOfWholeZones: a zone that is replaced as a whole has the records in the same
// version; one of which it is not known yet what it is to have keeps what it has.
func TestSignalsOfWholeZones(t *testing.T) {
	parse := func(more string) *authority.Snapshot {
		t.Helper()
		file := filepath.Join(t.TempDir(), "net")
		writeFile(t, file, "$TTL 3600\n@ SOA ns h 1 7200 3600 1209600 3600\n@ NS ns\nns A 192.0.2.1\nsub NS ns\n"+more)
		s, err := authority.File{Path: file, Origin: wire.MustParseName("example.net.")}.Load(nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const stale = "_dsboot.gone.org._signal.ns CDNSKEY 257 3 13 AAAA\n"
	zone, wanted := authority.NewEmptyZone(wire.MustParseName("example.net."), wire.ClassIN), sign.Signals{}
	for _, server := range []string{"ns.example.net.", "ns.sub.example.net."} { // the other is below a zone cut
		owner, err := sign.SignalName(wire.MustParseName("a.org."), wire.MustParseName(server))
		if err != nil {
			t.Fatal(err)
		}
		cds := wire.DS{KeyTag: 1, Algorithm: 13, DigestType: 2, Digest: make([]byte, 32)}
		wanted[owner.Key()] = sign.Signal{Owner: owner, Records: []wire.Record{{Type: wire.TypeCDS, Class: wire.ClassIN, TTL: 60, Data: cds.AppendTo(nil, nil)}}}
	}
	for name, test := range map[string]struct {
		wanted map[*authority.Zone]sign.Signals
		want   []string
	}{
		"known":     {map[*authority.Zone]sign.Signals{zone: wanted}, []string{"_dsboot.a.org._signal.ns.example.net. CDS"}},
		"not known": {nil, []string{"_dsboot.gone.org._signal.ns.example.net. CDNSKEY"}},
	} {
		g := signals{wanted: test.wanted}
		zone.SetPipeline(&authority.Pipeline{Check: []authority.Stage{g.stage}})
		if err := zone.Replace(authority.FromFile, parse(stale)); err != nil {
			t.Fatal(err)
		}
		var got []string
		for r := range zone.Snapshot().All() {
			if r.Type == wire.TypeCDS || r.Type == wire.TypeCDNSKEY {
				got = append(got, r.Name.String()+" "+r.Type.String())
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
}
