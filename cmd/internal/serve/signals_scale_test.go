package serve

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// crowd is a zone that vouches for many others, each of which has CDS records.
type crowd struct {
	signing *signing
	home    *authority.Zone
	zones   []*authority.Zone
}

func newCrowd(t testing.TB, n int) *crowd {
	t.Helper()
	dir := t.TempDir()
	load := func(origin, text string) *authority.Snapshot {
		t.Helper()
		file := filepath.Join(dir, "zone")
		writeFile(t, file, text)
		s, err := authority.File{Path: file, Origin: wire.MustParseName(origin)}.Load(nil)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	c := &crowd{signing: newSigning(slog.New(slog.DiscardHandler), new(wire.TSIGKeys))}
	c.home = authority.NewEmptyZone(wire.MustParseName("example.net."), wire.ClassIN)
	how := &settings.Signing{KeyDir: filepath.Join(dir, "keys"), Policies: []settings.Policy{{Name: "default", Signal: settings.SignalAlways, NoDSCheck: true}}}
	p, err := c.signing.pipeline(how, &settings.Zone{Sign: "default"}, c.home, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.home.SetPipeline(p)
	if err := c.home.Replace(authority.FromFile, load("example.net.", "$TTL 3600\n@ SOA ns1 h 1 7200 3600 1209600 300\n@ NS ns1\n@ NS ns2\nns1 A 192.0.2.1\nns2 A 192.0.2.2\n")); err != nil {
		t.Fatal(err)
	}
	if err := c.signing.sign(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		zone := authority.NewEmptyZone(wire.MustParseName(fmt.Sprintf("zone%d.example.", i)), wire.ClassIN)
		zone.SetPipeline(&authority.Pipeline{Tell: []authority.Subscriber{c.signing.receiveSignals}})
		text := "$TTL 3600\n@ SOA ns1.example.net. h 1 7200 3600 1209600 300\n@ NS ns1.example.net.\n@ NS ns2.example.net.\n" +
			fmt.Sprintf("@ CDS %d 13 2 %064x\n@ CDNSKEY 257 3 13 AAAA\n", i%65536, i)
		if err := zone.Replace(authority.FromFile, load(zone.Origin().String(), text)); err != nil {
			t.Fatal(err)
		}
		c.zones = append(c.zones, zone)
	}
	c.signing.signals.serve(append(c.zones[:len(c.zones):len(c.zones)], c.home))
	return c
}

// change gives a zone another CDS record.
func (c *crowd) change(t testing.TB, zone *authority.Zone, digest byte) {
	t.Helper()
	cds := wire.CDS{DS: wire.DS{KeyTag: 1, Algorithm: wire.AlgorithmECDSAP256SHA256, DigestType: 2, Digest: make([]byte, 32)}}
	cds.Digest[0] = digest
	if _, err := zone.Update(authority.FromControl, func(txn *authority.Txn) error {
		return txn.Replace(wire.Record{Name: zone.Origin(), Type: wire.TypeCDS, Class: wire.ClassIN, TTL: 3600, Data: cds.AppendTo(nil, nil)})
	}); err != nil {
		t.Fatal(err)
	}
}

// TestSignalsOfThousands: one zone vouches for thousands of others: all of them in one version,
// and then a change of one is one small version, however many there are; zones that go are
// dropped together.
func TestSignalsOfThousands(t *testing.T) {
	n := 3000
	if testing.Short() {
		n = 300
	}
	c := newCrowd(t, n)
	serial := func() wire.Serial { return c.home.Snapshot().Serial() }
	count := func() (cds int) {
		for r := range c.home.Snapshot().All() {
			if r.Type == wire.TypeCDS {
				cds++
			}
		}
		return cds
	}
	before := serial()
	c.signing.keepSignals()
	if got := count(); got != 2*n || serial() != before+1 {
		t.Fatalf("%d CDS records below two servers, serial number %v after %v", got, serial(), before)
	}
	if err := sign.Verify(c.home.Snapshot(), c.signing.now()); err != nil {
		t.Error(err)
	}
	c.signing.keepSignals()
	if serial() != before+1 {
		t.Error("a version without a change")
	}
	at := c.home.Snapshot()
	c.change(t, c.zones[n/2], 7)
	c.change(t, c.zones[n/3], 7)
	c.signing.keepSignals()
	changes := authority.Diff(at, c.home.Snapshot())
	if got := len(changes.Added) + len(changes.Removed); got > 20 || serial() != before+2 { // 4 CDS records and their signatures, the SOA record and its own
		t.Errorf("%d records changed, serial number %v after %v", got, serial(), before)
	}
	if err := sign.Verify(c.home.Snapshot(), c.signing.now()); err != nil {
		t.Error(err)
	}
	c.signing.signals.serve(append(c.zones[:10:10], c.home))
	c.signing.keepSignals()
	if got := count(); got != 20 || serial() != before+3 {
		t.Errorf("%d CDS records for ten zones, serial number %v after %v", got, serial(), before)
	}
	if err := sign.Verify(c.home.Snapshot(), c.signing.now()); err != nil {
		t.Error(err)
	}
}

// BenchmarkSignals is one change of a zone among many that another one vouches for.
func BenchmarkSignals(b *testing.B) {
	for _, n := range []int{1000, 10_000} {
		b.Run(fmt.Sprintf("zones=%d", n), func(b *testing.B) {
			c := newCrowd(b, n)
			c.signing.keepSignals()
			digest := byte(0)
			for b.Loop() {
				digest++
				c.change(b, c.zones[n/2], digest)
				c.signing.keepSignals()
			}
		})
	}
}
