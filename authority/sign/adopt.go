package sign

import (
	"slices"
	"time"
)

// adopt begins to keep states of keys that were used without: they are what their
// times say. Whether the parent has a DS record of a key that signs is not known, so
// it may have it.
func (s *KeySet) adopt(now time.Time) {
	s.Policy.Timing = s.Policy.Timing.WithDefaults()
	all := make([]*Progress, len(s.Keys))
	for i, k := range s.Keys {
		if k.Progress != nil {
			all[i] = k.Progress
		} else if !k.IsOffline() && (k.IsPublished(now) || k.IsActive(now)) { // an offline key is new here
			all[i] = s.adopted(k, now)
		}
	}
	for i, k := range s.Keys {
		k.Progress = all[i]
		if k.Progress != nil && k.Progress.Goal == Omnipresent {
			s.Policy.Algorithm = k.Record.Algorithm
			s.Policy.TwoKeys = s.Policy.TwoKeys || k.Progress.Role != RoleAll
		}
	}
	s.Policy.TwoKeys = s.Policy.TwoKeys || s.hasOffline()
	s.alive = now
}

func (s *KeySet) adopted(k *Key, now time.Time) *Progress {
	p := &Progress{Role: RoleAll, Goal: Omnipresent}
	hasOther := slices.ContainsFunc(s.Keys, func(o *Key) bool {
		return o.IsEntryPoint() != k.IsEntryPoint() && o.Record.Algorithm == k.Record.Algorithm && o.IsPublished(now)
	})
	switch {
	case hasOther && k.IsEntryPoint():
		p.Role = RoleKeys
	case !k.IsEntryPoint():
		p.Role = RoleZone
	}
	if isReached(k.Inactive, now, false) {
		p.Goal = Hidden
	}
	set := func(part Part, since time.Time) {
		state := Rumoured
		if !now.Before(since.Add(s.Policy.remembered(part))) {
			state = Omnipresent
		}
		p.Parts[part] = PartState{state, since, "as the times of the key's file say"}
	}
	set(PartDNSKEY, k.Publish)
	if isReached(k.Activate, now, true) {
		p.Active = k.Activate
		for _, part := range [...]Part{PartKeySignature, PartZoneSignature} {
			switch {
			case !p.Role.has(part):
			case p.Goal == Hidden:
				p.Parts[part] = PartState{Unretentive, k.Inactive, "as the times of the key's file say"}
			default:
				set(part, k.Activate)
			}
		}
	}
	if p.Role.has(PartDS) && p.Parts[PartDNSKEY].State == Omnipresent {
		p.Parts[PartDS] = PartState{Rumoured, k.Activate, "the key is in use: the parent may have its DS record"}
		if p.Goal == Hidden {
			p.Parts[PartDS].State = Unretentive
		}
	}
	return p
}
