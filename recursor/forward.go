package recursor

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/throttledlog"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// ForwardConfig says which servers a [Forwarder] asks and what a question may take.
// Zero values mean the defaults given with each field.
type ForwardConfig struct {
	// Servers are asked for everything that no zone below is for.
	Servers []netip.AddrPort

	// Zones have servers of their own; the longest match counts. They are
	// for the names at and below the zone, a DS record of the zone itself
	// excepted, which its parent has (RFC 4035 3.1.4.1).
	Zones []ForwardZone

	// Transports are how servers are asked that are not asked over UDP and TCP:
	// over TLS, HTTPS or QUIC, say. Their keys are among the addresses above. They
	// need not be where these servers are; [upstream.Transport] knows that.
	Transports map[netip.AddrPort]*upstream.Transport

	// TrustAD are servers that are believed when they say that an answer is
	// authentic: AD of their replies is passed on (RFC 4035 4.9.3), and a
	// [validate.Resolver] takes it in the place of proofs. An attacker that can change packets
	// on the way to them can set AD, too. The AD bit of all others is dropped.
	TrustAD []netip.AddrPort

	// OwnZones are asked, at once, whether they have the target of an alias. If they do, the answer ends there and leads on: [Access] goes on. By
	// default upstream servers alone say what the targets have.
	OwnZones names.Resolver

	// OwnAddresses are those this process answers on. They are refused as
	// servers, for the process would ask itself. An unspecified address stands
	// for all of this machine.
	OwnAddresses []netip.AddrPort

	// Timeout is how long a question may take, time in the queue included. By
	// default 5 s, what stub resolvers wait for an answer.
	Timeout time.Duration

	// Attempts is how often servers are asked one question, the same server
	// again included. By default 6.
	Attempts int

	// MaxInFlight is how many different questions servers are asked at once,
	// and twice as many may wait for that. A zone, a client (an IPv4 address or
	// a /56) and, if zones have servers of their own, these servers have a share
	// of them: as many as are left free, for a client three times as many.
	// Each takes some 10 KB, and a socket for every attempt that is waited for:
	// one as a rule, Attempts if no server answers. By default 1024.
	MaxInFlight int

	// MaxWaiting is how many clients may wait for answers at once, in flight or
	// in the queue; those above get SERVFAIL at once. By default
	// 8 times MaxInFlight.
	MaxWaiting int

	// ServerRate is how many queries a second one server is sent, and as many at once;
	// those to see how it fares count. If all servers for a name have had theirs, a
	// question fails. 0: no limit.
	ServerRate int

	// UDPSize is the largest reply over UDP asked for, in octets: 512 to 4096.
	// By default 1232, which fits the smallest packet IPv6 allows.
	UDPSize int

	// PlainCase sends names as they were asked for, not in a random mix of
	// upper and lower case.
	PlainCase bool

	// NoCookies sends no cookies (RFC 7873).
	NoCookies bool

	// Log gets a line when a server dies or comes back, when ServerRate begins to be
	// reached or no longer is, and at level Debug for
	// replies that do not match. By default nothing is logged.
	Log *slog.Logger

	// Network opens the sockets. By default that of the operating system.
	Network upstream.Network

	Events Events
}

// ForwardZone is a zone with servers of its own.
type ForwardZone struct {
	Zone    wire.Name
	Servers []netip.AddrPort
}

// complete checks c and fills in the defaults.
func (c *ForwardConfig) complete() error {
	if err := completeLimit("number of attempts", &c.Attempts, defaultAttempts); err != nil {
		return err
	}
	return askingConfig{c.UDPSize, c.ServerRate, &c.Timeout, &c.MaxInFlight, &c.MaxWaiting, &c.Log}.complete(5*time.Second, 1024)
}

// Forwarder asks other resolvers, and passes their answers on. It is a
// names.Resolver that always takes waiting; a cache belongs in front of it.
type Forwarder struct {
	config  ForwardConfig
	client  *upstream.Client
	log     *slog.Logger
	context context.Context // over when the forwarder is closed
	end     context.CancelFunc
	routes  atomic.Pointer[routes]
	seed    maphash.Seed
	idle    sync.Pool    // of *forwardFetch, to be used again
	waiting atomic.Int64 // clients

	counts     counters
	unexpected *throttledlog.Log // replies that do not match
	own        ownZones
	rate       *serverRate // nil: no limit

	mu      sync.Mutex
	closed  bool
	turns   turns[*forwardFetch]
	fetches map[forwardKey]*forwardFetch // that can be joined
	servers map[netip.AddrPort]*server   // all that routes lead to
	trusted map[netip.AddrPort]bool      // config.TrustAD
	done    sync.WaitGroup               // whatever the forwarder has started
}

