package transfer

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Sender answers AXFR (RFC 5936) and IXFR (RFC 1995) from zones. It passes on
// everything else, so it comes before the zones.
//
// A client that reads slowly is held to the server's time for each message, and
// to MaxTime for all of them.
type Sender struct {
	Zones  *authority.Set
	Access names.PeerMatcher // to zones that ZoneAccess has nothing of; nil: no client
	// ZoneAccess returns who may have a zone, nil to use Access. It may be nil.
	ZoneAccess func(z *authority.Zone) names.PeerMatcher
	// Condense reports whether the changes of a zone are sent as one (RFC 1995 5).
	// It may be nil.
	Condense func(z *authority.Zone) bool
	// Expires returns when a zone expires that is a copy of another server's (RFC
	// 7314 3.3). It may be nil.
	Expires func(z *authority.Zone) (left time.Duration, ok bool)

	History Differences   // may be nil: then IXFR is answered with whole zones
	MaxTime time.Duration // of one transfer. Default: an hour
	Counts  *SenderCounters
	Log     *slog.Logger // of transfers that were sent; may be nil
}

// Differences knows what has changed between versions of a zone: a [History] or a
// journal.
type Differences interface {
	// Between returns the changes that lead from one version to the other, nil if
	// that is not known, or not worth it. They are not to be written to.
	Between(z *authority.Zone, from, to wire.Serial) []authority.ChangeSet
}

const defaultMaxTime = time.Hour

var errTooSlow = errors.New("client takes the zone too slowly")

// TryResolve answers what needs no stream: refusals, and the SOA alone. Replies to
// queries for the SOA record get the EXPIRE option if they ask for it.
func (s *Sender) TryResolve(x *names.Exchange) error {
	switch q := &x.Query.Question; {
	case q.Type == wire.TypeSOA && x.Query.HasEDNS && len(x.Query.EDNS.Options) > 0:
		if zone := s.Zones.Find(q.Name, q.Class); zone != nil {
			s.addExpire(x, zone)
		}
		return names.ErrPass
	case !isTransfer(q.Type):
		return names.ErrPass
	}
	reply, err := s.prepare(x)
	if err != names.ErrPass {
		x.MarkAnswered("transfer")
	}
	if err != nil || reply == nil {
		return err
	}
	x.Restart()
	return names.ErrSlow
}

