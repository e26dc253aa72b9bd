package sign

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/names-dns/names/wire"
)

// KeySet is the keys of a zone, exchanged as a policy has it. There is no script for
// a kind of exchange: each key has a goal, to be in the zone or not, and each of its
// parts moves towards it as soon as every resolver can validate with whatever it
// has ([KeySet.Advance]). What order that results in is that of RFC 6781 4.1: a key
// of the zone is published first, one that the parent knows signs along with the
// old one, or the parent has DS records of both (doubleds.go), and the signatures of a new algorithm come before its keys.
type KeySet struct {
	Zone   wire.Name
	Policy KeyPolicy
	Keys   []*Key
	// History is what was done, the oldest first: the last of it.
	History []Transition
	// Update is the last update that was sent to the parent, if it takes some.
	Update ParentUpdate

	// approved is that an operator lets the next step happen, which the policy holds.
	approved bool

	// advanced is when the states were changed to what the zone does not show
	// yet; zero: it shows them.
	advanced time.Time
	// alive is when the zone was last known to be served.
	alive time.Time

	saved      string // what the file has
	savedAlive time.Time

	generate func(Role, KeyPolicy) (*Key, error)
	device   Device // has the private halves of keys, nil: none
	// deviceMakes is that new keys are made in it.
	deviceMakes bool
	// isForecast is that what offline keys have signed does not count.
	isForecast bool
	keep       func(*Key) error // writes a key that was made, nil: it is not on disk
}

// KeyPolicy is which keys a zone has, and for how long.
type KeyPolicy struct {
	Algorithm wire.Algorithm // default: ECDSAP256SHA256
	// TwoKeys is that one key signs the keys and one the rest; otherwise one signs all.
	TwoKeys bool
	// OneKey makes [KeySet.SetPolicy] exchange two keys for one. Without it and
	// TwoKeys, what is there stays.
	OneKey bool
	// DoubleDS has the parent publish the DS record of the next key first, next to that of the
	// present one, and exchanges the keys after that (RFC 7583 3.3.2). Otherwise the next key
	// signs along first (RFC 6781 4.1.2).
	DoubleDS bool
	// KeysLifetime is how long a key that the parent knows is used, ZoneLifetime how
	// long one that it does not know. Zero: for ever.
	KeysLifetime, ZoneLifetime time.Duration
	// Unsign takes the DS records out of the parent, so that the zone can be
	// served without signatures afterwards.
	Unsign bool
	// Manual is that nothing changes in the zone or at the parent before an operator
	// lets it: [KeySet.Approve]. Time passes all the same.
	Manual bool
	Timing
}

// Timing is how long what was published lives on elsewhere. The zero value of a
// field is the default that its comment names.
type Timing struct {
	// KeyTTL is the TTL of the DNSKEY records. Default: one hour.
	KeyTTL time.Duration
	// MaxTTL is the largest TTL of the zone. Default: one day.
	MaxTTL time.Duration
	// Propagation is how long secondaries take to get a version. Default: one
	// hour.
	Propagation time.Duration
	// DS is how long a DS record that the parent has taken out is still used: its
	// TTL, and what the parent's secondaries take. Default: 25 hours.
	DS time.Duration
}

// WithDefaults fills in what is zero.
func (t Timing) WithDefaults() Timing {
	t.KeyTTL = cmp.Or(t.KeyTTL, time.Hour)
	t.MaxTTL = cmp.Or(t.MaxTTL, 24*time.Hour)
	t.Propagation = cmp.Or(t.Propagation, time.Hour)
	t.DS = cmp.Or(t.DS, 25*time.Hour)
	return t
}

// remembered is how long caches have a part that has changed.
func (t Timing) remembered(p Part) time.Duration {
	switch p {
	case PartDS:
		return t.DS
	case PartZoneSignature:
		return t.Propagation + t.MaxTTL
	}
	return t.Propagation + t.KeyTTL
}

