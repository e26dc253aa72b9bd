package recursor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/internal/throttledlog"
	"github.com/names-dns/names/internal/workers"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/ranges"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// Config says how a [Recursor] finds answers and what a question may take.
// Zero values mean the defaults given with each field.
type Config struct {
	// Cache keeps what authoritative servers said: RRsets and delegations. It
	// is needed. A [cache.Resolver] in front of the recursor may be of the same
	// cache.
	Cache *cache.Cache

	// Hints are servers of the root zone to begin with: by default those of
	// [RootHints].
	Hints []Hint

	// Zones have servers that are given here, whatever the rest of the world
	// says. The longest match counts.
	Zones []ZoneServers

	// OwnZones are those this process serves. They are asked, at once, for the
	// addresses of name servers in them, and for the servers of zones that they
	// delegate. If an alias leads into one of them, the answer ends there and
	// leads on: [Access] goes on.
	OwnZones names.Resolver

	// LocalRoot has a copy of the root zone (RFC 8806). It is asked, at once, in place
	// of the root's servers, and passes if its copy is not good. What it says is
	// validated as what they say is. Nil: there is none.
	LocalRoot names.TryResolver

	// DoNotQuery are addresses that are not asked, in addition to those that cannot be
	// a server's: unspecified, multicast, link-local and, unless
	// QueryLoopback is set, loopback addresses. Hints and Zones are not
	// affected.
	DoNotQuery    *names.PeerSet
	QueryLoopback bool

	// OwnAddresses are those this process answers on, which it does not ask.
	OwnAddresses []netip.AddrPort

	// Timeout is how long a question may take, time in the queue included. By
	// default 8 s: most clients have asked again by then.
	Timeout time.Duration

	// MaxInFlight is how many clients' questions are worked on at once, of some
	// 20 KB each. By default 4096. MaxWaiting is how many may wait for an answer
	// or for their turn: by default 8 times that; those above get SERVFAIL. Of
	// both a client (an IPv4 address or a /56) has a share: three times as many
	// as it leaves free.
	MaxInFlight, MaxWaiting int

	// MaxServers is how many servers are remembered, of [ServerMemory] octets
	// each: how fast they are and what they know. By default 16 384.
	MaxServers int

	// ServerRate is how many queries a second one server is sent, and as many at once;
	// those to see how it fares count. If all servers for a name have had theirs, a
	// question fails. 0: no limit.
	ServerRate int

	// UDPSize is the largest reply over UDP asked for, in octets: 512 to 4096.
	// By default 1232, which fits the smallest packet IPv6 allows.
	UDPSize int

	// WholeNames sends the whole name to every server on the way, not just the
	// labels it has to know (RFC 9156).
	WholeNames bool

	// PlainCase sends names in the case they were asked for, not in a random
	// mix of upper and lower case.
	PlainCase bool

	// NoCookies sends no cookies (RFC 7873).
	NoCookies bool

	// Log gets lines at level Debug: replies that do not match, and servers that
	// die and come back; and a line when ServerRate begins to be reached, and when it
	// no longer is. By default nothing is logged.
	Log *slog.Logger

	// Transports are how servers are asked that are not asked over UDP and TCP:
	// over TLS, HTTPS or QUIC, say. Their keys are among the addresses of Zones. They
	// need not be where these servers are; [upstream.Transport] knows that.
	Transports map[netip.AddrPort]*upstream.Transport

	// Encryption returns how an authoritative server may be asked in addition, in the
	// order in which that is tried: over TLS and QUIC, without proof of who it is (RFC
	// 9539). Servers with one of Transports, and those that offer recursion, are left
	// alone. Nil: servers are asked in the clear.
	Encryption func(server netip.Addr) []*upstream.Transport

	// Validation says how answers are proved with DNSSEC; its Fetcher is not used,
	// for the recursor has its own. Nil means that they are not, and have no AD.
	Validation *validate.Config

	// ReportErrors tells the agents that servers name why what they say is bogus (RFC
	// 9567): a query for each zone and reason, every ten minutes at the most.
	ReportErrors bool

	// RangeSize is how many octets the NSEC and NSEC3 records may take that answer for
	// other names than those they came for (RFC 8198). By default 1 MiB; negative
	// for none.
	RangeSize int64

	// Network opens the sockets. By default that of the operating system.
	Network upstream.Network

	Events Events
}

// ZoneServers are the servers of a zone, from the configuration.
type ZoneServers struct {
	Zone      wire.Name
	Addresses []netip.AddrPort
	// Forward: the servers offer recursion and are asked for it (a "forward
	// zone"). Otherwise they are authoritative for the zone (a "stub zone").
	Forward bool
}

// ServerMemory is about how many octets of memory a remembered server takes,
// for a common budget of cache and servers.
const ServerMemory = 640

