package serve

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// writeRoot writes a small root zone with a ZONEMD record, and its trust anchor.
func writeRoot(t *testing.T, file, anchor string) {
	t.Helper()
	key, err := signedtree.Key(wire.Root, "key", wire.AlgorithmED25519, 257)
	if err != nil {
		t.Fatal(err)
	}
	zonemdData := append([]byte{0, 0, 0, 7, 1, byte(zonemd.SHA384)}, make([]byte, 48)...)
	nameOf := wire.MustParseName
	soa := wire.SOA{Primary: nameOf("a."), Mailbox: nameOf("b."), Serial: 7, Refresh: 1800, Retry: 900, Expire: 604800, Minimum: 60}
	record := func(name string, kind wire.Type, data []byte) wire.Record {
		return wire.Record{Name: nameOf(name), Type: kind, Class: wire.ClassIN, TTL: 60, Data: data}
	}
	now := time.Now() // once: the digest is about the signatures that are written
	sign := func() []wire.Record {
		signed, err := signedtree.Sign(wire.Root, []wire.Record{
			record(".", wire.TypeSOA, soa.AppendTo(nil, nil)),
			record(".", wire.TypeNS, nameOf("a.").AppendTo(nil)),
			record(".", wire.TypeZONEMD, slices.Clone(zonemdData)),
			record("a.", wire.TypeA, []byte{192, 0, 2, 1}),
			record("example.", wire.TypeNS, nameOf("ns.example.").AppendTo(nil)),
			record("ns.example.", wire.TypeA, []byte{192, 0, 2, 2}),
		}, signedtree.Options{
			Denial: signedtree.NSEC, Keys: []*dnssec.SigningKey{key},
			Inception: wire.SerialFromTime(now.Add(-time.Hour)), Expiration: wire.SerialFromTime(now.Add(30 * 24 * time.Hour)),
		})
		if err != nil {
			t.Fatal(err)
		}
		return signed
	}
	snapshotOf := func(records []wire.Record) *authority.Snapshot {
		var problems diagnostic.List
		b := authority.NewBuilder(wire.Root, wire.ClassIN, &problems)
		for _, r := range records {
			b.Add(r, diagnostic.Position{})
		}
		s, err := b.Freeze()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	copy(zonemdData[6:], zonemd.Digest(wire.Root, snapshotOf(sign()).All(), zonemd.SHA384))
	var text strings.Builder
	for _, r := range sign() {
		fmt.Fprintln(&text, r)
	}
	writeFile(t, file, text.String())
	ds, err := key.DS(wire.Root, dnssec.DigestSHA256)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, anchor, ". DS "+ds.String()+"\n")
}

// TestLocalRoot: names that the root denies are denied from the copy of its zone, as
// secure, though no root server is in reach; from a file, and by transfer.
func TestLocalRoot(t *testing.T) {
	dir := t.TempDir()
	file, anchor, hints, kept := filepath.Join(dir, "root"), filepath.Join(dir, "anchor"), filepath.Join(dir, "hints"), filepath.Join(dir, "kept")
	writeRoot(t, file, anchor)
	writeFile(t, hints, ". 60 NS a.\na. 60 A 192.0.2.1\n")
	primary, _, _ := startServer(t, "--bindzone", file, "--allow-transfer", "loopback")
	for _, from := range []string{"--local-root-file " + file, "--local-root " + primary.String() + " --local-root-file " + kept} {
		server, _, log := startServer(t, strings.Fields("--from-root -c --root-hints "+hints+" --trust-anchor "+anchor+" "+from)...)
		waitForLog(t, log, "answers of the root come from a copy")
		if m := askSecure(t, server, "www.nothing-there.", wire.FlagRD); m.RCode != wire.RCodeNXDomain || !m.Flags.Has(wire.FlagAD) {
			t.Errorf("%s:\n%v\n%s", from, m, log())
		}
	}
	if _, err := os.Stat(kept); err != nil {
		t.Error(err)
	}
}

// TestLocalRootIsNotGood: a copy whose digest does not match, that is not signed by the
// root's key, or that has expired is not used, and the log says why.
func TestLocalRootIsNotGood(t *testing.T) {
	dir := t.TempDir()
	file, anchor, hints := filepath.Join(dir, "root"), filepath.Join(dir, "anchor"), filepath.Join(dir, "hints")
	writeFile(t, hints, ". 60 NS a.\na. 60 A 192.0.2.1\n")
	for _, c := range []struct {
		title string
		spoil func() error
		want  string // "": it is good
	}{
		{"as it is", func() error { return nil }, ""},
		{"other glue", func() error {
			text, err := os.ReadFile(file)
			writeFile(t, file, strings.Replace(string(text), "192.0.2.2", "192.0.2.3", 1))
			return err
		}, "ZONEMD digest does not match"},
		{"other key", func() error {
			writeFile(t, anchor, ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
			return nil
		}, "its ZONEMD record is bogus"},
		{"old", func() error { return os.Chtimes(file, time.Time{}, time.Now().Add(-8*24*time.Hour)) }, "has expired"},
		{"not there", func() error { return os.Remove(file) }, "no such file"},
		{"no zone", func() error { return os.WriteFile(file, []byte("nonsense\n"), 0o600) }, "root:1:"},
	} {
		writeRoot(t, file, anchor)
		if err := c.spoil(); err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		s := parse(t, strings.Fields("--from-root --root-hints "+hints+" --local-root-file "+file+" --trust-anchor "+anchor)...)
		p, err := assemble(t.Context(), s, new(authority.Set), nil, nil, nil, newLimitLog(nil), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if p.root.isGood() != (c.want == "") || !strings.Contains(log.String(), c.want) {
			t.Errorf("%s:\n%s", c.title, log.String())
		}
		p.close()
	}
}
