package designated

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// The times of an [Upgrader].
const (
	askTime      = 5 * time.Second
	defaultAgain = time.Hour      // where nothing is designated, and no TTL says how long
	minAgain     = time.Minute    // not sooner, whatever the TTL is
	maxAgain     = 24 * time.Hour // and not later
	maxRetry     = time.Hour      // after failures, each of which doubles the time
)

// Config says whose encrypted transports are looked for, and what becomes of them.
type Config struct {
	// Servers are resolvers that are asked in the clear.
	Servers []netip.AddrPort

	// Connect says how designated servers are connected to. Its Lookup is not used.
	Connect encrypted.Config

	// IsOwn reports whether an address is this process's own, so that it is not asked in
	// a loop. It may be nil.
	IsOwn func(netip.AddrPort) bool

	// Use has a server asked by t from now on; nil: in the clear again. It must not wait.
	Use func(server netip.AddrPort, t *upstream.Transport)

	// Log gets a line when a server is asked by another transport. By default nothing is
	// logged.
	Log *slog.Logger

	// Network opens the sockets for queries in the clear. By default that of the operating
	// system.
	Network upstream.Network
}

// Upgrader finds the encrypted transports of resolvers, and has them used while they work.
type Upgrader struct {
	config  Config
	client  *upstream.Client
	context context.Context
	end     context.CancelFunc
	done    sync.WaitGroup

	mu      sync.Mutex // nothing is called under it
	watches map[netip.AddrPort]*watch

	upgraded, none, refused, lost atomic.Uint64
}

// New returns an upgrader that has begun.
func New(c Config) *Upgrader {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	u := &Upgrader{config: c, client: upstream.NewClient(upstream.Config{Network: c.Network}), watches: map[netip.AddrPort]*watch{}}
	u.context, u.end = context.WithCancel(context.Background())
	u.SetServers(c.Servers)
	return u
}

// SetServers replaces the servers. What is known of those that stay is kept.
func (u *Upgrader) SetServers(servers []netip.AddrPort) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.context.Err() != nil {
		return
	}
	for a, w := range u.watches {
		if !slices.Contains(servers, a) {
			w.end()
			delete(u.watches, a)
		}
	}
	for _, a := range servers {
		if u.watches[a] != nil {
			continue
		}
		w := &watch{u: u, server: a, plain: u.client.Server(a), lost: make(chan struct{}, 1)}
		var ctx context.Context
		ctx, w.end = context.WithCancel(u.context)
		u.watches[a] = w
		u.done.Go(func() { w.run(ctx) })
	}
}

// Close ends all that u does. What is in use stays in use.
func (u *Upgrader) Close() {
	u.mu.Lock()
	u.end()
	u.mu.Unlock()
	u.done.Wait()
	u.client.Wait()
}

// Status says how a server is asked.
type Status struct {
	Server   netip.AddrPort
	By       string // what the transport is called; "": in the clear
	IsProved bool   // the certificate is for the address of the server
}

// Status returns that of all servers, in the order of their addresses.
func (u *Upgrader) Status() (all []Status) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for a, w := range u.watches {
		s := Status{Server: a}
		if used := w.used.Load(); used != nil {
			s.By, s.IsProved = used.server.Label(), !used.server.NoProof
		}
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b Status) int { return a.Server.Compare(b.Server) })
	return all
}

// Stats counts what came of looking for transports.
type Stats struct {
	Upgraded uint64 // one is used from then on
	None     uint64 // the server designates none
	Refused  uint64 // none of those that it designates could be used
	Lost     uint64 // the one in use could not be connected to: the server is asked in the clear
}

// Stats returns what was counted so far.
func (u *Upgrader) Stats() Stats {
	return Stats{u.upgraded.Load(), u.none.Load(), u.refused.Load(), u.lost.Load()}
}

// watch looks after one server.
type watch struct {
	u      *Upgrader
	server netip.AddrPort
	plain  *upstream.Server
	end    context.CancelFunc
	lost   chan struct{} // has an element once used has failed

	mu   sync.Mutex              // one change of used at a time
	used atomic.Pointer[session] // nil: in the clear
}

// session is a designated server that works.
type session struct {
	server    encrypted.Server
	transport *upstream.Transport
	by        *upstream.Server // for the watch itself
}

