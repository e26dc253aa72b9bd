package listener

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Config says where to listen and what a client may take. Zero values mean the
// defaults given with each field.
type Config struct {
	// Endpoints are where queries come in, and how. [Plain] makes them of
	// addresses.
	Endpoints []Endpoint

	// Resolver answers the queries. If it fails, the client receives SERVFAIL,
	// with an extended error if the error is a [names.ExtendedErrorer].
	Resolver names.Resolver

	// Opcodes has the resolvers of messages that are not queries: of NOTIFY, say,
	// or UPDATE. They are given what could be read, with whatever is in its
	// sections (Exchange.Query.Message), and reply as Resolver does. Opcodes that
	// are not in it get NOTIMP.
	Opcodes map[wire.Opcode]names.Resolver

	// NSID is what tells this server from others at the same address (RFC
	// 5001), sent to clients that ask: at most 128 octets. Empty: not sent.
	NSID string

	// CookieSecrets are what server cookies are made with (RFC 9018): the first
	// makes them, those made with any of them are good. Servers that share one
	// address must have the same. By default one that is random, and lost with
	// the server.
	CookieSecrets [][16]byte

	// TSIGKeys are the keys that queries may be signed with (RFC 8945). A query
	// with a signature that does not hold gets NOTAUTH, and reaches no gate of Gates
	// and no resolver. The keys must not be written to afterwards.
	TSIGKeys *wire.TSIGKeys

	// Proxies are the load balancers that begin each datagram and each connection
	// with a PROXY header (version 1 or 2), over TLS before the handshake: what it
	// says is the client, and the address that was asked, for all that looks at them.
	// What such a proxy sends without a header is not answered, and neither is what
	// others send with one. By default there are none.
	Proxies *names.PeerSet

	// MaxUDPSize is the largest datagram sent, in octets: 512 to 4096. By
	// default 1232, which fits the smallest packet IPv6 allows unfragmented.
	MaxUDPSize int

	// Workers is the number of goroutines, and on Linux of sockets, that
	// receive datagrams for one address; on Linux as many more serve the TCP
	// connections to all of them. By default GOMAXPROCS, one per core.
	Workers int

	// DedicatedThreads lets each worker that receives datagrams keep a thread to
	// itself while queries keep coming, where the platform has it: on Linux. If
	// the resolver never has to wait this saves a tenth of the processor
	// time and more, and spares queries the company of other goroutines; where it
	// often has to wait, the goroutines that answer later are on other threads, and that is
	// dearer. Serve raises GOMAXPROCS by the number of such workers; programs that
	// set it should do so before: to lower it meanwhile makes all else wait for
	// them. With more than four addresses there would be too many of them: then
	// this counts for nothing.
	DedicatedThreads bool

	// Gates are steps that every query passes before Resolver is asked, in
	// this order, and every reply afterwards, in the other: after those that
	// every server has.
	Gates []Gate

	// ErrorsPerSecond is how many errors - FORMERR, NOTIMP and what else says that
	// a query makes no sense here - are sent to one network over UDP, and five
	// times as many at once: a /24 of IPv4, a /56 of IPv6. Clients with a good
	// cookie have no limit. By default 10; negative: no limit.
	ErrorsPerSecond int

	// MaxStreams is how many replies of many messages, such as zone transfers,
	// may be on their way at once, each with the memory of a message or two and
	// one of MaxSlow. By default 100, of which a client may have three times as
	// many as it leaves free.
	MaxStreams int

	// MaxSlow is how many queries may wait for their answers at once, each on
	// a goroutine; those above get SERVFAIL. By default 4096: some 50 MB where
	// all of them came by UDP. A client (an IPv4 address or a /56) may have three
	// times as many as it leaves free: three quarters if it is alone.
	MaxSlow int

	// QueryTimeout is how long a query may wait for its answer. By default 10 s:
	// stub resolvers have given up by then.
	QueryTimeout time.Duration

	// MaxConnections is how many TCP connections may be open. When that many
	// are, a new one takes the place of the one that has been idle longest. By
	// default 1000, so that the usual limit of 1024 descriptors is kept.
	MaxConnections int

	// MaxConnectionsPerClient is how many of those one client may have: an
	// IPv4 address, or the /64 around an IPv6 address. By default 100, for
	// clients that share one translated address.
	MaxConnectionsPerClient int

	// Admit reports whether a client may begin one more connection; what it refuses is
	// closed at once. It is called for the client that a PROXY header names, in place of
	// the proxy, and must not wait: it is called by loops that serve connections. Nil: all may.
	Admit func(client netip.Addr) bool

	// MaxPipelined is how many queries of one connection may wait for their
	// answers; until one has it, no further query is read. By default 64.
	MaxPipelined int

	// FirstQueryTimeout is how long a new connection may take to deliver its
	// first query. By default 3 s.
	FirstQueryTimeout time.Duration

	// IdleTimeout is how long a connection may be without a query in progress.
	// By default 10 s, as RFC 7766 6.2.3 has it ("a few seconds"); it shrinks
	// to a tenth of that as connections near their limit. Whether a connection
	// is late, by this and the other limits, is looked at ten times a second.
	IdleTimeout time.Duration

	// WriteTimeout is how long a client may take to receive a reply. By
	// default 5 s.
	WriteTimeout time.Duration

	// Grace is how long queries in progress may take to end once the server is
	// stopped. By default 5 s.
	Grace time.Duration

	// Events are for observers.
	Events Events

	// Log receives failures, each kind at most once a second. By default
	// they are not logged.
	Log *slog.Logger

	// Network opens the sockets. By default that of the operating system;
	// package listenertest has one in memory.
	Network Network

	portable bool // no batches: for tests of the portable engine
}