// SetPolicy changes the policy. What it leaves open stays as it is. While something
// waits for caches, times do not get shorter: the caches have what came with longer ones.
func (s *KeySet) SetPolicy(p KeyPolicy) {
	p.Algorithm = cmp.Or(p.Algorithm, s.Policy.Algorithm)
	if s.hasOffline() { // which does not sign the zone
		p.TwoKeys, p.OneKey = true, false
	}
	p.TwoKeys = p.TwoKeys || s.Policy.TwoKeys && !p.OneKey
	p.Timing = p.Timing.WithDefaults()
	if was := s.Policy.Timing; !s.isSettled() {
		p.KeyTTL, p.MaxTTL = max(p.KeyTTL, was.KeyTTL), max(p.MaxTTL, was.MaxTTL)
		p.Propagation, p.Timing.DS = max(p.Propagation, was.Propagation), max(p.Timing.DS, was.DS)
	}
	s.Policy = p
}

// Check reports whether keys can be exchanged in their lifetimes.
func (p KeyPolicy) Check() error {
	t := p.Timing.WithDefaults()
	least := 2*(t.remembered(PartDNSKEY)+t.remembered(PartZoneSignature)) + t.DS
	if p.DoubleDS { // the parent is asked twice
		least += t.DS
	}
	for _, lifetime := range [...]time.Duration{p.KeysLifetime, p.ZoneLifetime} {
		if lifetime != 0 && lifetime < least {
			return fmt.Errorf("keys are to be used for %v, but with these times to exchange one takes up to %v", lifetime, least)
		}
	}
	return nil
}

// roles are those that a zone has keys of.
func (p KeyPolicy) roles() []Role {
	if p.TwoKeys {
		return []Role{RoleKeys, RoleZone}
	}
	return []Role{RoleAll}
}

// lifetime is that of keys of a role.
func (p KeyPolicy) lifetime(r Role) time.Duration {
	if r == RoleZone {
		return p.ZoneLifetime
	}
	return p.KeysLifetime
}

// Transition is a change of the state of one part of a key.
type Transition struct {
	At       time.Time
	Key      *Key
	Part     Part
	From, To State
	Why      string
}

func (t Transition) String() string {
	return fmt.Sprintf("%s: %s %s: %s", t.Key, t.Part, t.To, t.Why)
}

// Why transitions happen that nothing holds up.
const (
	whyPublish  = "the key is to be used"
	whyWithdraw = "the key is not to be used any longer, and no resolver needs this of it"
	whyExpired  = "caches that were filled before have dropped what they had"
)

// Advance brings the states as far as they can be at now, and returns what it
// changed. The zone has to be signed accordingly before anything else happens:
// save the set, sign, and call [KeySet.Published].
func (s *KeySet) Advance(now time.Time) ([]Transition, error) {
	if !s.advanced.IsZero() {
		return nil, nil
	}
	s.Policy.Timing = s.Policy.Timing.WithDefaults()
	s.Policy.Algorithm = s.algorithm()
	isHeld := s.Policy.Manual && !s.approved && s.isSigned()
	if err := s.setGoals(now, isHeld); err != nil {
		return nil, fmt.Errorf("zone %s: %w", s.Zone, err)
	}
	undo := func() {}
	if s.hasOffline() {
		undo = s.progress()
	}
	var done []Transition
	for {
		step := s.expire(now)
		if step == nil && !isHeld {
			step = s.proceed(now)
		}
		if step == nil {
			break
		}
		done = append(done, step...)
	}
	if s.isWithoutKeys() { // which an offline key is to sign first
		undo()
		return nil, nil
	}
	if slices.ContainsFunc(done, func(t Transition) bool { return t.Part != PartDS && (t.To == Rumoured || t.To == Unretentive) }) {
		s.advanced = now
	}
	s.approved = false
	s.record(done)
	return done, nil
}

// Published ends a call of Advance: the zone is visible as the states have it.
// What waits for caches waits from now on.
func (s *KeySet) Published(now time.Time) {
	for _, k := range s.Keys {
		for part := range parts {
			if p := k.Progress; !s.advanced.IsZero() && p != nil && part != PartDS && p.Parts[part].Since.Equal(s.advanced) {
				p.Parts[part].Since = now
			}
		}
	}
	s.advanced, s.alive = time.Time{}, now
}