// routes says which servers are asked for what. It never changes.
type routes struct {
	all   []*server
	zones map[string][]*server // by the wire form of the zone in lower case
}

// NewForwarder returns a forwarder as c describes it. It fails if there is
// no server, or a server would be this process.
func NewForwarder(c ForwardConfig) (*Forwarder, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	if len(c.Servers) == 0 && len(c.Zones) == 0 {
		return nil, errors.New("no servers to forward to")
	}
	f := &Forwarder{
		config:  c,
		log:     c.Log,
		seed:    maphash.MakeSeed(),
		fetches: map[forwardKey]*forwardFetch{},
		servers: map[netip.AddrPort]*server{},
		trusted: map[netip.AddrPort]bool{},
	}
	for _, a := range c.TrustAD {
		f.trusted[netip.AddrPortFrom(a.Addr().Unmap(), a.Port())] = true
	}
	f.unexpected, f.counts.events = throttledlog.New(c.Log, slog.LevelDebug, "reply does not match"), c.Events
	f.own.zones = c.OwnZones
	f.rate = newServerRate(c.ServerRate, c.Log)
	f.turns.init(c.MaxInFlight, min(2*c.MaxInFlight, c.MaxWaiting))
	f.client = upstream.NewClient(upstream.Config{
		Network: c.Network, UDPSize: c.UDPSize, PlainCase: c.PlainCase, NoCookies: c.NoCookies, Unexpected: sayUnexpected(f.unexpected),
		Packet: c.Events.Packet, Transports: c.Transports,
	})
	own := newOwnAddresses(c.OwnAddresses)
	r := &routes{zones: map[string][]*server{}}
	var err error
	if r.all, err = f.serversAt(c.Servers, own); err != nil {
		return nil, err
	}
	for _, z := range c.Zones {
		switch {
		case z.Zone.IsZero():
			return nil, errors.New("forward zone has no name")
		case len(z.Servers) == 0:
			return nil, fmt.Errorf("zone %s: no servers to forward to", z.Zone)
		}
		zone := z.Zone.Fold().Wire()
		if r.zones[zone] != nil {
			return nil, fmt.Errorf("zone %s: forward servers are given twice", z.Zone)
		}
		if r.zones[zone], err = f.serversAt(z.Servers, own); err != nil {
			return nil, fmt.Errorf("zone %s: %w", z.Zone, err)
		}
	}
	f.context, f.end = context.WithCancel(context.Background())
	f.routes.Store(r)
	return f, nil
}

// serversAt returns the servers at addresses, each once, with what is known of
// them already.
func (f *Forwarder) serversAt(addresses []netip.AddrPort, own ownAddresses) ([]*server, error) {
	var servers []*server
	for _, a := range addresses {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if err := checkConfigured(a, own); err != nil {
			return nil, err
		}
		s := f.servers[a]
		if s == nil {
			s = newServer(f.client.Server(a), f.config.Timeout, f.rate, f.log)
			s.trustAD = f.trusted[a]
			f.servers[a] = s
		}
		if !slices.Contains(servers, s) {
			servers = append(servers, s)
		}
	}
	return servers, nil
}

// SetServers replaces the servers that are asked for everything: resolv.conf
// was rewritten, say. What is known of those that stay is kept; questions in
// fetch go on with the new ones. Addresses that are not those of a server, or
// this process's own, are left out and logged.
func (f *Forwarder) SetServers(addresses []netip.AddrPort) {
	own := newOwnAddresses(f.config.OwnAddresses)
	f.mu.Lock()
	if f.closed {
		f.mu.Unlock()
		return
	}
	r := &routes{zones: f.routes.Load().zones}
	var leftOut []error
	for _, a := range addresses {
		servers, err := f.serversAt([]netip.AddrPort{a}, own)
		if err != nil {
			leftOut = append(leftOut, err)
			continue
		}
		if !slices.Contains(r.all, servers[0]) {
			r.all = append(r.all, servers[0])
		}
	}
	f.routes.Store(r)
	var gone []*server
	for a, s := range f.servers {
		if !r.leadsTo(s) {
			gone = append(gone, s)
			delete(f.servers, a)
		}
	}
	f.mu.Unlock()
	for _, err := range leftOut {
		f.log.Warn("upstream server left out", "why", err)
	}
	for _, s := range gone {
		s.Close()
	}
}

