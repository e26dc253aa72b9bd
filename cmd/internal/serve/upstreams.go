package serve

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/designated"
	"github.com/names-dns/names/recursor/upstream/doq"
	"github.com/names-dns/names/recursor/upstream/encrypted"
)

// newTransports is how servers are asked that have a URL.
func (p *parts) newTransports() (map[netip.AddrPort]*upstream.Transport, error) {
	r := &p.settings.Recursion
	if len(r.Encrypted) == 0 {
		return nil, nil
	}
	config, err := p.connecting()
	if err != nil {
		return nil, err
	}
	if len(r.Bootstrap) > 0 {
		client, err := names.NewClient(names.ClientConfig{Servers: r.Bootstrap, NoHosts: true, Ndots: -1})
		if err != nil {
			return nil, err
		}
		config.Lookup = func(ctx context.Context, host string) ([]netip.Addr, error) {
			return client.LookupNetIP(ctx, "ip", host)
		}
	}
	transports := map[netip.AddrPort]*upstream.Transport{}
	for known, server := range r.Encrypted {
		client, err := encrypted.New(server, config)
		if err != nil {
			return nil, err
		}
		transports[known] = client.Transport()
		p.encrypted = append(p.encrypted, client)
	}
	slices.SortFunc(p.encrypted, func(a, b *encrypted.Client) int { return strings.Compare(a.Server.Label(), b.Server.Label()) })
	return transports, nil
}

// connecting is how encrypted servers are connected to.
func (p *parts) connecting() (config encrypted.Config, err error) {
	config = encrypted.Config{QUIC: doq.New, HTTP3: doq.NewHTTP3}
	if files := p.settings.Recursion.Authorities; len(files) > 0 {
		if config.Authorities, err = certificate.ReadAuthorities(files...); err != nil {
			return config, fmt.Errorf("upstream servers: %w", err)
		}
	}
	return config, nil
}

// upgrade has the servers of a forwarder asked over the transports that they designate, if
// the settings want that.
func (p *parts) upgrade(forwarder *recursor.Forwarder, servers []netip.AddrPort) error {
	r := &p.settings.Recursion
	if r.Upgrade == "" {
		return nil
	}
	connect, err := p.connecting()
	if err != nil {
		return err
	}
	own := slices.Concat(p.settings.Listen.Addresses, p.settings.EncryptedAddresses())
	p.upgrader = designated.New(designated.Config{
		Servers: p.inTheClear(servers), Connect: connect, Use: forwarder.AskBy, Log: p.log,
		IsOwn: func(a netip.AddrPort) bool { return recursor.IsOwnAddress(own, a) },
	})
	p.closers = append(p.closers, p.upgrader.Close)
	return nil
}

// inTheClear are those servers that are not asked over TLS, HTTPS or QUIC, and those of
// zones.
func (p *parts) inTheClear(servers []netip.AddrPort) (all []netip.AddrPort) {
	add := func(servers []netip.AddrPort) {
		for _, a := range servers {
			a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
			if _, isEncrypted := p.settings.Recursion.Encrypted[a]; !isEncrypted && !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	add(servers)
	for _, z := range p.settings.Recursion.Zones {
		add(z.Servers)
	}
	return all
}

// encryptedPort is where authoritative servers are tried over TLS and QUIC (RFC 9539 4.1).
// Tests have another one.
var encryptedPort uint16 = 853

// opportunistic returns how an authoritative server may be asked that says nothing of it,
// over TLS and QUIC.
func opportunistic(server netip.Addr) (all []*upstream.Transport) {
	address := server.WithZone("")
	for _, protocol := range []names.Transport{names.TLS, names.QUIC} {
		client, err := encrypted.New(encrypted.Server{
			Protocol: protocol, Host: address.String(), Name: address.String(), Port: encryptedPort, Address: server, NoProof: true, // RFC 9539 4.6.3.4
		}, encrypted.Config{QUIC: doq.New})
		if err != nil {
			continue // all that it needs is there
		}
		all = append(all, client.Transport())
	}
	return all
}

// encryptedMetrics are those of connections to servers that have a URL.
func (p *parts) encryptedMetrics() []metrics.Metric {
	if len(p.encrypted) == 0 {
		return nil
	}
	m := metrics.Metric{Name: "names_upstream_connections_total", Help: "Connections to servers over encrypted transports, by what became of their handshake.", Kind: metrics.Counter}
	for _, c := range p.encrypted {
		stats := c.Stats()
		for _, s := range []metrics.Labelled{count("full", stats.Full), count("resumed", stats.Resumed), count("failed", stats.Failed)} {
			m.Samples = append(m.Samples, metrics.Sample{Labels: []string{"server", c.Server.Label(), "handshake", s.Label}, Value: s.Value})
		}
	}
	return []metrics.Metric{m}
}

// upgradeMetrics are those of transports that servers designate.
func (p *parts) upgradeMetrics() []metrics.Metric {
	if p.upgrader == nil {
		return nil
	}
	stats, upgraded := p.upgrader.Stats(), 0
	for _, s := range p.upgrader.Status() {
		if s.By != "" {
			upgraded++
		}
	}
	return []metrics.Metric{
		metrics.Of("names_upstream_upgraded", metrics.Gauge, "Servers that are asked over the encrypted transport that they designate (RFC 9462).", float64(upgraded)),
		metrics.By("names_upstream_designations_total", metrics.Counter, "Attempts to find the encrypted transport that a server designates, by result; lost: one in use could not be connected to.", "result",
			count("upgraded", stats.Upgraded), count("none", stats.None), count("refused", stats.Refused), count("lost", stats.Lost)),
	}
}