// Resume is called once if a process goes on with a set that another one saved.
// Secondaries may have fetched nothing while there was no process to ask, so what
// they had not had time to fetch waits longer.
func (s *KeySet) Resume(now time.Time) {
	s.Policy.Timing = s.Policy.Timing.WithDefaults()
	for _, k := range s.Keys {
		for part := range parts {
			p := k.Progress
			if p == nil || part == PartDS || s.alive.IsZero() {
				continue
			}
			is := &p.Parts[part]
			if (is.State == Rumoured || is.State == Unretentive) && is.Since.Add(s.Policy.Propagation).After(s.alive) {
				is.Since = is.Since.Add(max(0, now.Sub(s.alive)))
			}
		}
	}
	s.alive = now
}

var (
	// ErrRolling is returned if a key is being exchanged already.
	ErrRolling = errors.New("it is being exchanged already, or the parent does not have its DS record yet")
	// ErrNothingToRoll is returned if there is no active key of that kind.
	ErrNothingToRoll = errors.New("there is no active key of that kind")
)

// Roll begins to exchange the keys of these roles that are in use, with the next
// call of Advance, whatever their age.
func (s *KeySet) Roll(roles ...Role) error {
	found := false
	for _, k := range s.Keys {
		if k.Progress == nil || k.Progress.Goal != Omnipresent || !slices.Contains(roles, k.Progress.Role) {
			continue
		}
		if !k.Progress.isAll(Omnipresent) {
			return fmt.Errorf("zone %s: %s: %w", s.Zone, k, ErrRolling)
		}
		k.Progress.Retire, found = true, true
	}
	if !found {
		return fmt.Errorf("zone %s: %w", s.Zone, ErrNothingToRoll)
	}
	return nil
}

// maxHistory bounds what is kept of what was done.
const maxHistory = 200

func (s *KeySet) record(done []Transition) {
	s.History = append(s.History, done...)
	s.History = slices.Delete(s.History, 0, max(0, len(s.History)-maxHistory))
}

// isInUse reports whether a key is to stay in the zone for a role.
func (s *KeySet) isInUse(k *Key, r Role) bool {
	p := k.Progress
	return p != nil && p.Goal == Omnipresent && !p.Compromised && p.Role == r && k.Record.Algorithm == s.algorithm()
}

func (s *KeySet) algorithm() wire.Algorithm {
	return cmp.Or(s.Policy.Algorithm, wire.AlgorithmECDSAP256SHA256)
}

// setGoals decides which keys are to be in the zone: of each role the newest, and
// another one when it is due. isHeld is that the end of a lifetime does not count.
func (s *KeySet) setGoals(now time.Time, isHeld bool) error {
	var wanted []*Key
	for _, role := range s.Policy.roles() {
		var newest *Key
		for _, k := range s.Keys {
			if s.isInUse(k, role) && (newest == nil || k.Progress.startsAfter(newest.Progress)) {
				newest = k
			}
		}
		isDue := newest != nil && !s.Policy.Unsign && s.isDue(newest, now) && (!isHeld || newest.Progress.Retire)
		if isDue && newest.IsOffline() && s.unused(role) == nil {
			isDue = false // the next one has to be imported
		}
		if newest == nil || isDue {
			next, err := s.next(role, now)
			if err != nil {
				return err
			}
			newest = next
		}
		wanted = append(wanted, newest)
	}
	for _, k := range s.Keys {
		if k.Progress != nil && !slices.Contains(wanted, k) {
			k.Progress.Goal = Hidden
		}
	}
	return nil
}

// startsAfter reports whether a key came after another one.
func (p *Progress) startsAfter(other *Progress) bool {
	if p.Active.IsZero() != other.Active.IsZero() {
		return p.Active.IsZero()
	}
	return p.Active.After(other.Active)
}

// isDue reports whether a key is to be followed by another one. One that is not
// settled is not: only one key of a role is exchanged at a time.
func (s *KeySet) isDue(k *Key, now time.Time) bool {
	at, ok := s.dueAt(k)
	return ok && !now.Before(at)
}

