package names

import (
	"time"

	"github.com/names-dns/names/wire"
)

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
	// Received is when the server received the query, if it looked at the clock:
	// the zero value otherwise.
	Received time.Time

	// Reply is the message being written. It holds the question already;
	// resolvers set AA in its Flags, set RCode, and append records. They leave
	// the question, the other flags and OPT alone.
	Reply wire.Writer
	RCode wire.RCode
	// ReplyEDNS goes out as the OPT record of the reply if the query had one.
	// Resolvers add options with AddOption, which keeps room for them, and set
	// flags of the query that they alone know how to honour; the server fills in
	// the rest.
	ReplyEDNS wire.EDNS
	// LeadsOn says that the answer is not the whole one, though its resolver has
	// no more: it ends at the target of an alias, or at a zone cut, and
	// other resolvers may know the rest. [Complete] goes on from there. Resolvers
	// that return nil set it; servers do not look at it.
	LeadsOn bool
	// Derived says that the answer was made from others that are cached: to keep it
	// as well is not worth the room. Resolvers that return nil set it.
	Derived bool
	// Wildcard is how many octets at the end of the question's name are the closest
	// encloser of the wildcard that the answer was made from (RFC 4592): as many names
	// have that answer as clients can think of. 0: it was not made from one. Resolvers
	// that own wildcards set it.
	Wildcard int
	// AnsweredBy is the name of the resolver that has answered, for logs and
	// counters: "zone", "cache", "forwarder", "recursor", "hosts" and "local" are
	// those of this module. Resolvers set it with MarkAnswered, or do not.
	AnsweredBy string

	signer  Signer        // of each message of the reply
	sender  MessageSender // of all messages of the reply but the last
	began   wire.Mark     // after the question: where Restart goes back to
	options [replyOptions]byte
}

// replyOptions is how many octets of reply options need no allocation: those
// of a padded reply, too.
const replyOptions = 768

// Question is what is asked.
func (x *Exchange) Question() wire.Question { return x.Query.Question }

// DO reports whether the client wants DNSSEC records (RFC 3225).
func (x *Exchange) DO() bool { return x.Query.HasEDNS && x.Query.EDNS.DO() }

// MarkAnswered sets AnsweredBy to the name of the resolver that answers, or fails
// to, unless one that it has asked has set it.
func (x *Exchange) MarkAnswered(by string) {
	if x.AnsweredBy == "" {
		x.AnsweredBy = by
	}
}

// Read takes query apart and forgets what x held before. The query is lent to
// x until the next Read.
//
// It returns the RCODE the reply must have - NOERROR if x may be given to a
// resolver - or [ErrDrop] if query must not be answered at all: it is shorter than
// a header, or a response, which could start a loop if it were answered.
func (x *Exchange) Read(query []byte, peer Peer) (wire.RCode, error) {
	x.Peer = peer
	x.Query.Parse(query)
	return x.Open()
}

// Open is [Exchange.Read] for callers that have set x.Peer and parsed x.Query.
// It forgets what the previous query proved about its sender, such as a cookie or
// a key.
func (x *Exchange) Open() (wire.RCode, error) {
	x.RCode, x.AnsweredBy = wire.RCodeNoError, ""
	x.ReplyEDNS = wire.EDNS{Options: x.options[:0]}
	x.LeadsOn, x.Derived, x.Wildcard = false, false, 0
	x.Peer.CookieValid, x.Peer.Key = false, wire.Name{}
	x.signer, x.sender = nil, nil
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

// CheckMessage returns the RCODE that the message deserves whatever its opcode.
// It is for callers that implement an opcode for which Read returned NOTIMP.
// NOERROR means that the message is whole, has one question or none, and at
// most one OPT record, of a version that is known.
func (x *Exchange) CheckMessage() wire.RCode {
	switch {
	case x.Query.Err != nil:
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
	x.RCode, x.LeadsOn, x.Derived, x.Wildcard = wire.RCodeNoError, false, false, 0
}

// serverFlags are those a resolver leaves alone: what the query said, and what
// holds for all replies of a server.
const serverFlags = wire.FlagQR | wire.FlagRD | wire.FlagCD | wire.FlagRA | 0xF<<11

// Untouched reports whether the reply is as Begin left it, EDNS options excepted.
func (x *Exchange) Untouched() bool {
	return x.Reply.Mark() == x.began && x.RCode == wire.RCodeNoError && x.Reply.Flags&^serverFlags == 0
}

// Truncate empties the reply and sets TC, so that the client retries over TCP.
func (x *Exchange) Truncate() {
	x.Reply.Rollback(x.began)
	x.Reply.Flags |= wire.FlagTC
}

// AddOption appends an EDNS option to the reply's OPT record and keeps room
// for it. It is left out, and false returned, if the query had no OPT or the
// reply has no room left.
func (x *Exchange) AddOption(code wire.OptionCode, data []byte) bool {
	if !x.Query.HasEDNS || !x.Reply.Reserve(4+len(data)) {
		return false
	}
	x.ReplyEDNS.Options = x.ReplyEDNS.Options.AppendOption(code, data)
	return true
}

// Finish writes the OPT record and the header, signs the message if there is a
// signer, and returns the packet, which is valid until the reply's buffer is used
// again. The caller has filled in ReplyEDNS and the server's flags before.
//
// An RCODE above 15 cannot be sent to a client without EDNS (RFC 6891 6.1.3): it
// becomes SERVFAIL.
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
	message := x.Reply.Finish()
	if x.signer != nil {
		message = x.signer.Sign(message)
	}
	return message
}

// Detach returns a copy of x that shares no memory with it, for resolvers that
// answer later. The copy continues the reply where x was.
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
	d.sender = nil // a reply has one writer: x, or the one that the server lets send
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
