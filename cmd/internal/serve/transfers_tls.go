package serve

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/doq"
	"github.com/names-dns/names/recursor/upstream/encrypted"
)

// over is the way to a primary that has a URL, from one of our addresses: over TLS 1.3
// (RFC 9103 9.1) or QUIC (RFC 9250). The same settings give the same way, with its sessions to be resumed.
func (t *transfers) over(s *settings.Transfers, peer settings.Peer, from netip.Addr) (*transfer.Transport, error) {
	if peer.URL == "" {
		return nil, nil
	}
	key := strings.Join(append([]string{peer.URL, from.String(), s.TLSCertificate, s.TLSKey}, s.TLSAuthorities...), "\x00")
	if known := t.ways[key]; known != nil {
		return known, nil
	}
	server, err := encrypted.Parse(peer.URL)
	if err != nil {
		return nil, err
	}
	dialer := net.Dialer{}
	if from.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	config := encrypted.Config{Only13: true, Dial: dialer.DialContext, QUIC: doq.New}
	if len(s.TLSAuthorities) > 0 {
		if config.Authorities, err = certificate.ReadAuthorities(s.TLSAuthorities...); err != nil {
			return nil, fmt.Errorf("transfers: %w", err)
		}
	}
	if s.TLSCertificate != "" {
		if config.Certificate, err = ownCertificate(s); err != nil {
			return nil, fmt.Errorf("transfers: %w", err)
		}
	}
	client, err := encrypted.New(server, config)
	if err != nil {
		return nil, err
	}
	way := &transfer.Transport{Name: server.Label(), Dial: func(ctx context.Context, _ string, _ netip.Addr, _ netip.AddrPort) (net.Conn, error) {
		if server.Protocol == names.QUIC {
			return doq.Dial(ctx, client, from)
		}
		return client.DialTLS(ctx)
	}}
	if t.ways == nil {
		t.ways = map[string]*transfer.Transport{}
	}
	t.ways[key] = way
	return way, nil
}

// ownCertificate is what primaries are shown. Its files are read again for each of them.
func ownCertificate(s *settings.Transfers) (func() (*tls.Certificate, error), error) {
	files := certificate.Files{Certificates: []string{s.TLSCertificate}}
	if s.TLSKey != "" {
		files.Keys = []string{s.TLSKey}
	}
	store, err := certificate.Open(files)
	return func() (*tls.Certificate, error) {
		_, err := store.Reload()
		if err != nil {
			return nil, err
		}
		return store.Get(new(tls.ClientHelloInfo))
	}, err
}

// dialPrimary opens connections for updates that are passed on, to primaries that have
// a URL as zones come from them.
func dialPrimary(primaries []transfer.Primary) func(ctx context.Context, network, address string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		for _, p := range primaries {
			if p.Over != nil && p.Address.String() == address {
				return p.Over.Dial(ctx, network, p.Source, p.Address)
			}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}
