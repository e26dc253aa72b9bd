package serve

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/wire"
)

const (
	registrantKey    = "[[key]]\nname = \"registrant\"\nsecret = \"bm90IGEgc2VjcmV0LCBqdXN0IHRleHQ=\"\n"
	parentUpdateRule = "update = [{ keys = [\"registrant\"], names = [\"example.org\"], types = [\"DS\"] }]\n"
)

// TestUpdateParent: the parent is sent the DS records at each change, again if it refuses, and
// only what its servers answer lets the exchange go on.
func TestUpdateParent(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "org"), parentZone)
	secret := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret("parent.toml", registrantKey+"[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nname = \"org\"\nfile = \"org\"\n"+parentUpdateRule)
	parent, _ := startFromFile(t, filepath.Join(dir, "parent.toml"))
	at := parent.listener.Addresses()[0].String()
	secondary, late := parentAt(t)
	writeFile(t, filepath.Join(dir, "example.org"), smallZone)
	config := registrantKey + "[listen]\naddress = [\"127.0.0.1:0\"]\n[signing]\nkey-dir = \"keys\"\n[policy.default]\nksk-rollover = \"double-ds\"\nparent = [\"" + at + "\", \"" + late.String() +
		"\"]\nparent-update = [\"key:registrant@" + at + "\"]\n[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nsign = \"default\"\n"
	secret("names.toml", config)
	s, log := startFromFile(t, filepath.Join(dir, "names.toml"))
	signing, org, zone := s.transfer.signing, parent.set.Zones()[0], wire.MustParseName("example.org.")
	pass := ownClock(t, s, func() {
		signing.watchParents(t.Context())
		signing.updateParents(t.Context())
		signing.watchParents(t.Context())
	})
	expect := func(want int) {
		t.Helper()
		got := 0
		for r := range org.Snapshot().RecordsOf(zone) {
			if r.Type == wire.TypeDS {
				got++
			}
		}
		if got != want {
			t.Fatalf("the parent has %d DS records, not %d; log:\n%s", got, want, log())
		}
	}
	waits := func() string {
		t.Helper()
		waits, err := s.doSigningNext(t.Context(), []string{"example.org"})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, w := range waits.([]signingWaitReply) {
			all = append(all, w.What+": "+w.Why)
		}
		return strings.Join(all, "\n")
	}
	transfer := func() { // what the secondary of the parent does late
		t.Helper()
		var ds []wire.Record
		for r := range org.Snapshot().RecordsOf(zone) {
			if r.Type == wire.TypeDS {
				ds = append(ds, wire.Record{Name: zone, Type: r.Type, Class: r.Class, TTL: r.TTL, Data: slices.Clone(r.Data)})
			}
		}
		if _, err := secondary.set.Zones()[0].Update(authority.FromControl, func(txn *authority.Txn) error {
			txn.RemoveRRset(zone, wire.TypeDS)
			return txn.Replace(ds...)
		}); err != nil {
			t.Fatal(err)
		}
	}
	expect(0)
	pass(3 * time.Hour) // some resolvers may have records without signatures
	expect(0)
	pass(23 * time.Hour)
	expect(1)
	pass(60 * time.Hour)
	if got := waits(); !strings.Contains(got, "all servers of the parent are to have it; "+at+" has taken an update at") {
		t.Errorf("waits for %s", got)
	}
	transfer()
	pass(time.Hour)
	pass(26 * time.Hour)

	// The parent does not know the key for a while.
	keys := parent.transfer.keys.Take
	keys(new(wire.TSIGKeys))
	if _, err := s.doSigningRoll(t.Context(), []string{"example.org", "keys"}); err != nil {
		t.Fatal(err)
	}
	pass(time.Second)
	expect(1)
	if got := waits(); !strings.Contains(got, "no server has taken an update, try 1") {
		t.Errorf("waits for %s", got)
	}
	pass(time.Second) // too early for another try
	pass(time.Minute)
	if got := waits(); !strings.Contains(got, "try 2") || strings.Count(log(), "parent has not taken an update") != 2 {
		t.Errorf("waits for %s; log:\n%s", got, log())
	}
	keys(signing.tsig)
	pass(2 * time.Minute)
	expect(2)
	transfer()
	pass(time.Hour)
	pass(26 * time.Hour) // the new key is published
	pass(3 * time.Hour)  // and is known: the old DS record goes
	expect(1)
	transfer()
	pass(time.Hour)
	pass(30 * time.Hour)
	pass(30 * time.Hour)
	if got := waits(); got != "" {
		t.Errorf("waits for %s", got)
	}
	counted := signing.metrics()
	if got := counted[len(counted)-1]; got.Name != "names_signing_parent_updates_total" || got.Samples[0].Value != 4 || got.Samples[1].Value != 2 {
		t.Errorf("%+v", got)
	}

	secret("names.toml", strings.Replace(config, "key:registrant@", "key:other@", 1))
	if _, err := s.reload(); err == nil || !strings.Contains(err.Error(), "there is no TSIG key other.") {
		t.Errorf("a key that is not there: %v", err)
	}
}

