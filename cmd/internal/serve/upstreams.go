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