// dueAt is when a key is to be followed by another one.
func (s *KeySet) dueAt(k *Key) (at time.Time, ok bool) {
	p := k.Progress
	if p.Goal != Omnipresent || !p.isAll(Omnipresent) {
		return at, false
	}
	if p.Retire {
		return p.Active, true
	}
	lifetime := s.Policy.lifetime(p.Role)
	if lifetime == 0 {
		return at, false
	}
	needs := s.Policy.remembered(PartDNSKEY) // for its successor to be known
	if s.Policy.DoubleDS && p.Role.has(PartDS) {
		needs += s.Policy.Timing.DS
	}
	return p.Active.Add(lifetime - needs), true
}

// next returns the key that is used next for a role: one that has not been used
// yet, or a new one.
func (s *KeySet) next(role Role, now time.Time) (*Key, error) {
	k := s.unused(role)
	if k == nil {
		switch {
		case role == RoleKeys && s.hasOffline():
			return nil, errNoOfflineSuccessor
		case s.generate == nil:
			return nil, errNoSuccessor
		}
		var err error
		if k, err = s.generate(role, s.Policy); err != nil {
			return nil, err
		}
		s.Keys = append(s.Keys, k)
	}
	k.Progress = &Progress{Role: role, Goal: Omnipresent}
	return k, nil
}

// unused is the key for a role that has not been used yet, the oldest if there are
// several: offline keys have signed in advance that it comes next. nil: there is none.
func (s *KeySet) unused(role Role) (next *Key) {
	for _, k := range s.Keys {
		if k.Progress == nil && k.Record.Algorithm == s.algorithm() && k.Record.Flags == role.flags() && (next == nil || k.Created.Before(next.Created)) {
			next = k
		}
	}
	return next
}

var errNoSuccessor = errors.New("a key is due to be exchanged, but there is no other one")

// expire changes the states of what caches have forgotten by now.
func (s *KeySet) expire(now time.Time) []Transition {
	var done []Transition
	for _, k := range s.Keys {
		for part := range parts {
			if at, ok := s.expiresAt(k, part); ok && !now.Before(at) {
				to := Omnipresent
				if k.Progress.Parts[part].State == Unretentive {
					to = Hidden
				}
				done = append(done, k.move(part, to, now, whyExpired))
			}
		}
	}
	return done
}

// expiresAt is when a part that was changed is out of the caches as it was before. It is
// false for one that has not changed, and for DS records of which the parent has not
// shown it.
func (s *KeySet) expiresAt(k *Key, part Part) (time.Time, bool) {
	p := k.Progress
	if p == nil || !p.Role.has(part) {
		return time.Time{}, false
	}
	since := p.Parts[part].Since
	switch p.Parts[part].State {
	case Hidden, Omnipresent:
		return time.Time{}, false
	case Rumoured:
		if part == PartDS {
			since = p.DSSeen
		}
	case Unretentive:
		if part == PartDS {
			since = p.DSGone
		}
	}
	return since.Add(s.Policy.remembered(part)), !since.IsZero()
}

// move changes the state of a part.
func (k *Key) move(part Part, to State, now time.Time, why string) Transition {
	p := k.Progress
	t := Transition{At: now, Key: k, Part: part, From: p.Parts[part].State, To: to, Why: why}
	p.Parts[part] = PartState{State: to, Since: now, Why: why}
	if (part == PartKeySignature || part == PartZoneSignature) && to == Rumoured && p.Active.IsZero() {
		p.Active = now
	}
	if part == PartDS {
		p.DSSeen, p.DSGone = time.Time{}, time.Time{}
	}
	return t
}

// change is a step that a key wants to do.
type change struct {
	key  *Key
	part Part
	to   State
}

