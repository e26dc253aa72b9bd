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
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/doq"
	"github.com/names-dns/names/recursor/upstream/encrypted"
)

// newTransports is how servers are asked that have a URL.
func (p *parts) newTransports() (map[netip.AddrPort]*upstream.Transport, error) {
	r := &p.settings.Recursion
	if len(r.Encrypted) == 0 {
		return nil, nil
	}
	config := encrypted.Config{QUIC: doq.New, HTTP3: doq.NewHTTP3}
	var err error
	if len(r.Authorities) > 0 {
		if config.Authorities, err = certificate.ReadAuthorities(r.Authorities...); err != nil {
			return nil, fmt.Errorf("upstream servers: %w", err)
		}
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
