package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/ratelimit"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Server is a running server, put together from settings. It can be given other
// ones while it runs: see Apply.
type Server struct {
	ctx      context.Context
	cancel   context.CancelFunc
	log      *slog.Logger
	progress progress
	sets     zoneSets
	set      *authority.Set // sets.all
	front    front
	config   atomic.Pointer[config.Config] // nil: the settings do not come from a file

	current  atomic.Pointer[view]
	operator operator
	observed observation
	tls      *encryption

	transports transports

	reloading sync.Mutex // one reload at a time; taken before mu

	mu       sync.Mutex // one change at a time
	settings settings.Settings
	zones    servedZones
	transfer *transfers
	journals *journals // nil: there is none
	updates  *updates
	drafts   drafts
	catalogs *catalogs
	parts    *parts
	listener *listener.Server
	replies  *ratelimit.Replies
	begun    *ratelimit.Connections
	limits   *limitLog
	network  listener.Network // nil: that of the system
	passed   []netip.AddrPort // addresses of sockets that the service manager has opened
	leaving  sync.WaitGroup   // parts that were replaced and are not closed yet
}

// front is the resolver that the listener has: the one of the present settings.
type front struct {
	late     *ratelimit.Late
	resolver atomic.Pointer[names.TryResolver]
}

func (f *front) Resolve(ctx context.Context, x *names.Exchange) error {
	err := (*f.resolver.Load()).Resolve(ctx, x)
	if err == nil && x.Reply.Flags.Has(wire.FlagRA) {
		f.late.Bound(x)
	}
	return err
}

func (f *front) TryResolve(x *names.Exchange) error { return (*f.resolver.Load()).TryResolve(x) }

func (f *front) WantsBatches() bool { return names.BatchPreparerOf(*f.resolver.Load()) != nil }

func (f *front) PrepareBatch(queries []wire.Query) {
	if p := names.BatchPreparerOf(*f.resolver.Load()); p != nil {
		p.PrepareBatch(queries)
	}
}

// Start loads the zones, puts the server together, and binds its addresses. It
// returns the error of ctx as soon as ctx is done, even if a load goes on; then
// nothing is bound.
func Start(ctx context.Context, s settings.Settings, log *slog.Logger) (*Server, error) {
	return start(ctx, nil, nil, s, log)
}

// start is Start with sockets that are open already, if there are any, and with progress.
func start(ctx context.Context, sockets *listener.Inherited, progress progress, s settings.Settings, log *slog.Logger) (*Server, error) {
	sets := newZoneSets(&s)
	server := &Server{log: log, progress: progress, sets: sets, set: sets.all, settings: s, operator: operator{began: time.Now()}, observed: observation{log: log}, limits: newLimitLog(log)}
	server.tls = newEncryption(challenges{server})
	server.operator.servers.Log = log
	server.transports.servers.Log, server.transports.servers.Are, server.transports.servers.Gone = log, "transport", server.transports.left
	server.ctx, server.cancel = context.WithCancel(ctx)
	prepared := make(chan error, 1)
	go func() { prepared <- server.prepare() }()
	select {
	case err := <-prepared:
		if err != nil {
			server.cancel()
			server.journals.close()
			return nil, err
		}
	case <-ctx.Done():
		go func() { // whatever it comes to is not wanted
			if <-prepared == nil {
				server.parts.close()
				server.observed.close()
			}
			server.journals.close()
		}()
		return nil, ctx.Err()
	}
	server.replies = ratelimit.NewReplies(replyLimits(&s), log)
	server.front.late = ratelimit.NewLate(lateLimits(&s.Limits), log)
	server.begun = ratelimit.NewConnections(connectionLimits(&s.Limits), log)
	server.useSockets(sockets)
	bound, err := listener.Listen(server.listenerConfig(&server.settings))
	if err != nil {
		server.cancel()
		server.parts.close()
		server.observed.close()
		server.journals.close()
		return nil, explainBinding(err, server.settings.Listen.Port, resolvedFolder)
	}
	server.listener = bound
	change, err := server.transports.change(bound.Edge(), server.tls, &s, server.limits, server.begun.Admit, log)
	if err != nil {
		bound.Close()
		server.cancel()
		server.parts.close()
		server.observed.close()
		server.journals.close()
		return nil, err
	}
	server.observed.bind(bound.Edge())
	server.parts.start(ctx)
	server.transfer.aliases.fill(server.ctx) // before they are looked up in the background
	server.transfer.start(server.ctx, server.set.Zones())
	server.transfer.begun.Go(func() { server.followCatalogs(server.ctx) })
	server.expectUpdates(server.updates.zones.Load())
	server.logListening(nil)
	server.transports.use(change, bound.Edge(), &s)
	server.logSettings()
	return server, nil
}

