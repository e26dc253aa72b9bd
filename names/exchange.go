package names

import "github.com/names-dns/names/wire"

// Exchange is one query and the reply that is being appended to the buffer it
// will be sent from.
//
// A server keeps one for each of its loops and wipes it for every query. Its
// life: [Exchange.Read] takes the query apart, [Exchange.Begin] starts the
// reply, a resolver appends records to Reply, [Exchange.Finish] adds the OPT
// record and returns the packet.
type Exchange struct {
	Query wire.Query // points into the packet as it arrived
	Peer  Peer

	// Reply is the message being written. It holds the question already;
	// resolvers set AA in its Flags, set RCode, and append records. They leave
	// the question, the other flags and OPT alone.
	Reply wire.Writer
	RCode wire.RCode
	// ReplyEDNS goes out as the OPT record of the reply if the query had one.
	// Resolvers add options with AddOption, which keeps room for them; the
	// server fills in the rest.
	ReplyEDNS wire.EDNS

	isMalformed bool      // the query could not be read to its end
	began       wire.Mark // behind the question: where Restart goes back to
	options     [replyOptions]byte
}

// replyOptions is how many octets of reply options need no allocation: those
// of a padded reply, too.
const replyOptions = 768

// Question is what is asked.
func (x *Exchange) Question() wire.Question { return x.Query.Question }

// DO reports whether the asker wants DNSSEC records (RFC 3225).
func (x *Exchange) DO() bool { return x.Query.HasEDNS && x.Query.EDNS.DO() }

// Read takes query apart and forgets what x held before. The query is lent to
// x until the next Read.
//
// It returns the RCODE the reply must have - NOERROR where x may be given to a
// resolver - or [ErrDrop] for what must not be answered at all: less than a
// header, and responses, for an answered response could be the first of a loop.
func (x *Exchange) Read(query []byte, peer Peer) (wire.RCode, error) {
	x.Peer = peer
	return x.ReadQuery(query)
}

// ReadQuery is [Exchange.Read] for those who have set x.Peer.
func (x *Exchange) ReadQuery(query []byte) (wire.RCode, error) {
	return x.open(x.Query.Parse(query))
}

// ReadParsed is [Exchange.ReadQuery] of a query that was parsed elsewhere; err
// is what [wire.Query.Parse] returned.
func (x *Exchange) ReadParsed(q *wire.Query, err error) (wire.RCode, error) {
	x.Query = *q
	return x.open(err)
}

// open forgets what x held before Query, which was parsed with err.
func (x *Exchange) open(err error) (wire.RCode, error) {
	x.RCode = wire.RCodeNoError
	x.ReplyEDNS = wire.EDNS{Options: x.options[:0]}
	x.isMalformed = err != nil
	if len(x.Query.Message) < wire.HeaderLen || x.Query.Header.Flags.Has(wire.FlagQR) {
		return 0, ErrDrop
	}
	return x.verdict(), nil
}

// verdict is the RCODE that what was read deserves.
func (x *Exchange) verdict() wire.RCode {
	q := &x.Query
	if q.Header.Flags.Opcode() != wire.OpcodeQuery {
		// RFC 8906 3.1.4. The message of another opcode may look in any way.
		return wire.RCodeNotImp
	}
	if rcode := x.CheckMessage(); rcode != wire.RCodeNoError {
		return rcode
	}
	switch {
	case q.Question.Name.IsZero(), q.Header.Counts[wire.SectionAnswer] != 0:
		return wire.RCodeFormErr
	case q.Question.Class == wire.ClassNone, q.Question.Class == wire.ClassAny, q.Question.Class == 0:
		return wire.RCodeFormErr // nothing is stored in a class that stands for several or for none
	case q.Question.Type == wire.TypeNone, q.Question.Type == wire.TypeOPT:
		return wire.RCodeFormErr
	}
	return wire.RCodeNoError
}

// CheckMessage returns the RCODE that what was read deserves whatever its
// opcode: it is for those who know an opcode for which Read said NOTIMP.
// NOERROR means that the message is whole, has one question or none, and at
// most one OPT record, of a version that is known.
func (x *Exchange) CheckMessage() wire.RCode {
	switch {
	case x.isMalformed:
		return wire.RCodeFormErr
	case x.Query.HasEDNS && x.Query.EDNS.Version != 0:
		return wire.RCodeBadVers // RFC 6891 6.1.3
	}
	return wire.RCodeNoError
}