func (r *routes) leadsTo(s *server) bool {
	if slices.Contains(r.all, s) {
		return true
	}
	for _, servers := range r.zones {
		if slices.Contains(servers, s) {
			return true
		}
	}
	return false
}

// route returns the servers to ask q, none if there are none.
func (r *routes) route(q wire.Question) []*server {
	if len(r.zones) == 0 {
		return r.all
	}
	return r.routeByZone(q)
}

// routeByZone is route where zones have servers of their own. It is kept out of
// its callers, which the place for the name would make large: stacks that have
// to grow are dear.
//
//go:noinline
func (r *routes) routeByZone(q wire.Question) []*server {
	var buf [wire.MaxNameLen]byte
	_, servers := r.find(q.Type, q.Name.AppendFolded(buf[:0]))
	return servers
}

// find returns the zone with servers of its own that a question is for, if
// there is one, and the servers to ask. name is folded.
func (r *routes) find(t wire.Type, name []byte) (zone []byte, servers []*server) {
	if t == wire.TypeDS && len(name) > 1 {
		if zone, servers := r.longest(name[1+name[0]:]); servers != nil {
			return zone, servers
		}
	}
	return r.longest(name)
}

func (r *routes) longest(name []byte) (zone []byte, servers []*server) {
	for at := 0; ; at += 1 + int(name[at]) {
		if servers := r.zones[string(name[at:])]; servers != nil {
			return name[at:], servers
		}
		if name[at] == 0 {
			return nil, r.all
		}
	}
}

// without returns servers other than those at the addresses tried.
func without(servers []*server, tried []netip.AddrPort) []*server {
	if len(tried) == 0 {
		return servers
	}
	return slices.DeleteFunc(slices.Clone(servers), func(s *server) bool { return slices.Contains(tried, s.Addr()) })
}

// HasServersBelow reports whether name is in a zone below the one given that has
// servers of its own: what is proved of the one above is not proved by them.
func (f *Forwarder) HasServersBelow(zone, name wire.Name) bool {
	var buf [wire.MaxNameLen]byte
	own, _ := f.routes.Load().longest(name.AppendFolded(buf[:0]))
	return len(own) > zone.Len()
}

// TrustsAD reports whether one of the servers for q is believed when it says that an
// answer is authentic.
func (f *Forwarder) TrustsAD(q wire.Question) bool {
	if len(f.trusted) == 0 {
		return false
	}
	return slices.ContainsFunc(f.routes.Load().route(q), func(s *server) bool { return s.trustAD })
}

// Servers tells how the servers fare, those for everything first, each once.
func (f *Forwarder) Servers() []ServerStatus {
	r := f.routes.Load()
	var list []ServerStatus
	for _, s := range r.all {
		list = append(list, s.status())
	}
	var ofZones []ServerStatus
	f.mu.Lock()
	for _, s := range f.servers {
		if !slices.Contains(r.all, s) {
			ofZones = append(ofZones, s.status())
		}
	}
	f.mu.Unlock()
	slices.SortFunc(ofZones, func(a, b ServerStatus) int { return a.Addr.Compare(b.Addr) })
	return append(list, ofZones...)
}

// IsOwn reports whether x holds a query that this forwarder has sent: it came
// back by way of other servers, and asking it again would go on for ever.
func (f *Forwarder) IsOwn(x *names.Exchange) bool { return f.client.IsOwn(x) }

// Resolve answers x with what the servers say. It passes if no server is
// there for the name, and for classes other than IN; a failure is a [*Failure],
// never an answer.
func (f *Forwarder) Resolve(ctx context.Context, x *names.Exchange) error {
	return f.ask(ctx, x, nil, nil)
}

// ResolveExcept is Resolve with servers other than those tried, to which it adds
// the one whose answer it is. It passes if there are none. What the others have
// may have turned out bogus (RFC 4035 4.9.3).
func (f *Forwarder) ResolveExcept(ctx context.Context, x *names.Exchange, tried *[]netip.AddrPort) error {
	return f.ask(ctx, x, *tried, func(server netip.AddrPort) { *tried = append(*tried, server) })
}

