package sign

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// dnskeys are the DNSKEY records of keys.
func dnskeys(keys ...*Key) (records []wire.Record) {
	for _, k := range keys {
		records = append(records, wire.Record{Name: wire.MustParseName("example."), Type: wire.TypeDNSKEY, Class: wire.ClassIN, TTL: 3600, Data: k.Data()})
	}
	return records
}

func addRecords(z *authority.Zone, records ...wire.Record) error {
	_, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error {
		for _, r := range records {
			if err := t.Add(r); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

// twoKeys are one for the keys and one for the rest.
func twoKeys(t *testing.T, a wire.Algorithm) []*Key {
	return []*Key{key(t, a, wire.FlagZoneKey|wire.FlagSecureEntry), key(t, a, wire.FlagZoneKey)}
}

// apexText is the data of the records of a type at the apex.
func apexText(t *testing.T, s *authority.Snapshot, kind wire.Type) (all []string) {
	t.Helper()
	for r := range s.RecordsOf(s.Origin()) {
		if r.Type == kind {
			d, err := r.Rdata()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d.(interface{ String() string }).String())
		}
	}
	return all
}

// verifiesAcross fails unless each signature of a zone that has its RRset in both versions
// is by a key that the other version has too: a resolver can have the keys from one server
// and the rest from the other.
func verifiesAcross(t *testing.T, records, keys *authority.Snapshot) {
	t.Helper()
	known := map[uint16]*dnssec.Key{}
	for r := range keys.RecordsOf(keys.Origin()) {
		if r.Type == wire.TypeDNSKEY {
			k, err := algorithms.ParseKey(r.Data)
			if err != nil {
				t.Fatal(err)
			}
			known[dnssec.KeyTag(r.Data)] = k
		}
	}
	sets := map[string]*dnssec.RRset{}
	id := func(name wire.Name, kind wire.Type) string { return name.String() + kind.String() }
	for r := range records.All() {
		set := sets[id(r.Name, r.Type)]
		if set == nil {
			set = &dnssec.RRset{Name: r.Name.Clone(), Type: r.Type, Class: r.Class, TTL: r.TTL}
			sets[id(r.Name, r.Type)] = set
		}
		set.Data = append(set.Data, append([]byte(nil), r.Data...))
	}
	checked := 0
	for r := range records.All() {
		var sig wire.RRSIG
		c := wire.CursorOver(r.Data)
		if r.Type != wire.TypeRRSIG || sig.Parse(&c) != nil {
			continue
		}
		k := known[sig.KeyTag]
		if k == nil {
			t.Fatalf("the keys of the other server lack key %d, which signs %s %s", sig.KeyTag, r.Name, sig.Covered)
		}
		var canonical dnssec.Canonical
		canonical.Set(sets[id(r.Name, sig.Covered)])
		message, err := canonical.AppendSigned(nil, &sig)
		if err != nil || !k.Verify(message, sig.Signature) {
			t.Errorf("%s %s: %v", r.Name, sig.Covered, err)
		}
		checked++
	}
	if checked < 10 {
		t.Errorf("%d signatures", checked)
	}
}

// TestTwoSigners: two servers with keys of their own sign one zone, and what a resolver
// has from one verifies with the keys that it has from the other (RFC 8901, model 2).
func TestTwoSigners(t *testing.T) {
	now := start
	clock := func() time.Time { return now }
	policy := Policy{CDS: true, ForeignKeys: true}
	ours, theirs := twoKeys(t, wire.AlgorithmECDSAP256SHA256), twoKeys(t, wire.AlgorithmECDSAP256SHA256)
	s, err := New(policy, ours, clock)
	if err != nil {
		t.Fatal(err)
	}
	other, err := New(policy, theirs, clock)
	if err != nil {
		t.Fatal(err)
	}
	a, b := signed(t, s, parse(t, zoneText)), signed(t, other, parse(t, zoneText))
	if err := addRecords(a, dnskeys(theirs...)...); err != nil {
		t.Fatal(err)
	}
	if err := addRecords(b, dnskeys(ours...)...); err != nil {
		t.Fatal(err)
	}
	for _, z := range []*authority.Zone{a, b} {
		verify(t, z.Snapshot(), now)
		if keys, cds, cdnskey := apexText(t, z.Snapshot(), wire.TypeDNSKEY), apexText(t, z.Snapshot(), wire.TypeCDS), apexText(t, z.Snapshot(), wire.TypeCDNSKEY); len(keys) != 4 || len(cds) != 2 || len(cdnskey) != 2 {
			t.Errorf("keys %q, CDS %q, CDNSKEY %q", keys, cds, cdnskey)
		}
	}
	verifiesAcross(t, a.Snapshot(), b.Snapshot())
	verifiesAcross(t, b.Snapshot(), a.Snapshot())
	if due, err := s.Refresh(a); due != 0 || err != nil {
		t.Errorf("%d are due, %v", due, err)
	}

	// Our keys are exchanged: those that are withdrawn do not stay as if they were of
	// another server, and those of the other one do.
	next := twoKeys(t, wire.AlgorithmECDSAP256SHA256)
	for _, k := range ours {
		k.Inactive, k.Delete = start.Add(time.Hour), start.Add(time.Hour)
	}
	s.SetKeys(append(next, ours...))
	now = start.Add(2 * time.Hour)
	if _, err := s.Refresh(a); err != nil {
		t.Fatal(err)
	}
	verify(t, a.Snapshot(), now)
	if got := apexText(t, a.Snapshot(), wire.TypeDNSKEY); len(got) != 4 || strings.Contains(strings.Join(got, "\n"), ours[0].Record.String()) {
		t.Errorf("%q", got)
	}

	// They go with an edit, and with a file that does not have them.
	if _, err := a.Update(authority.FromUpdate, func(txn *authority.Txn) error { txn.Remove(dnskeys(theirs[0])[0]); return nil }); err != nil {
		t.Fatal(err)
	}
	verify(t, a.Snapshot(), now)
	if keys, cds := apexText(t, a.Snapshot(), wire.TypeDNSKEY), apexText(t, a.Snapshot(), wire.TypeCDS); len(keys) != 3 || len(cds) != 1 {
		t.Errorf("%q %q", keys, cds)
	}
	if err := a.Replace(authority.FromFile, parse(t, zoneText)); err != nil {
		t.Fatal(err)
	}
	if keys := apexText(t, a.Snapshot(), wire.TypeDNSKEY); len(keys) != 2 {
		t.Errorf("%q", keys)
	}
}

// TestForeignKeysThatAreWrong: another algorithm, which resolvers may want signatures of,
// and what is not the key of a zone. One that was there before stays: refusing it would
// end the signatures.
func TestForeignKeysThatAreWrong(t *testing.T) {
	s, err := New(Policy{ForeignKeys: true}, csk(t), func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText))
	before := z.Snapshot().Serial()
	revoked := dnskeys(csk(t)...)
	revoked[0].Data = append([]byte(nil), revoked[0].Data...)
	revoked[0].Data[1] |= byte(wire.FlagRevoked)
	for name, records := range map[string][]wire.Record{
		"another algorithm": dnskeys(key(t, wire.AlgorithmED25519, wire.FlagZoneKey)), "revoked": revoked,
	} {
		if err := addRecords(z, records...); err == nil || z.Snapshot().Serial() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := addRecords(z, dnskeys(csk(t)...)...); err != nil {
		t.Fatal(err)
	}
	s.SetKeys(twoKeys(t, wire.AlgorithmED25519))
	if _, err := s.Refresh(z); err != nil {
		t.Error(err)
	}
	without, err := New(Policy{}, csk(t), func() time.Time { return start })
	if err != nil {
		t.Fatal(err)
	}
	z = signed(t, without, parse(t, zoneText))
	if err := addRecords(z, dnskeys(csk(t)...)...); !errors.Is(err, ErrForeignKeys) {
		t.Error(err)
	}
	if _, err := NewOnline(nil, OnlineConfig{Zone: z.Origin(), Servers: []wire.Name{z.Origin()}, Policy: Policy{ForeignKeys: true}}); err == nil {
		t.Error("signed online with keys of another server")
	}
}
