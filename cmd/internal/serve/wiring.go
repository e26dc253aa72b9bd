package serve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/internal/filewatch"
	"github.com/names-dns/names/listener/ratelimit"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// parts is what answers queries, put together from settings, and what goes on in
// addition to queries.
type parts struct {
	settings settings.Settings
	log      *slog.Logger
	resolver names.TryResolver
	source   string                                                                       // where cached answers come from
	cache    *cache.Cache                                                                 // nil: there is none
	file     *cacheFile                                                                   // nil: it is not kept in one
	servers  func() []recursor.ServerStatus                                               // that are asked; nil: none
	asking   func() recursor.Stats                                                        // nil if servers is
	clients  *ratelimit.Recursion                                                         // limits on them; nil: there are none
	carried  *ifCarried                                                                   // whether upstream servers carry DNSSEC; nil: it does not matter
	events   recursor.Events                                                              // of what asks other servers
	early    []names.Resolver                                                             // what answers before other servers are asked: hosts file, local names
	remote   names.Resolver                                                               // what asks other servers, validated; nil: nothing does
	trace    func(ctx context.Context, x *names.Exchange, emit func(recursor.Step)) error // nil: what remote does cannot be shown
	fresh    names.Resolver                                                               // asks other servers, whatever is cached
	anchors  *validate.Anchors                                                            // nil: nothing is validated
	added    *addedNegatives                                                              // to anchors, while the server runs
	root     *localRoot                                                                   // a copy of the root zone; nil: there is none
	follower *validate.Follower                                                           // of the keys of trust anchors; nil: they stay as they are
	forget   func(wire.Name)                                                              // what validation knows of names at and below it; nil: nothing
	watches  []watch
	closers  []func()
	views    []*parts // of views that ask servers of their own

	encrypted []*encrypted.Client // of servers that have a URL

	cancel context.CancelFunc // ends what start began
	begun  sync.WaitGroup
}

// watch is a file and what is done when it changes.
type watch struct {
	path    string
	changed func()
}

// assemble puts the parts together: our zones first, for every client; then, for
// clients to which recursion is offered, the cache, the hosts file, the local
// names, and other servers. The cache has what is in that of before, if there
// are such parts and their answers come from the same servers. packet is called with
// what is sent to other servers and what they reply, if the settings want it.
func assemble(ctx context.Context, s settings.Settings, zones *authority.Set, sender names.Resolver, before *parts, packet func(upstream.Packet), log *slog.Logger) (p *parts, err error) {
	p = &parts{settings: s, log: log}
	if s.Dnstap.Target != "" {
		p.events.Packet = packet
	}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	p.resolver = p.ownNames(zones, sender)
	if s.Recursion.Answers() {
		if err := p.addRecursion(ctx, zones, before); err != nil {
			return p, err
		}
	}
	return p, nil
}

// ownNames answers what the server itself has: zones, and the names of class CH.
func (p *parts) ownNames(zones *authority.Set, sender names.Resolver) names.Chain {
	identity := &p.settings.Identity
	chaos := authority.Chaos{Version: "names " + cli.Version(), ID: identity.NSID}
	if identity.HideVersion {
		chaos.Version = ""
	}
	own := names.Chain{zones, chaos}
	if sender != nil {
		own = append(names.Chain{sender}, own...)
	}
	return own
}

// addRecursion adds what is found elsewhere.
func (p *parts) addRecursion(ctx context.Context, zones *authority.Set, before *parts) (err error) {
	r := &p.settings.Recursion
	who, err := p.settings.ParseAccess(r.Allow...)
	if err != nil {
		return err
	}
	access := &recursor.Access{Allow: who, Public: p.resolver}
	var elsewhere names.Chain
	if r.HostsFile != "" {
		hosts, err := p.openHosts()
		if err != nil {
			return err
		}
		elsewhere = append(elsewhere, hosts)
	} else {
		p.source = p.settings.Source(nil)
	}
	if p.settings.Cache.Enabled || r.FromRoot {
		if err := p.openCache(ctx, before); err != nil {
			return err
		}
	}
	if r.AsksOthers() {
		local, err := localNames(r)
		if err != nil {
			return err
		}
		local.LeaveTo(zones)
		if p.added = new(addedNegatives); before != nil && before.added != nil {
			p.added = before.added
		}
		validation, err := p.validation()
		if err != nil {
			return err
		}
		if r.Iteration.LocalRoot.IsGiven() {
			p.openLocalRoot(&r.Iteration.LocalRoot, validation, before)
		}
		remote, err := p.newRemote(zones, validation)
		if err != nil {
			return err
		}
		elsewhere = append(elsewhere, newDiscovery(&p.settings), local)
		p.early, p.remote = slices.Clone(elsewhere), p.validated(remote, validation)
		if answers := &p.settings.Answers; answers.Denies() {
			if p.remote, err = answers.Filter(p.remote); err != nil {
				return err
			}
		}
		elsewhere = append(elsewhere, p.remote)
		access.IsOwn = remote.IsOwn
	}
	access.Next = elsewhere
	if p.settings.Cache.Enabled {
		front := p.cache.Resolver(elsewhere)
		access.Next = front
		// What waits for the cache has to end before the forwarder does.
		p.closers = append([]func(){front.Close}, p.closers...)
	}
	access.Next = p.limited(access.Next)
	p.resolver = access
	return nil
}

