package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// parts is the server put together: who answers, in which order, and what goes
// on beside.
type parts struct {
	resolver names.Resolver
	cache    *cache.Cache // nil: there is none
	file     *cacheFile   // nil: it is not kept in one
	watches  []watch
	closers  []func()
}

// watch is a file whose changes somebody wants to hear of.
type watch struct {
	path    string
	changed func()
}

// assemble turns the options into parts: our zones first, whoever asks; then,
// for those to whom recursion is offered, the cache, the hosts file, the local
// names, and other servers.
func assemble(o *serveOptions, zones *authority.Set, log *slog.Logger) (*parts, error) {
	p := new(parts)
	chaos := authority.Chaos{Version: "names " + version(), ID: o.nsid}
	if o.hideVersion {
		chaos.Version = ""
	}
	p.resolver = names.Chain{zones, chaos}
	if o.recursion.isWanted() {
		if err := p.addRecursion(o, log); err != nil {
			return nil, err
		}
	}
	if o.verbose > 0 {
		p.resolver = queryLog{next: p.resolver, log: log, whole: o.verbose > 1}
	}
	return p, nil
}

// addRecursion puts what is found elsewhere behind the zones.
func (p *parts) addRecursion(o *serveOptions, log *slog.Logger) error {
	access := &recursor.Access{Allow: o.recursion.allow, Public: p.resolver}
	source, err := o.recursion.source() // first: what changes from here on is not the same source
	if err != nil {
		return fmt.Errorf("--hosts-file: %w", err)
	}
	var elsewhere names.Chain
	if path := o.recursion.hostsFile; path != "" {
		hosts, err := names.ReadHosts(path)
		if err != nil {
			return fmt.Errorf("--hosts-file: %w", err)
		}
		elsewhere = append(elsewhere, hosts)
		p.watch(path, func() { p.reloadHosts(hosts, &o.recursion, log) })
	}
	if o.recursion.cache || o.recursion.root.isOn {
		config := o.recursion.cacheConfig()
		config.Events = o.cacheEvents(log)
		if p.cache, err = cache.New(config); err != nil {
			return err
		}
		tuneCollector(config.Size)
	}
	if path := o.recursion.cacheFile; path != "" {
		p.file = &cacheFile{path: path, cache: p.cache, log: log}
		p.file.source.Store(&source)
		if err := p.file.open(); err != nil {
			return err
		}
	}
	if o.recursion.asksOthers() {
		local, err := localNames(&o.recursion)
		if err != nil {
			return err
		}
		finder, err := p.newFinder(o, log)
		if err != nil {
			return err
		}
		elsewhere = append(elsewhere, local, finder)
		access.IsOwn = finder.IsOwn
	}
	access.Next = elsewhere
	if o.recursion.cache {
		front := p.cache.Front(elsewhere)
		access.Next = front
		// What waits behind the cache has to end before the forwarder does.
		p.closers = append([]func(){front.Close}, p.closers...)
	}
	p.resolver = access
	return nil
}

// finder has answers from other servers.
type finder interface {
	names.Resolver
	// IsOwn reports whether x holds a query that the finder has sent.
	IsOwn(x *names.Exchange) bool
}

// newFinder is what asks other servers: from the root down, or those that offer
// recursion.
func (p *parts) newFinder(o *serveOptions, log *slog.Logger) (finder, error) {
	if o.recursion.root.isOn {
		return p.newRecursor(o, log)
	}
	return p.newForwarder(o, log)
}

// newRecursor resolves from the root.
func (p *parts) newRecursor(o *serveOptions, log *slog.Logger) (*recursor.Recursor, error) {
	config, err := o.recursion.recursorConfig()
	if err != nil {
		return nil, err
	}
	config.Cache, config.OwnAddresses, config.Log = p.cache, o.addresses, log
	config.MaxServers = o.recursion.rememberedServers()
	r, err := recursor.New(config)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, func() { r.Close() })
	return r, nil
}

func (p *parts) reloadHosts(hosts *names.Hosts, o *recursionOptions, log *slog.Logger) {
	source, err := o.source()
	if err == nil {
		err = hosts.Reload()
	}
	if err != nil {
		log.Error("hosts file not reloaded: the old version is used on", "error", err)
		return
	}
	if p.cache != nil {
		p.cache.FlushAll() // it may hold what the file said before
	}
	if p.file != nil {
		p.file.source.Store(&source)
	}
	log.Info("hosts file reloaded", "file", o.hostsFile)
}

// newForwarder asks the servers of the command line, or those of resolv.conf,
// which is read again when it changes.
func (p *parts) newForwarder(o *serveOptions, log *slog.Logger) (*recursor.Forwarder, error) {
	config := recursor.ForwardConfig{Servers: o.recursion.servers, OwnAddresses: o.addresses, Log: log}
	for _, z := range o.recursion.zones {
		config.Zones = append(config.Zones, recursor.ForwardZone{Zone: z.zone, Servers: z.servers})
	}
	fromFile := o.recursion.recursive && len(o.recursion.servers) == 0
	if fromFile {
		conf, err := names.ReadResolvConf(o.recursion.resolvConf)
		if err != nil {
			return nil, fmt.Errorf("--resolv-conf: %w", err)
		}
		config.Servers = conf.Servers
	}
	forwarder, err := recursor.NewForwarder(config)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, func() { forwarder.Close() })
	if fromFile {
		path := o.recursion.resolvConf
		p.watch(path, func() {
			conf, err := names.ReadResolvConf(path)
			if err != nil {
				log.Error("resolv.conf not reloaded: the servers stay as they were", "error", err)
				return
			}
			forwarder.SetServers(conf.Servers)
			log.Info("resolv.conf reloaded", "file", path, "servers", conf.Servers)
		})
	}
	return forwarder, nil
}

// localNames answers the names of this machine and network, but for those that
// have servers of their own.
func localNames(o *recursionOptions) (*recursor.LocalNames, error) {
	var except []wire.Name
	for _, z := range slices.Concat(o.zones, o.root.stubs) {
		if !z.zone.IsRoot() {
			except = append(except, z.zone)
		}
	}
	return recursor.NewLocalNames(except...)
}

func (p *parts) watch(path string, changed func()) {
	p.watches = append(p.watches, watch{path, changed})
}

// run watches files, and saves the cache to its own, until ctx is done.
func (p *parts) run(ctx context.Context) {
	var wait sync.WaitGroup
	for _, w := range p.watches {
		wait.Go(func() { names.Watch(ctx, w.path, w.changed) })
	}
	if p.file != nil {
		wait.Go(func() { p.file.run(ctx) })
	}
	wait.Wait()
}

// close ends what still goes on once no more queries come.
func (p *parts) close() {
	for _, c := range p.closers {
		c()
	}
}

// listenerConfig is how the listener serves resolver.
func (o *serveOptions) listenerConfig(resolver names.Resolver, log *slog.Logger) listener.Config {
	return listener.Config{
		Addresses:     o.addresses,
		Resolver:      resolver,
		NSID:          o.nsid,
		CookieSecrets: o.cookies,
		MaxUDPSize:    o.maxUDPSize,
		Workers:       o.workers,
		// Zones never keep a query waiting; who looks elsewhere does.
		DedicatedThreads: !o.recursion.isWanted(),
		Log:              log,
	}
}
