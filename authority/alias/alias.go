// Package alias publishes the addresses of other names: where a zone has an ALIAS record,
// it looks up the target's addresses, keeps them fresh, and puts them next to the record
// as A and AAAA records. They are records like any others: signed, in the journal, and
// transferred, so that secondaries need to know nothing of it.
//
// A [Keeper] does this for many zones. [Keeper.Stage] and [Keeper.Receive] belong in their
// pipelines; [Keeper.Run] looks targets up.
package alias

import (
	"cmp"
	"context"
	"iter"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Config is how a [Keeper] works.
type Config struct {
	// Lookup finds the addresses of a name. See [Finder].
	Lookup func(ctx context.Context, target wire.Name) (Addresses, error)
	// MaxTTL bounds the TTL of addresses, which is that of the ALIAS record otherwise. By
	// default five minutes.
	MaxTTL time.Duration
	// MinRefresh and MaxRefresh bound how long addresses are used before they are looked
	// up again; between them it is their TTL. By default 30 seconds and an hour.
	MinRefresh, MaxRefresh time.Duration
	// MaxTargets is how many targets are looked up, by default 1000. Owners of others
	// keep what they have.
	MaxTargets int
	// Rate is how many queries are sent a second at the most, not counting those that
	// chains of aliases need. By default 20.
	Rate int
	// Serial says how the serial number of a zone advances that gets its first ALIAS
	// record after [Keeper.Keep]; nil: by one.
	Serial func(*authority.Zone) authority.SerialPolicy
	// Now is the clock, nil for [time.Now].
	Now func() time.Time
	// Log receives what changes and what fails; nil: nothing is logged.
	Log *slog.Logger
}

const (
	defaultMaxTTL     = 5 * time.Minute
	defaultMinRefresh = 30 * time.Second
	defaultMaxRefresh = time.Hour
	defaultMaxTargets = 1000
	defaultRate       = 20

	queriesPerLookup = 2 // A and AAAA
	maxLookups       = 16
	lookupTime       = 10 * time.Second
	longestRetry     = 10 * time.Minute
)

func (c Config) withDefaults() Config {
	c.MaxTTL = cmp.Or(c.MaxTTL, defaultMaxTTL)
	c.MinRefresh, c.MaxRefresh = cmp.Or(c.MinRefresh, defaultMinRefresh), cmp.Or(c.MaxRefresh, defaultMaxRefresh)
	c.MaxRefresh = max(c.MaxRefresh, c.MinRefresh)
	c.MaxTargets, c.Rate = cmp.Or(c.MaxTargets, defaultMaxTargets), cmp.Or(c.Rate, defaultRate)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Serial == nil {
		c.Serial = func(*authority.Zone) authority.SerialPolicy { return authority.SerialIncrement }
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Keeper keeps the addresses of ALIAS records. Its methods may be called at the same time.
type Keeper struct {
	more chan struct{} // there may be something to do earlier

	// mu guards the rest. It is taken under the writer's lock of a zone, so no zone is
	// changed while it is held.
	mu      sync.Mutex
	config  Config
	zones   map[*authority.Zone]*zone
	targets map[wire.Key]*target
	next    time.Time // when the rate allows the next look-up
	beyond  int       // owners whose target is not among the targets, which are as many as may be
	stats   Stats
}

// Stats are counts since the keeper was made.
type Stats struct {
	Lookups  uint64 // that succeeded
	Failures uint64 // look-ups that did not
	Changes  uint64 // of zones, because of what was found

	Owners, Targets, Failing, Unknown, Beyond int // now: Failing and Unknown are targets, Beyond owners whose target is above MaxTargets
}

// zone is one of the zones of a keeper.
type zone struct {
	serial authority.SerialPolicy
	owners map[wire.Key]owner
}

type owner struct {
	name, target wire.Name
}

// target is a name whose addresses are published.
type target struct {
	name      wire.Name
	users     int // owners
	addresses Addresses
	isKnown   bool      // it has been found once
	isBusy    bool      // it is being looked up
	found     time.Time // when it was last
	due       time.Time // when it is looked up next
	failures  int       // since it was found
	err       error     // of the last one
	failing   time.Time // since when
	isBehind  bool      // a zone does not have the addresses
}

// New returns a keeper without zones.
func New(c Config) *Keeper {
	return &Keeper{config: c.withDefaults(), more: make(chan struct{}, 1), zones: map[*authority.Zone]*zone{}, targets: map[wire.Key]*target{}}
}

// Configure changes how the keeper works.
func (k *Keeper) Configure(c Config) {
	k.mu.Lock()
	k.config = c.withDefaults()
	k.admit()
	k.mu.Unlock()
	k.wake()
}

// Keep says which zones the keeper has, and how their serial numbers advance. Of a zone
// without ALIAS records it keeps nothing: there may be a million of them.
func (k *Keeper) Keep(zones iter.Seq2[*authority.Zone, authority.SerialPolicy]) {
	k.mu.Lock()
	kept := map[*authority.Zone]bool{}
	for z, serial := range zones {
		if k.enter(z, serial) {
			kept[z] = true
		}
	}
	for z := range k.zones {
		if !kept[z] {
			k.drop(z)
		}
	}
	k.admit()
	k.mu.Unlock()
	k.wake()
}

// Change adds zones to those that the keeper has, and drops others.
func (k *Keeper) Change(added iter.Seq2[*authority.Zone, authority.SerialPolicy], removed []*authority.Zone) {
	k.mu.Lock()
	for _, z := range removed {
		if k.zones[z] != nil {
			k.drop(z)
		}
	}
	for z, serial := range added {
		k.enter(z, serial)
	}
	k.admit()
	k.mu.Unlock()
	k.wake()
}

// enter takes in a zone, and reports whether it has ALIAS records, or had some. k.mu is
// held.
func (k *Keeper) enter(z *authority.Zone, serial authority.SerialPolicy) bool {
	if known := k.zones[z]; known != nil {
		known.serial = serial
		return true
	}
	s := z.Snapshot()
	if !hasAny(s) {
		return false
	}
	k.zones[z] = &zone{serial: serial, owners: map[wire.Key]owner{}}
	k.scan(z, s)
	return true
}

// hasAny reports whether a version has ALIAS records.
func hasAny(s *authority.Snapshot) bool {
	if s != nil {
		for range s.Aliases() {
			return true
		}
	}
	return false
}

func (k *Keeper) drop(z *authority.Zone) {
	for key := range k.zones[z].owners {
		k.remove(z, key)
	}
	delete(k.zones, z)
}

// scan makes the owners of a zone those of a version. k.mu is held.
func (k *Keeper) scan(z *authority.Zone, s *authority.Snapshot) {
	gone := maps.Clone(k.zones[z].owners)
	if s != nil {
		for r := range s.Aliases() {
			k.add(z, s, r)
			delete(gone, r.Name.Key())
		}
	}
	for key := range gone {
		k.remove(z, key)
	}
	k.admit()
}

// add notes an ALIAS record of a version. If that was made before the last look-up of the
// target, which did not know of it yet, the next look-up is to publish the addresses. k.mu
// is held.
func (k *Keeper) add(z *authority.Zone, s *authority.Snapshot, r wire.Record) {
	name, ok := targetOf(r)
	if !ok {
		return
	}
	key := r.Name.Key()
	if before, ok := k.zones[z].owners[key]; ok {
		if before.target.Equal(name) {
			return
		}
		k.remove(z, key)
	}
	k.zones[z].owners[key] = owner{r.Name.Clone(), name.Clone()}
	k.beyond++
	k.use(name)
	if t := k.targets[name.Key()]; t != nil && t.isKnown && !t.isBehind && !t.addresses.equal(addressesAt(s, r.Name)) {
		t.isBehind, t.due = true, k.config.Now()
	}
}

// use adds a user to a target, unless that is a new one and there are too many. k.mu is
// held.
func (k *Keeper) use(name wire.Name) {
	t := k.targets[name.Key()]
	if t == nil {
		if len(k.targets) >= k.config.MaxTargets {
			return
		}
		t = &target{name: name.Clone()}
		k.targets[name.Key()] = t
	}
	t.users++
	k.beyond--
}

// remove forgets an ALIAS record. k.mu is held.
func (k *Keeper) remove(z *authority.Zone, key wire.Key) {
	o, ok := k.zones[z].owners[key]
	if !ok {
		return
	}
	delete(k.zones[z].owners, key)
	t := k.targets[o.target.Key()]
	if t == nil {
		k.beyond--
		return
	}
	if t.users--; t.users == 0 {
		delete(k.targets, o.target.Key())
	}
}

// admit gives owners that had to wait a target, if there is room now. k.mu is held.
func (k *Keeper) admit() {
	if k.beyond == 0 || len(k.targets) >= k.config.MaxTargets {
		return
	}
	var waiting []wire.Name
	for _, z := range k.zones {
		for _, o := range z.owners {
			if k.targets[o.target.Key()] == nil {
				waiting = append(waiting, o.target)
			}
		}
	}
	for _, name := range waiting {
		k.use(name)
	}
}

// targetOf is the name that an ALIAS record has.
func targetOf(r wire.Record) (wire.Name, bool) {
	name, rest, err := wire.NameFromWire(r.Data)
	return name, err == nil && rest == len(r.Data)
}

// Receive notes which ALIAS records a version has. It is an [authority.Subscriber].
func (k *Keeper) Receive(p authority.Publication) {
	if p.Changes != nil && !slices.ContainsFunc(p.Changes.Added, isALIAS) && !slices.ContainsFunc(p.Changes.Removed, isALIAS) && !changesCuts(p.Changes) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case k.zones[p.Zone] != nil:
	case hasAny(p.After):
		k.zones[p.Zone] = &zone{serial: k.config.Serial(p.Zone), owners: map[wire.Key]owner{}}
	default:
		return
	}
	k.scan(p.Zone, p.After)
	if len(k.zones[p.Zone].owners) == 0 {
		delete(k.zones, p.Zone)
	}
	k.wake()
}

func isALIAS(r wire.Record) bool { return r.Type == wire.TypeALIAS }

// changesCuts reports whether an owner may have come below a delegation, or out of one.
func changesCuts(c *authority.ChangeSet) bool {
	isCut := func(r wire.Record) bool { return r.Type == wire.TypeNS }
	return slices.ContainsFunc(c.Added, isCut) || slices.ContainsFunc(c.Removed, isCut)
}

func (k *Keeper) wake() {
	select {
	case k.more <- struct{}{}:
	default:
	}
}

// Run looks targets up as they fall due, until ctx is done.
func (k *Keeper) Run(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	busy := make(chan struct{}, maxLookups)
	for {
		t, wait := k.pick()
		if t != nil {
			select {
			case busy <- struct{}{}:
			case <-ctx.Done():
				return
			}
			all.Go(func() {
				k.refresh(ctx, t)
				<-busy
				k.wake()
			})
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-k.more:
		case <-ctx.Done():
		}
		timer.Stop()
		if ctx.Err() != nil {
			return
		}
	}
}

// idle is how long Run waits if nothing is due.
const idle = time.Hour

// pick returns the target to look up now, or how long there is none.
func (k *Keeper) pick() (*target, time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var first *target
	for _, t := range k.targets {
		if !t.isBusy && (first == nil || t.due.Before(first.due)) {
			first = t
		}
	}
	if first == nil {
		return nil, idle
	}
	at, now := first.due, k.config.Now()
	if at.Before(k.next) {
		at = k.next
	}
	if wait := at.Sub(now); wait > 0 {
		return nil, wait
	}
	first.isBusy = true
	k.next = now.Add(queriesPerLookup * time.Second / time.Duration(k.config.Rate))
	return first, 0
}

// refresh looks a target up, and brings the zones that have it up to date.
func (k *Keeper) refresh(ctx context.Context, t *target) {
	k.mu.Lock()
	lookup := k.config.Lookup
	k.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, lookupTime)
	found, err := lookup(limited, t.name)
	cancel()
	if ctx.Err() != nil {
		k.mu.Lock()
		t.isBusy = false
		k.mu.Unlock()
		return
	}
	for _, z := range k.note(t, found, err) {
		k.update(z, t.name)
	}
	k.mu.Lock()
	t.isBusy = false
	k.mu.Unlock()
}

// note takes in what a look-up came to, and returns the zones that have the target if its
// addresses are to be published.
func (k *Keeper) note(t *target, found Addresses, err error) (users []*authority.Zone) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.config.Now()
	log := k.config.Log.With("target", t.name.String())
	if err != nil {
		k.stats.Failures++
		if t.failures == 0 {
			t.failing = now
			log.Warn("target of ALIAS records is not found; its last addresses stay", "addresses", t.addresses.String(), "error", err)
		}
		t.err, t.due = err, now.Add(max(k.config.MinRefresh, min(longestRetry, k.config.MinRefresh<<min(t.failures, 10))))
		t.failures++
		return nil
	}
	k.stats.Lookups++
	if t.failures > 0 {
		log.Info("target of ALIAS records is found again", "addresses", found.String(), "failed", now.Sub(t.failing).Round(time.Second))
	}
	t.failures, t.err = 0, nil
	t.found, t.due = now, now.Add(min(max(found.TTL, k.config.MinRefresh), k.config.MaxRefresh))
	found.sort()
	isNew := !t.isKnown || !t.addresses.equal(found)
	t.addresses, t.isKnown = found, true
	if !isNew && !t.isBehind {
		return nil
	}
	t.isBehind = false
	for z, in := range k.zones {
		for _, o := range in.owners {
			if o.target.Equal(t.name) {
				users = append(users, z)
				break
			}
		}
	}
	return users
}

