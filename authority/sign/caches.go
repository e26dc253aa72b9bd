package sign

import (
	"fmt"
	"slices"
	"time"

	"github.com/names-dns/names/wire"
)

// What a resolver needs to validate comes from three RRsets that it can have
// fetched at different times: the DS records, the DNSKEY records with their
// signatures, and a record of the zone with its signatures. Whatever versions of
// these are in the caches at one time, each has to fit each other (RFC 6781 4,
// RFC 7583 3). This file is that rule; everything that the keys do follows from it.

// keysVersion is a DNSKEY RRset: the keys in it, and those that signed it.
type keysVersion struct{ shown, signers []*Key }

// zoneVersion is which keys signed the rest of the zone.
type zoneVersion []*Key

// versions is what resolvers can have at one time.
type versions struct {
	ds   [][]*Key // DS RRsets; none: no resolver expects signatures
	keys []keysVersion
	zone []zoneVersion
}

// check reports whether everything fits together.
func (v *versions) check() error {
	for _, keys := range v.keys {
		for _, ds := range v.ds {
			if err := keys.isTrusted(ds); err != nil {
				return err
			}
		}
		if len(v.ds) == 0 {
			continue
		}
		for _, zone := range v.zone {
			if err := keys.verifies(zone); err != nil {
				return err
			}
		}
	}
	return nil
}

// isTrusted reports whether a resolver with these DS records accepts the keys: one
// of each algorithm is in both and has signed (RFC 4035 5.3.1, RFC 6840 5.11).
func (k *keysVersion) isTrusted(ds []*Key) error {
	for _, a := range algorithmsOf(ds) {
		if !slices.ContainsFunc(ds, func(d *Key) bool {
			return d.Record.Algorithm == a && slices.Contains(k.shown, d) && slices.Contains(k.signers, d)
		}) {
			return fmt.Errorf("resolvers with the DS record of %s can have DNSKEY records that this key is not in, or has not signed", ds[0])
		}
	}
	return nil
}

// verifies reports whether the keys verify what zone signed, and themselves: with
// each algorithm that they are of (RFC 4035 2.2), because there are resolvers that
// look at all of them (RFC 6781 4.1.4).
func (k *keysVersion) verifies(zone zoneVersion) error {
	for _, a := range algorithmsOf(k.shown) {
		isOf := func(k *Key) bool { return k.Record.Algorithm == a }
		isBoth := func(signers []*Key) bool {
			return slices.ContainsFunc(k.shown, func(k *Key) bool { return isOf(k) && slices.Contains(signers, k) })
		}
		switch first := k.shown[slices.IndexFunc(k.shown, isOf)]; {
		case !isBoth(k.signers):
			return fmt.Errorf("DNSKEY records with %s would have no signature of algorithm %s", first, a)
		case !isBoth(zone):
			return fmt.Errorf("resolvers that have DNSKEY records with %s can have records of the zone without a signature by a key of algorithm %s that they know", first, a)
		}
	}
	return nil
}

func algorithmsOf(keys []*Key) []wire.Algorithm {
	var all []wire.Algorithm
	for _, k := range keys {
		if !slices.Contains(all, k.Record.Algorithm) {
			all = append(all, k.Record.Algorithm)
		}
	}
	return all
}

// cached is what resolvers can have at now, as it follows from the states: of what
// is rumoured or unretentive, some have the one, and some the other.
func (s *KeySet) cached(now time.Time) *versions {
	v := new(versions)
	var always []*Key // which every DS RRset has
	for _, k := range s.Keys {
		if p := k.Progress; p != nil && p.Role.has(PartDS) && p.Parts[PartDS].State == Omnipresent {
			always = append(always, k)
		}
	}
	if len(always) > 0 {
		v.ds = append(v.ds, always)
	}
	for _, k := range s.Keys {
		// The parent can have it or not, with others of these or without: each has to do alone.
		if state := k.state(PartDS); state == Rumoured || state == Unretentive {
			v.ds = append(v.ds, append(slices.Clip(always), k))
		}
	}
	for _, at := range s.changes(now, PartDNSKEY, PartKeySignature) {
		v.keys = append(v.keys, keysVersion{s.with(PartDNSKEY, at), s.with(PartKeySignature, at)})
	}
	for _, at := range s.changes(now, PartZoneSignature) {
		v.zone = append(v.zone, s.with(PartZoneSignature, at))
	}
	return v
}

// changes are now, and the moments just before each change of these parts that
// caches can still be from before of.
func (s *KeySet) changes(now time.Time, of ...Part) []time.Time {
	all := []time.Time{now}
	for _, k := range s.Keys {
		for _, part := range of {
			if forgotten, ok := s.expiresAt(k, part); ok && now.Before(forgotten) {
				if at := k.Progress.Parts[part].Since.Add(-1); !slices.ContainsFunc(all, at.Equal) {
					all = append(all, at)
				}
			}
		}
	}
	return all
}

// with are the keys that contributed a part at a time that is not longer ago than
// caches remember.
func (s *KeySet) with(part Part, at time.Time) []*Key {
	var keys []*Key
	for _, k := range s.Keys {
		if k.Progress == nil || !k.Progress.Role.has(part) {
			continue
		}
		switch is := k.Progress.Parts[part]; {
		case is.State == Omnipresent, is.State == Rumoured && !at.Before(is.Since), is.State == Unretentive && at.Before(is.Since):
			keys = append(keys, k)
		}
	}
	return keys
}
