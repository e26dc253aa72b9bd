package serve

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/sign/keyhelper"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// signing signs zones: when they are loaded, with each change, and when
// signatures fall due.
type signing struct {
	log *slog.Logger

	now     func() time.Time // everything about signing happens at its time
	parents atomic.Pointer[parents]
	counted atomic.Pointer[[]metrics.Metric]

	noticesTaken, noticesFailed atomic.Uint64 // by parents
	updatesTaken, updatesFailed atomic.Uint64 // of DS records, likewise

	online  atomic.Pointer[onlineZones]
	signals signals
	tsig    *wire.TSIGKeys // that updates are signed with

	mu     sync.Mutex
	zones  map[*authority.Zone]*zoneSigning
	more   chan struct{}     // a zone came
	helper *keyhelper.Client // nil: all private keys are files

	dial func(settings.Peer) func(ctx context.Context, network, address string) (net.Conn, error) // to parents that take updates
}

type zoneSigning struct {
	signer   *sign.Signer
	policy   settings.Policy
	keyDir   string
	helper   *keyhelper.Client
	isOnline bool           // it has no records: its answers are signed as they pass
	online   []*sign.Online // by these, one for each view
	failed   bool           // the last attempt to sign: the zone is as it was
	keys     *sign.KeySet   // as of the last look
	isSigned bool           // once at least
	since    time.Time      // when it began to be signed
	lookedAt time.Time      // when the parent was last asked
	spread   float64        // between 0 and 1: when in its interval the parent is asked
	proposed []sign.Wait    // steps that an operator is to approve, as of the last look
	warned   time.Time      // when the log last said that signatures of an offline key end
	missing  []string       // servers of the parent that have lost a DS record, as of then
	notice   notice         // the last one to the parent
}

func newSigning(log *slog.Logger, tsig *wire.TSIGKeys) *signing {
	s := &signing{log: log, tsig: tsig, now: time.Now, zones: map[*authority.Zone]*zoneSigning{}, more: make(chan struct{}, 1), dial: dialFrom}
	s.findBy(nil)
	return s
}

// pipeline returns what changes of a zone pass through: p, or p with a stage that
// signs. A zone that has no keys gets some.
func (s *signing) pipeline(how *settings.Signing, from *settings.Zone, zone *authority.Zone, p *authority.Pipeline) (*authority.Pipeline, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := authority.Pipeline{}
	if p != nil {
		all = *p
	}
	if how.HasSignals() {
		all.Tell = append(slices.Clip(all.Tell), s.receiveSignals)
	}
	if from.Sign == "" {
		delete(s.zones, zone)
		if how.HasSignals() {
			return &all, nil
		}
		return p, nil
	}
	policy, _ := how.Policy(from.Sign) // the settings are checked
	policy.ZONEMD, policy.Policy.Serial = from.Generate, from.Serial
	known := s.zones[zone]
	s.useHelper(how.Helper)
	if known == nil || !known.policy.Equal(&policy) || known.keyDir != how.KeyDir || known.helper != s.helper {
		z := &zoneSigning{policy: policy, keyDir: how.KeyDir, helper: s.helper, since: s.now(), spread: rand.Float64()}
		if err := s.advance(zone.Origin(), z); err != nil {
			return nil, err
		}
		signer, err := sign.New(policy.Policy, z.keys.Keys, func() time.Time { return s.now() })
		if err != nil {
			return nil, fmt.Errorf("zone %v: %w", zone.Origin(), err)
		}
		z.signer, known = signer, z
		s.zones[zone] = known
		s.wake()
	}
	if policy.Signal != "" {
		all.Check = append(slices.Clip(all.Check), s.signals.stage)
	}
	all.Sign = []authority.Stage{known.signer.Stage}
	all.Tell = append(slices.Clip(all.Tell), s.receive)
	return &all, nil
}

// useHelper connects to another key helper, or to none. s.mu is held.
func (s *signing) useHelper(path string) {
	switch {
	case s.helper != nil && s.helper.Path() == path, s.helper == nil && path == "":
		return
	case s.helper != nil:
		s.helper.Close()
		s.helper = nil
	}
	if path != "" {
		s.helper = keyhelper.NewClient(path)
	}
}

// resume has a key helper asked that failed a moment ago: an operator may have restarted it.
func (s *signing) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.helper != nil {
		s.helper.Resume()
	}
}

