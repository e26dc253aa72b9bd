package recursor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// Config says how a [Recursor] finds answers and what a question may take.
// Zero values mean the defaults given with each field.
type Config struct {
	// Cache keeps what authoritative servers said: RRsets and delegations. It
	// is needed. A [cache.Front] in front of the recursor may be of the same
	// cache.
	Cache *cache.Cache

	// Hints are servers of the root zone to begin with: by default those of
	// [RootHints].
	Hints []Hint

	// Zones have servers that are given here, whatever the rest of the world
	// says. The longest match counts.
	Zones []ZoneServers

	// DoNotQuery are addresses that are not asked, beside those that cannot be
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
	// or for their turn: by default 8 times that; those above get SERVFAIL.
	MaxInFlight, MaxWaiting int

	// MaxServers is how many servers are remembered, of [ServerMemory] octets
	// each: how fast they are and what they know. By default 16 384.
	MaxServers int

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

	// Log hears at level Debug of replies that do not match and of servers that
	// die and come back. By default nobody does.
	Log *slog.Logger

	// Network opens the sockets. By default that of the operating system.
	Network upstream.Network
}

// ZoneServers are the servers of a zone, given by whoever runs this one.
type ZoneServers struct {
	Zone      wire.Name
	Addresses []netip.AddrPort
	// Forward: the servers offer recursion and are asked for it (a "forward
	// zone"). Otherwise they are authoritative for the zone (a "stub zone").
	Forward bool
}

// ServerMemory is about how many octets of memory a remembered server takes,
// for those who have a budget for cache and servers together.
const ServerMemory = 640

// complete checks c and fills in the defaults.
func (c *Config) complete() error {
	if c.Cache == nil {
		return errors.New("a recursor needs a cache")
	}
	if err := completeLimit("limit of servers", &c.MaxServers, 16<<10); err != nil {
		return err
	}
	if len(c.Hints) == 0 {
		c.Hints = RootHints()
	}
	return askingConfig{c.UDPSize, &c.Timeout, &c.MaxInFlight, &c.MaxWaiting, &c.Log}.complete(8*time.Second, 4096)
}

// Recursor finds answers by asking authoritative servers, from the root down
// (RFC 1034 5.3.3). It is a names.Resolver that always takes waiting; a
// cache.Front belongs in front of it.
type Recursor struct {
	config  Config
	cache   *cache.Cache
	client  *upstream.Client
	own     ownAddresses
	hints   delegation
	zones   map[string]*delegation // configured ones, by the wire form of the zone in lower case
	servers serverTable
	workers *names.Workers[func()]
	rounds  sync.Pool     // of *round
	slots   chan struct{} // one for each client's question worked on
	waiting atomic.Int64  // askers

	unreachable [2]atomic.Int64 // until when IPv4 and IPv6 are not tried, in nanoseconds since 1970
	unexpected  unexpected

	mu        sync.Mutex
	closed    bool
	inquiries map[inquiryKey]*inquiry // all that are on their way
	traces    uint64                  // how many inquiries were traced
	failed    map[inquiryKey]failed
	claims    map[claimKey]*claim // questions to servers that equal ones wait for
	busy      map[string]int      // questions in flight by zone
	done      sync.WaitGroup      // whatever the recursor has started
}

// New returns a recursor as c describes it.
func New(c Config) (*Recursor, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	r := &Recursor{
		config:    c,
		cache:     c.Cache,
		own:       newOwnAddresses(c.OwnAddresses),
		hints:     hintsDelegation(c.Hints),
		zones:     map[string]*delegation{},
		workers:   names.NewWorkers(func(f func()) { f() }),
		slots:     make(chan struct{}, c.MaxInFlight),
		inquiries: map[inquiryKey]*inquiry{},
		failed:    map[inquiryKey]failed{},
		claims:    map[claimKey]*claim{},
		busy:      map[string]int{},
	}
	r.unexpected.log = c.Log
	r.client = upstream.NewClient(upstream.Config{
		Network: c.Network, UDPSize: c.UDPSize, PlainCase: c.PlainCase, NoCookies: c.NoCookies, Unexpected: r.unexpected.say,
	})
	r.servers.init(c.MaxServers, func(a netip.AddrPort) *server { return newServer(r.client.Server(a), c.Timeout, quiet) })
	if err := r.configure(c.Zones); err != nil {
		return nil, err
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
			return errors.New("a zone with servers of its own has no name")
		case len(z.Addresses) == 0:
			return fmt.Errorf("there is no server for zone %s", z.Zone)
		}
		key := z.Zone.Fold().Wire()
		if r.zones[key] != nil {
			return fmt.Errorf("zone %s has servers twice", z.Zone)
		}
		d := &delegation{zone: z.Zone, source: fromStub}
		if z.Forward {
			d.source = fromForward
		}
		for _, a := range z.Addresses {
			if err := checkConfigured(a, r.own); err != nil {
				return fmt.Errorf("zone %s: %w", z.Zone, err)
			}
			d.servers = append(d.servers, nameServer{addresses: []netip.AddrPort{a}})
		}
		r.zones[key] = d
	}
	for _, h := range r.config.Hints {
		for _, a := range h.Addresses {
			if err := checkConfigured(a, r.own); err != nil {
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
	switch {
	case q.Class != wire.ClassIN:
		return names.ErrPass
	case q.Type.IsQuestionOnly() && q.Type != wire.TypeANY:
		return refuse(x, wire.ExtendedErrorInvalidQueryType, "this type is not looked up elsewhere")
	case r.client.IsOwn(x):
		return errLoop
	}
	if r.waiting.Add(1) > int64(r.config.MaxWaiting) {
		r.waiting.Add(-1)
		return errTooMany
	}
	defer r.waiting.Add(-1)
	a, err := r.inquire(ctx, q)
	if err != nil {
		return err
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
	for _, in := range r.inquiries {
		r.abandon(in)
	}
	r.mu.Unlock()
	r.done.Wait()
	r.workers.End()
	r.servers.close()
	r.client.Wait()
	return nil
}