// run looks for transports until ctx is done, each time when what was found out before
// runs out.
func (w *watch) run(ctx context.Context) {
	defer w.close()
	retry := minAgain
	for {
		again, err := w.look(ctx)
		if err != nil {
			again, retry = retry, min(2*retry, maxRetry)
		} else {
			retry = minAgain
		}
		timer := time.NewTimer(again)
		select {
		case <-timer.C:
		case <-w.lost:
			timer.Stop()
			select {
			case <-time.After(retry):
				retry = min(2*retry, maxRetry)
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			timer.Stop()
			return
		}
	}
}

// close ends the connections of w.
func (w *watch) close() {
	w.plain.Close()
	if used := w.used.Load(); used != nil {
		used.by.Close()
	}
}

// look asks the server what it designates, and uses the first of that which works. It
// returns how long that is good for; an error says that the server did not answer.
func (w *watch) look(ctx context.Context) (again time.Duration, err error) {
	m, err := w.ask(ctx, queryName, wire.TypeSVCB)
	if err != nil {
		return 0, err
	}
	found, again := designations(m), goodFor(m)
	var all []encrypted.Server
	for i := range found {
		d := &found[i]
		addresses := d.hints(m)
		if len(addresses) == 0 {
			addresses = w.lookup(ctx, d.record.Target)
		}
		all = append(all, d.candidates(w.server.Addr(), addresses)...)
	}
	all = all[:min(len(all), maxCandidates)]
	if len(all) == 0 {
		w.u.none.Add(1)
		w.use(nil, "nothing that can be used is designated")
		return again, nil
	}
	why := errors.New("it is this server itself")
	for _, s := range append(all, withoutProof(w.server.Addr(), all)...) {
		if w.u.config.IsOwn != nil && w.u.config.IsOwn(netip.AddrPortFrom(s.Address, s.Port)) {
			continue
		}
		if used := w.used.Load(); used != nil && used.server.String() == s.String() {
			return again, nil
		}
		session, err := w.connect(ctx, s)
		if err == nil {
			w.u.upgraded.Add(1)
			w.use(session, "")
			return again, nil
		}
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		why = err
	}
	w.u.refused.Add(1)
	w.u.config.Log.Warn("upstream server designates encrypted transports that cannot be used", "server", w.server.String(), "why", why)
	w.use(nil, "no designated transport can be used")
	return again, nil
}

// connect asks a designated server the question that the resolver was asked: its
// certificate is good, and it answers.
func (w *watch) connect(ctx context.Context, s encrypted.Server) (*session, error) {
	made := &session{server: s}
	config := w.u.config.Connect
	config.Failed = func(error) { w.fail(made) }
	client, err := encrypted.New(s, config)
	if err != nil {
		return nil, err
	}
	made.transport = client.Transport()
	made.by = w.u.client.ServerOver(w.server, made.transport)
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	if _, err := ask(ctx, made.by, queryName, wire.TypeSVCB); err != nil {
		made.by.Close()
		return nil, fmt.Errorf("%s: %w", s.Label(), err)
	}
	return made, nil
}

// use has the server asked by s, nil: in the clear, and says so if that is new.
func (w *watch) use(s *session, why string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old := w.used.Swap(s)
	switch {
	case s != nil:
		w.u.config.Use(w.server, s.transport)
		w.u.config.Log.Info("upstream server is asked over the transport that it designates", "server", w.server.String(), "by", s.server.Label(), "proved", !s.server.NoProof)
	case old != nil:
		w.u.config.Use(w.server, nil)
		w.u.config.Log.Warn("upstream server is asked in the clear again", "server", w.server.String(), "why", why)
	}
	if old != nil {
		old.by.Close()
	}
}

// fail is called if s cannot be connected to. Nothing is done about one that is not in
// use: it is being tried, or was replaced.
func (w *watch) fail(s *session) {
	if w.used.Load() != s {
		return
	}
	w.u.lost.Add(1)
	w.use(nil, s.server.Label()+" cannot be connected to")
	select {
	case w.lost <- struct{}{}:
	default:
	}
}

// ask asks the server over the transport in use, so that an attacker on the way cannot
// have it given up, and in the clear if there is none or it does not answer.
func (w *watch) ask(ctx context.Context, name wire.Name, kind wire.Type) (*wire.Message, error) {
	for _, by := range w.ways() {
		ctx, cancel := context.WithTimeout(ctx, askTime)
		m, err := ask(ctx, by, name, kind)
		cancel()
		if err == nil {
			return m, nil
		}
	}
	return nil, errors.New("no answer")
}

func (w *watch) ways() []*upstream.Server {
	if used := w.used.Load(); used != nil {
		return []*upstream.Server{used.by, w.plain}
	}
	return []*upstream.Server{w.plain}
}

// lookup returns addresses of a target.
func (w *watch) lookup(ctx context.Context, target wire.Name) (all []netip.Addr) {
	for _, kind := range []wire.Type{wire.TypeA, wire.TypeAAAA} {
		m, err := w.ask(ctx, target, kind)
		if err != nil {
			continue
		}
		for _, r := range m.Answers { // of an alias, too
			if a, ok := netip.AddrFromSlice(r.Data); ok && r.Type == kind {
				all = append(all, a)
			}
		}
	}
	return all
}

func ask(ctx context.Context, by *upstream.Server, name wire.Name, kind wire.Type) (*wire.Message, error) {
	q := &upstream.Query{Question: wire.Question{Name: name, Type: kind, Class: wire.ClassIN}, Flags: wire.FlagRD, Budget: upstream.NewBudget(8, 1<<17)}
	reply, err := by.Ask(ctx, q)
	if err != nil {
		return nil, err
	}
	switch reply.RCode {
	case wire.RCodeNoError, wire.RCodeNXDomain:
		return wire.ParseMessage(reply.Message)
	case wire.RCodeRefused, wire.RCodeNotImp, wire.RCodeFormErr: // it knows nothing of this
		return &wire.Message{RCode: reply.RCode}, nil
	}
	return nil, fmt.Errorf("answered %v", reply.RCode)
}

// goodFor is how long a reply says that it is good for, within bounds.
func goodFor(m *wire.Message) time.Duration {
	ttl, has := uint32(0), false
	for _, r := range m.Answers {
		if r.Type == wire.TypeSVCB && (!has || r.TTL < ttl) {
			ttl, has = r.TTL, true
		}
	}
	for _, r := range m.Authority {
		if data, err := r.Rdata(); err == nil && !has {
			if soa, ok := data.(*wire.SOA); ok { // RFC 2308 5
				ttl, has = min(r.TTL, soa.Minimum), true
			}
		}
	}
	if !has {
		return defaultAgain
	}
	return min(max(time.Duration(ttl)*time.Second, minAgain), maxAgain)
}
