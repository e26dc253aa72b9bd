package sign

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Follower makes a zone that is signed follow another that is not, and that is not
// served: a zone of a primary that does not sign. Two zones have two serial numbers: the
// primary is asked with that of the one, and the other is published.
//
// The serial number that is published rises with each version, and always comes after
// that of the primary: those that have the unsigned zone fetch the signed one.
type Follower struct {
	zone *authority.Zone // the signed one

	mu sync.Mutex          // held while the signed zone is changed: taken under the writer's lock of the unsigned one
	of *authority.Snapshot // what zone has, without what the signer makes; nil: not known
}

// NewFollower returns one that changes zone, whose pipeline has to sign. Nothing else
// may change it but its signer.
func NewFollower(zone *authority.Zone) *Follower { return &Follower{zone: zone} }

// Pipeline is what the changes of the unsigned zone pass through after these checks.
// What cannot be signed is refused.
func (f *Follower) Pipeline(check ...authority.Stage) *authority.Pipeline {
	return &authority.Pipeline{Check: check, Sign: []authority.Stage{f.stage}, Tell: []authority.Subscriber{f.receive}}
}

// stage makes the signed zone's version before that of the unsigned one is visible.
func (f *Follower) stage(t *authority.Txn) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	isInStep := f.of != nil && f.of == t.Before() && f.zone.State() == authority.Loaded
	f.of = nil // until the version is visible
	if t.IsWhole() {
		return f.catchUp(t.Base())
	}
	if isInStep {
		return f.apply(t.Changes())
	}
	next := authority.NewZone(t.Base())
	if _, err := next.Update(t.Source(), func(edit *authority.Txn) error {
		edit.KeepSerial()
		return edit.Apply(t.Changes())
	}); err != nil {
		return err
	}
	return f.catchUp(next.Snapshot())
}

// receive notes what both zones have now. If one has expired, so has the other.
func (f *Follower) receive(p authority.Publication) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of = p.After; p.After == nil {
		f.zone.Expire()
	}
}

// CatchUp makes the signed zone what s is, after a restart: nil if the unsigned zone is
// not loaded, or has expired.
func (f *Follower) CatchUp(s *authority.Snapshot) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.of = nil; s == nil {
		f.zone.Expire()
		return nil
	}
	if err := f.catchUp(s); err != nil {
		return err
	}
	f.of = s
	return nil
}

// catchUp edits what differs, so that the zone's secondaries get a difference, too.
func (f *Follower) catchUp(s *authority.Snapshot) error {
	if now := f.zone.Snapshot(); now != nil {
		return f.apply(authority.Diff(now, s))
	}
	next := authority.NewZone(s)
	if _, err := next.Update(authority.FromTransfer, func(t *authority.Txn) error {
		t.SetSerial(s.Serial() + 1)
		return nil
	}); err != nil {
		return err
	}
	return f.because(f.zone.Replace(authority.FromTransfer, next.Snapshot()))
}

// apply makes the edits of a change of the unsigned zone.
func (f *Follower) apply(c authority.ChangeSet) error {
	_, err := f.zone.Update(authority.FromTransfer, func(t *authority.Txn) error {
		for _, r := range c.Removed {
			if r.Type != wire.TypeSOA && !isMade(&r, t.Origin()) && !t.Remove(r) {
				return fmt.Errorf("the signed zone does not have %s", r)
			}
		}
		for _, r := range c.Added {
			switch {
			case r.Type == wire.TypeSOA:
				r.Data = withPublishedSerial(r.Data, t.Base().Serial())
			case isMade(&r, t.Origin()) && r.Type != wire.TypeDNSKEY: // the signer says what it thinks of keys
				continue
			}
			if err := t.Add(r); err != nil {
				return err
			}
		}
		return nil
	})
	return f.because(err)
}

// because is the reason of a refusal: the change is refused once more, as that of the
// unsigned zone.
func (f *Follower) because(err error) error {
	if refusal, ok := errors.AsType[*authority.Refusal](err); ok {
		return refusal.Err
	}
	return err
}

// withPublishedSerial is the data of a SOA record of the unsigned zone, with a serial number that
// comes after its own, and not before that of now.
func withPublishedSerial(soa []byte, now wire.Serial) []byte {
	soa = bytes.Clone(soa)
	serial := soa[len(soa)-20:]
	if next := wire.Serial(binary.BigEndian.Uint32(serial)) + 1; now.Less(next) {
		now = next
	}
	binary.BigEndian.PutUint32(serial, uint32(now))
	return soa
}
