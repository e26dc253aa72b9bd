package transfer

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

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// Primary is a server that a zone comes from.
type Primary struct {
	Address netip.AddrPort
	// Key signs what we send. Then every message from the primary has to be
	// signed with it too. Nil: neither is.
	Key *wire.TSIGKey
	// Source is the address of ours that connections come from. By default the
	// system chooses it.
	Source netip.Addr
	// Over opens connections to the primary otherwise than over TCP: over TLS (RFC
	// 9103), say. Nil: over TCP.
	Over *Transport
}

// Transport is another way to a primary than TCP.
type Transport struct {
	Name string // what the primary is called in errors and logs
	Dial Dialer // opens connections of network "tcp", the address being the primary's
}

// String is what the primary is called in errors and logs.
func (p *Primary) String() string {
	if p.Over != nil {
		return p.Over.Name
	}
	return p.Address.String()
}

// Limits bound what a primary may send. Zero values mean the defaults.
type Limits struct {
	Octets  int64         // of one transfer, also with its names written out. Default: 4 GiB
	Records int           // of one zone. Default: 50 million
	Time    time.Duration // of one transfer. Default: an hour
	Message time.Duration // until the next message has come. Default: 30 s
}

func (l *Limits) complete() {
	if l.Octets == 0 {
		l.Octets = 4 << 30
	}
	if l.Records == 0 {
		l.Records = 50_000_000
	}
	if l.Time == 0 {
		l.Time = time.Hour
	}
	if l.Message == 0 {
		l.Message = 30 * time.Second
	}
}

var (
	errNotAsked = errors.New("reply is not to what was asked")
	errTooLarge = errors.New("transfer is larger than the limit")
)

// connection is a connection to a primary: one query at a time, each with a
// reply of one or more messages.
type connection struct {
	conn     net.Conn
	newID    func() uint16
	key      *wire.TSIGKey
	plain    bool // without EDNS, which the primary does not understand
	limits   Limits
	left     int64 // octets that may still come
	unpacked int64 // octets of the records so far, their names written out: two octets may stand for 255
	buf      []byte
	reader   wire.MessageReader
	id       uint16
	asked    wire.Question
	session  *wire.TSIGSession // nil: not signed
	first    bool              // no message of the reply has come
	messages int               // that have come, of all replies
	expire   *uint32           // what the primary last said of the zone's expiry (RFC 7314)
}

func randomID() uint16 {
	var id [2]byte
	rand.Read(id[:])
	return binary.BigEndian.Uint16(id[:])
}

// expireQuery is the EDNS that asks when the zone expires (RFC 7314 4).
var expireQuery = wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionExpire, nil)}

// ask sends a query. ours, for IXFR, is the SOA record that we have (RFC 1995 3).
func (c *connection) ask(q wire.Question, ours ...wire.Record) error {
	c.id, c.asked, c.first, c.session = c.newID(), q, true, nil
	m := wire.Message{ID: c.id, Questions: []wire.Question{q}, Authority: ours} // RFC 5936 2.1.1: RD as 0
	if !c.plain {
		m.EDNS = &expireQuery
	}
	query, err := m.AppendTo(make([]byte, 0, 512))
	if err != nil {
		return err
	}
	if c.key != nil {
		if query, c.session, err = c.key.Sign(query, time.Now()); err != nil {
			return err
		}
	}
	c.conn.SetDeadline(time.Now().Add(c.limits.Message))
	_, err = c.conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(query))), query...))
	return err
}

// next reads a message of the reply, and checks that it is one. It is valid until the
// next call.
func (c *connection) next() (*wire.Message, error) {
	c.conn.SetDeadline(time.Now().Add(c.limits.Message))
	if c.buf == nil {
		c.buf = make([]byte, 16<<10)
	}
	message, err := frame.Read(c.conn, c.buf)
	if err != nil {
		return nil, endsEarly(err)
	}
	if c.left -= int64(2 + len(message)); c.left < 0 {
		return nil, errTooLarge
	}
	if len(message) > len(c.buf) {
		c.buf = message[:cap(message)]
	}
	c.messages++
	return c.check(message)
}

// endsEarly says what the end of a connection means here.
func endsEarly(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("primary closed the connection before the end: %w", io.ErrUnexpectedEOF)
	}
	return err
}

