package doq

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/wire"
)

// Dial opens a connection of its own to a server, from one of our addresses, or any of
// them if from is not valid. It is for what is made for TCP, and asks one query after the
// other: transfers of zones (RFC 9250 4.4, RFC 9103). Each query, written with its length before
// it, has a stream of its own; what is read is the reply to the last one.
func Dial(ctx context.Context, c *encrypted.Client, from netip.Addr) (net.Conn, error) {
	return encrypted.First(ctx, c, func(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
		var local *net.UDPAddr // any
		if from.IsValid() {
			local = net.UDPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
		}
		socket, err := net.ListenUDP("udp", local)
		if err != nil {
			return nil, err
		}
		transport, patient := &quic.Transport{Conn: socket}, config()
		patient.HandshakeIdleTimeout = transferHandshakeTime
		conn, err := transport.Dial(ctx, net.UDPAddrFromAddrPort(address), c.TLS("doq"), patient)
		if err != nil {
			transport.Close()
			socket.Close()
			return nil, err
		}
		return &streamConn{Conn: conn, transport: transport, socket: socket}, nil
	})
}

// transferHandshakeTime is how long a server may say nothing before the connection is
// open: no client waits, and ctx has a limit.
const transferHandshakeTime = 15 * time.Second

// streamConn is a connection over QUIC that is used like one over TCP, by one goroutine at a
// time; any goroutine may close it.
type streamConn struct {
	*quic.Conn
	transport *quic.Transport
	socket    *net.UDPConn

	unsent []byte  // the beginning of a query
	id     [2]byte // of the last query, which has none on its way
	head   []byte  // of a message, that was read and not taken yet
	room   [4]byte // for head
	left   int     // octets of the message that follow head

	mu       sync.Mutex // guards what follows; nothing is waited for under it
	stream   *quic.Stream
	deadline time.Time
}

// Write sends the queries that are whole.
func (c *streamConn) Write(b []byte) (int, error) {
	c.unsent = append(c.unsent, b...)
	for len(c.unsent) >= 2 {
		length := 2 + int(binary.BigEndian.Uint16(c.unsent))
		if len(c.unsent) < length {
			break
		}
		if err := c.send(c.unsent[:length]); err != nil {
			return 0, err
		}
		c.unsent = c.unsent[:copy(c.unsent, c.unsent[length:])]
	}
	return len(b), nil
}

// send sends a query on a new stream, with the ID 0 (RFC 9250 4.2.1).
func (c *streamConn) send(query []byte) error {
	if len(query) < 2+wire.HeaderLen {
		return fmt.Errorf("query of %d octets has no header", len(query)-2)
	}
	c.mu.Lock()
	last, deadline := c.stream, c.deadline
	c.mu.Unlock()
	if last != nil {
		last.CancelRead(noError) // if its end has not come
	}
	ctx, cancel := context.Background(), context.CancelFunc(func() {})
	if !deadline.IsZero() {
		ctx, cancel = context.WithDeadline(ctx, deadline)
	}
	defer cancel()
	stream, err := c.OpenStreamSync(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return os.ErrDeadlineExceeded
	case err != nil:
		return closed(err)
	}
	c.mu.Lock()
	c.stream = stream
	stream.SetDeadline(c.deadline)
	c.mu.Unlock()
	c.head, c.left = nil, 0
	copy(c.id[:], query[2:])
	query[2], query[3] = 0, 0
	if _, err := stream.Write(query); err != nil {
		return err
	}
	return stream.Close() // RFC 9250 4.2: no more is sent
}

// Read reads the reply to the last query, which gets the ID that this had.
func (c *streamConn) Read(b []byte) (int, error) {
	c.mu.Lock()
	stream := c.stream
	c.mu.Unlock()
	if stream == nil {
		return 0, io.EOF // nothing was asked
	}
	if len(c.head) == 0 && c.left == 0 {
		head := c.room[:]
		if _, err := io.ReadFull(stream, head); err != nil {
			return 0, err
		}
		length := int(binary.BigEndian.Uint16(head))
		if length < wire.HeaderLen {
			return 0, fmt.Errorf("message of %d octets has no header", length)
		}
		copy(head[2:], c.id[:])
		c.head, c.left = head, length-2
	}
	if len(c.head) > 0 {
		n := copy(b, c.head)
		c.head = c.head[n:]
		return n, nil
	}
	n, err := stream.Read(b[:min(len(b), c.left)])
	c.left -= n
	if err == io.EOF && c.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	if n > 0 && err == io.EOF {
		err = nil // comes again
	}
	return n, err
}

// SetDeadline bounds what waits, and what will.
func (c *streamConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.stream != nil {
		return c.stream.SetDeadline(t)
	}
	return nil
}

func (c *streamConn) SetReadDeadline(t time.Time) error  { return c.SetDeadline(t) }
func (c *streamConn) SetWriteDeadline(t time.Time) error { return c.SetDeadline(t) }

// Close ends the connection.
func (c *streamConn) Close() error {
	err := c.CloseWithError(noError, "")
	c.transport.Close()
	c.socket.Close()
	return err
}
