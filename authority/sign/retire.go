package sign

import (
	"errors"
	"fmt"
)

// ErrLeaving is returned for a key that is on its way out of the zone already.
var ErrLeaving = errors.New("it is on its way out of the zone already")

// Retire has the key with a tag leave: one that is in use is exchanged, with the next call
// of Advance, whatever its age; one that waits for its turn is not used.
func (s *KeySet) Retire(tag uint16) error {
	for _, k := range s.Keys {
		switch p := k.Progress; {
		case k.Tag != tag:
			continue
		case p == nil:
			k.Progress = &Progress{Role: roleOf(k), Goal: Hidden}
		case p.Goal != Omnipresent:
			return fmt.Errorf("zone %s: %s: %w", s.Zone, k, ErrLeaving)
		case !p.isAll(Omnipresent):
			return fmt.Errorf("zone %s: %s: %w", s.Zone, k, ErrRolling)
		default:
			p.Retire = true
		}
		return nil
	}
	return fmt.Errorf("zone %s: key %d: %w", s.Zone, tag, ErrNoSuchKey)
}