// complete checks c and fills in the defaults.
func (c *Config) complete() error {
	if c.Cache == nil {
		return errors.New("no Cache is set")
	}
	if err := completeLimit("limit of servers", &c.MaxServers, 16<<10); err != nil {
		return err
	}
	if len(c.Hints) == 0 {
		c.Hints = RootHints()
	}
	return askingConfig{c.UDPSize, c.ServerRate, &c.Timeout, &c.MaxInFlight, &c.MaxWaiting, &c.Log}.complete(8*time.Second, 4096)
}

// Recursor finds answers by asking authoritative servers, from the root down
// (RFC 1034 5.3.3). It is a names.Resolver that always takes waiting; a
// cache.Resolver belongs in front of it.
type Recursor struct {
	config      Config
	cache       *cache.Cache
	client      *upstream.Client
	own         ownZones
	localRoot   ownZones
	self        ownAddresses
	hints       delegation
	zones       map[string]*delegation // configured ones, by the wire form of the zone in lower case
	servers     infraCache
	rate        *serverRate  // nil: no limit
	opportunist *opportunist // nil: servers are asked in the clear
	workers     *workers.Pool[func()]
	zoneQueries sync.Pool    // of *zoneQuery
	alarms      alarms       // theirs
	waiting     atomic.Int64 // clients
	renewing    atomic.Int64 // zones
	seed        maphash.Seed

	families   families
	counts     counters
	unexpected *throttledlog.Log // replies that do not match
	validate   validateFunc      // nil: nothing is validated
	prover     *prover           // nil if validate is
	reasons    reasons
	reports    reports
	ranges     *ranges.Store // nil: without validation

	mu       sync.Mutex
	closed   bool
	turns    turns[*fetch]       // of clients' questions
	fetches  map[fetchKey]*fetch // all that are on their way
	traces   uint64              // how many fetches were traced
	failed   map[fetchKey]failed
	inflight map[inflightKey]*inflight // questions to servers that equal ones wait for
	busy     map[string]int            // questions in flight by zone
	done     sync.WaitGroup            // whatever the recursor has started
}

// New returns a recursor as c describes it.
func New(c Config) (*Recursor, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	r := &Recursor{
		config:    c,
		cache:     c.Cache,
		own:       ownZones{zones: c.OwnZones},
		localRoot: ownZones{isAsServer: true},
		self:      newOwnAddresses(c.OwnAddresses),
		hints:     hintsDelegation(c.Hints),
		zones:     map[string]*delegation{},
		workers:   workers.New(func(f func()) { f() }),
		seed:      maphash.MakeSeed(),
		fetches:   map[fetchKey]*fetch{},
		failed:    map[fetchKey]failed{},
		inflight:  map[inflightKey]*inflight{},
		busy:      map[string]int{},
	}
	if c.LocalRoot != nil {
		r.localRoot.zones = c.LocalRoot
	}
	r.turns.init(c.MaxInFlight, c.MaxWaiting)
	r.unexpected, r.counts.events = throttledlog.New(c.Log, slog.LevelDebug, "reply does not match"), c.Events
	r.client = upstream.NewClient(upstream.Config{
		Network: c.Network, UDPSize: c.UDPSize, PlainCase: c.PlainCase, NoCookies: c.NoCookies, Unexpected: sayUnexpected(r.unexpected),
		Packet: c.Events.Packet, Transports: c.Transports,
	})
	r.rate = newServerRate(c.ServerRate, c.Log)
	r.opportunist = newOpportunist(c.Encryption, r.client, func() { r.counts.hit(LimitEncryption) })
	r.servers.init(c.MaxServers, func(a netip.AddrPort) *server {
		log := quiet
		if c.Transports[a] != nil { // it is one that the operator has chosen
			log = c.Log
		}
		s := newServer(r.client.Server(a), c.Timeout, r.rate, log)
		if r.opportunist != nil && c.Transports[a] == nil {
			s.encryption = new(encryption)
		}
		return s
	})
	if err := r.configure(c.Zones); err != nil {
		return nil, err
	}
	if c.Validation != nil {
		if c.RangeSize >= 0 {
			r.ranges = ranges.New(cmp.Or(c.RangeSize, 1<<20))
		}
		r.prover = newProver(*c.Validation, r)
		r.validate = r.prover.prove
	}
	return r, nil
}

// quiet is where servers of strangers tell that they are dead: there are too
// many for the operator to care.
var quiet = slog.New(slog.DiscardHandler)