// Network opens sockets. [net.ListenConfig] is one.
//
// ListenPacket is called with "udp4" or "udp6" and must return a [PacketConn].
// Listen is called with "tcp4" or "tcp6". The addresses of both, and of the
// connections accepted, must have a method AddrPort as [net.UDPAddr] has. A
// connection that is a tls.Conn, or has its method HandshakeContext, carries
// queries by TLS.
type Network interface {
	ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error)
	Listen(ctx context.Context, network, address string) (net.Listener, error)
}

// PacketConn is what a server needs of a datagram socket: a part of
// [net.UDPConn].
type PacketConn interface {
	net.PacketConn
	ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error)
	WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (n, oobn int, err error)
}

// maxDedicated is for how many datagram endpoints workers may have threads to themselves.
const maxDedicated = 4

const (
	minUDPSize = 512  // RFC 1035 2.3.4
	maxUDPSize = 4096 // more would only be fragmented
	maxNSID    = 128  // leaves most of the smallest reply to records
)

// complete checks c and fills in the defaults. c shares nothing that changes
// with the caller's afterwards.
func (c *Config) complete() error {
	switch {
	case c.Resolver == nil:
		return errors.New("there is no resolver to answer queries")
	case len(c.NSID) > maxNSID:
		return fmt.Errorf("NSID is longer than %d octets", maxNSID)
	case c.MaxUDPSize != 0 && (c.MaxUDPSize < minUDPSize || c.MaxUDPSize > maxUDPSize):
		return fmt.Errorf("largest UDP reply of %d octets is not between %d and %d", c.MaxUDPSize, minUDPSize, maxUDPSize)
	}
	for opcode, r := range c.Opcodes {
		switch {
		case opcode == wire.OpcodeQuery:
			return errors.New("opcode QUERY has a resolver of its own: it is for those of others")
		case opcode >= opcodeCount:
			return fmt.Errorf("opcode %d is above %d", opcode, opcodeCount-1)
		case r == nil:
			return fmt.Errorf("there is no resolver for opcode %v", opcode)
		}
	}
	for _, f := range []struct {
		name     string
		value    *int
		standard int
	}{
		{"largest UDP reply", &c.MaxUDPSize, 1232},
		{"number of workers", &c.Workers, runtime.GOMAXPROCS(0)},
		{"limit of slow queries", &c.MaxSlow, 4096},
		{"limit of replies of many messages", &c.MaxStreams, 100},
		{"limit of connections", &c.MaxConnections, 1000},
		{"limit of connections per client", &c.MaxConnectionsPerClient, 100},
		{"limit of pipelined queries", &c.MaxPipelined, 64},
	} {
		if *f.value < 0 {
			return fmt.Errorf("%s is negative: %d", f.name, *f.value)
		}
		if *f.value == 0 {
			*f.value = f.standard
		}
	}
	for _, f := range []struct {
		name     string
		value    *time.Duration
		standard time.Duration
	}{
		{"query timeout", &c.QueryTimeout, 10 * time.Second},
		{"first-query timeout", &c.FirstQueryTimeout, 3 * time.Second},
		{"idle timeout", &c.IdleTimeout, 10 * time.Second},
		{"write timeout", &c.WriteTimeout, 5 * time.Second},
		{"grace period", &c.Grace, 5 * time.Second},
	} {
		if *f.value < 0 {
			return fmt.Errorf("%s is negative: %v", f.name, *f.value)
		}
		if *f.value == 0 {
			*f.value = f.standard
		}
	}
	if c.ErrorsPerSecond == 0 {
		c.ErrorsPerSecond = 10
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Network == nil {
		c.Network = systemNetwork{}
	}
	c.Endpoints = slices.Clone(c.Endpoints)
	datagrams := 0
	for i := range c.Endpoints {
		e := &c.Endpoints[i]
		if err := e.complete(); err != nil {
			return err
		}
		if e.Network == nil {
			e.Network = c.Network
		}
		if e.Transport == names.UDP {
			datagrams++
		}
	}
	if datagrams > maxDedicated {
		c.DedicatedThreads = false
	}
	return nil
}
