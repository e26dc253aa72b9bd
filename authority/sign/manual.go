package sign

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// With [KeyPolicy.Manual], an operator lets each step happen that changes what others
// see. What caches forget and what the parent publishes goes on by itself: it only
// decides what can be proposed next. To wait is always safe, since no step is taken
// that would need another one to follow.

// isSigned reports whether the zone is signed: if not, there is nothing to be careful
// with, and it could not be served.
func (s *KeySet) isSigned() bool {
	return slices.ContainsFunc(s.Keys, func(k *Key) bool { return k.Progress != nil && k.Progress.shows(PartZoneSignature) })
}

// whyManual is why a proposal waits.
const whyManual = "an operator is to approve it: \"names ctl signing step\" or \"names keys step\""

// Proposals is the next step of a policy that is Manual: what [KeySet.Approve] lets
// happen at once.
func (s *KeySet) Proposals(now time.Time) []Wait {
	if !s.Policy.Manual || s.approved || !s.advanced.IsZero() || !s.isSigned() {
		return nil
	}
	c := s.copyForCalendar()
	keys := len(c.Keys)
	done, err := c.Advance(now)
	if err != nil {
		return nil // the next call of Advance says it
	}
	var all []Wait
	if len(c.Keys) > keys {
		all = append(all, Wait{What: "make a key", Why: whyManual})
	}
	for _, t := range done {
		if t.To == Rumoured || t.To == Unretentive {
			all = append(all, Wait{What: fmt.Sprintf("%s: %s %s", t.Key, t.Part, t.To), Why: whyManual})
		}
	}
	return all
}

// ErrNoProposal is returned if no step waits for an operator.
var ErrNoProposal = errors.New("no step waits for an operator")

// Approve lets the next step happen, with the next call of Advance.
func (s *KeySet) Approve(now time.Time) error {
	if len(s.Proposals(now)) == 0 {
		return fmt.Errorf("zone %s: %w", s.Zone, ErrNoProposal)
	}
	s.approved = true
	return nil
}
