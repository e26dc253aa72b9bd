package names

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// Querier sends a query exactly as given and waits for the reply. [Client] is
// built on it; programs use it directly if they need no more.
//
// The zero value asks over UDP, and over TCP if the reply was truncated.
type Querier struct {
	// Timeouts says how long each server may take to reply, once for each
	// round over the servers. By default there are two rounds of 5 s.
	Timeouts []time.Duration

	// TCP asks over TCP from the start.
	TCP bool

	// KeepTruncated takes a truncated reply as it is.
	KeepTruncated bool

	// SecondOpinion asks the next server if one replies SERVFAIL, NOTIMP or
	// REFUSED, and takes such a reply only if no server has a better one.
	SecondOpinion bool

	// Dial connects to a server. The network is "udp" or "tcp", the address a
	// literal one with its port. By default it opens a new socket for each try,
	// over UDP from a port that cannot be guessed (RFC 5452 9.2). If it returns a tls.Conn, or another with its method HandshakeContext, queries
	// with an OPT record are padded (RFC 8467).
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// Failed, if set, is called after each try without a reply.
	Failed func(server netip.AddrPort, transport Transport, err error)

	streams *streams // connections to use again; nil: a new one for each query
	cookies *cookies // nil: the query is sent as it is
}

// Reply is the reply to a query and how it came.
type Reply struct {
	Message   []byte
	Server    netip.AddrPort
	Transport Transport
	Truncated bool          // the reply over UDP was, and this one came over TCP
	Time      time.Duration // from sending the query to having the reply
	Ignored   int           // datagrams from the server that did not match the query

	cause error // why a resolver in this program failed
}

var (
	errNoServers = errors.New("no servers configured")
	errNoMatch   = errors.New("reply does not match the query")
	errClosed    = errors.New("connection closed before the reply was complete")
)

// defaultTimeouts are those of resolv.conf(5).
var defaultTimeouts = []time.Duration{5 * time.Second, 5 * time.Second}

// Query asks one server after the other until one replies. It fails with an
// [*Error]: that of the last try, or that of ctx.
func (q *Querier) Query(ctx context.Context, query []byte, servers ...netip.AddrPort) (*Reply, error) {
	timeouts := q.Timeouts
	if len(timeouts) == 0 {
		timeouts = defaultTimeouts
	}
	failure := &Error{Err: errNoServers}
	var unhelpful *Reply
	helpless := make([]bool, len(servers)) // those need not be asked twice
	for _, timeout := range timeouts {
		for i, server := range servers {
			if helpless[i] {
				continue
			}
			r, err := q.queryServer(ctx, query, server, timeout)
			switch {
			case err == nil && (!q.SecondOpinion || isHelpful(r.Message)):
				return r, nil
			case err == nil:
				unhelpful, helpless[i] = r, true
			case ctx.Err() != nil:
				return nil, describe(query, &Error{Server: server, Err: ctx.Err()})
			default:
				failure = &Error{Server: server, Err: err}
			}
		}
	}
	if unhelpful != nil {
		return unhelpful, nil
	}
	return nil, describe(query, failure)
}

// describe fills in what was asked.
func describe(query []byte, e *Error) *Error {
	var r wire.Reader
	if r.Reset(query) == nil {
		if q, err := r.Question(); err == nil {
			e.Name, e.Type = q.Name.String(), q.Type
		}
	}
	return e
}

// isHelpful reports whether another server would not say anything else.
func isHelpful(message []byte) bool {
	h, err := wire.ParseHeader(message)
	if err != nil {
		return false
	}
	switch h.Flags.RCode() {
	case wire.RCodeServFail, wire.RCodeNotImp, wire.RCodeRefused:
		return false
	}
	return true
}

// queryServer asks a server over UDP, and over TCP if that reply was truncated.
func (q *Querier) queryServer(ctx context.Context, query []byte, server netip.AddrPort, timeout time.Duration) (*Reply, error) {
	if q.TCP {
		return q.try(ctx, q.cookies.add(query, server), server, TCP, timeout)
	}
	r, err := q.try(ctx, q.cookies.add(query, server), server, UDP, timeout)
	if err == nil && q.cookies.isBad(r.Message) { // it brought a new one (RFC 7873 5.3)
		r, err = q.try(ctx, q.cookies.add(query, server), server, UDP, timeout)
	}
	if err != nil || q.KeepTruncated || !isTruncated(r.Message) && !q.cookies.isBad(r.Message) {
		return r, err
	}
	r, err = q.try(ctx, q.cookies.add(query, server), server, TCP, timeout)
	if err == nil {
		r.Truncated = true
	}
	return r, err
}

