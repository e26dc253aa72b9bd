package sign

import (
	"fmt"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// signaturesOf are the RRSIG records of a version.
func signaturesOf(t testing.TB, s *authority.Snapshot) (all []wire.RRSIG) {
	t.Helper()
	for _, r := range recordsOf(s, wire.TypeRRSIG) {
		var sig wire.RRSIG
		c := wire.CursorOver(r.Data)
		if err := sig.Parse(&c); err != nil {
			t.Fatal(err)
		}
		all = append(all, sig)
	}
	return all
}

// TestSignaturesBeginEarly: a signature is valid for resolvers whose clock is an hour slow
// as soon as it is there: from a first signing, from an edit, and when it was due.
func TestSignaturesBeginEarly(t *testing.T) {
	now := start
	s, err := New(Policy{}, csk(t), func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText))
	check := func() {
		t.Helper()
		verify(t, z.Snapshot(), now.Add(-early))
		for _, sig := range signaturesOf(t, z.Snapshot()) {
			if begins := sig.Inception.Time(now); begins.After(now.Add(-early)) || begins.Before(now.Add(-s.Policy().Validity)) {
				t.Errorf("the signature of %v begins at %v, and it is %v", sig.Covered, begins, now)
			}
		}
	}
	check()
	for i := range 40 {
		now = now.Add(7 * time.Hour)
		if i%2 == 0 {
			if _, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error {
				name, err := t.Origin().Prepend(fmt.Sprint("new", i))
				if err != nil {
					return err
				}
				return t.Add(wire.Record{Name: name, Type: wire.TypeA, Class: t.Class(), TTL: 60, Data: []byte{192, 0, 2, byte(i)}})
			}); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := s.Refresh(z); err != nil {
			t.Fatal(err)
		}
		check()
	}
}

// TestEnds: when the first signature ends is what the zone has, after a first signing, when
// signatures were due, after another policy, and for a zone that had none.
func TestEnds(t *testing.T) {
	keys := csk(t)
	now := start
	clock := func() time.Time { return now }
	check := func(what string, s *Signer, z *authority.Zone) {
		t.Helper()
		if _, err := s.Refresh(z); err != nil {
			t.Fatal(err)
		}
		var first time.Time
		for _, sig := range signaturesOf(t, z.Snapshot()) {
			if ends := sig.Expiration.Time(now); first.IsZero() || ends.Before(first) {
				first = ends
			}
		}
		if got, ok := s.Ends(); !ok || !got.Equal(first) {
			t.Errorf("%s: %v, not %v", what, got.UTC(), first.UTC())
		}
	}
	s, err := New(Policy{}, keys, clock)
	if err != nil {
		t.Fatal(err)
	}
	if at, ok := s.Ends(); ok {
		t.Errorf("known before there is a zone: %v", at)
	}
	z := signed(t, s, parse(t, zoneText))
	check("first signing", s, z)
	for range 30 {
		now = now.Add(9 * time.Hour)
		check("due", s, z)
	}
	for _, policy := range []Policy{{Validity: 4 * day, Refresh: day}, {NSEC3: true}} {
		if s, err = New(policy, keys, clock); err != nil {
			t.Fatal(err)
		}
		z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
		check(fmt.Sprintf("%+v", policy), s, z)
	}
	z = authority.NewZone(parse(t, zoneText))
	z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
	check("unsigned", s, z)
}
