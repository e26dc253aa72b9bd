package serve

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
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