// proceed does the first steps that keep everything valid: those of one part of a
// key, or those of the DNSKEY records of all keys of an algorithm, which some
// resolvers need at the same time.
func (s *KeySet) proceed(now time.Time) []Transition {
	together := map[[2]uint16][]change{} // by algorithm and state
	for _, part := range [...]Part{PartZoneSignature, PartDNSKEY, PartDS} {
		for _, k := range s.Keys {
			to, ok := s.wants(k, part)
			if !ok {
				continue
			}
			changes := []change{{k, part, to}}
			if part == PartDNSKEY {
				if k.Progress.Role.has(PartKeySignature) { // which is a part of the RRset
					changes = append(changes, change{k, PartKeySignature, to})
				}
				if s.hasOffline() && to == Rumoured && s.isDoubleDS(k) { // no key has signed both
					old := s.predecessor(k)
					changes = append(changes, change{old, PartDNSKEY, Unretentive}, change{old, PartKeySignature, Unretentive})
				}
				as := [2]uint16{uint16(k.Record.Algorithm), uint16(to)}
				together[as] = append(together[as], changes...)
			}
			if done := s.try(now, changes); done != nil {
				return done
			}
		}
	}
	for _, k := range s.Keys {
		for _, to := range [...]State{Rumoured, Unretentive} {
			if done := s.try(now, together[[2]uint16{uint16(k.Record.Algorithm), uint16(to)}]); done != nil {
				return done
			}
		}
	}
	return nil
}

// wants returns the state that a part is to get next, if that is up to us.
func (s *KeySet) wants(k *Key, part Part) (to State, ok bool) {
	p := k.Progress
	if p == nil || !p.Role.has(part) {
		return to, false
	}
	isWanted := p.Goal == Omnipresent && !(part == PartDS && s.Policy.Unsign)
	switch state := p.Parts[part].State; {
	case isWanted && state == Hidden:
		to = Rumoured
	case !isWanted && state == Omnipresent:
		to = Unretentive
	case p.Compromised && part == PartDS && state == Rumoured && p.DSSeen.IsZero():
		to = Unretentive // the parent is not asked for it any longer; it may have it all the same
	default:
		return to, false
	}
	others := func(is func(*Progress) bool) bool {
		return slices.ContainsFunc(s.Keys, func(o *Key) bool {
			return o != k && o.Progress != nil && o.Progress.Role.has(part) && is(o.Progress)
		})
	}
	switch {
	case part == PartZoneSignature && to == Rumoured:
		// Keys of one algorithm do not sign at the same time for longer than needed:
		// the new one begins when all know it.
		isSigned := slices.ContainsFunc(s.Keys, func(o *Key) bool {
			return o != k && o.Progress != nil && o.Record.Algorithm == k.Record.Algorithm && o.Progress.shows(part)
		})
		return to, !isSigned || p.Parts[PartDNSKEY].State == Omnipresent
	case part == PartDNSKEY && to == Rumoured && s.isDoubleDS(k):
		return to, p.Parts[PartDS].State == Omnipresent
	case part == PartDS && to == Rumoured:
		return to, s.isDoubleDS(k) || p.Parts[PartDNSKEY].State == Omnipresent && p.Parts[PartKeySignature].State == Omnipresent
	case part == PartDS: // the parent exchanges one for the other
		return to, s.Policy.Unsign || others(func(o *Progress) bool { return o.Goal == Omnipresent && o.shows(part) })
	case part == PartDNSKEY && to == Unretentive:
		return to, others(func(o *Progress) bool { return o.Goal == Omnipresent && o.shows(part) })
	}
	return to, true
}

// try does changes if everything stays valid.
func (s *KeySet) try(now time.Time, changes []change) []Transition {
	if len(changes) == 0 {
		return nil
	}
	before := make([]Progress, len(changes))
	var done []Transition
	for i, c := range changes {
		before[i] = *c.key.Progress
		why := whyPublish
		if c.to == Unretentive {
			why = whyWithdraw
		}
		done = append(done, c.key.move(c.part, c.to, now, why))
	}
	isOfKeys := slices.ContainsFunc(changes, func(c change) bool { return c.part == PartDNSKEY || c.part == PartKeySignature })
	if s.check(now) == nil && (!isOfKeys || s.checkOffline(now) == nil) {
		return done
	}
	for i, c := range slices.Backward(changes) {
		*c.key.Progress = before[i]
	}
	return nil
}

// check reports whether every resolver validates at now and from now on, if
// nothing changes further, and whether the zone is consistent in itself.
func (s *KeySet) check(now time.Time) error {
	present := keysVersion{s.with(PartDNSKEY, now), s.with(PartKeySignature, now)}
	signers := zoneVersion(s.with(PartZoneSignature, now))
	if len(signers) == 0 {
		return errNoKeys
	}
	if err := present.verifies(signers); err != nil {
		return err
	}
	return s.cached(now).check()
}