// prepare does what takes time before addresses are bound.
func (s *Server) prepare() (err error) {
	if s.journals, err = openJournals(&s.settings.Journal, s.log); err != nil {
		return err
	}
	identity, err := s.tls.read(&s.settings, s.log)
	if err != nil {
		return err
	}
	s.tls.use(s.ctx, identity, s.log)
	s.catalogs = newCatalogs(s.log)
	s.transfer = newTransfers(&s.settings, s.journals, s.log)
	s.transfer.follow = s.catalogs.receive
	if s.zones, err = loadZones(s.ctx, ours(s.settings.Zones), s.journals, s.progress, s.log); err != nil {
		return err
	}
	plan, err := s.transfer.plan(s.ctx, s.settings, s.zones)
	if err != nil {
		return err
	}
	if err := s.transfer.serve(s.sets, plan); err != nil {
		return err
	}
	s.updates = newUpdates(s.limits, s.log)
	updated, err := s.updates.plan(&s.settings, s.set, plan, s.journals, s.log)
	if err != nil {
		return err
	}
	s.updates.zones.Store(updated)
	if s.parts, err = s.assemble(s.settings, s.sets, plan, nil); err != nil {
		return err
	}
	if err := s.observed.set(&s.settings); err != nil {
		s.parts.close()
		return err
	}
	s.transfer.use(plan, s.set)
	s.produceCatalogs()
	s.front.resolver.Store(&s.parts.resolver)
	s.transfer.signing.useOnline(s.parts.online)
	s.transfer.signing.findBy(s.parts.remote)
	s.transfer.aliases.configure(&s.settings.Alias, s.set, s.parts.remote)
	s.show()
	s.catalogs.configure(&s.settings, s.set, s.zones)
	s.changeMembers() // of catalogs that were kept
	return s.ctx.Err()
}