// configure takes the zones whose servers are given.
func (r *Recursor) configure(zones []ZoneServers) error {
	for _, z := range zones {
		switch {
		case z.Zone.IsZero():
			return errors.New("zone with configured servers has no name")
		case len(z.Addresses) == 0:
			return fmt.Errorf("zone %s: no servers given", z.Zone)
		}
		key := z.Zone.Fold().Wire()
		if r.zones[key] != nil {
			return fmt.Errorf("zone %s: servers are given twice", z.Zone)
		}
		d := &delegation{zone: z.Zone, source: fromStub}
		if z.Forward {
			d.source = fromForward
		}
		for _, a := range z.Addresses {
			if err := checkConfigured(a, r.self); err != nil {
				return fmt.Errorf("zone %s: %w", z.Zone, err)
			}
			d.servers = append(d.servers, nameServer{addresses: []netip.AddrPort{a}})
		}
		r.zones[key] = d
	}
	for _, h := range r.config.Hints {
		for _, a := range h.Addresses {
			if err := checkConfigured(a, r.self); err != nil {
				return fmt.Errorf("root server %s: %w", h.Name, err)
			}
		}
	}
	return nil
}

// IsOwn reports whether x holds a query that this recursor has sent: it came
// back by way of other servers, and asking it again would go on for ever.
func (r *Recursor) IsOwn(x *names.Exchange) bool { return r.client.IsOwn(x) }

// Resolve answers x. It passes for classes other than IN; a failure is a
// [*Failure], never an answer.
func (r *Recursor) Resolve(ctx context.Context, x *names.Exchange) error {
	q := x.Query.Question
	if q.Class != wire.ClassIN {
		return names.ErrPass
	}
	x.MarkAnswered("recursor")
	switch {
	case q.Type.IsQuestionOnly() && q.Type != wire.TypeANY:
		r.counts.refused.Add(1)
		r.counts.queries.Add(1)
		return refuse(x, wire.ExtendedErrorInvalidQueryType, "this type is not looked up elsewhere")
	case r.client.IsOwn(x):
		return r.counts.ended(q, errLoop)
	}
	return r.counts.ended(q, r.resolveFor(ctx, r.clientKey(x), x))
}

// Stats returns what the recursor has done.
func (r *Recursor) Stats() Stats {
	s := r.counts.stats(r.waiting.Load())
	s.Encryption = r.opportunist.stats()
	return s
}

// clientKey is the key of a client's query.
func (r *Recursor) clientKey(x *names.Exchange) fetchKey {
	key := fetchKeyOf(x.Query.Question)
	key.unchecked = r.validate != nil && x.Query.Header.Flags.Has(wire.FlagCD)
	return key
}

// Fresh returns a resolver that asks servers, whatever the cache has.
func (r *Recursor) Fresh() names.Resolver {
	return names.ResolverFunc(func(ctx context.Context, x *names.Exchange) error {
		key := r.clientKey(x)
		key.again = textOf(nil)
		return r.resolveFor(ctx, key, x)
	})
}

// resolveFor answers x from what equal queries and servers have.
func (r *Recursor) resolveFor(ctx context.Context, key fetchKey, x *names.Exchange) error {
	if r.waiting.Add(1) > int64(r.config.MaxWaiting) {
		r.waiting.Add(-1)
		return errTooMany
	}
	defer r.waiting.Add(-1)
	a, err := r.fetchAnswer(ctx, key, x.Query.Question, x.Peer.Remote.Addr())
	if err != nil {
		return err
	}
	if a.isSecure && r.prover != nil && !x.Query.Header.Flags.Has(wire.FlagCD) {
		if err := r.prover.validator.Sentinel(x.Query.Question); err != nil {
			return &Failure{Code: wire.ExtendedErrorOther, Text: err.Error()}
		}
	}
	return a.writeFor(x)
}

// writeFor puts the answer into the reply of x, without what x has not asked
// for: DNSSEC records (RFC 4035 3.2.1).
func (a *answer) writeFor(x *names.Exchange) error {
	if x.DO() {
		return a.write(x)
	}
	plain := *a
	plain.answers = withoutDNSSEC(a.answers, x.Query.Question.Type)
	plain.authority = withoutDNSSEC(a.authority, x.Query.Question.Type)
	return plain.write(x)
}

// withoutDNSSEC returns records but for those of DNSSEC that were not asked for.
func withoutDNSSEC(records []wire.Record, asked wire.Type) []wire.Record {
	for i := range records {
		if !isAddedByDNSSEC(records[i].Type, asked) {
			continue
		}
		plain := append([]wire.Record(nil), records[:i]...)
		for _, record := range records[i:] {
			if !isAddedByDNSSEC(record.Type, asked) {
				plain = append(plain, record)
			}
		}
		return plain
	}
	return records
}

func isAddedByDNSSEC(t, asked wire.Type) bool {
	return (t == wire.TypeRRSIG || t == wire.TypeNSEC || t == wire.TypeNSEC3) && t != asked && asked != wire.TypeANY
}

// Close ends what is in flight, which fails, and returns once nothing that the
// recursor has started is left. Questions asked later fail.
func (r *Recursor) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.closed = true
	for _, in := range r.fetches {
		r.abandon(in)
	}
	r.mu.Unlock()
	r.done.Wait()
	if r.opportunist != nil {
		r.opportunist.end()
	}
	r.workers.End()
	r.alarms.close()
	r.servers.close()
	r.rate.close()
	r.client.Wait()
	return nil
}
