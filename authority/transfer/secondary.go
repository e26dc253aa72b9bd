package transfer

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// SecondaryConfig says where a zone comes from. Zero values mean the defaults
// given with each field.
type SecondaryConfig struct {
	Primaries []Primary // asked in this order until one has a newer version
	Limits    Limits
	Timers    Timers

	// WholeOnly never asks for what has changed (IXFR), but for the whole zone.
	WholeOnly bool

	// Directory is where the zone is kept, so that it is served after a restart,
	// in a file that is named for it, unless File says in which. By default it is not.
	Directory string
	File      string

	// Journal, if there is one, has changes that the file does not have: then the file
	// is written only now and then. A small zone is in the journal alone, unless File
	// says where it has to be. It has to be the journal of the zone's pipeline.
	Journal Journal

	// Served is the zone that is served, if it is another that follows the one that is
	// kept: [Secondaries.Expires] is asked for it.
	Served *authority.Zone

	Log *slog.Logger // by default nothing is logged

	Pool *Pool // the connections; by default the zone has a pool of its own
}

// Journal is what a secondary needs of a journal.
type Journal interface {
	Replay(z *authority.Zone) (int, error)
	Forget(zone wire.Name, class wire.Class) error
	Saved(s *authority.Snapshot) error
	// Whole reports whether the journal has all of a zone, so that it can be replayed
	// without a file, and when the last change was noted.
	Whole(zone wire.Name, class wire.Class) (last time.Time, ok bool)
	// HasRoom reports whether there is room for whole zones.
	HasRoom() bool
}

// Timers are the least and the most that the timers in the SOA record of a zone
// count as. Nothing below a second counts.
type Timers struct {
	MinRefresh, MaxRefresh time.Duration // by default 60 s, 28 days
	MinRetry, MaxRetry     time.Duration // by default 10 s, 14 days
	MinExpire, MaxExpire   time.Duration // by default 0: REFRESH and RETRY together; no maximum
}

func (t *Timers) complete() {
	const day = 24 * time.Hour
	t.MinRefresh = max(cmp.Or(t.MinRefresh, time.Minute), time.Second)
	t.MinRetry = max(cmp.Or(t.MinRetry, 10*time.Second), time.Second)
	t.MaxRefresh = max(cmp.Or(t.MaxRefresh, 28*day), t.MinRefresh)
	t.MaxRetry = max(cmp.Or(t.MaxRetry, 14*day), t.MinRetry)
	t.MaxExpire = max(cmp.Or(t.MaxExpire, 1<<32*time.Second), t.MinExpire)
}

// Secondary keeps a zone as its primaries have it.
type Secondary struct {
	zone      *authority.Zone
	config    SecondaryConfig
	confirmed time.Time                      // when a primary last said that our version is the newest
	checked   time.Time                      // the same, or earlier: EXPIRE counts from then
	next      time.Time                      // when the next attempt is due
	place     atomic.Pointer[place]          // where it is in a schedule; nil: in none
	isWanted  atomic.Bool                    // the next attempt is due as soon as it may be
	first     atomic.Pointer[netip.AddrPort] // the primary it came from; nil: none in particular
	tried     time.Time                      // when the last attempt began
	failed    int                            // attempts since the last that succeeded
	unsaved   int                            // records of changes that the file does not have
	hasFile   bool                           // there is a file, though it may be empty
	isForced  atomic.Bool                    // the next attempt transfers the whole zone
	counts    *counters
	expires   atomic.Int64 // when the zone expires, in Unix seconds; 0: it is not loaded

	mu     sync.Mutex // guards status
	status Status
}

