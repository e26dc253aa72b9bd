package serve

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

const parentZone = `$ORIGIN org.
$TTL 3600
@ SOA ns1 hostmaster 1 7200 3600 1209600 300
@ NS ns1
@ NS ns2
@ NS ns3
ns1 A 127.0.0.1
ns2 A 127.0.0.2
ns2 AAAA 2001:db8::2
example NS ns.example
ns.example A 192.0.2.1
`

// parentAt serves the zone org at a loopback address, with these DS records.
func parentAt(t *testing.T, ds ...string) (*Server, netip.AddrPort) {
	t.Helper()
	zone := filepath.Join(t.TempDir(), "org")
	writeFile(t, zone, parentZone+strings.Join(ds, "\n")+"\n")
	config := filepath.Join(t.TempDir(), "names.toml")
	writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nname = \"org\"\nfile = \""+zone+"\"\n")
	s, _ := startFromFile(t, config)
	return s, s.listener.Addresses()[0]
}

// TestParents: the servers of the parent are found and asked, each of them.
func TestParents(t *testing.T) {
	const ds = "example DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000"
	s, with := parentAt(t, ds)
	_, without := parentAt(t)
	client, err := names.NewClient(names.ClientConfig{Resolver: s.set, NoHosts: true})
	if err != nil {
		t.Fatal(err)
	}
	p := newParents(client)
	p.querier.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		at := map[string]netip.AddrPort{"127.0.0.1:53": with, "127.0.0.2:53": without}[address]
		if !at.IsValid() {
			return nil, errors.New("network is unreachable")
		}
		return new(net.Dialer).DialContext(ctx, network, at.String())
	}
	seen, err := p.look(t.Context(), wire.MustParseName("example.org."), nil)
	if err != nil || len(seen) != 3 {
		t.Fatal(seen, err)
	}
	slices.SortFunc(seen, func(a, b sign.Sighting) int { return strings.Compare(a.Server, b.Server) })
	if len(seen[0].DS) != 1 || seen[0].Err != nil || seen[0].DS[0].KeyTag != 1 {
		t.Errorf("the server that has it: %+v", seen[0])
	}
	if len(seen[1].DS) != 0 || seen[1].Err != nil {
		t.Errorf("the server that does not have it, and has an address that is not reached: %+v", seen[1])
	}
	if seen[2].Err == nil {
		t.Errorf("a server without addresses: %+v", seen[2])
	}
	p.querier.Dial = nil
	seen, err = p.look(t.Context(), wire.MustParseName("example.org."), []netip.AddrPort{with})
	if err != nil || len(seen) != 1 || len(seen[0].DS) != 1 {
		t.Errorf("a server that was given: %+v, %v", seen, err)
	}
	seen, _ = p.look(t.Context(), wire.MustParseName("example.net."), []netip.AddrPort{with})
	if len(seen) != 1 || seen[0].Err == nil {
		t.Errorf("a server of another zone: %+v", seen)
	}
	if _, err := p.look(t.Context(), wire.Root, nil); err == nil {
		t.Error("the root has a parent")
	}
}

