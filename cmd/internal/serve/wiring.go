package serve

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// assemble puts the parts together: our zones first, for every client; then, for
// clients to which recursion is offered, the cache, the hosts file, the local
// names, and other servers. The cache has what is in that of before, if there
// are such parts and their answers come from the same servers. packet is called with
// what is sent to other servers and what they reply, if the settings want it.
func assemble(ctx context.Context, s settings.Settings, zones *authority.Set, sender names.Resolver, before *parts, packet func(upstream.Packet), limits *limitLog, log *slog.Logger) (p *parts, err error) {
	p = &parts{settings: s, log: log, limits: limits}
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
		p.setClock(before)
		local, err := localNames(r)
		if err != nil {
			return err
		}
		local.LeaveTo(zones)
		if p.added = new(addedNegatives); before != nil && before.added != nil {
			p.added = before.added
		}
		if err := p.added.keep(r.Validation.State); err != nil {
			return err
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
		if validation != nil {
			p.recheck = validate.NewRechecker(validate.Recheck{Validation: *validation, Resolver: p.fresh, Repaired: p.repaired})
		}
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
	p.found = access.Next
	access.Next = p.limited(&p.settings.Limits, p.found)
	p.resolver = access
	return nil
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
	p.events.Limited = p.limits.ofResolver
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
	config.ServerRate = p.settings.Limits.UpstreamQueries
	config.Validation, config.ReportErrors, config.Events = validation, p.settings.Recursion.Validation.ReportErrors, p.events
	if config.Transports, err = p.newTransports(); err != nil {
		return nil, err
	}
	if p.settings.Recursion.Iteration.Encrypt {
		config.Encryption = opportunistic
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
		Servers: r.Servers, Transports: transports, OwnZones: zones, OwnAddresses: p.settings.Listen.Addresses, ServerRate: p.settings.Limits.UpstreamQueries,
		TrustAD: r.TrustAD, Log: p.log, Events: p.events,
	}
	if exposed := r.TrustedInTheOpen(); len(exposed) > 0 {
		p.log.Warn("what these servers call authentic is believed, and an attacker on the way to them can forge it: name them with a URL (tls://), or do without trust-ad", "servers", exposed)
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
	if err := p.upgrade(forwarder, config.Servers); err != nil {
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
			if p.upgrader != nil {
				p.upgrader.SetServers(p.inTheClear(conf.Servers))
			}
			if p.carried != nil {
				p.carried.forget()
			}
			p.log.Info("resolv.conf reloaded", "file", r.ResolvConf, "servers", conf.Servers)
		})
	}
	return forwarder, nil
}

// localNames answers the names of this machine and network, except for those
// that have servers of their own. What the servers that queries are forwarded to say of
// ipv4only.arpa is how clients find the NAT64 prefix of the network (RFC 7050 3).
func localNames(r *settings.Recursion) (*recursor.LocalNames, error) {
	var except []wire.Name
	forwards := !r.FromRoot
	for _, z := range slices.Concat(r.Zones, r.Iteration.Stubs) {
		if z.Zone.IsRoot() {
			forwards = true
			continue
		}
		except = append(except, z.Zone)
	}
	if forwards {
		except = append(except, recursor.IPv4OnlyNames()...)
	}
	return recursor.NewLocalNames(except...)
}