// receive has the zone looked at soon if this is its first version: it came from a
// primary.
func (s *signing) receive(p authority.Publication) {
	if p.Before == nil {
		s.wake()
	}
}

func (s *signing) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// advance reads the keys of a zone, of which some are made if need be, and does what
// is next with them. It is visible once the zone is signed.
func (s *signing) advance(zone wire.Name, z *zoneSigning) error {
	if err := os.MkdirAll(z.keyDir, 0o700); err != nil {
		return fmt.Errorf("keys of zone %v: %w", zone, err)
	}
	known := map[string]bool{}
	var done []sign.Transition
	var purged []*sign.Key
	keys, err := sign.EditKeySet(z.keyDir, zone, s.now(), func(set *sign.KeySet) (err error) {
		for _, k := range set.Keys {
			known[k.FileName(zone)] = true
		}
		if z.helper != nil {
			set.UseDevice(z.helper, z.policy.InHelper)
		}
		if z.keys == nil {
			set.Resume(s.now())
		}
		policy := z.policy.Keys()
		policy.Timing = policy.Timing.WithDefaults()
		if z.signer != nil { // and has seen the zone
			policy.MaxTTL = max(policy.MaxTTL, z.signer.MaxTTL())
		}
		set.SetPolicy(policy)
		if done, err = set.Advance(s.now()); err == nil && z.policy.PurgeKeys > 0 {
			purged, err = set.Purge(z.keyDir, s.now(), z.policy.PurgeKeys)
		}
		return err
	})
	if err != nil {
		return err
	}
	z.keys = keys
	for _, k := range keys.Keys {
		if !known[k.FileName(zone)] {
			s.log.Info("key made", "zone", zone.String(), "key", k.Tag, "algorithm", k.Record.Algorithm.String(), "files", k.FileName(zone))
		}
	}
	for _, k := range purged {
		s.log.Info("files of a key deleted: it has not been in use for long", "zone", zone.String(), "key", k.Tag, "files", k.FileName(zone))
	}
	s.report(zone, done)
	if end, ok := keys.OfflineEnd(s.now()); ok && end.Sub(s.now()) < offlineWarning && s.now().Sub(z.warned) >= 24*time.Hour {
		z.warned = s.now()
		s.log.Warn("signatures of the key on another machine run out: the zone cannot be signed after that; \"names keys request\" asks for more", "zone", zone.String(), "end", end.UTC())
	}
	before := z.proposed
	if z.proposed = keys.Proposals(s.now()); len(z.proposed) > 0 && !slices.Equal(before, z.proposed) {
		var steps []string
		for _, w := range z.proposed {
			steps = append(steps, w.What)
		}
		s.log.Warn("a step of an exchange of keys waits for an operator: \"names ctl signing step\"", "zone", zone.String(), "steps", steps)
	}
	return nil
}

// offlineWarning is how long before the last signature of an offline key ends the log says
// so, once a day.
const offlineWarning = 21 * 24 * time.Hour

// report logs what has become of keys.
func (s *signing) report(zone wire.Name, done []sign.Transition) {
	for _, t := range done {
		s.signals.isStale.Store(true)
		log := s.log.With("zone", zone.String(), "key", t.Key.Tag, "part", t.Part.String(), "state", t.To.String(), "why", t.Why)
		ds, err := t.Key.DS(zone, dnssec.DigestSHA256)
		switch {
		case err != nil || t.Part != sign.PartDS || t.To != sign.Rumoured && t.To != sign.Unretentive:
			log.Info("key changed")
		case t.To == sign.Unretentive:
			log.Info("key changed; the parent zone is to take out its DS record", "ds", ds.String())
		case t.Key.Progress.Parts[sign.PartDNSKEY].State == sign.Hidden: // "double-ds"
			log.Info("key changed; the parent zone is to have its DS record, too, next to the present one", "ds", ds.String())
		default:
			log.Info("key changed; give its DS record to the parent zone", "ds", ds.String())
		}
	}
}

// refreshZone signs what is due. The keys are what they are to be from then on, also
// for what a primary sends later.
func (s *signing) refreshZone(zone *authority.Zone, z *zoneSigning) (due int, err error) {
	if z.helper != nil {
		sign.UseDevice(z.keys.Keys, z.helper)
	}
	z.signer.SetKeys(z.keys.Keys)
	for _, o := range z.online {
		o.SetKeys(z.keys.Keys)
	}
	switch {
	case z.isOnline:
	case zone.State() != authority.Loaded:
		return 0, nil
	default:
		due, err = z.signer.Refresh(zone)
		if z.failed = err != nil; z.failed {
			return due, err
		}
	}
	keys, err := sign.EditKeySet(z.keyDir, zone.Origin(), s.now(), func(set *sign.KeySet) error {
		set.Published(s.now())
		return nil
	})
	if err == nil {
		z.keys = keys
	}
	return due, err
}