// check reports whether message belongs to the reply (RFC 5936 2.2).
func (c *connection) check(message []byte) (*wire.Message, error) {
	if c.session != nil {
		if err := c.session.Verify(message, time.Now()); err != nil {
			return nil, err
		}
	}
	m, err := c.reader.Parse(message)
	if err != nil {
		return nil, fmt.Errorf("malformed message: %w", err)
	}
	isSame := len(m.Questions) == 1 && m.Questions[0].Type == c.asked.Type && m.Questions[0].Class == c.asked.Class && m.Questions[0].Name.Equal(c.asked.Name)
	switch {
	case m.ID != c.id || !m.Flags.Has(wire.FlagQR) || m.Flags.Opcode() != wire.OpcodeQuery:
		return nil, errNotAsked
	case !isSame && (c.first || len(m.Questions) != 0): // RFC 5936 2.2.1: the first has to have it
		return nil, errNotAsked
	case m.RCode != wire.RCodeNoError:
		return nil, &refusedError{m.RCode}
	case m.Flags.Has(wire.FlagTC):
		return nil, errors.New("message is truncated")
	}
	c.first = false
	for i := range m.Answers {
		c.unpacked += int64(len(m.Answers[i].Name.Wire()) + recordFixed + len(m.Answers[i].Data))
	}
	if c.unpacked > c.limits.Octets {
		return nil, errTooLarge
	}
	if m.EDNS != nil {
		if data, ok := m.EDNS.Options.Find(wire.OptionExpire); ok && len(data) == 4 {
			seconds := binary.BigEndian.Uint32(data)
			c.expire = &seconds
		}
	}
	return m, nil
}

// recordFixed is what a record has between its owner and its data: type, class, TTL, length.
const recordFixed = 10

// refusedError is the RCODE of a primary that does not do what it was asked.
type refusedError struct{ rcode wire.RCode }

func (e *refusedError) Error() string { return fmt.Sprintf("primary replies %v", e.rcode) }

// isWithoutEDNS reports whether the primary may not understand EDNS (RFC 6891 7).
func isWithoutEDNS(err error) bool {
	refused, ok := errors.AsType[*refusedError](err)
	return ok && (refused.rcode == wire.RCodeFormErr || refused.rcode == wire.RCodeNotImp)
}

// serial asks for the SOA record of a zone.
func (c *connection) serial(zone wire.Name, class wire.Class) (wire.Serial, error) {
	if err := c.ask(wire.Question{Name: zone, Type: wire.TypeSOA, Class: class}); err != nil {
		return 0, err
	}
	m, err := c.next()
	if err != nil {
		return 0, err
	}
	if !m.Flags.Has(wire.FlagAA) {
		return 0, errors.New("primary is not authoritative for the zone") // RFC 1034 4.3.5
	}
	for _, r := range m.Answers {
		if r.Type == wire.TypeSOA && r.Class == class && r.Name.Equal(zone) {
			serial, _ := serialOf(r)
			return serial, nil
		}
	}
	return 0, errors.New("reply has no SOA record of the zone")
}

// zone transfers a whole zone, and checks it as a file is checked.
func (c *connection) zone(ctx context.Context, zone wire.Name, class wire.Class, source string) (*authority.Snapshot, error) {
	if err := c.ask(wire.Question{Name: zone, Type: wire.TypeAXFR, Class: class}); err != nil {
		return nil, err
	}
	r := newReceiver(zone, class, c.limits.Records, source)
	if err := c.receive(ctx, r); err != nil {
		return nil, err
	}
	return r.freeze()
}

// changes asks for what has changed since the version whose SOA record is ours. It
// returns the changes, none if there are none, or a whole zone.
func (c *connection) changes(ctx context.Context, ours wire.Record, source string) ([]authority.ChangeSet, *authority.Snapshot, error) {
	if err := c.ask(wire.Question{Name: ours.Name, Type: wire.TypeIXFR, Class: ours.Class}, ours); err != nil {
		return nil, nil, err
	}
	r := newReceiver(ours.Name, ours.Class, c.limits.Records, source)
	r.ours, r.hasOurs = serialOf(ours)
	if err := c.receive(ctx, r); err != nil {
		return nil, nil, err
	}
	if r.isWhole {
		s, err := r.freeze()
		return nil, s, err
	}
	return r.changes, nil, nil
}

// receive reads messages until r has a whole transfer. Nothing of it may be used
// before the last signature was verified.
func (c *connection) receive(ctx context.Context, r *receiver) error {
	for !r.done {
		m, err := c.next()
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		if err := r.take(m.Answers); err != nil {
			return err
		}
		if r.each != nil {
			c.reader = wire.MessageReader{} // the program may keep what it was called with
		}
	}
	if c.session != nil {
		return c.session.Close()
	}
	return nil
}

// firstProblem is the first of the errors that err lists.
func firstProblem(err error) error {
	var list *diagnostic.List
	if errors.As(err, &list) {
		for _, p := range list.Problems {
			if !p.Warning {
				return p
			}
		}
	}
	return err
}

// errDifferences is wrapped by what is wrong with an incremental transfer: the
// whole zone may still be right.
var errDifferences = errors.New("incremental transfer cannot be used")

// receiver collects the records of an AXFR (RFC 5936 2.2) or IXFR (RFC 1995 4).
// Nothing of it is seen by others; after an error it is dropped.
type receiver struct {
	zone     wire.Name
	class    wire.Class
	most     int
	source   string
	problems diagnostic.List
	builder  *authority.Builder // of a whole zone

	each func(r wire.Record) error // is called with each record, and nothing is collected

	ours    wire.Serial // if hasOurs: the version that IXFR starts from
	hasOurs bool

	soa     wire.Record // the first record
	serial  wire.Serial // of it
	count   int
	isWhole bool // it is a whole zone
	adding  bool // the last of changes has its second SOA record
	changes []authority.ChangeSet
	done    bool // the last SOA record has come
}