// Resolve sends the zone.
func (s *Sender) Resolve(_ context.Context, x *names.Exchange) error {
	if !isTransfer(x.Query.Question.Type) {
		return names.ErrPass
	}
	reply, err := s.prepare(x)
	if err != names.ErrPass {
		x.MarkAnswered("transfer")
	}
	if err != nil || reply == nil {
		return err
	}
	if !x.CanStream() {
		x.RCode = wire.RCodeRefused // HTTPS has replies of one message
		return nil
	}
	began := time.Now()
	s.findChanges(reply)
	most := s.MaxTime
	if most == 0 {
		most = defaultMaxTime
	}
	sent, err := reply.send(x, began.Add(most))
	s.count(reply, sent, err)
	if err != nil {
		return fmt.Errorf("transfer of zone %s to %s: %w", reply.after.Origin(), x.Peer.Remote, err)
	}
	if s.Log != nil {
		s.Log.Info("zone sent", "zone", reply.after.Origin().String(), "serial", reply.after.Serial().String(), "client", x.Peer.Remote.String(),
			"incremental", reply.changes != nil, "records", sent, "took", time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// addExpire adds the EXPIRE option if the client asks for it (RFC 7314 3.2): a
// primary's zone does not expire, and the option has the time in the SOA record.
func (s *Sender) addExpire(x *names.Exchange, zone *authority.Zone) {
	snapshot := zone.Snapshot()
	if _, asked := x.Query.EDNS.Options.Find(wire.OptionExpire); !asked || !x.Query.HasEDNS || snapshot == nil {
		return
	}
	if _, isThere := x.ReplyEDNS.Options.Find(wire.OptionExpire); isThere {
		return // from before the query was found to be slow
	}
	expire := soaOf(snapshot).Expire
	if s.Expires != nil {
		if left, ok := s.Expires(zone); ok {
			expire = uint32(min(left/time.Second, 1<<32-1))
		}
	}
	x.AddOption(wire.OptionExpire, binary.BigEndian.AppendUint32(nil, expire))
}

// allows reports whether the client may have a zone.
func (s *Sender) allows(zone *authority.Zone, p *names.Peer) bool {
	access := s.Access
	if s.ZoneAccess != nil {
		if a := s.ZoneAccess(zone); a != nil {
			access = a
		}
	}
	return access != nil && access.Matches(p)
}

// count counts a transfer.
func (s *Sender) count(r *reply, records int, err error) {
	if s.Counts == nil {
		return
	}
	s.Counts.records.Add(uint64(records))
	switch {
	case err != nil:
		s.Counts.failed.Add(1)
	case r.changes != nil:
		s.Counts.incremental.Add(1)
	default:
		s.Counts.whole.Add(1)
	}
}

func isTransfer(t wire.Type) bool { return t == wire.TypeAXFR || t == wire.TypeIXFR }

// prepare decides what the client gets, before any work is done. If it returns
// no reply, x has its answer already.
func (s *Sender) prepare(x *names.Exchange) (*reply, error) {
	q := x.Query.Question
	x.Reply.Flags &^= wire.FlagCD
	zone := s.Zones.Find(q.Name, q.Class)
	switch {
	case zone == nil:
		x.RCode = wire.RCodeNotAuth // RFC 5936 2.2.1
		return nil, nil
	case !s.allows(zone, &x.Peer):
		if s.Counts != nil {
			s.Counts.refused.Add(1)
		}
		x.RCode = wire.RCodeRefused
		return nil, nil
	case q.Type == wire.TypeAXFR && x.Peer.Transport == names.UDP:
		x.RCode = wire.RCodeFormErr // RFC 5936 4.2: it is not defined
		return nil, nil
	}
	after := zone.Snapshot()
	if after == nil {
		if zone.State() == authority.Expired {
			return nil, authority.ErrExpired
		}
		return nil, authority.ErrNotLoaded
	}
	x.Reply.Flags |= wire.FlagAA // RFC 5936 2.2.1
	s.addExpire(x, zone)
	r := &reply{zone: zone, after: after}
	if q.Type == wire.TypeAXFR {
		return r, nil
	}
	has, ok := serialAsked(x)
	switch {
	case !ok:
		x.Reply.Flags &^= wire.FlagAA
		x.RCode = wire.RCodeFormErr
		return nil, nil
	case !has.Less(after.Serial()), x.Peer.Transport == names.UDP:
		// RFC 1995 2: the client is up to date, or comes back over TCP.
		if s.Counts != nil {
			s.Counts.current.Add(1)
		}
		return nil, put(x, r.soa())
	}
	r.has, r.mayDiffer = has, true
	return r, nil
}

// findChanges finds what has changed since the version that the client has, which can take
// reading the disk. If that is not known, the whole zone is sent.
func (s *Sender) findChanges(r *reply) {
	if !r.mayDiffer || s.History == nil {
		return
	}
	changes := s.History.Between(r.zone, r.has, r.after.Serial())
	if len(changes) > 1 && s.Condense != nil && s.Condense(r.zone) {
		changes = condense(changes)
	}
	if recordsOf(changes) <= r.after.Records() { // RFC 1995 4: otherwise the whole zone is less
		r.changes = changes
	}
}

// serialAsked is the version that the client has (RFC 1995 3).
func serialAsked(x *names.Exchange) (serial wire.Serial, ok bool) {
	m, err := wire.ParseMessage(x.Query.Message)
	if err != nil || len(m.Authority) != 1 || m.Authority[0].Type != wire.TypeSOA || !m.Authority[0].Name.Equal(x.Query.Question.Name) {
		return 0, false
	}
	return serialOf(m.Authority[0])
}

// serialOf is the serial number of an SOA record.
func serialOf(r wire.Record) (serial wire.Serial, ok bool) {
	var soa wire.SOA
	c := wire.CursorOver(r.Data)
	err := soa.Parse(&c)
	return soa.Serial, err == nil && c.Close() == nil
}

// reply is one transfer that is sent.
type reply struct {
	zone      *authority.Zone
	after     *authority.Snapshot
	has       wire.Serial           // the version of the client, if mayDiffer
	mayDiffer bool                  // the client takes what has changed since
	changes   []authority.ChangeSet // nil: the whole zone is sent
}

func (r *reply) soa() wire.Record {
	for record := range r.after.Unsorted() {
		return record
	}
	return wire.Record{} // cannot be: every zone has one
}

// send sends the transfer, in messages as long as they may be. It returns how
// many records it has sent.
func (r *reply) send(x *names.Exchange, until time.Time) (sent int, err error) {
	o := output{x: x, zone: r.after.Origin(), until: until}
	o.pace.begin()
	o.writer.Begin(&x.Reply, o.zone)
	soa := r.soa()
	if r.changes == nil { // RFC 5936 2.2: the SOA first
		err = o.putAll(r.after.Cursor())
	} else { // RFC 1995 4
		err = o.put(&soa)
		for _, c := range r.changes {
			for _, part := range [][]wire.Record{c.Removed, c.Added} {
				for i := 0; i < len(part) && err == nil; i++ {
					err = o.put(&part[i])
				}
			}
		}
	}
	if err == nil {
		err = o.put(&soa)
	}
	return o.sent, err
}

// output writes the messages of a transfer.
type output struct {
	x      *names.Exchange
	zone   wire.Name
	writer wire.ZoneWriter
	pace   pace
	until  time.Time
	sent   int // records
}

// put appends a record to the message, or sends that and appends it to the next.
func (o *output) put(r *wire.Record) error {
	err := o.writer.Record(r.Name, r.Type, r.Class, r.TTL, r.Data)
	if err != nil {
		if err = o.next(err); err == nil {
			err = o.writer.Record(r.Name, r.Type, r.Class, r.TTL, r.Data)
		}
	}
	if err == nil {
		o.sent++
	}
	return err
}

// putAll appends all records of a zone.
func (o *output) putAll(c authority.Cursor) error {
	for {
		n, err := c.Write(&o.writer)
		o.sent += n
		if err == nil {
			return nil
		}
		if err := o.next(err); err != nil {
			return err
		}
	}
}

// next sends the message and begins the next, if the cause is that it is full.
func (o *output) next(cause error) error {
	switch {
	case !errors.Is(cause, wire.ErrNoSpace), o.x.Reply.Count(wire.SectionAnswer) == 0:
		return cause
	case time.Now().After(o.until):
		return fmt.Errorf("%w: %w", names.ErrGone, errTooSlow)
	}
	o.pace.made()
	if err := o.x.NextMessage(); err != nil {
		return err
	}
	o.pace.sent()
	o.pace.pause()
	o.writer.Begin(&o.x.Reply, o.zone)
	return nil
}

// condense makes one change of several (RFC 1995 5).
func condense(changes []authority.ChangeSet) []authority.ChangeSet {
	var one authority.Sum
	for _, c := range changes {
		one.Add(c)
	}
	return []authority.ChangeSet{one.Changes()}
}

// put appends a record to the reply.
func put(x *names.Exchange, r wire.Record) error {
	return x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data)
}
