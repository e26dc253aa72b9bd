package names

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"os"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// Errors of a zone transfer.
var (
	ErrTransfer     = errors.New("malformed zone transfer")
	ErrZoneTooLarge = errors.New("zone exceeds the size limit")
)

// LookupZone transfers a whole zone (AXFR, RFC 5936) from the first server
// that begins to send it. The records come as they arrive, the SOA first; its
// repetition at the end is left out. If the transfer fails, the
// last pair has the error, and the records before it are not the whole zone.
//
// Each message may take as long as a server may take to reply, the zone as
// long as ctx allows; its size is bounded by MaxTransfer.
func (c *Client) LookupZone(ctx context.Context, zone string) iter.Seq2[wire.Record, error] {
	return func(yield func(wire.Record, error) bool) {
		if err := c.lookupZone(ctx, zone, func(r wire.Record) bool { return yield(r, nil) }); err != nil {
			yield(wire.Record{}, err)
		}
	}
}

// lookupZone gives the records to yield until that returns false.
func (c *Client) lookupZone(ctx context.Context, zone string, yield func(wire.Record) bool) error {
	fail := func(err error) error { return &Error{Name: zone, Type: wire.TypeAXFR, Err: err} }
	s, err := c.current()
	if err != nil {
		return fail(err)
	}
	name, err := c.config.parseName(zone)
	if err != nil {
		return fail(err)
	}
	if len(s.Servers) == 0 || c.config.Resolver != nil {
		return fail(errNoServers)
	}
	failure := fail(errNoServers)
	for _, server := range c.servers(s) {
		t := transfer{
			client: c, server: server, timeout: s.timeouts[0], yield: yield, left: c.config.MaxTransfer,
			question: wire.Question{Name: name, Type: wire.TypeAXFR, Class: wire.ClassIN},
		}
		err := t.run(ctx)
		var e *Error
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			failure = &Error{Name: zone, Type: wire.TypeAXFR, Server: server, Err: ctx.Err()}
		case errors.As(err, &e):
			failure = err
		default:
			failure = &Error{Name: zone, Type: wire.TypeAXFR, Server: server, Err: err}
		}
		if t.soa != nil || ctx.Err() != nil {
			return failure // the caller has a part of it already
		}
	}
	return failure
}

// transfer is one zone on its way from one server.
type transfer struct {
	client   *Client
	server   netip.AddrPort
	question wire.Question
	timeout  time.Duration // of one message
	yield    func(wire.Record) bool

	id   uint16
	left int64        // octets that may still come
	soa  *wire.Record // nil until it has come
	done bool         // the second SOA came, or the caller wants no more
}

func (t *transfer) run(ctx context.Context) error {
	querier := Querier{Dial: t.client.config.Dial}
	dialing, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	conn, err := querier.dial(dialing, "tcp", t.server.String())
	if err != nil {
		return t.late(err)
	}
	defer conn.Close()
	defer expireWith(ctx, conn)()
	t.id = randomUint16()
	query := wire.AppendQuery(nil, t.id, 0, t.question, nil) // RFC 5936 2.1.1: RD as 0
	conn.SetWriteDeadline(time.Now().Add(t.timeout))
	if err := frame.Write(conn, query); err != nil {
		return t.late(err)
	}
	for !t.done {
		conn.SetReadDeadline(time.Now().Add(t.timeout))
		if ctx.Err() != nil {
			return ctx.Err() // the deadline it had set is gone
		}
		message, err := frame.Read(conn, nil)
		if err != nil {
			return t.late(err)
		}
		if t.left -= int64(2 + len(message)); t.left < 0 {
			return ErrZoneTooLarge
		}
		if err := t.take(message); err != nil {
			return err
		}
	}
	return nil
}

// late says how long it waited if that was too long.
func (t *transfer) late(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return &lateError{t.timeout}
	}
	return cause(err)
}

// take hands on the records of one message.
func (t *transfer) take(message []byte) error {
	m, err := wire.ParseMessage(message)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if err := t.check(m); err != nil {
		return err
	}
	for i, r := range m.Answers {
		switch {
		case t.soa == nil && !t.isSOA(r):
			return fmt.Errorf("%w: it begins with %v %v, not the SOA of the zone", ErrTransfer, r.Name, r.Type)
		case t.soa == nil:
			t.soa = &r
		case t.isSOA(r):
			t.done = true
			switch {
			case serial(r) != serial(*t.soa):
				return fmt.Errorf("%w: serial %d became %d on the way", ErrTransfer, serial(*t.soa), serial(r))
			case i != len(m.Answers)-1:
				return fmt.Errorf("%w: records after the last SOA", ErrTransfer)
			}
			return nil
		case r.Class != t.question.Class || !r.Name.HasSuffix(t.question.Name):
			continue // addresses of servers outside the zone, which some send along
		}
		if !t.yield(r) {
			t.done = true
			return nil
		}
	}
	return nil
}

// check reports whether m belongs to this transfer (RFC 5936 2.2).
func (t *transfer) check(m *wire.Message) error {
	if m.ID != t.id || !m.Flags.Has(wire.FlagQR) || m.Flags.Opcode() != wire.OpcodeQuery {
		return errNoMatch
	}
	if err := replyError(t.question, m, source{server: t.server}); err != nil {
		return err
	}
	switch {
	case len(m.Questions) == 0 && t.soa != nil: // RFC 5936 2.2.1: only the first has to have it
	case len(m.Questions) != 1, !isSameQuestion(m.Questions[0], t.question):
		return errNoMatch
	}
	switch {
	case m.Flags.Has(wire.FlagTC):
		return fmt.Errorf("%w: a message is truncated", ErrTransfer)
	case len(m.Answers) == 0 && t.soa == nil:
		return fmt.Errorf("%w: it is empty", ErrTransfer)
	}
	return nil
}

func isSameQuestion(a, b wire.Question) bool {
	return a.Type == b.Type && a.Class == b.Class && a.Name.Equal(b.Name)
}

// isSOA reports whether r begins and ends the zone.
func (t *transfer) isSOA(r wire.Record) bool {
	return r.Type == wire.TypeSOA && r.Class == t.question.Class && r.Name.Equal(t.question.Name)
}

// serial is the serial of an SOA record.
func serial(r wire.Record) wire.Serial {
	var soa wire.SOA
	c := wire.CursorOver(r.Data)
	if soa.Parse(&c) != nil {
		return 0 // cannot be: the message was read
	}
	return soa.Serial
}