// sign signs the zones that are not signed yet.
func (s *signing) sign() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.count()
	var records int64
	defer func() { freeMemory(records) }()
	for zone, z := range s.zones {
		if z.isSigned || zone.State() != authority.Loaded {
			continue
		}
		began := s.now()
		due, err := s.refreshZone(zone, z)
		if due > 0 {
			records += int64(zone.Snapshot().Records())
		}
		if err != nil {
			// What the journal has is good for as long as its signatures: a key helper that
			// is away does not keep the server from starting.
			if sign.Verify(zone.Snapshot(), s.now()) != nil {
				return err
			}
			z.isSigned = true
			s.log.Error("zone not signed again", "zone", zone.Origin().String(), "error", err)
			continue
		}
		z.isSigned = true
		s.log.Info("zone signed", "zone", zone.Origin().String(), "serial", zone.Snapshot().Serial().String(), "records", zone.Snapshot().Records(),
			"keys", len(z.signer.Keys()), "duration", s.now().Sub(began).Round(time.Millisecond))
	}
	return nil
}

// refresh reads the keys again and signs what is due. A zone that cannot be signed
// stays as it is until the next time.
func (s *signing) refresh() {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.count()
	for zone, z := range s.zones {
		log := s.log.With("zone", zone.Origin().String())
		notAdvanced := s.advance(zone.Origin(), z)
		if notAdvanced != nil {
			log.Error("keys not read again, still using those from before", "error", notAdvanced)
		}
		due, err := s.refreshZone(zone, z)
		z.failed = err != nil || notAdvanced != nil
		switch {
		case err != nil:
			log.Error("zone not signed again", "error", err)
		case due > 0:
			log.Debug("signatures made again", "due", due, "serial", zone.Snapshot().Serial().String())
		}
	}
}

// findBy says what finds the servers of parent zones: nil for those of resolv.conf.
func (s *signing) findBy(r names.Resolver) {
	client := names.Default
	if r != nil {
		client, _ = names.NewClient(names.ClientConfig{Resolver: r, NoHosts: true}) // no file that could not be read
	}
	s.parents.Store(newParents(client))
}

// lookInterval is how often the parent is asked for what it is to publish, and
// idleInterval how often whether it still has what it had.
const (
	lookInterval = time.Hour
	idleInterval = 12 * time.Hour
)

// dueZone is a zone whose parent something is to be done with.
type dueZone struct {
	zone *authority.Zone
	of   *zoneSigning
}

// Parents are slow, or do not reply at all, which must not hold up those of other zones nor
// what falls due meanwhile: so many are talked to at the same time, and in one round no more
// of them after so long. What is left is due in the next round.
const (
	parentsAtATime = 8
	roundTime      = time.Minute
)

// eachDue does something with the parents of zones that are due for it.
func (s *signing) eachDue(ctx context.Context, dueAt func(*zoneSigning) (at time.Time, ok bool), do func(*dueZone)) {
	var all []dueZone
	s.mu.Lock()
	for zone, z := range s.zones {
		if at, ok := dueAt(z); ok && !s.now().Before(at) {
			all = append(all, dueZone{zone, z})
		}
	}
	s.mu.Unlock()
	end := time.Now().Add(roundTime)
	eachOf(len(all), parentsAtATime, func(i int) {
		if ctx.Err() == nil && time.Now().Before(end) {
			do(&all[i])
		}
	})
}

// watchParents asks the parents of zones that are secure or wait for them, and does what
// follows. Between two looks at one is half an interval at least: when exactly is by
// chance, so that servers with many zones do not ask for all at the same time.
func (s *signing) watchParents(ctx context.Context) {
	s.eachDue(ctx, (*zoneSigning).looksAt, func(l *dueZone) {
		s.mu.Lock()
		l.of.lookedAt, l.of.spread = s.now(), rand.Float64()
		s.mu.Unlock()
		log := s.log.With("zone", l.zone.Origin().String())
		seen, err := s.parents.Load().look(ctx, l.zone.Origin(), l.of.policy.Parents)
		if err != nil {
			log.Warn("parent not asked for DS records", "error", err)
			return
		}
		for _, one := range seen {
			if one.Err != nil {
				log.Warn("a server of the parent does not say which DS records it has", "server", one.Server, "error", one.Err)
			}
		}
		s.mu.Lock()
		if s.zones[l.zone] == l.of {
			if err := s.observe(l.zone, l.of, seen); err != nil {
				log.Error("keys not changed", "error", err)
			}
		}
		s.mu.Unlock()
	})
}

