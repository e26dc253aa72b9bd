package sign

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/internal/zonetest"
	"github.com/names-dns/names/wire"
)

// recordsOf are the records of a type in a version.
func recordsOf(s *authority.Snapshot, kind wire.Type) (all []wire.Record) {
	for r := range s.All() {
		if r.Type == kind {
			all = append(all, r.Clone())
		}
	}
	return all
}

// TestTTLOfDenials: the proofs have the smaller one of the TTL and the minimum of the SOA
// record (RFC 9077 3), all of them as soon as an edit changes either, and their signatures say
// so.
func TestTTLOfDenials(t *testing.T) {
	for name, policy := range map[string]Policy{"NSEC": {}, "NSEC3": {NSEC3: true}, "opt-out": {NSEC3: true, OptOut: true}} {
		t.Run(name, func(t *testing.T) {
			keys := csk(t)
			clock := func() time.Time { return start }
			s, err := New(policy, keys, clock)
			if err != nil {
				t.Fatal(err)
			}
			soa := func(ttl, minimum string, serial wire.Serial) string {
				text := strings.Replace(zoneText, "@ 3600 SOA", "@ "+ttl+" SOA", 1)
				text = strings.Replace(text, " 1209600 300\n", " 1209600 "+minimum+"\n", 1)
				return strings.Replace(text, " 1 7200", fmt.Sprintf(" %d 7200", serial), 1)
			}
			z := signed(t, s, parse(t, soa("100", "300", 1)))
			check := func(want uint32) {
				t.Helper()
				kind := wire.TypeNSEC
				if policy.NSEC3 {
					kind = wire.TypeNSEC3
				}
				proofs := recordsOf(z.Snapshot(), kind)
				for _, r := range proofs {
					if r.TTL != want {
						t.Errorf("%s %v has TTL %d, not %d", r.Name, r.Type, r.TTL, want)
					}
				}
				if len(proofs) < 8 {
					t.Errorf("%d proofs", len(proofs))
				}
				wantSignedAnew(t, z, policy, keys)
			}
			check(100)
			for _, step := range []struct {
				ttl, minimum string
				want         uint32
			}{{"3600", "300", 300}, {"3600", "7200", 3600}, {"60", "7200", 60}, {"60", "60", 60}} {
				edited := recordsOf(parse(t, soa(step.ttl, step.minimum, z.Snapshot().Serial()+1)), wire.TypeSOA)
				if _, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error { return t.Replace(edited...) }); err != nil {
					t.Fatal(err)
				}
				check(step.want)
			}
			if err := z.Replace(authority.FromFile, parse(t, soa("86400", "900", 1))); err != nil {
				t.Fatal(err)
			}
			check(900)
		})
	}
}

// TestChangesOfDenial: a zone goes from each kind of proof to each other one, in one version
// that is what a first signing makes, and nothing of the old kind is left.
func TestChangesOfDenial(t *testing.T) {
	kinds := map[string]Policy{"NSEC": {}, "NSEC3": {NSEC3: true}, "opt-out": {NSEC3: true, OptOut: true}}
	for from, before := range kinds {
		for to, after := range kinds {
			if from == to {
				continue
			}
			t.Run(from+" to "+to, func(t *testing.T) {
				keys := csk(t)
				clock := func() time.Time { return start }
				s, err := New(before, keys, clock)
				if err != nil {
					t.Fatal(err)
				}
				z := signed(t, s, parse(t, zoneText))
				serial := z.Snapshot().Serial()
				next, err := New(after, keys, clock)
				if err != nil {
					t.Fatal(err)
				}
				z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{next.Stage}})
				if _, err := next.Refresh(z); err != nil {
					t.Fatal(err)
				}
				if z.Snapshot().Serial() != serial+1 {
					t.Errorf("serial number %s after %s", z.Snapshot().Serial(), serial)
				}
				wantSignedAnew(t, z, after, keys)
				left := wire.TypeNSEC
				if !after.NSEC3 {
					left = wire.TypeNSEC3
				}
				if n := len(recordsOf(z.Snapshot(), left)); n > 0 {
					t.Errorf("%d records of type %v are left", n, left)
				}
			})
		}
	}
}

// TestNSEC3PARAM: the apex has one record with the parameters of the chain, without salt and
// iterations (RFC 9276 3.1) and without the flag of opt-out (RFC 5155 4.1.2), signed, whatever
// an edit does to it; a zone with NSEC has none.
func TestNSEC3PARAM(t *testing.T) {
	eachPolicy(t, func(t *testing.T, s *Signer, z *authority.Zone) {
		check := func() {
			t.Helper()
			found := recordsOf(z.Snapshot(), wire.TypeNSEC3PARAM)
			switch {
			case !s.policy.NSEC3 && len(found) > 0:
				t.Errorf("%d records", len(found))
			case !s.policy.NSEC3:
			case len(found) != 1 || !found[0].Name.Equal(z.Origin()) || string(found[0].Data) != "\x01\x00\x00\x00\x00" || found[0].TTL != 0:
				t.Errorf("%v", found)
			}
			verify(t, z.Snapshot(), start)
		}
		check()
		for _, data := range [...]string{"\x01\x00\x00\x0a\x02\xab\xcd", "\x01\x01\x00\x00\x00"} {
			if _, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error {
				t.RemoveRRset(t.Origin(), wire.TypeNSEC3PARAM)
				return t.Add(wire.Record{Name: t.Origin(), Type: wire.TypeNSEC3PARAM, Class: t.Class(), TTL: 60, Data: []byte(data)})
			}); err != nil {
				t.Fatal(err)
			}
			check()
		}
	})
}

// TestApexTooLongForHashes: a zone whose name leaves no room for the label of a hash is not
// signed with NSEC3, the error says why, and nothing is served; NSEC needs no label.
func TestApexTooLongForHashes(t *testing.T) {
	label := strings.Repeat("a", 63)
	for _, test := range []struct {
		origin string
		fits   bool
	}{
		{label + "." + label + "." + label + "." + strings.Repeat("b", 28) + ".", true}, // 222 octets, 255 with the hash
		{label + "." + label + "." + label + "." + strings.Repeat("b", 29) + ".", false},
	} {
		contents := zonetest.Snapshot(t, wire.MustParseName(test.origin), "@ 300 SOA @ @ 1 2 3 4 5\n@ 300 NS @\n@ 300 A 192.0.2.1\n")
		for _, isNSEC3 := range []bool{false, true} {
			s, err := New(Policy{NSEC3: isNSEC3}, csk(t), func() time.Time { return start })
			if err != nil {
				t.Fatal(err)
			}
			z := authority.NewEmptyZone(contents.Origin(), contents.Class())
			z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
			err = z.Replace(authority.FromFile, contents)
			if test.fits || !isNSEC3 {
				if err != nil {
					t.Fatal(err)
				}
				verify(t, z.Snapshot(), start)
				continue
			}
			if err == nil || !strings.Contains(err.Error(), "zone "+test.origin+": its NSEC3 records: ") || z.Snapshot() != nil {
				t.Errorf("%v", err)
			}
		}
	}
}