func newReceiver(zone wire.Name, class wire.Class, most int, source string) *receiver {
	return &receiver{zone: zone, class: class, most: most, source: source}
}

// freeze is the whole zone.
func (r *receiver) freeze() (*authority.Snapshot, error) {
	s, err := r.builder.Freeze()
	if err != nil {
		return nil, firstProblem(err)
	}
	return s, nil
}

// begin begins a whole zone with its SOA record.
func (r *receiver) begin() {
	r.isWhole = true
	if r.each != nil {
		return
	}
	r.builder = authority.NewBuilder(r.zone, r.class, &r.problems)
	r.builder.Source = r.source
	r.builder.Add(r.soa, diagnostic.Position{File: r.source, Line: 1})
}

func (r *receiver) take(records []wire.Record) error {
	if len(records) == 0 {
		return errors.New("message has no records")
	}
	for i := range records {
		err := r.one(records[i])
		if err == nil && r.each != nil {
			err = r.each(records[i])
		}
		if err != nil {
			return fmt.Errorf("record %d, %v %v: %w", r.count+1, records[i].Name, records[i].Type, err)
		}
		r.count++
	}
	if r.hasOurs && r.count == 1 && !r.ours.Less(r.serial) {
		r.done = true // RFC 1995 4: there is nothing newer
	}
	return nil
}

func (r *receiver) one(record wire.Record) error {
	isSOA := record.Type == wire.TypeSOA && record.Name.Equal(r.zone)
	switch {
	case r.done:
		return errors.New("it comes after the end of the zone")
	case record.Class != r.class:
		return fmt.Errorf("class is %v", record.Class)
	case !record.Name.HasSuffix(r.zone):
		return authority.ErrNotInZone
	case record.Type.IsQuestionOnly() || record.Type == wire.TypeOPT || record.Type == wire.TypeTSIG:
		return errors.New("zones have no records of that type")
	case r.count == 0 && !isSOA:
		return errors.New("the zone does not begin with its SOA record")
	case r.count > r.most:
		return fmt.Errorf("zone has more than %d records", r.most)
	case r.count == 0:
		r.soa = record.Clone()
		r.serial, _ = serialOf(record)
		if !r.hasOurs {
			r.begin()
		}
		return nil
	case r.count == 1 && r.hasOurs && !(isSOA && isSerial(record, r.ours)):
		r.begin() // RFC 1995 4: a whole zone instead
	}
	if r.isWhole {
		return r.whole(record, isSOA)
	}
	return r.change(record, isSOA)
}

func isSerial(soa wire.Record, want wire.Serial) bool {
	serial, ok := serialOf(soa)
	return ok && serial == want
}

// whole takes a record of a whole zone.
func (r *receiver) whole(record wire.Record, isSOA bool) error {
	if !isSOA {
		if r.each != nil {
			return nil
		}
		r.builder.Add(record, diagnostic.Position{File: r.source, Line: r.count + 1})
		return nil
	}
	if last, _ := serialOf(record); last != r.serial {
		return fmt.Errorf("serial number %v at the beginning is %v at the end", r.serial, last)
	}
	r.done = true
	return nil
}

// change takes a record of a difference: SOA records begin what is removed and what is
// added, one after the other, and the one of the last version ends it all.
func (r *receiver) change(record wire.Record, isSOA bool) error {
	last := len(r.changes) - 1
	if !isSOA {
		if r.each != nil {
			return nil
		}
		if r.adding {
			r.changes[last].Added = append(r.changes[last].Added, record.Clone())
		} else {
			r.changes[last].Removed = append(r.changes[last].Removed, record.Clone())
		}
		return nil
	}
	serial, ok := serialOf(record)
	switch {
	case !ok:
		return fmt.Errorf("%w: SOA record has another form", errDifferences)
	case last < 0:
		r.changes = append(r.changes, authority.ChangeSet{From: serial, Removed: []wire.Record{record.Clone()}})
	case !r.adding:
		c := &r.changes[last]
		if c.To = serial; !c.From.Less(serial) || r.serial.Less(serial) {
			return fmt.Errorf("%w: a change leads from serial number %v to %v, and the last is %v", errDifferences, c.From, serial, r.serial)
		}
		c.Added = append(c.Added, record.Clone())
		r.adding = true
	case serial != r.changes[last].To:
		return fmt.Errorf("%w: serial number %v follows %v", errDifferences, serial, r.changes[last].To)
	case serial == r.serial:
		r.done = true
	default:
		r.changes = append(r.changes, authority.ChangeSet{From: serial, Removed: []wire.Record{record.Clone()}})
		r.adding = false
	}
	return nil
}