// TestSilentParents: parents that take updates and do not reply are waited for at the same
// time, and no longer than a round takes; the rest is tried in the next round.
func TestSilentParents(t *testing.T) {
	dir := t.TempDir()
	const zones, inOneRound = 30, 24 // 8 at the same time, 20 s each, for a minute
	synctest.Test(t, func(t *testing.T) {
		network := listenertest.NewNetwork()
		parent := netip.MustParseAddrPort("192.0.2.53:53")
		l, err := network.Listen(t.Context(), "tcp", parent.String())
		if err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		var mu sync.Mutex
		open, most, came := 0, 0, 0
		all.Go(func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				all.Go(func() {
					mu.Lock()
					open, came = open+1, came+1
					most = max(most, open)
					mu.Unlock()
					_, _ = io.Copy(io.Discard, conn)
					conn.Close()
					mu.Lock()
					open--
					mu.Unlock()
				})
			}
		})
		keys, name := new(wire.TSIGKeys), wire.MustParseName("registrant.")
		if err := keys.Add(wire.TSIGKey{Name: name, Algorithm: wire.TSIGSHA256, Secret: make([]byte, 32)}); err != nil {
			t.Fatal(err)
		}
		s := newSigning(slog.New(slog.DiscardHandler), keys)
		s.dial = func(settings.Peer) func(context.Context, string, string) (net.Conn, error) {
			return func(_ context.Context, transport, address string) (net.Conn, error) {
				return network.Dial(transport, netip.MustParseAddrPort("192.0.2.1:0"), netip.MustParseAddrPort(address))
			}
		}
		how := &settings.Signing{KeyDir: dir, Policies: []settings.Policy{{Name: "default", NoDSCheck: true, ParentUpdate: []settings.Peer{{Address: parent, Key: name}}}}}
		for i := range zones {
			origin := wire.MustParseName(fmt.Sprintf("zone%d.example.", i))
			file := filepath.Join(dir, "zone")
			writeFile(t, file, smallZone)
			contents, err := authority.File{Path: file, Origin: origin}.Load(nil)
			if err != nil {
				t.Fatal(err)
			}
			zone := authority.NewEmptyZone(origin, wire.ClassIN)
			p, err := s.pipeline(how, &settings.Zone{Sign: "default"}, zone, nil)
			if err != nil {
				t.Fatal(err)
			}
			zone.SetPipeline(p)
			if err := zone.Replace(authority.FromFile, contents); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.sign(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(27 * time.Hour) // all caches have signed records
		s.refresh()
		s.updateParents(t.Context())
		if got := s.updatesFailed.Load(); got != inOneRound {
			t.Errorf("%d updates failed, not %d", got, inOneRound)
		}
		s.updateParents(t.Context())
		if got := s.updatesFailed.Load(); got != zones {
			t.Errorf("%d updates failed, not %d", got, zones)
		}
		l.Close()
		all.Wait()
		if most != parentsAtATime || came != zones {
			t.Errorf("%d connections, at most %d at the same time", came, most)
		}
	})
}
