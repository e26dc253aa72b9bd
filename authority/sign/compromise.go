package sign

import (
	"errors"
	"fmt"
	"slices"
)

// ErrNoSuchKey is returned if no key has a tag.
var ErrNoSuchKey = errors.New("there is no key with this tag that is or can be in use")

// Compromise notes that others may know private keys: those with these tags, or all that
// there are, also those that wait for their turn. With the next call of Advance, others
// begin to take their place, whatever else is under way; each stays until every resolver
// can do without it, as a key that is withdrawn before makes the zone bogus for all
// that have what it signed (RFC 6781 4.2.1). A manual policy does not hold the first step.
func (s *KeySet) Compromise(tags ...uint16) error {
	for _, tag := range tags {
		if !slices.ContainsFunc(s.Keys, func(k *Key) bool { return k.Tag == tag && !(k.Progress != nil && k.Progress.IsGone()) }) {
			return fmt.Errorf("zone %s: key %d: %w", s.Zone, tag, ErrNoSuchKey)
		}
	}
	for _, k := range s.Keys {
		if len(tags) > 0 && !slices.Contains(tags, k.Tag) {
			continue
		}
		if k.Progress == nil {
			k.Progress = &Progress{Role: roleOf(k), Goal: Hidden}
		}
		k.Progress.Compromised = true
	}
	s.approved = true
	return nil
}

// roleOf is a role that a key can have been meant for.
func roleOf(k *Key) Role {
	if k.IsEntryPoint() {
		return RoleAll
	}
	return RoleZone
}
