package names

import (
	"errors"

	"github.com/names-dns/names/wire"
)

// A reply is one message, as a rule. A resolver that has more to say than one
// message holds - a zone transfer (RFC 5936 2.2) - ends the message it has
// written with [Exchange.NextMessage] and writes the next, as often as it takes;
// what is in Reply when Resolve returns is the last.

var (
	// ErrOneMessage is returned by [Exchange.NextMessage] if the reply has to
	// be one message: over UDP, and wherever a resolver may not wait.
	ErrOneMessage = errors.New("reply has to be one message")
	// ErrGone is what an error of [Exchange.NextMessage] wraps if the client
	// has gone, or takes no more. A resolver passes it on: no client is left to
	// answer, and there is nothing to log.
	ErrGone = errors.New("client does not take the reply")
)

// MessageSender is a server's side of a reply of many messages.
type MessageSender interface {
	// SendMessage finishes the message in x.Reply and gives it to the client.
	// It waits until the client has taken enough of those before.
	SendMessage(x *Exchange) error
}

// SetSender makes the messages of the reply but the last go out by s. It is for
// servers, after [Exchange.Open] and detaching.
func (x *Exchange) SetSender(s MessageSender) { x.sender = s }

// CanStream reports whether the reply may be of many messages.
func (x *Exchange) CanStream() bool { return x.sender != nil }

// NextMessage sends what was written so far as one of the messages of the reply
// and begins the next, which has no question (RFC 5936 2.2.1), in the same
// buffer. It waits while the client does not take what was sent before, so that
// a reply of any length takes the memory of one message.
//
// It may be called from Resolve only, which may take as long as the client goes
// on taking messages: the deadline of its context is for replies of one. An
// error ends the reply: the resolver returns it. A resolver that fails of itself
// after the first message returns its error as ever; the client then gets
// SERVFAIL as the last one.
func (x *Exchange) NextMessage() error {
	if x.sender == nil {
		return ErrOneMessage
	}
	if err := x.sender.SendMessage(x); err != nil {
		return err
	}
	id, flags, limit := x.Reply.ID, x.Reply.Flags, x.Reply.Limit()
	x.Reply.Reset(x.Reply.Buffer()[:0], limit)
	x.Reply.ID, x.Reply.Flags = id, flags.WithRCode(0)
	if x.Query.HasEDNS {
		x.ReplyEDNS.Options = x.ReplyEDNS.Options[:0] // they were for the reply as a whole
		x.Reply.Reserve(x.ReplyEDNS.Len())
	}
	if x.signer != nil {
		x.Reply.Reserve(x.signer.Len())
	}
	x.Reply.SetSection(wire.SectionAnswer)
	x.began = x.Reply.Mark()
	return nil
}

// Signer adds to a message what covers all of it: a TSIG record (RFC 8945 5.3).
// It has a state of its own if a reply has many messages, each of which is
// signed with the signature of the one before (RFC 8945 5.3.1).
type Signer interface {
	// Len is how many octets Sign appends at the most.
	Len() int
	// Sign appends its record to message, which is whole otherwise, and counts
	// it in the header. It may leave a message as it is.
	Sign(message []byte) []byte
}

// Len is how many octets the reply has if it is finished now.
func (x *Exchange) Len() int {
	n := x.Reply.Len()
	if x.Query.HasEDNS {
		n += x.ReplyEDNS.Len()
	}
	if x.signer != nil {
		n += x.signer.Len()
	}
	return n
}

// SetSigner makes s sign each message of the reply, after everything else is in
// it. It keeps room for that, and returns false if there is none. It is for what
// stands before resolvers, after [Exchange.Begin].
func (x *Exchange) SetSigner(s Signer) bool {
	if !x.Reply.Reserve(s.Len()) {
		return false
	}
	x.signer = s
	return true
}