// looksAt is when the parent is to be asked: soon if something waits for it, or is
// missing.
func (z *zoneSigning) looksAt() (at time.Time, ok bool) {
	last, interval := z.lookedAt, lookInterval
	switch {
	case z.policy.NoDSCheck:
		return at, false
	case z.keys.AwaitsParent() || len(z.missing) > 0:
		if last.IsZero() {
			return last, true
		}
	case z.keys.IsInsecure():
		return at, false
	default: // not all zones at once after a start
		interval = idleInterval
		if last.IsZero() {
			last = z.since
		}
	}
	return last.Add(interval/2 + time.Duration(z.spread*float64(interval/2))), true
}

// observe takes in what the parent has. s.mu is held.
func (s *signing) observe(zone *authority.Zone, z *zoneSigning, seen []sign.Sighting) error {
	before := len(z.missing)
	z.missing = z.keys.Missing(seen)
	log := s.log.With("zone", zone.Origin().String())
	switch {
	case len(z.missing) > 0:
		log.Warn("the parent has lost a DS record: without it, resolvers take the zone for unsigned; give it what \"names keys ds\" prints", "servers", z.missing)
	case before > 0:
		log.Info("the parent has the DS record again")
	}
	return s.change(zone, z, func(set *sign.KeySet) error {
		s.report(zone.Origin(), set.Observe(s.now(), seen))
		return nil
	})
}

// change changes what is to become of the keys of a zone, and does what follows from
// that. s.mu is held.
func (s *signing) change(zone *authority.Zone, z *zoneSigning, edit func(*sign.KeySet) error) error {
	defer s.count()
	if _, err := sign.EditKeySet(z.keyDir, zone.Origin(), s.now(), edit); err != nil {
		return err
	}
	if err := s.advance(zone.Origin(), z); err != nil {
		return err
	}
	s.wake() // the parent may have to be asked or notified
	_, err := s.refreshZone(zone, z)
	return err
}

// keep keeps only zones that are served.
func (s *signing) keep(p *transferPlan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.zones) == 0 {
		return
	}
	all := p.ours.served()
	for _, c := range p.copies {
		all = append(all, c.zone)
	}
	served := map[*authority.Zone]bool{}
	for _, zone := range all {
		served[zone] = true
	}
	if p.settings.Signing.HasSignals() {
		s.signals.serve(all)
		s.wake()
	}
	for zone, z := range s.zones {
		if !served[zone] && !z.isOnline {
			delete(s.zones, zone)
		}
	}
}

// longestStep bounds how long new keys wait in their folder.
const longestStep = time.Hour

// step is how long the next look at the zones can wait.
func (s *signing) step() time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	least, now := longestStep, s.now()
	for _, z := range s.zones {
		least = min(least, z.signer.Policy().Step())
		if next := z.keys.NextChange(now); !next.IsZero() {
			least = min(least, max(next.Sub(now), time.Second))
		}
		if at, ok := z.looksAt(); ok {
			least = min(least, max(at.Sub(now), time.Second))
		}
		if at, ok := z.notifiesAt(); ok {
			least = min(least, max(at.Sub(now), time.Second))
		}
		if at, ok := z.updatesAt(); ok {
			least = min(least, max(at.Sub(now), time.Second))
		}
	}
	return least
}

// run signs what falls due, until ctx is done.
func (s *signing) run(ctx context.Context) {
	for {
		wait := time.NewTimer(s.step())
		select {
		case <-wait.C:
			s.refresh()
			s.keepSignals()
			s.watchParents(ctx)
			s.updateParents(ctx)
			s.notifyParents(ctx)
		case <-s.more:
			if err := s.sign(); err != nil {
				s.log.Error("zone not signed again", "error", err)
			}
			s.keepSignals()
		case <-ctx.Done():
			wait.Stop()
			return
		}
		wait.Stop()
	}
}