// NewSecondary returns a secondary that keeps zone, which is served by others and
// must not be changed by them.
func NewSecondary(zone *authority.Zone, c SecondaryConfig) *Secondary {
	c.Limits.complete()
	c.Timers.complete()
	if c.Pool == nil {
		c.Pool = new(Pool)
	}
	if c.Served == nil {
		c.Served = zone
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Secondary{zone: zone, config: c, counts: new(counters)}
}

// log is where lines about the zone go.
func (s *Secondary) log() *slog.Logger { return s.config.Log.With("zone", s.zone.Origin().String()) }

// first is the address of the primary that is asked first.
func (c *SecondaryConfig) first() (a netip.AddrPort) {
	if len(c.Primaries) > 0 {
		a = c.Primaries[0].Address
	}
	return a
}

// Zone is the zone that is kept.
func (s *Secondary) Zone() *authority.Zone { return s.zone }

// Check makes Run ask a primary soon. It never waits; if an attempt is pending
// already it does nothing (RFC 1996 4.4).
func (s *Secondary) Check() { s.checkFrom(nil) }

// Retransfer makes Run ask a primary soon for the whole zone, whatever its serial
// number, unless it is older than ours.
func (s *Secondary) Retransfer() {
	s.isForced.Store(true)
	s.Check()
}

// checkFrom is Check after a NOTIFY: its sender is asked first.
func (s *Secondary) checkFrom(first *netip.AddrPort) {
	s.first.Store(first)
	s.isWanted.Store(true)
	if t := s.place.Load(); t != nil {
		t.schedule.hasten(t)
	}
}

// Run keeps the zone until ctx is done (RFC 1034 4.3.5). For many zones there is
// [Secondaries.Run].
func (s *Secondary) Run(ctx context.Context) {
	var all Secondaries
	all.Add(s, names.AccessList{})
	all.Run(ctx)
}

// turn does what is due. It returns false if ctx is done.
func (s *Secondary) turn(ctx context.Context) bool {
	if s.zone.State() == authority.Loaded && !time.Now().Before(s.expiry()) {
		s.zone.Expire()
		s.log().Error("zone has expired: no primary was in reach, or none had it", "last", s.checked)
	}
	if s.isWanted.Load() {
		s.next = earlier(s.next, s.tried.Add(minSpacing))
	}
	if time.Now().Before(s.next) {
		return true
	}
	s.isWanted.Store(false)
	s.tried = time.Now()
	if !s.attempt(ctx) {
		return false
	}
	s.next = s.following()
	s.note(s.next, nil)
	return true
}

// due is when there is something to do next.
func (s *Secondary) due() time.Time {
	at := s.next
	if s.isWanted.Load() {
		at = earlier(at, s.tried.Add(minSpacing))
	}
	if s.zone.State() == authority.Loaded {
		at = earlier(at, s.expiry())
	}
	return at
}

// minSpacing is between two attempts however many NOTIFY messages come: the
// address that they claim to come from may be forged.
const minSpacing = time.Second

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// begin is when to ask for the first time: at once, and for a zone that was kept
// within a few seconds.
func (s *Secondary) begin() time.Time {
	if s.zone.State() == authority.Loaded {
		return time.Now().Add(rand.N(5 * time.Second))
	}
	return time.Now()
}

// inOrder is the primaries in the order in which they are asked: the one that has
// sent NOTIFY first.
func (s *Secondary) inOrder() []Primary {
	first := s.first.Swap(nil)
	if first == nil {
		return s.config.Primaries
	}
	list := slices.Clone(s.config.Primaries)
	slices.SortStableFunc(list, func(a, b Primary) int {
		return cmp.Compare(btoi(b.Address.Addr() == first.Addr()), btoi(a.Address.Addr() == first.Addr()))
	})
	return list
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// attempt asks the primaries until one has a newer version, and notes how it went.
// It returns false if ctx is done.
func (s *Secondary) attempt(ctx context.Context) bool {
	confirmed := false
	var last error
	defer func() { s.note(time.Time{}, last) }()
	for _, p := range s.inOrder() {
		isNew, err := s.update(ctx, p)
		if ctx.Err() != nil {
			return false
		}
		var older *olderError
		if err == nil {
			confirmed = true
		} else {
			s.counts.failed.Add(1)
			last = err
		}
		switch {
		case isNew:
			s.failed = 0
			return true
		case errors.As(err, &older) && confirmed:
			s.log().Debug("a primary has an older version", "primary", p.String(), "serial", older.serial.String())
		case err != nil:
			s.log().Warn("cannot bring the zone up to date from a primary", "primary", p.String(), "error", err)
		}
	}
	if confirmed {
		s.failed = 0
	} else {
		s.failed++
	}
	return true
}

// olderError is that a primary has an older version than ours.
type olderError struct{ serial, ours wire.Serial }

func (e *olderError) Error() string {
	return fmt.Sprintf("serial number %v of the primary does not come after ours, %v", e.serial, e.ours)
}

// received is what a primary has sent. It is not visible yet.
type received struct {
	isNew   bool // there is a newer version, one of the following
	whole   *authority.Snapshot
	changes []authority.ChangeSet
	serial  wire.Serial // that the SOA query found; if it was not asked, that of whole
	expire  *uint32     // what the primary said of the expiry (RFC 7314)
	began   time.Time
}

// update asks one primary, and transfers the zone if it has a newer version.
func (s *Secondary) update(ctx context.Context, p Primary) (isNew bool, err error) {
	var deadline time.Time // waiting for a connection does not count
	c := &connection{newID: randomID, key: p.Key, limits: s.config.Limits, left: s.config.Limits.Octets}
	isNewLink, isWhole := false, false
	for range 4 { // once more without EDNS, over a new connection, and for the whole zone
		var l *link
		if l, err = s.config.Pool.get(ctx, p, s.config.Limits.Message, isNewLink); err != nil {
			return false, err
		}
		if deadline.IsZero() {
			deadline = time.Now().Add(s.config.Limits.Time)
		}
		c.conn, c.buf, c.messages = l, l.buf, 0
		var r received
		r, err = s.receiveUntil(ctx, deadline, l, c, p, !s.config.WholeOnly && !isWhole)
		wasRead := c.messages > 0
		if err == nil { // the connection serves another zone meanwhile
			err = s.accept(&r, p)
		}
		switch {
		case err != nil && l.isUsed && !wasRead:
			isNewLink = true // the primary may have closed it meanwhile
		case isWithoutEDNS(err) && !c.plain:
			c.plain = true
		case errors.Is(err, errDifferences) && !isWhole:
			s.log().Warn("incremental transfer cannot be used, asking for the whole zone", "primary", p.String(), "error", err)
			s.counts.fellBack.Add(1)
			isWhole = true
		default:
			return r.isNew && err == nil, err
		}
	}
	return false, err
}

// receiveUntil receives what is newer over a connection, which it gives back, until a time.
func (s *Secondary) receiveUntil(ctx context.Context, deadline time.Time, l *link, c *connection, p Primary, mayDiffer bool) (r received, err error) {
	ctx, cancel := context.WithDeadlineCause(ctx, deadline, errors.New("transfer took too long"))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	r, err = s.receive(ctx, c, p, mayDiffer)
	var older *olderError
	isGood := stop() && (err == nil || errors.As(err, &older))
	l.buf = c.buf
	l.put(isGood)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return r, err
}

// receive does that over a connection. If mayDiffer is set, it asks for what has
// changed since our version.
func (s *Secondary) receive(ctx context.Context, c *connection, p Primary, mayDiffer bool) (r received, err error) {
	c.expire = nil
	r.began = time.Now()
	isLoaded, had := s.zone.State() == authority.Loaded, s.zone.State() != authority.NotLoaded
	if had { // or any version is new
		if r.serial, err = c.serial(s.zone.Origin(), s.zone.Class()); err != nil {
			return r, fmt.Errorf("SOA query: %w", err)
		}
		switch ours := s.zone.Stats().Serial; {
		case r.serial != ours && !ours.Less(r.serial): // RFC 1982 3.2
			return r, &olderError{r.serial, ours}
		case isLoaded && r.serial == ours && !s.isForced.Load():
			r.expire = c.expire
			return r, nil
		}
		r.began = time.Now()
		c.expire = nil
	}
	r.isNew = true
	if mayDiffer && isLoaded && !s.isForced.Load() {
		err = s.receiveChanges(ctx, c, p, &r)
	} else {
		r.whole, err = c.zone(ctx, s.zone.Origin(), s.zone.Class(), "transfer from "+p.String())
	}
	if err != nil {
		return r, fmt.Errorf("transfer: %w", err)
	}
	if r.whole != nil && !had {
		r.serial = r.whole.Serial()
	}
	r.expire = c.expire
	return r, nil
}

// confirm notes that a primary has our version as its newest one. What it says of the
// expiry counts from now (RFC 7314 4): a secondary that is our primary may be out of
// reach of its own.
func (s *Secondary) confirm(expire *uint32, isNew bool) {
	now := time.Now()
	s.confirmed = now
	before := s.checked
	s.checked = now
	if expire != nil {
		snapshot := s.zone.Snapshot()
		if left, whole := time.Duration(*expire)*time.Second, s.expireTime(snapshot); *expire < soaOf(snapshot).Expire && left < whole {
			s.checked = now.Add(left - whole)
		}
	}
	if !isNew && s.checked.Before(before) {
		s.checked = before
	}
	s.noteExpiry()
	if isNew && !s.hasFile && s.isInJournal() && s.checked.Equal(now) {
		return // the journal knows when
	}
	s.touch()
}

// noteExpiry lets others see when the zone expires.
func (s *Secondary) noteExpiry() { s.expires.Store(s.expiry().Unix()) }

// Expires returns in how long the zone expires unless a primary is reached: what
// EXPIRE says (RFC 7314). ok is false for a zone that is not loaded.
func (s *Secondary) Expires() (left time.Duration, ok bool) {
	at := s.expires.Load()
	if at == 0 || s.zone.State() != authority.Loaded {
		return 0, false
	}
	return max(time.Until(time.Unix(at, 0)), 0), true
}

// timers are the SOA record of the version that is served, or was.
func (s *Secondary) timers() (soa wire.SOA, ok bool) {
	snapshot := s.zone.Snapshot()
	if snapshot == nil {
		return soa, false
	}
	return soaOf(snapshot), true
}

func soaOf(snapshot *authority.Snapshot) (soa wire.SOA) {
	r := reply{after: snapshot}
	c := wire.CursorOver(r.soa().Data)
	soa.Parse(&c)
	return soa
}

func clamp(n uint32, least, most time.Duration) time.Duration {
	return min(max(time.Duration(n)*time.Second, least), most)
}

func (s *Secondary) refresh(soa *wire.SOA) time.Duration {
	return clamp(soa.Refresh, s.config.Timers.MinRefresh, s.config.Timers.MaxRefresh)
}

func (s *Secondary) retry(soa *wire.SOA) time.Duration {
	return clamp(soa.Retry, s.config.Timers.MinRetry, s.config.Timers.MaxRetry)
}

// expiry is when the zone expires unless a primary is reached (RFC 1035 3.3.13).
func (s *Secondary) expiry() time.Time { return s.checked.Add(s.expireTime(s.zone.Snapshot())) }

// expireTime is how long a version is served without a primary. One that would
// expire before it is refreshed gets the time for that.
func (s *Secondary) expireTime(snapshot *authority.Snapshot) time.Duration {
	soa := soaOf(snapshot)
	return max(clamp(soa.Expire, s.config.Timers.MinExpire, s.config.Timers.MaxExpire), s.refresh(&soa)+s.retry(&soa))
}

// following is when to ask next. Up to a tenth less at random spreads zones that
// came at the same time.
func (s *Secondary) following() time.Time {
	soa, ok := s.timers()
	var wait time.Duration
	switch {
	case ok && s.failed == 0:
		wait = s.refresh(&soa)
	case ok:
		wait = s.retry(&soa)
	default: // nothing is served: soon, and then less and less often
		least := s.config.Timers.MinRetry
		wait = min(least, longRetry) << min(max(s.failed-1, 0), 6)
		wait = max(min(wait, longRetry), least)
	}
	return time.Now().Add(wait - rand.N(wait/10+1))
}

// longRetry is the longest wait before the first transfer, unless the least is longer.
const longRetry = 10 * time.Minute