// assemble puts parts together, with their views.
func (s *Server) assemble(now settings.Settings, sets zoneSets, plan *transferPlan, before *parts) (*parts, error) {
	online, err := s.transfer.signing.planOnline(&now.Signing, now.Online)
	if err != nil {
		return nil, err
	}
	var notSigned error
	first := func(set *authority.Set) names.Resolver {
		before := s.transfer.first(&now, set, plan)
		if len(now.Online) == 0 {
			return before
		}
		signed, err := online.over(set)
		notSigned = errors.Join(notSigned, err)
		if before == nil {
			return signed
		}
		return names.Chain{before, signed}
	}
	p, err := assemble(s.ctx, now, sets.others, first(sets.others), before, s.observed.packet, s.limits, s.log)
	if err != nil {
		return nil, err
	}
	p.online = online
	if err := errors.Join(p.addViews(s.ctx, sets, first), notSigned); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// logSettings logs what is served, and who may ask for what.
func (s *Server) logSettings() {
	now := &s.settings
	attributes := []any{"version", cli.Version(), "zones", len(s.set.Zones())}
	if r := &now.Recursion; r.Answers() {
		attributes = append(attributes, "recursion", "offered", "allow", r.Allow, "through", through(r))
		if r.AsksOthers() {
			attributes = append(attributes, "validation", howValidated(&r.Validation))
		}
		if now.Cache.Enabled {
			attributes = append(attributes, "cache", now.Cache.Size)
		}
	} else {
		attributes = append(attributes, "recursion", "refused")
	}
	s.log.Info("serving", attributes...)
}

// through says where answers that are not in the zones come from.
func through(r *settings.Recursion) (sources []string) {
	add := func(format string, args ...any) { sources = append(sources, fmt.Sprintf(format, args...)) }
	if r.HostsFile != "" {
		add("hosts file %s", r.HostsFile)
	}
	for _, z := range r.Zones {
		add("%v at %v", z.Zone, r.ServerTexts(settings.ZoneServers{Servers: z.Servers}))
	}
	switch {
	case r.FromRoot:
		add("servers from the root down")
	case r.ReadsResolvConf():
		add("servers of %s", r.ResolvConf)
	case r.Forward:
		add("servers %v", r.ServerTexts(settings.ZoneServers{Servers: r.Servers}))
	}
	return sources
}

// listenerConfig is what settings say to the listener.
func (s *Server) listenerConfig(now *settings.Settings) listener.Config {
	addresses := now.Listen.Addresses
	if now.Listen.IsDefault && len(s.passed) > 0 {
		addresses = s.passed
	}
	endpoints := listener.Plain(addresses...)
	for i := range endpoints {
		endpoints[i].Optional = now.Listen.IsDefault // only addresses that were given are required
	}
	l := &now.Limits
	return listener.Config{
		Endpoints:     append(endpoints, s.tls.endpoints(now)...),
		Resolver:      &s.front,
		Opcodes:       s.opcodes(),
		TSIGKeys:      &s.transfer.keys,
		NSID:          now.Identity.NSID,
		Gates:         append(accessGates(now), s.replies.Gate()),
		CookieSecrets: now.Identity.CookieSecrets,
		Proxies:       proxies(now),
		MaxUDPSize:    now.Listen.MaxUDPSize,
		Workers:       now.Listen.Workers,
		// Zones never keep a query waiting; a resolver that asks others does.
		DedicatedThreads: !now.Recursion.Answers() && len(now.Online) == 0,
		Network:          s.network,
		Log:              s.log,
		Events:           listener.Events{Limited: s.limits.ofListener},

		MaxSlow: l.Waiting, QueryTimeout: l.QueryTimeout,
		MaxConnections: l.Connections, MaxConnectionsPerClient: l.ConnectionsPerClient, MaxPipelined: l.Pipelined, IdleTimeout: l.IdleTimeout,
		Admit: s.begun.Admit,
	}
}

// logListening logs where the listener is and was not before, and where it is no longer.
func (s *Server) logListening(before []listener.Endpoint) {
	now := heardNow(s.listener.Endpoints())
	was := heardNow(before)
	for _, at := range now {
		if !slices.Contains(was, at) {
			s.log.Info("listening", at.attributes()...)
		}
	}
	for _, at := range was {
		if !slices.Contains(now, at) {
			s.log.Info("no longer listening", at.attributes()...)
		}
	}
}

// heardAt is an address, and what is received there if it is not UDP and TCP.
type heardAt struct {
	address   netip.AddrPort
	transport string
}

func heardNow(endpoints []listener.Endpoint) (all []heardAt) {
	for _, e := range endpoints {
		at := heardAt{address: e.Address}
		if e.Transport == names.TLS {
			at.transport = e.Transport.String()
		}
		if !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	return all
}

func (h heardAt) attributes() []any {
	all := []any{"address", h.address.String()}
	if h.transport != "" {
		all = append(all, "transport", h.transport)
	}
	return all
}

// opcodes has what answers messages that are not queries. UPDATE is always
// answered: a reload can let clients update a zone.
func (s *Server) opcodes() map[wire.Opcode]names.Resolver {
	return map[wire.Opcode]names.Resolver{wire.OpcodeUpdate: s.updates.receiver, wire.OpcodeNotify: &s.transfer.copies}
}

// stopTime is how long the end of a server waits for what goes on in addition to
// queries: a reload, or saving the cache.
const stopTime = 10 * time.Second

// Run answers queries until the context that Start was given is done, and
// reloads the zones at each of hangups.
func (s *Server) Run(hangups <-chan struct{}) error {
	reloads := make(chan struct{})
	go func() {
		defer close(reloads)
		for {
			select {
			case <-hangups:
				s.reload()
			case <-s.ctx.Done():
				return
			}
		}
	}()
	defer s.replies.Close()
	defer s.begun.Close()
	defer s.front.late.Close()
	defer s.limits.close()
	s.transports.servers.Start()
	close(s.tls.started)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-s.ctx.Done()
		s.transports.servers.Close()
	}()
	err := s.listener.Serve(s.ctx)
	s.cancel()
	<-ended
	s.operator.servers.Close()
	if !endsWithin(stopTime, func() { <-reloads; s.end() }) {
		s.log.Warn("stopped before a reload or the saving of the cache had ended", "waited", stopTime)
	}
	s.log.Info("stopped", "stats", s.listener.Stats())
	return err
}

// end closes the parts.
func (s *Server) end() {
	s.tls.running.Wait() // what it takes out of zones needs them
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transfer.wait()
	s.parts.stop(true)
	s.parts.close()
	s.leaving.Wait()
	s.observed.close()
	s.journals.close()
}

// endsWithin reports whether do returns in that time. It goes on otherwise.
func endsWithin(limit time.Duration, do func()) bool {
	ended := make(chan struct{})
	go func() {
		do()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-time.After(limit):
		return false
	}
}

// reload reads the configuration file, if there is one, and the zones again.
func (s *Server) reload() (result reloadReply, err error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	s.notify(s.operator.notifier.Reloading())
	var added, removed int
	if s.config.Load() != nil {
		added, removed, err = s.reloadConfig()
	}
	s.tls.identity().reload(s.log)
	if err == nil {
		s.mu.Lock()
		result = s.zones.reload(s.ctx, s.progress, func() error { return s.serveMembers(nil) }, s.log)
		result.Added, result.Removed = added, removed
		s.produceCatalogs() // a catalog may have been edited
		s.transfer.signing.resume()
		s.transfer.signing.refresh()
		s.mu.Unlock()
	}
	s.notify(s.operator.notifier.Ready(s.summary()))
	return result, err
}

// ours is the zones that do not come from primaries.
func ours(zones []settings.Zone) []settings.Zone {
	isCopy := func(z settings.Zone) bool { return z.IsCopy() }
	if !slices.ContainsFunc(zones, isCopy) {
		return zones
	}
	return slices.DeleteFunc(slices.Clone(zones), isCopy)
}

// Settings returns the settings in use.
func (s *Server) Settings() settings.Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// errNeedsRestart is the error of Apply for a setting that cannot change while
// the server runs.
var errNeedsRestart = errors.New("cannot change while the server runs: restart it")

// drainTime is how long parts that were replaced are kept: longer than a query
// may take, so that queries in progress end as they began.
const drainTime = 15 * time.Second

// Apply makes the server do what the complete settings next say. It changes only
// what differs: zones whose file and origin are the same stay as they are, and
// so does the cache if its answers still come from the same servers. All of next
// is in effect when it returns nil, and nothing of it after an error. Queries in
// progress are answered as they would have been before.
func (s *Server) Apply(next settings.Settings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.apply(next)
}

// apply is Apply while s.mu is held.
func (s *Server) apply(next settings.Settings) error {
	before := s.settings
	if all := needsRestart(&config.Config{Settings: next}, &config.Config{Settings: before}); len(all) > 0 {
		return fmt.Errorf("%s %w", strings.Join(all, ", "), errNeedsRestart)
	}
	identity, err := s.tls.read(&next, s.log)
	if err != nil {
		return err
	}
	zones, err := s.zones.change(s.ctx, ours(next.Zones), s.journals, s.progress, s.log)
	if err != nil {
		return err
	}
	sets := newZoneSets(&next)
	set := sets.all
	effective := s.catalogs.withMembers(next, nil)
	plan, err := s.transfer.plan(s.ctx, effective, zones)
	if err != nil {
		return err
	}
	if err := s.transfer.serve(sets, plan); err != nil {
		return err
	}
	updated, err := s.updates.plan(&effective, set, plan, s.journals, s.log)
	if err != nil {
		return err
	}
	p, err := s.assemble(next, sets, plan, s.parts)
	if err != nil {
		return err
	}
	undo := []func(){p.close} // what a failure takes back, the last first
	defer func() {
		for _, step := range slices.Backward(undo) {
			step()
		}
	}()
	if err := s.observed.set(&next); err != nil {
		return err
	}
	undo = append(undo, func() { s.observed.set(&before) })
	change, err := s.transports.change(s.listener.Edge(), s.tls, &next, s.limits, s.begun.Admit, s.log)
	if err != nil {
		return err
	}
	undo = append(undo, change.Cancel)
	endpoints := s.listener.Endpoints()
	if err := s.listener.Configure(s.listenerConfig(&next)); err != nil {
		return err
	}
	undo = nil // nothing after this fails
	s.tls.use(s.ctx, identity, s.log)
	s.transports.use(change, s.listener.Edge(), &next)
	s.updates.zones.Store(updated)
	s.expectUpdates(updated)
	s.transfer.use(plan, set)
	s.produceCatalogs()
	s.journals.forget(s.zones, zones)
	s.journals.limit(&next.Journal)
	old := s.parts
	s.settings, s.zones, s.sets, s.set, s.parts = next, zones, sets, set, p
	s.catalogs.configure(&next, set, zones)
	s.front.resolver.Store(&p.resolver)
	s.transfer.signing.useOnline(p.online)
	s.transfer.signing.findBy(p.remote)
	s.transfer.aliases.configure(&next.Alias, set, p.remote)
	s.replies.Set(replyLimits(&next))
	s.front.late.Set(lateLimits(&next.Limits))
	s.begun.Set(connectionLimits(&next.Limits))
	s.show()
	old.stop(p.file == nil || old.file != nil && p.file.path != old.file.path)
	p.start(s.ctx)
	s.leaving.Go(func() {
		select {
		case <-time.After(drainTime):
		case <-s.ctx.Done():
		}
		old.close()
	})
	s.log.Info("settings changed")
	s.logListening(endpoints)
	s.logSettings()
	return nil
}