// update brings a zone to what is known of a target. If the zone refuses that, it is tried
// again with the next look-up.
func (k *Keeper) update(z *authority.Zone, name wire.Name) {
	k.mu.Lock()
	var owners []wire.Name
	var serial authority.SerialPolicy
	if known := k.zones[z]; known != nil {
		serial = known.serial
		for _, o := range known.owners {
			if o.target.Equal(name) {
				owners = append(owners, o.name)
			}
		}
	}
	now, log := k.config.Now(), k.config.Log.With("zone", z.Origin().String(), "target", name.String())
	k.mu.Unlock()
	if len(owners) == 0 || z.State() != authority.Loaded {
		return
	}
	changes, err := z.Update(authority.FromControl, func(t *authority.Txn) error {
		for _, o := range owners {
			if err := k.derive(t, o, nil); err != nil {
				return err
			}
		}
		t.AdvanceSerial(serial, now)
		return nil
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case err != nil:
		if t := k.targets[name.Key()]; t != nil {
			t.isBehind = true
		}
		log.Error("addresses of ALIAS records are not published", "error", err)
	case !changes.IsEmpty():
		k.stats.Changes++
		log.Info("addresses of ALIAS records changed", "owners", len(owners), "addresses", k.addressesOf(name).String(), "serial", changes.To.String())
	}
}

// addressesOf are those of a target. k.mu is held.
func (k *Keeper) addressesOf(name wire.Name) Addresses {
	if t := k.targets[name.Key()]; t != nil {
		return t.addresses
	}
	return Addresses{}
}

// Fill looks up the targets of which nothing is known and whose owners have no addresses
// either, such as after the first start, until ctx is done. Call it before [Keeper.Run],
// which looks them up, too: what that has begun is not waited for.
func (k *Keeper) Fill(ctx context.Context) {
	k.mu.Lock()
	wanted := map[*target]bool{}
	for z, in := range k.zones {
		for _, o := range in.owners {
			t := k.targets[o.target.Key()]
			if t != nil && !t.isKnown && !t.isBusy && t.failures == 0 && len(wanted) < maxLookups && !hasAddress(z.Snapshot(), o.name) {
				wanted[t], t.isBusy = true, true
			}
		}
	}
	k.mu.Unlock()
	var all sync.WaitGroup
	for t := range wanted {
		all.Go(func() { k.refresh(ctx, t) })
	}
	all.Wait()
	k.wake() // Run may have begun before, and found nothing to do
}

// addressesAt are those that a version has at a name.
func addressesAt(s *authority.Snapshot, name wire.Name) (a Addresses) {
	for r := range s.RecordsOf(name) {
		if ip, ok := netip.AddrFromSlice(r.Data); ok && authority.IsAddress(r.Type) {
			a.All = append(a.All, ip)
		}
	}
	a.sort()
	return a
}

func hasAddress(s *authority.Snapshot, name wire.Name) bool {
	if s == nil {
		return true // there is nothing to answer with, anyway
	}
	for r := range s.RecordsOf(name) {
		if authority.IsAddress(r.Type) {
			return true
		}
	}
	return false
}

// Stats returns what has been counted.
func (k *Keeper) Stats() Stats {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := k.stats
	s.Targets, s.Beyond = len(k.targets), k.beyond
	for _, z := range k.zones {
		s.Owners += len(z.owners)
	}
	for _, t := range k.targets {
		if t.failures > 0 {
			s.Failing++
		}
		if !t.isKnown {
			s.Unknown++
		}
	}
	return s
}

// Status is what is known of one ALIAS record.
type Status struct {
	Zone, Owner, Target wire.Name
	Addresses           Addresses
	IsKnown             bool      // the target was found since the keeper was made
	Found               time.Time // when it was last
	Due                 time.Time // when it is looked up next; zero: at once, or never if it is beyond MaxTargets
	IsBeyond            bool      // there are MaxTargets others
	Failures            int       // since it was found
	Err                 error     // of the last look-up
}

// Status lists all ALIAS records, in the order of zones and owners.
func (k *Keeper) Status() []Status {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []Status
	for z, in := range k.zones {
		for _, o := range in.owners {
			s := Status{Zone: z.Origin(), Owner: o.name, Target: o.target}
			if t := k.targets[o.target.Key()]; t == nil {
				s.IsBeyond = true
			} else {
				s.Addresses, s.IsKnown, s.Found, s.Due, s.Failures, s.Err = t.addresses, t.isKnown, t.found, t.due, t.failures, t.err
			}
			all = append(all, s)
		}
	}
	slices.SortFunc(all, func(a, b Status) int { return cmp.Or(a.Zone.Compare(b.Zone), a.Owner.Compare(b.Owner)) })
	return all
}
