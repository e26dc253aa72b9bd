package transfer

import (
	"context"
	"errors"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Request is a zone, or what has changed in it, that a program asks a server for.
type Request struct {
	Zone  wire.Name
	Class wire.Class // zero means IN
	// From, if Incremental is set, is the version since which changes are wanted
	// (IXFR). The server may send the whole zone instead.
	Incremental bool
	From        wire.Serial
	Limits      Limits
	Dial        Dialer // by default that of the operating system
}

// Fetched tells what came.
type Fetched struct {
	Messages, Records int
	Octets            int64
	IsWhole           bool // it is a whole zone
}

// Fetch asks a server, and calls record with each record of the reply in its order, all
// SOA records included. What it is called with is the reply only if Fetch returns nil: until
// then the end is missing, and the last signature.
func Fetch(ctx context.Context, p Primary, q Request, record func(r wire.Record) error) (f Fetched, err error) {
	err = q.over(ctx, p, &f, func(ctx context.Context, c *connection) error {
		question := wire.Question{Name: q.Zone, Type: wire.TypeAXFR, Class: q.Class}
		r := newReceiver(q.Zone, q.Class, c.limits.Records, "transfer from "+p.String())
		r.each = record
		var ours []wire.Record
		if q.Incremental {
			question.Type = wire.TypeIXFR
			r.ours, r.hasOurs = q.From, true
			soa, err := wire.NewRecord(q.Zone, q.Class, 0, &wire.SOA{Primary: wire.Root, Mailbox: wire.Root, Serial: q.From})
			if err != nil {
				return err
			}
			ours = append(ours, soa)
		}
		if err := c.ask(question, ours...); err != nil {
			return err
		}
		if err := c.receive(ctx, r); err != nil {
			return err
		}
		f.Records, f.IsWhole = r.count, r.isWhole || !q.Incremental
		return nil
	})
	return f, err
}

// FetchZone transfers a whole zone, and checks it as a file is checked.
func FetchZone(ctx context.Context, p Primary, q Request) (s *authority.Snapshot, f Fetched, err error) {
	err = q.over(ctx, p, &f, func(ctx context.Context, c *connection) (err error) {
		s, err = c.zone(ctx, q.Zone, q.Class, "transfer from "+p.String())
		return err
	})
	if err == nil {
		f.Records, f.IsWhole = s.Records()+1, true
	}
	return s, f, err
}

// over does something over a connection of its own.
func (q *Request) over(ctx context.Context, p Primary, f *Fetched, do func(ctx context.Context, c *connection) error) error {
	if q.Class == 0 {
		q.Class = wire.ClassIN
	}
	limits := q.Limits
	limits.complete()
	pool := Pool{Dial: q.Dial}
	ctx, cancel := context.WithTimeoutCause(ctx, limits.Time, errors.New("transfer took too long"))
	defer cancel()
	for plain := false; ; plain = true {
		l, err := pool.get(ctx, p, limits.Message, true)
		if err != nil {
			return err
		}
		c := &connection{conn: l, newID: randomID, key: p.Key, plain: plain, limits: limits, left: limits.Octets}
		stop := context.AfterFunc(ctx, func() { l.SetDeadline(time.Unix(1, 0)); l.Close() })
		err = do(ctx, c)
		stop()
		l.put(false)
		if cause := context.Cause(ctx); err != nil && cause != nil {
			err = cause
		}
		if !plain && isWithoutEDNS(err) && c.messages == 1 {
			continue
		}
		f.Messages, f.Octets = c.messages, limits.Octets-c.left
		return err
	}
}