// openHosts reads the hosts file, and has it watched.
func (p *parts) openHosts() (*names.Hosts, error) {
	r := &p.settings.Recursion
	text, err := files.Read(r.HostsFile, names.MaxHostsFile)
	if err != nil {
		return nil, fmt.Errorf("hosts file: %w", err)
	}
	hosts := names.ParseHosts(string(text))
	hosts.Report().Warn(r.HostsFile, p.log)
	p.source = p.settings.Source(text)
	p.watch(r.HostsFile, func() { p.reloadHosts(hosts) })
	return hosts, nil
}

func (p *parts) reloadHosts(hosts *names.Hosts) {
	r := &p.settings.Recursion
	text, err := files.Read(r.HostsFile, names.MaxHostsFile)
	if err != nil {
		p.log.Error("hosts file not reloaded, still using the previous version", "error", err)
		return
	}
	hosts.Set(string(text))
	if p.cache != nil {
		p.cache.FlushAll() // it may hold what the file said before
	}
	if p.file != nil {
		source := p.settings.Source(text)
		p.file.source.Store(&source)
	}
	hosts.Report().Warn(r.HostsFile, p.log)
	p.log.Info("hosts file reloaded", "file", r.HostsFile, "names", hosts.Report().Names)
}

// openCache makes the cache, with what is in that of before or in its file.
func (p *parts) openCache(ctx context.Context, before *parts) (err error) {
	config := cacheConfig(&p.settings)
	p.cache, err = p.inherit(config, before)
	if err != nil {
		return err
	}
	isNew := p.cache == nil
	if isNew {
		if p.cache, err = p.newCache(config); err != nil {
			return err
		}
	}
	tuneCollector(config.Size)
	if p.settings.Cache.File == "" {
		return nil
	}
	p.file = &cacheFile{path: p.settings.Cache.File, cache: p.cache, log: p.log}
	p.file.source.Store(&p.source)
	return p.file.open(ctx, isNew)
}

func (p *parts) newCache(config cache.Config) (*cache.Cache, error) {
	config.Events = cacheEvents(p.settings.Log, p.log)
	return cache.New(config)
}

// inherit returns the cache of before, or a copy of it for another config; nil
// if its answers are not for us.
func (p *parts) inherit(config cache.Config, before *parts) (*cache.Cache, error) {
	switch {
	case before == nil || before.cache == nil || before.present() != p.source:
		return nil, nil
	case cacheConfig(&before.settings).Size == config.Size && before.settings.Cache.ServeStale == config.ServeStale &&
		before.settings.Log == p.settings.Log:
		return before.cache, nil
	}
	c, err := p.newCache(config)
	if err != nil {
		return nil, err
	}
	from, to := io.Pipe()
	go func() {
		_, err := before.cache.Save(to, p.source)
		to.CloseWithError(err)
	}()
	_, err = c.Load(from, p.source)
	from.CloseWithError(errors.New("loading has ended"))
	return c, err
}

// present is where answers come from now.
func (p *parts) present() string {
	if p.file != nil {
		return *p.file.source.Load()
	}
	return p.source
}

// remote has answers from other servers.
type remote interface {
	names.Resolver
	// IsOwn reports whether x holds a query that it has sent itself.
	IsOwn(x *names.Exchange) bool
}

// newRemote is what asks other servers: from the root down, or those that offer
// recursion.
func (p *parts) newRemote(zones *authority.Set, validation *validate.Config) (remote, error) {
	if p.settings.Recursion.FromRoot {
		return p.newRecursor(zones, validation)
	}
	return p.newForwarder(zones)
}

// newRecursor resolves from the root.
func (p *parts) newRecursor(zones *authority.Set, validation *validate.Config) (*recursor.Recursor, error) {
	config, err := p.settings.Recursion.Config()
	if err != nil {
		return nil, err
	}
	config.Cache, config.OwnZones, config.OwnAddresses, config.Log = p.cache, zones, p.settings.Listen.Addresses, p.log
	config.MaxServers, config.RangeSize = rememberedServers(&p.settings), rangeSize(&p.settings)
	config.Validation, config.ReportErrors, config.Events = validation, p.settings.Recursion.Validation.ReportErrors, p.events
	if config.Transports, err = p.newTransports(); err != nil {
		return nil, err
	}
	if p.root != nil {
		config.LocalRoot = p.root
	}
	r, err := recursor.New(config)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, func() { r.Close() })
	p.servers, p.asking, p.trace, p.forget = r.Servers, r.Stats, r.Trace, r.Forget
	return r, nil
}