// ask answers x from servers not tried, and calls answered with the one that did if
// that is not nil.
func (f *Forwarder) ask(ctx context.Context, x *names.Exchange, tried []netip.AddrPort, answered func(netip.AddrPort)) error {
	q := x.Query.Question
	switch {
	case q.Class != wire.ClassIN:
		return names.ErrPass
	case q.Type.IsQuestionOnly() && q.Type != wire.TypeANY:
		f.counts.refused.Add(1)
		f.counts.queries.Add(1)
		return refuse(x, wire.ExtendedErrorInvalidQueryType, "this type is not looked up elsewhere")
	case f.client.IsOwn(x):
		return f.counts.ended(q, errLoop)
	}
	servers, now := without(f.routes.Load().route(q), tried), time.Now()
	if len(servers) == 0 {
		return names.ErrPass
	}
	x.MarkAnswered("forwarder")
	if allDead(servers, now) {
		return f.counts.ended(q, errAllDead)
	}
	return f.counts.ended(q, f.resolve(ctx, x, tried, answered, now))
}

// Stats returns what the forwarder has done.
func (f *Forwarder) Stats() Stats { return f.counts.stats(f.waiting.Load()) }

// resolve answers x together with equal queries.
func (f *Forwarder) resolve(ctx context.Context, x *names.Exchange, tried []netip.AddrPort, answered func(netip.AddrPort), now time.Time) error {
	if f.waiting.Add(1) > int64(f.config.MaxWaiting) {
		f.waiting.Add(-1)
		return errTooMany
	}
	defer f.waiting.Add(-1)
	fetch, err := f.join(x, tried, now)
	if err != nil {
		return err
	}
	defer f.leave(fetch)
	select {
	case <-fetch.over:
		if fetch.err != nil {
			return fetch.err
		}
		if answered != nil {
			answered(fetch.answer.server)
		}
		return fetch.answer.write(x)
	case <-ctx.Done():
		return &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "no answer in time", Err: ctx.Err()}
	}
}

var (
	errAllDead = &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "no upstream server answers at present"}
	errShare   = &Failure{Code: wire.ExtendedErrorNetworkError, Text: "too many queries of this zone or client wait for upstream servers", Err: names.ErrBusy}
	errTooMany = &Failure{Code: wire.ExtendedErrorNetworkError, Text: "too many queries wait for upstream servers", Err: names.ErrBusy}
	errClosed  = &Failure{Code: wire.ExtendedErrorNotReady, Text: "the server is shutting down"}
)

func allDead(servers []*server, now time.Time) bool {
	for _, s := range servers {
		if s.condition(now) != isDead {
			return false
		}
	}
	return true
}

// Close ends what is in flight, which fails, and returns once nothing that the
// forwarder has started is left. Questions asked later fail.
func (f *Forwarder) Close() error {
	f.mu.Lock()
	f.closed = true
	servers := make([]*server, 0, len(f.servers))
	for _, s := range f.servers {
		servers = append(servers, s)
	}
	fetches := make([]*forwardFetch, 0, len(f.fetches))
	for _, ff := range f.fetches {
		ff.uses.Add(1)
		fetches = append(fetches, ff)
	}
	f.mu.Unlock()
	f.end()
	for _, ff := range fetches {
		ff.mu.Lock()
		ff.finish(nil, errClosed, context.Canceled)
		ff.unlock()
		ff.release()
	}
	f.done.Wait()
	for _, s := range servers {
		s.Close()
	}
	f.rate.close()
	f.client.Wait()
	return nil
}

// ownAddresses is where this process answers.
type ownAddresses map[netip.AddrPort]bool

// IsOwnAddress reports whether a is one of those that this process answers on. An unspecified
// address stands for all of this machine.
func IsOwnAddress(own []netip.AddrPort, a netip.AddrPort) bool { return newOwnAddresses(own).has(a) }

func newOwnAddresses(addresses []netip.AddrPort) ownAddresses {
	own := ownAddresses{}
	for _, a := range addresses {
		addr := a.Addr().Unmap()
		own[netip.AddrPortFrom(addr.WithZone(""), a.Port())] = true
		if !addr.IsUnspecified() {
			continue
		}
		interfaces, _ := net.InterfaceAddrs() // without them, loopback is known all the same
		for _, i := range interfaces {
			if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr().Is4() == addr.Is4() {
				own[netip.AddrPortFrom(p.Addr().WithZone(""), a.Port())] = true
			}
		}
	}
	return own
}

// has reports whether a is an address of this process.
func (o ownAddresses) has(a netip.AddrPort) bool {
	addr := a.Addr().WithZone("")
	if o[netip.AddrPortFrom(addr, a.Port())] {
		return true
	}
	unspecified := netip.IPv4Unspecified()
	if addr.Is6() {
		unspecified = netip.IPv6Unspecified()
	}
	return addr.IsLoopback() && o[netip.AddrPortFrom(unspecified, a.Port())]
}