// TestKeysFollowTheParent: a key is exchanged by the time of day and by what the
// parent has, and the zone is valid all the while.
func TestKeysFollowTheParent(t *testing.T) {
	dir := t.TempDir()
	zone := filepath.Join(dir, "example.org")
	writeFile(t, zone, smallZone)
	parent, at := parentAt(t)
	config := filepath.Join(dir, "names.toml")
	writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[signing]\nkey-dir = \"keys\"\n[policy.default]\ncds = true\nparent = [\""+at.String()+
		"\"]\n[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nsign = \"default\"\n")
	s, log := startFromFile(t, config)
	signing := s.transfer.signing
	pass := ownClock(t, s, func() { signing.watchParents(t.Context()) })
	states := func() (all []string) {
		signing.mu.Lock()
		defer signing.mu.Unlock()
		for _, z := range signing.zones {
			for _, k := range z.keys.Keys {
				all = append(all, k.Progress.Summary())
			}
		}
		slices.Sort(all)
		return all
	}
	publish := func() {
		t.Helper()
		signing.mu.Lock()
		defer signing.mu.Unlock()
		var records []wire.Record
		for _, z := range signing.zones {
			for _, k := range z.keys.Keys {
				if ds, err := k.DS(wire.MustParseName("example.org."), 2); err == nil && k.Progress.Goal == sign.Omnipresent {
					records = append(records, wire.Record{Name: wire.MustParseName("example.org."), Type: wire.TypeDS, Class: wire.ClassIN, TTL: 3600, Data: ds.AppendTo(nil, nil)})
				}
			}
		}
		org := parent.set.Zones()[0]
		if _, err := org.Update(authority.FromControl, func(txn *authority.Txn) error {
			txn.RemoveRRset(wire.MustParseName("example.org."), wire.TypeDS)
			return txn.Replace(records...)
		}); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(want ...string) {
		t.Helper()
		if got := states(); !slices.Equal(got, want) {
			t.Fatalf("keys are %v, not %v\n%s", got, want, log())
		}
	}
	expect("published")
	pass(26 * time.Hour)
	expect("ready")
	pass(100 * time.Hour) // the parent is slow
	expect("ready")
	publish()
	pass(time.Hour)
	pass(26 * time.Hour)
	expect("active")
	if _, err := s.doSigningConfirm(t.Context(), []string{"example.org"}); err == nil {
		t.Error("confirmed what nothing waits for")
	}
	waits, err := s.doSigningRoll(t.Context(), []string{"example.org", "keys"})
	if err != nil || len(waits.([]signingWaitReply)) != 2 {
		t.Fatal(waits, err)
	}
	pass(time.Hour)
	expect("published", "retire-active")
	pass(3 * time.Hour)
	expect("ready", "retire-active")
	pass(100 * time.Hour)
	expect("ready", "retire-active")
	publish()
	pass(time.Hour)
	pass(26 * time.Hour)
	pass(26 * time.Hour)
	pass(26 * time.Hour)
	expect("active", "removed")
	replies, err := s.doSigningZones(t.Context(), nil)
	if zones := replies.([]signedZoneReply); err != nil || len(zones) != 1 || zones[0].Keys != 2 || zones[0].Ends == "-" {
		t.Error(replies, err)
	}
	replies, err = s.doSigningKeys(t.Context(), []string{"example.org"})
	if keys := replies.([]signingKeyReply); err != nil || len(keys) != 2 {
		t.Error(replies, err)
	}
	replies, err = s.doSigningNext(t.Context(), []string{"example.org"})
	if waits := replies.([]signingWaitReply); err != nil || len(waits) != 0 {
		t.Error(replies, err)
	}
	warning := func() string {
		t.Helper()
		replies, err := s.doSigningZones(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		return replies.([]signedZoneReply)[0].Warning
	}
	pass(13 * time.Hour)
	if got := warning(); got != "-" {
		t.Errorf("warning %q", got)
	}
	org := parent.set.Zones()[0]
	if _, err := org.Update(authority.FromControl, func(txn *authority.Txn) error {
		txn.RemoveRRset(wire.MustParseName("example.org."), wire.TypeDS)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	pass(13 * time.Hour)
	if got := warning(); got != "no DS record at "+at.String() || !strings.Contains(log(), "the parent has lost a DS record") {
		t.Errorf("warning %q; log:\n%s", got, log())
	}
	if got := signingMetric(t, signing, "names_signing_zones_missing_ds"); got != 1 {
		t.Errorf("%v zones without a DS record", got)
	}
	expect("active", "removed")
	publish()
	pass(time.Hour)
	if got := warning(); got != "-" || !strings.Contains(log(), "the parent has the DS record again") {
		t.Errorf("warning %q; log:\n%s", got, log())
	}
	if got := signingMetric(t, signing, "names_signing_zones_missing_ds"); got != 0 {
		t.Errorf("%v zones without a DS record", got)
	}
}

// ownClock gives the signing of s a clock of the test's own. Pass moves it on and does
// what is due, in the end with more; the zone is then still signed as it has to be.
func ownClock(t *testing.T, s *Server, more func()) (pass func(time.Duration)) {
	signing, now := s.transfer.signing, time.Now()
	signing.mu.Lock()
	signing.now = func() time.Time { return now }
	signing.mu.Unlock()
	return func(d time.Duration) {
		t.Helper()
		signing.mu.Lock()
		now = now.Add(d)
		signing.mu.Unlock()
		signing.refresh()
		more()
		if err := sign.Verify(s.set.Zones()[0].Snapshot(), now); err != nil {
			t.Error(err)
		}
	}
}
