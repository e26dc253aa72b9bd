package main

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/names-dns/names/wire"
)

var (
	errNoReply = errors.New("no server replied")
	errNoMatch = errors.New("reply is not to this query")
	errClosed  = errors.New("the connection was closed before a whole reply came")
)

// transport sends a query and waits for the reply to it.
type transport struct {
	timeout  time.Duration // of each try
	tries    int           // rounds over the servers
	tcp      bool          // begin with TCP
	ignoreTC bool          // take a truncated reply as it is
	failed   func(error)   // told of each try that brought no reply
}

// reply is a reply and how it came.
type reply struct {
	message []byte
	server  netip.AddrPort
	tcp     bool
	retried bool          // over TCP, since the reply over UDP was truncated
	time    time.Duration // from sending the query to having the reply
	ignored int           // datagrams of the server that were no reply to the query
}

// exchange asks one server after the other until one replies.
func (t *transport) exchange(ctx context.Context, query []byte, servers []netip.AddrPort) (reply, error) {
	for range t.tries {
		for _, server := range servers {
			r, err := t.ask(ctx, query, server)
			if err == nil {
				return r, nil
			}
			t.failed(err)
			if ctx.Err() != nil {
				return reply{}, ctx.Err()
			}
		}
	}
	return reply{}, errNoReply
}

// ask asks a server over UDP, and over TCP where that reply was truncated.
func (t *transport) ask(ctx context.Context, query []byte, server netip.AddrPort) (reply, error) {
	if t.tcp {
		return t.try(ctx, query, server, "tcp", receiveStream)
	}
	r, err := t.try(ctx, query, server, "udp", receiveDatagram)
	if err != nil || t.ignoreTC || !isTruncated(r.message) {
		return r, err
	}
	r, err = t.try(ctx, query, server, "tcp", receiveStream)
	r.retried = true
	return r, err
}

// try sends the query once and receives the reply.
func (t *transport) try(ctx context.Context, query []byte, server netip.AddrPort, network string,
	receive func(conn net.Conn, query []byte) (message []byte, ignored int, err error)) (r reply, err error) {
	defer func() {
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("no reply within %v", t.timeout)
		}
		if err != nil {
			err = fmt.Errorf("%s over %s: %w", serverText(server), network, err)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	start := time.Now()
	conn, err := dial(ctx, network, server)
	if err != nil {
		return reply{}, cause(err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(start) }) // a deadline that is over
	defer stop()
	out := query
	if network == "tcp" {
		out = append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...)
	}
	if _, err := conn.Write(out); err != nil {
		return reply{}, cause(err)
	}
	message, ignored, err := receive(conn, query)
	if err != nil {
		return reply{}, cause(err)
	}
	return reply{message: message, server: server, tcp: network == "tcp", time: time.Since(start), ignored: ignored}, nil
}

// dial connects to the server, over UDP from a port that cannot be guessed: a
// connected socket receives nothing from other addresses.
func dial(ctx context.Context, network string, server netip.AddrPort) (net.Conn, error) {
	var dialer net.Dialer
	if network == "udp" {
		const tries = 8 // a port may be taken
		for range tries {
			dialer.LocalAddr = &net.UDPAddr{Port: 1024 + int(randomUint16())%(65536-1024)}
			if conn, err := dialer.DialContext(ctx, network, server.String()); err == nil {
				return conn, nil
			}
		}
		dialer.LocalAddr = nil // the system chooses one, or says what is wrong
	}
	return dialer.DialContext(ctx, network, server.String())
}

// receiveDatagram waits for the datagram that is the reply.
func receiveDatagram(conn net.Conn, query []byte) (message []byte, ignored int, err error) {
	buf := make([]byte, 65535)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, ignored, err
		}
		if isReply(buf[:n], query) {
			return buf[:n], ignored, nil
		}
		ignored++
	}
}

// receiveStream reads one message (RFC 1035 4.2.2).
func receiveStream(conn net.Conn, query []byte) (message []byte, ignored int, err error) {
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return nil, 0, err
	}
	message = make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(conn, message); err != nil {
		return nil, 0, err
	}
	if !isReply(message, query) {
		return nil, 0, errNoMatch
	}
	return message, 0, nil
}

// isReply reports whether message answers query: its ID, its opcode and its
// question (RFC 5452 9.1). A server that could not read the query may leave
// the question out.
func isReply(message, query []byte) bool {
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

// randomUint16 is a number nobody can guess, for IDs and ports.
func randomUint16() uint16 {
	var b [2]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:])
}

// serverText is an address and a port as dig writes them.
func serverText(server netip.AddrPort) string {
	return fmt.Sprintf("%v#%d", server.Addr(), server.Port())
}
