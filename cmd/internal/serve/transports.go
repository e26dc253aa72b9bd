package serve

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/cmd/internal/bound"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/doh"
	"github.com/names-dns/names/listener/doq"
	"github.com/names-dns/names/listener/odoh"
	"github.com/names-dns/names/names"
)

// transports are the servers of packages of their own, over HTTP and QUIC.
type transports struct {
	servers  bound.Servers
	handler  bound.Handler               // of DNS over HTTPS
	direct   atomic.Pointer[doh.Handler] // the same
	hasHTTP3 atomic.Bool                 // at each address of HTTPS

	oblivious odoh.Keys // outlive a reload

	mu   sync.Mutex
	gone transportStats // of servers that have ended
}

// The transports, as logs have them.
const (
	overHTTP  = "http"
	overHTTPS = "https"
	overHTTP3 = "http/3"
	overQUIC  = "quic"
)

// change binds what settings want and there is not yet. The change takes effect when
// use is called.
func (t *transports) change(edge *listener.Edge, e *encryption, s *settings.Settings, limits *limitLog, admit func(netip.Addr) bool, log *slog.Logger) (*bound.Change, error) {
	var wanted []bound.Wanted
	add := func(what string, addresses []netip.AddrPort, open func(a netip.AddrPort, at func(bound.Place) net.Addr) (bound.Server, net.Addr, error)) {
		for _, a := range addresses {
			wanted = append(wanted, bound.Wanted{Place: bound.Place{What: what, Address: a.String()}, Open: func(at func(bound.Place) net.Addr) (bound.Server, net.Addr, error) {
				return open(a, at)
			}})
		}
	}
	openHTTP := func(what string, a netip.AddrPort, config *tls.Config) (bound.Server, net.Addr, error) {
		l, err := net.Listen("tcp"+family(a), a.String())
		if err != nil {
			return nil, nil, err
		}
		c := doh.ServerConfig{Handler: &t.handler, Direct: t.direct.Load, TLS: config, Log: log, Admit: admit, Refused: limits.refused(what)}
		if config != nil {
			c.Alternative = t.alternative(l.Addr().(*net.TCPAddr).Port)
		}
		return doh.NewServer(l, c), l.Addr(), nil
	}
	openQUIC := func(a string, c doq.Config) (bound.Server, net.Addr, error) {
		conn, err := net.ListenPacket("udp"+family(netip.MustParseAddrPort(a)), a)
		if err != nil {
			return nil, nil, err
		}
		c.Edge, c.Admit = edge, admit
		q, err := doq.Listen(conn, c)
		if err != nil {
			conn.Close()
			return nil, nil, err
		}
		return q, q.Addr(), nil
	}
	add(overHTTP, s.HTTPS.Plain, func(a netip.AddrPort, _ func(bound.Place) net.Addr) (bound.Server, net.Addr, error) {
		return openHTTP(overHTTP, a, nil)
	})
	add(overHTTPS, s.HTTPS.Addresses, func(a netip.AddrPort, _ func(bound.Place) net.Addr) (bound.Server, net.Addr, error) {
		return openHTTP(overHTTPS, a, e.https.Config())
	})
	if !s.HTTPS.NoHTTP3 {
		add(overHTTP3, s.HTTPS.Addresses, func(a netip.AddrPort, at func(bound.Place) net.Addr) (bound.Server, net.Addr, error) {
			return openQUIC(at(bound.Place{What: overHTTPS, Address: a.String()}).String(), doq.Config{HTTP: &t.handler, TLS: e.http3.Config(), Refused: limits.refused(overHTTP3)})
		})
	}
	add(overQUIC, s.QUIC.Addresses, func(a netip.AddrPort, _ func(bound.Place) net.Addr) (bound.Server, net.Addr, error) {
		return openQUIC(a.String(), doq.Config{DoQ: true, TLS: e.quic.Config(), Refused: limits.refused(overQUIC)})
	})
	change, err := t.servers.Change(wanted)
	if err != nil {
		return nil, fmt.Errorf("cannot listen for %w", err)
	}
	return change, nil
}

// use answers as settings say, over what change has bound for them.
func (t *transports) use(change *bound.Change, edge *listener.Edge, s *settings.Settings) {
	proxies, _ := names.ParsePeerSet(s.HTTPS.Proxies...) // they have been checked
	h := &doh.Handler{Edge: edge, Path: s.HTTPS.Path, JSON: s.HTTPS.JSON, Proxies: proxies}
	if s.HTTPS.Oblivious {
		h.Oblivious = &t.oblivious
	}
	t.handler.Set(h)
	t.direct.Store(h)
	t.hasHTTP3.Store(!s.HTTPS.NoHTTP3)
	change.Commit()
	for _, server := range t.servers.All() {
		switch server := server.(type) {
		case *doh.Server:
			server.Limit(s.Limits.HTTPSConnections, s.Limits.ConnectionsPerClient)
		case *doq.Server:
			most := s.Limits.HTTPSConnections
			server.Early(s.QUIC.EarlyData)
			if server.IsDoQ() {
				most = s.Limits.QUICConnections
			}
			server.Limit(most, s.Limits.ConnectionsPerClient)
		}
	}
}

// alternative tells clients of HTTP/1.1 and HTTP/2 that there is HTTP/3 (RFC 9114
// 3.1.1).
func (t *transports) alternative(port int) func() string {
	value := fmt.Sprintf(`h3=":%d"; ma=86400`, port)
	return func() string {
		if !t.hasHTTP3.Load() {
			return ""
		}
		return value
	}
}

// family is that of an address, as networks have it in their names: :: is for IPv6
// only, so that 0.0.0.0 can be next to it.
func family(a netip.AddrPort) string {
	if a.Addr().Is4() {
		return "4"
	}
	return "6"
}

// transportStats are those of all servers.
type transportStats struct {
	used bool // there is or was one
	http doh.Stats
	quic doq.Stats
}

func (sum *transportStats) add(server bound.Server) {
	sum.used = true
	switch server := server.(type) {
	case *doh.Server:
		c := server.Stats()
		sum.http.Connections += c.Connections
		sum.http.Ends.Add(c.Ends)
	case *doq.Server:
		c := server.Stats()
		sum.quic.Connections += c.Connections
		sum.quic.Ends.Add(c.Ends)
		sum.quic.Retries += c.Retries
		sum.quic.ProtocolErrors += c.ProtocolErrors
		sum.quic.EarlyQueries += c.EarlyQueries
	}
}

// left keeps the counts of a server that has ended.
func (t *transports) left(server bound.Server) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.gone.add(server)
}

// stats is what all servers have counted, those among them that have ended.
func (t *transports) stats() transportStats {
	t.mu.Lock()
	sum := t.gone
	t.mu.Unlock()
	for _, server := range t.servers.All() {
		sum.add(server)
	}
	return sum
}

func (sum *transportStats) metrics() []metrics.Metric {
	if !sum.used {
		return nil
	}
	return []metrics.Metric{
		metrics.Of("names_quic_retries_total", metrics.Counter, "Clients of QUIC that had to prove their address.", float64(sum.quic.Retries)),
		metrics.Of("names_quic_protocol_errors_total", metrics.Counter, "Connections over QUIC ended because the client did not keep to RFC 9250.", float64(sum.quic.ProtocolErrors)),
		metrics.Of("names_quic_early_queries_total", metrics.Counter, "Queries in early data of QUIC (0-RTT) that were answered before the end of the handshake.", float64(sum.quic.EarlyQueries)),
	}
}
