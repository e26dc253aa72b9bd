package upstream

import (
	"context"
	"net"
	"net/netip"
	"sync"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Config says how servers are asked. Zero values mean the defaults given with
// each field.
type Config struct {
	// Network opens the sockets. By default that of the operating system.
	Network Network

	// UDPSize is the largest reply over UDP asked for, in octets. By default
	// 1232, which fits the smallest packet IPv6 allows unfragmented.
	UDPSize int

	// PlainCase sends names in the case they have. By default it is mixed at
	// random, for servers repeat it and guessers cannot.
	PlainCase bool

	// NoCookies leaves cookies (RFC 7873) out.
	NoCookies bool

	// Transports are how servers are asked that are not asked over UDP and TCP,
	// by the address and port that they are known by.
	Transports map[netip.AddrPort]*Transport

	// Unexpected is called with the server of a reply that does not match what
	// was asked, and why it does not. It must not block.
	// It may be nil.
	Unexpected func(server netip.AddrPort, why string)

	// Packet is called with each message that is sent, and each reply. It must
	// not block. It may be nil.
	Packet func(p Packet)
}

// Network opens sockets that are connected to a server. Their local addresses
// must have a method AddrPort as [net.UDPAddr] has.
type Network interface {
	// DialUDP opens a datagram socket on a port that cannot be predicted. It
	// receives what comes from server only. Neither opening it nor writing to
	// it waits; reading does, and ends when its read deadline has passed.
	DialUDP(ctx context.Context, server netip.AddrPort) (net.Conn, error)
	// DialTCP opens a connection.
	DialTCP(ctx context.Context, server netip.AddrPort) (net.Conn, error)
}

// System is the network of the operating system. Its kernel picks the port of
// a datagram socket at random, each time anew. If it can, a [Client] gets
// there in ways that are faster than a new socket for each question.
type System struct{}

// DialUDP opens a datagram socket.
func (System) DialUDP(ctx context.Context, server netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialUDP(ctx, "udp", netip.AddrPort{}, server)
}

// DialTCP opens a connection.
func (System) DialTCP(ctx context.Context, server netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	return d.DialTCP(ctx, "tcp", netip.AddrPort{}, server)
}

// Client is what all servers that are asked have in common.
type Client struct {
	network    Network
	sockets    sockets
	waiting    sync.Pool // of *waiting
	udpSize    uint16
	plainCase  bool
	noCookies  bool
	unexpected func(server netip.AddrPort, why string)
	packet     func(p Packet) // nil: none is wanted
	transports map[netip.AddrPort]*Transport

	own     outstandingQueries
	readers sync.WaitGroup // of sockets and connections
}

// NewClient returns a client that asks as c says.
func NewClient(c Config) *Client {
	if c.Network == nil {
		c.Network = System{}
	}
	if c.UDPSize == 0 {
		c.UDPSize = 1232
	}
	if c.Unexpected == nil {
		c.Unexpected = func(netip.AddrPort, string) {}
	}
	client := &Client{
		network: c.Network, udpSize: uint16(min(max(c.UDPSize, 512), maxDatagram)), plainCase: c.PlainCase,
		noCookies: c.NoCookies, unexpected: c.Unexpected, packet: c.Packet, transports: c.Transports, waiting: sync.Pool{New: newWaiting},
	}
	client.sockets = networkSockets{c.Network, &client.readers}
	if _, ok := c.Network.(System); ok {
		client.sockets = newSystemSockets(networkSockets{c.Network, &client.readers})
	}
	return client
}

// Server returns the server at addr, of which nothing is known yet.
func (c *Client) Server(addr netip.AddrPort) *Server {
	addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	return &Server{client: c, addr: addr, transport: c.transports[addr]}
}

// ServerOver returns the server at addr as it is asked by t.
func (c *Client) ServerOver(addr netip.AddrPort, t *Transport) *Server {
	return &Server{client: c, addr: addr, transport: t}
}

// Wait returns once nothing is left of what the client has opened and started:
// when its servers are closed and not used again. Sockets are not
// kept for later from then on.
func (c *Client) Wait() {
	c.readers.Wait()
	c.sockets.close()
}

// IsOwn reports whether x holds a query that this client has sent and still
// waits for: it came back in a loop. The query is known by the socket it
// comes from, or by the cookie in it where others passed it on.
func (c *Client) IsOwn(x *names.Exchange) bool {
	if c.own.hasSent(outstandingQuery{x.Peer.Remote, x.Query.Header.ID}) {
		return true
	}
	if !x.Query.HasEDNS || len(x.Query.EDNS.Options) == 0 {
		return false
	}
	cookie, ok := x.Query.EDNS.Options.Find(wire.OptionCookie)
	return ok && len(cookie) >= 8 && c.own.hasCookie([8]byte(cookie))
}

// localAddress returns where a socket sends from, without the zone.
func localAddress(c net.Conn) netip.AddrPort {
	a, ok := c.LocalAddr().(interface{ AddrPort() netip.AddrPort })
	if !ok {
		return netip.AddrPort{}
	}
	local := a.AddrPort()
	return netip.AddrPortFrom(local.Addr().Unmap().WithZone(""), local.Port())
}
