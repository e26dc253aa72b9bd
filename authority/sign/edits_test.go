package sign

import (
	"errors"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// TestEditsOfWhatIsMade: an edit that brings or removes signatures, proofs, parameters and
// records for the parent changes nothing of them: the zone is what a first signing makes of the
// rest. Keys of others are refused.
func TestEditsOfWhatIsMade(t *testing.T) {
	clock := func() time.Time { return start }
	policies := policies()
	policies["CDS"] = Policy{CDS: true, NSEC3: true}
	for name, policy := range policies {
		keys := csk(t)
		s, err := New(policy, keys, clock)
		if err != nil {
			t.Fatal(err)
		}
		www, apex := wire.MustParseName("www.example."), wire.MustParseName("example.")
		hashed, err := dnssec.HashName(www, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		ofWWW, err := apex.Prepend(hashed.Label())
		if err != nil {
			t.Fatal(err)
		}
		record := func(name wire.Name, d wire.Rdata) wire.Record {
			return wire.Record{Name: name, Type: d.Type(), Class: wire.ClassIN, TTL: 77, Data: d.AppendTo(nil, nil)}
		}
		forged := func(covered wire.Type) wire.Rdata {
			return &wire.RRSIG{
				Covered: covered, Algorithm: wire.AlgorithmECDSAP256SHA256, Labels: 2, OriginalTTL: 300, Signer: apex, KeyTag: keys[0].Tag,
				Inception: wire.SerialFromTime(start.Add(-time.Hour)), Expiration: wire.SerialFromTime(start.Add(day)), Signature: make([]byte, 64),
			}
		}
		for what, edit := range map[string]func(t *authority.Txn) error{
			"a signature of records that are there": func(t *authority.Txn) error {
				return t.Add(record(www, forged(wire.TypeA)))
			},
			"a signature of records that are not there": func(t *authority.Txn) error {
				return t.Add(record(www, forged(wire.TypeMX)))
			},
			"a signature at a name that is new": func(t *authority.Txn) error {
				return t.Add(record(wire.MustParseName("q.example."), forged(wire.TypeA)))
			},
			"a signature of a delegation": func(t *authority.Txn) error {
				return t.Add(record(wire.MustParseName("sub.example."), forged(wire.TypeNS)))
			},
			"a signature of glue": func(t *authority.Txn) error {
				return t.Add(record(wire.MustParseName("ns.sub.example."), forged(wire.TypeA)))
			},
			"a signature of the SOA record": func(t *authority.Txn) error {
				return t.Add(record(apex, forged(wire.TypeSOA)))
			},
			"another NSEC record": func(t *authority.Txn) error {
				return t.Replace(record(www, &wire.NSEC{Next: apex, Types: []byte{0, 1, 0x40}}))
			},
			"an NSEC record at a name that is new": func(t *authority.Txn) error {
				return t.Add(record(wire.MustParseName("q.example."), &wire.NSEC{Next: apex}))
			},
			"another NSEC3 record": func(t *authority.Txn) error {
				return t.Replace(record(ofWWW, &wire.NSEC3{HashAlgorithm: 1, NextHashed: hashed[:]}))
			},
			"other parameters": func(t *authority.Txn) error {
				return t.Replace(record(apex, &wire.NSEC3PARAM{HashAlgorithm: 1, Iterations: 9}))
			},
			"other CDS records": func(t *authority.Txn) error {
				return t.Replace(record(apex, &wire.CDS{DS: wire.DS{Digest: []byte{0}}}))
			},
			"no signatures at a name": func(t *authority.Txn) error {
				t.RemoveRRset(www, wire.TypeRRSIG)
				return nil
			},
			"no signatures at the apex": func(t *authority.Txn) error {
				t.RemoveRRset(apex, wire.TypeRRSIG)
				return nil
			},
			"no proof of a name": func(t *authority.Txn) error {
				t.RemoveRRset(www, wire.TypeNSEC)
				t.RemoveName(ofWWW)
				return nil
			},
			"no keys": func(t *authority.Txn) error {
				t.RemoveRRset(apex, wire.TypeDNSKEY)
				return nil
			},
			"its own key with another TTL": func(t *authority.Txn) error {
				r := record(apex, &keys[0].Record)
				return t.Replace(r)
			},
			"no CDS records": func(t *authority.Txn) error {
				t.RemoveRRset(apex, wire.TypeCDS)
				return nil
			},
			"all of a name": func(t *authority.Txn) error {
				t.RemoveName(www)
				return nil
			},
			"a signature, and all else of the name gone": func(t *authority.Txn) error {
				t.RemoveName(www)
				return t.Add(record(www, forged(wire.TypeA)))
			},
		} {
			t.Run(name+" "+what, func(t *testing.T) {
				z := signed(t, s, parse(t, zoneText))
				if _, err := z.Update(authority.FromUpdate, edit); err != nil {
					t.Fatal(err)
				}
				wantSignedAnew(t, z, policy, keys)
			})
		}
		z := signed(t, s, parse(t, zoneText))
		before, other := text(z.Snapshot()), csk(t)[0]
		_, err = z.Update(authority.FromUpdate, func(t *authority.Txn) error { return t.Add(record(apex, &other.Record)) })
		if !errors.Is(err, ErrForeignKeys) || text(z.Snapshot()) != before {
			t.Errorf("%s: a key of others: %v", name, err)
		}
	}
}
