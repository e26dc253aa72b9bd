package update

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/names-dns/names/wire"
)

// Client sends requests to one server over TCP.
type Client struct {
	Server  netip.AddrPort
	Key     *wire.TSIGKey // nil: requests are not signed, nor are replies
	Timeout time.Duration // of one request; 0: only the context ends it
	Dial    func(ctx context.Context, network, address string) (net.Conn, error)
}

// Send sends a request, and returns the reply, whatever its RCODE. An error says
// that there was no reply that can be trusted; the update may have been made all
// the same.
func (c *Client) Send(ctx context.Context, r *Request) (*wire.Message, error) {
	message, err := r.AppendTo(nil, 0)
	if err != nil {
		return nil, err
	}
	return c.send(ctx, message)
}

func randomID() uint16 {
	var id [2]byte
	rand.Read(id[:])
	return binary.BigEndian.Uint16(id[:])
}

var errNotReply = errors.New("reply is not to the request")

// send sends a message under another ID.
func (c *Client) send(ctx context.Context, message []byte) (*wire.Message, error) {
	if c.Timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		ctx = limited
	}
	dial := c.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", c.Server.String())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	reply, err := c.exchange(conn, message)
	if err != nil && ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return reply, err
}

func (c *Client) exchange(conn io.ReadWriter, message []byte) (*wire.Message, error) {
	frame := append([]byte{0, 0}, message...)
	id := randomID()
	binary.BigEndian.PutUint16(frame[2:], id)
	var session *wire.TSIGSession
	if c.Key != nil {
		signed, s, err := c.Key.Sign(frame[2:], time.Now())
		if err != nil {
			return nil, err
		}
		frame, session = append(frame[:2], signed...), s
	}
	if len(frame) > 2+65535 {
		return nil, wire.ErrNoSpace
	}
	binary.BigEndian.PutUint16(frame, uint16(len(frame)-2))
	if _, err := conn.Write(frame); err != nil {
		return nil, err
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	reply := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, reply); err != nil {
		return nil, err
	}
	if session != nil {
		if err := session.Verify(reply, time.Now()); err != nil {
			return nil, err
		}
	}
	m, err := wire.ParseMessage(reply)
	switch {
	case err != nil:
		return nil, fmt.Errorf("malformed reply: %w", err)
	case m.ID != id || !m.Flags.Has(wire.FlagQR) || m.Flags.Opcode() != wire.OpcodeUpdate:
		return nil, errNotReply
	}
	return m, nil
}