// newForwarder asks the servers of the settings, or those of resolv.conf, which
// is read again when it changes.
func (p *parts) newForwarder(zones *authority.Set) (*recursor.Forwarder, error) {
	r := &p.settings.Recursion
	transports, err := p.newTransports()
	if err != nil {
		return nil, err
	}
	config := recursor.ForwardConfig{
		Servers: r.Servers, Transports: transports, OwnZones: zones, OwnAddresses: p.settings.Listen.Addresses, Log: p.log, Events: p.events,
	}
	for _, z := range r.Zones {
		config.Zones = append(config.Zones, recursor.ForwardZone{Zone: z.Zone, Servers: z.Servers})
	}
	if r.ReadsResolvConf() {
		conf, err := names.ReadResolvConf(r.ResolvConf)
		if err != nil {
			return nil, fmt.Errorf("resolv.conf: %w", err)
		}
		config.Servers = conf.Servers
	}
	forwarder, err := recursor.NewForwarder(config)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, func() { forwarder.Close() })
	p.servers, p.asking = forwarder.Servers, forwarder.Stats
	if r.ReadsResolvConf() {
		p.watch(r.ResolvConf, func() {
			conf, err := names.ReadResolvConf(r.ResolvConf)
			if err != nil {
				p.log.Error("resolv.conf not reloaded, still using the previous servers", "error", err)
				return
			}
			forwarder.SetServers(conf.Servers)
			if p.carried != nil {
				p.carried.forget()
			}
			p.log.Info("resolv.conf reloaded", "file", r.ResolvConf, "servers", conf.Servers)
		})
	}
	return forwarder, nil
}

// localNames answers the names of this machine and network, except for those
// that have servers of their own.
func localNames(r *settings.Recursion) (*recursor.LocalNames, error) {
	var except []wire.Name
	for _, z := range slices.Concat(r.Zones, r.Iteration.Stubs) {
		if !z.Zone.IsRoot() {
			except = append(except, z.Zone)
		}
	}
	return recursor.NewLocalNames(except...)
}

// cacheConfig is how the cache is made. What is remembered of servers that are
// asked from the root down comes out of its size.
func cacheConfig(s *settings.Settings) cache.Config {
	size := s.Cache.Size
	others := rangeSize(s)
	if s.Recursion.FromRoot {
		others += int64(rememberedServers(s)) * recursor.ServerMemory
	}
	const least = 64 << 10 // a cache that small is for tests, and has no room for others
	size = max(size-others, min(size, least))
	return cache.Config{Size: size, ServeStale: s.Cache.ServeStale, Prefetch: true}
}

// rangeSize is how many octets the proofs may take that answer for other names: a
// sixteenth of the memory, if answers are proved.
func rangeSize(s *settings.Settings) int64 {
	if !s.Recursion.AsksOthers() || s.Recursion.Validation.Off {
		return 0
	}
	return s.Cache.Size / 16
}

// rememberedServers is how many servers are remembered: for an eighth of the
// memory, but never so few that the root and its neighbours would not fit.
func rememberedServers(s *settings.Settings) int {
	return min(max(int(s.Cache.Size/8/recursor.ServerMemory), 16), 1<<20)
}

func (p *parts) watch(path string, changed func()) {
	p.watches = append(p.watches, watch{path, changed})
}

// start watches files, and saves the cache to its own, until stop is called.
func (p *parts) start(ctx context.Context) {
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	for _, w := range p.watches {
		p.begun.Go(func() { filewatch.Watch(ctx, w.path, w.changed) })
	}
	if p.file != nil {
		p.begun.Go(func() { p.file.run(ctx) })
	}
	if p.clients != nil {
		p.begun.Go(func() { p.clients.Run(ctx) })
	}
	if p.follower != nil {
		p.begun.Go(func() { p.follower.Run(ctx) })
	}
	if p.root != nil && p.root.secondary != nil {
		p.begun.Go(func() { p.root.secondary.Run(ctx) })
	}
	for _, v := range p.views {
		v.start(ctx)
	}
}

// stop ends what start began, and then saves the cache if save is set.
func (p *parts) stop(save bool) {
	for _, v := range p.views {
		v.stop(save)
	}
	p.cancel()
	p.begun.Wait()
	if save && p.file != nil {
		p.file.save()
	}
}

// close closes what queries may still need.
func (p *parts) close() {
	for _, v := range p.views {
		v.close()
	}
	for _, c := range p.closers {
		c()
	}
}