// try sends the query once and receives the reply.
func (q *Querier) try(caller context.Context, query []byte, server netip.AddrPort, transport Transport, timeout time.Duration) (r *Reply, err error) {
	ctx, cancel := context.WithTimeout(caller, timeout)
	defer cancel()
	start := time.Now()
	r = &Reply{Server: server, Transport: transport}
	switch {
	case transport == UDP:
		r.Message, r.Ignored, err = q.overUDP(ctx, query, server)
	case q.streams != nil:
		r.Message, err = q.streams.ask(ctx, query, server, q.dial)
	default:
		r.Message, err = q.overTCP(ctx, query, server)
	}
	r.Time = time.Since(start)
	if err == nil {
		return r, nil
	}
	switch {
	case caller.Err() != nil:
		err = caller.Err()
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		err = &lateError{timeout}
	}
	err = cause(err)
	if q.Failed != nil {
		q.Failed(server, transport, err)
	}
	return nil, err
}

// overUDP waits for the datagram that is the reply.
func (q *Querier) overUDP(ctx context.Context, query []byte, server netip.AddrPort) (message []byte, ignored int, err error) {
	conn, err := q.dial(ctx, "udp", server.String())
	if err != nil {
		return nil, 0, err
	}
	defer conn.Close()
	defer expireWith(ctx, conn)()
	if _, err := conn.Write(query); err != nil {
		return nil, 0, err
	}
	buf := datagrams.Get().(*[65535]byte)
	defer datagrams.Put(buf)
	for {
		n, err := conn.Read(buf[:])
		if err != nil {
			return nil, ignored, err
		}
		if IsReply(buf[:n], query) && q.cookies.accept(buf[:n], query, server) {
			return bytes.Clone(buf[:n]), ignored, nil
		}
		ignored++
	}
}

// datagrams has buffers for the largest there are.
var datagrams = sync.Pool{New: func() any { return new([65535]byte) }}

// overTCP asks over a connection of its own.
func (q *Querier) overTCP(ctx context.Context, query []byte, server netip.AddrPort) ([]byte, error) {
	conn, err := q.dial(ctx, "tcp", server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer expireWith(ctx, conn)()
	if err := frame.Write(conn, pad(query, conn)); err != nil {
		return nil, err
	}
	message, err := frame.Read(conn, nil)
	if err == nil && !IsReply(message, query) {
		err = errNoMatch
	}
	return message, err
}

// expireWith makes what waits for conn fail once ctx is done, until the
// function it returns is called.
func expireWith(ctx context.Context, conn net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}

// dial opens the way to a server.
func (q *Querier) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if q.Dial != nil {
		return q.Dial(ctx, network, address)
	}
	if network != "udp" {
		var dialer net.Dialer
		return dialer.DialContext(ctx, network, address)
	}
	return fromRandomPort(func(local net.Addr) (net.Conn, error) {
		dialer := net.Dialer{LocalAddr: local}
		return dialer.DialContext(ctx, network, address)
	})
}

// fromRandomPort dials from a port that cannot be guessed. A connected socket
// receives nothing from other addresses.
func fromRandomPort(dial func(local net.Addr) (net.Conn, error)) (net.Conn, error) {
	const (
		tries     = 8    // the port may be taken, or kept for others
		firstPort = 1024 // below are those of the system
	)
	for range tries {
		conn, err := dial(&net.UDPAddr{Port: firstPort + int(randomUint16())%(65536-firstPort)})
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			return conn, err
		}
	}
	return dial(nil) // the system chooses one, or says what is wrong
}

// IsReply reports whether message answers query: by its ID, its opcode and its
// question (RFC 5452 9.1). A server that could not read the query may leave
// the question out.
func IsReply(message, query []byte) bool {
	var got, want wire.Reader
	if got.Reset(message) != nil || want.Reset(query) != nil {
		return false
	}
	g, w := got.Header(), want.Header()
	if !g.Flags.Has(wire.FlagQR) || g.ID != w.ID || g.Flags.Opcode() != w.Flags.Opcode() {
		return false
	}
	if g.Counts[wire.SectionQuestion] == 0 {
		return g.Flags.RCode() != wire.RCodeNoError
	}
	a, errA := got.Question()
	b, errB := want.Question()
	return errA == nil && errB == nil && g.Counts[wire.SectionQuestion] == w.Counts[wire.SectionQuestion] &&
		a.Type == b.Type && a.Class == b.Class && a.Name.Equal(b.Name)
}

func isTruncated(message []byte) bool {
	h, err := wire.ParseHeader(message)
	return err == nil && h.Flags.Has(wire.FlagTC)
}

// lateError says how long the wait was.
type lateError struct{ after time.Duration }

func (e *lateError) Error() string        { return fmt.Sprintf("no reply within %v", e.after) }
func (e *lateError) Is(target error) bool { return target == ErrTimeout }

// cause is what an error of package net is about: the caller says the rest.
func cause(err error) error {
	var system *os.SyscallError
	var op *net.OpError
	switch {
	case errors.As(err, &system):
		return system.Err
	case errors.As(err, &op):
		return op.Err
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return errClosed
	}
	return err
}

// randomUint16 is a number that cannot be guessed, for IDs and ports.
func randomUint16() uint16 {
	var b [2]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:])
}