// Begin starts the reply in buf, which should have room for limit and
// [wire.WriterSlack] octets: the ID, the opcode, RD and CD of the query (RFC
// 1035 4.1.1, RFC 4035 3.2.2) and its question if it has a readable one. The
// limit includes the OPT record, for which room is kept.
func (x *Exchange) Begin(buf []byte, limit int) {
	x.Reply.Reset(buf[:0], limit)
	h := x.Query.Header
	x.Reply.ID = h.ID
	x.Reply.Flags = wire.FlagQR | h.Flags&(wire.FlagRD|wire.FlagCD)
	x.Reply.Flags = x.Reply.Flags.WithOpcode(h.Flags.Opcode())
	if !x.Query.Question.Name.IsZero() {
		x.Reply.Question(x.Query.Question) // always fits: no limit is below 512
	}
	if x.Query.HasEDNS {
		x.Reply.Reserve(x.ReplyEDNS.Len())
	}
	x.Reply.SetSection(wire.SectionAnswer)
	x.began = x.Reply.Mark()
}

// Restart takes back all a resolver has done to the reply, EDNS options excepted.
func (x *Exchange) Restart() {
	x.Reply.Rollback(x.began)
	x.Reply.Flags &= serverFlags
	x.RCode = wire.RCodeNoError
}

// serverFlags are those a resolver leaves alone: what the query said, and what
// holds for all replies of a server.
const serverFlags = wire.FlagQR | wire.FlagRD | wire.FlagCD | wire.FlagRA | 0xF<<11

// Untouched reports whether the reply is as Begin left it, EDNS options excepted.
func (x *Exchange) Untouched() bool {
	return x.Reply.Mark() == x.began && x.RCode == wire.RCodeNoError && x.Reply.Flags&^serverFlags == 0
}

// Truncate empties the reply and sets TC: the asker should come back over TCP.
func (x *Exchange) Truncate() {
	x.Reply.Rollback(x.began)
	x.Reply.Flags |= wire.FlagTC
}

// AddOption appends an EDNS option to the reply's OPT record and keeps room
// for it. It is left out, and false returned, where the query had no OPT or
// the reply has no room left.
func (x *Exchange) AddOption(code wire.OptionCode, data []byte) bool {
	if !x.Query.HasEDNS || !x.Reply.Reserve(4+len(data)) {
		return false
	}
	x.ReplyEDNS.Options = x.ReplyEDNS.Options.AppendOption(code, data)
	return true
}

// Finish writes OPT and header and returns the packet, which is lent until the
// reply's buffer is used again. Whoever calls it has filled ReplyEDNS and the
// flags that are the server's.
//
// An RCODE above 15 cannot be said to an asker without EDNS (RFC 6891 6.1.3):
// it becomes SERVFAIL.
func (x *Exchange) Finish() []byte {
	if x.RCode > 15 && !x.Query.HasEDNS {
		x.RCode = wire.RCodeServFail
	}
	x.Reply.Flags = x.Reply.Flags.WithRCode(x.RCode)
	x.Reply.Release()
	if x.Query.HasEDNS {
		x.ReplyEDNS.Extended = uint8(x.RCode >> 4)
		x.Reply.EDNS(&x.ReplyEDNS) // fits: room was kept for all of it
	}
	return x.Reply.Finish()
}

// Detach returns a copy of x that shares nothing with it, for those who answer
// later. The copy may go on writing the reply where x was.
func (x *Exchange) Detach() *Exchange {
	d := &Exchange{}
	x.DetachInto(d)
	return d
}

// DetachInto is [Exchange.Detach] into an exchange used before, whose buffers
// it uses again.
func (x *Exchange) DetachInto(d *Exchange) {
	message, reply := d.Query.Message[:0], d.Reply.Buffer()[:0]
	*d = *x
	d.ReplyEDNS.Options = append(d.options[:0], x.ReplyEDNS.Options...)
	d.Query.Parse(append(message, x.Query.Message...))
	// Room for nearly every reply; the few that are longer, over streams, make
	// it themselves.
	limit := d.Reply.Limit()
	d.Reply.SetLimit(min(limit, detachedRoom))
	d.Reply.MoveTo(reply)
	d.Reply.SetLimit(limit)
}

// detachedRoom is how many octets of reply a detached exchange has room for at
// first.
const detachedRoom = 4096
