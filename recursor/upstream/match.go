package upstream

import (
	"bytes"

	"github.com/names-dns/names/wire"
)

// verdict is what a packet is to the query that waits for a reply.
type verdict uint8

const (
	isForeign   verdict = iota // not the reply: wait on
	isReply                    // the reply, as far as it is needed
	isTruncated                // the reply, as far as it fitted
	isMalformed                // the reply, with records that cannot be followed
	isWrongCase                // the reply of a server that does not repeat the case, or a forged one: TCP will tell
	isDoubtful                 // with the right ID and otherwise wrong: forged or of a faulty server, TCP will tell
)

// match says what the packet b is to o, and why it is not the reply if it is
// not. What it reads is kept in m. Over TCP nothing can be forged, so case and
// cookie are not looked at there. docs/recursion.md has this as a table.
//
// An attacker off the path has to guess the ID: a packet without it says
// nothing about the server. One with it is an answer if everything in it is
// right, or if it is an error that nothing contradicts.
func (o *outgoing) match(m *wire.Query, b []byte, overTCP bool) (verdict, string) {
	parse := m.Parse(b)
	if parse == wire.ErrTrailing {
		parse = nil // RFC 1035 4.1: a message ends where its counts say
	}
	h := m.Header
	switch {
	case len(b) < wire.HeaderLen:
		return isForeign, "shorter than a header"
	case h.ID != o.id:
		return isForeign, "wrong ID"
	case !h.Flags.Has(wire.FlagQR), h.Flags.Opcode() != wire.OpcodeQuery:
		return isDoubtful, "not a response to a query"
	}
	if !overTCP && o.form.cookie {
		cookie, ok := m.EDNS.Options.Find(wire.OptionCookie)
		switch {
		case ok && !o.isOurs(cookie):
			return isDoubtful, "wrong cookie" // RFC 7873 5.3
		case !ok && o.needsCookie:
			return isDoubtful, "cookie missing" // also from an error: it would be believed about EDNS
		}
	}
	isError := !isAnswer(rcodeOf(m))
	asked := o.Query.Question
	switch {
	case m.Question.Name.IsZero(): // there is none, or it cannot be read
		if isError {
			return isReply, ""
		}
		return isDoubtful, "wrong question"
	case m.Question.Type != asked.Type || m.Question.Class != asked.Class || !m.Question.Name.Equal(asked.Name):
		return isDoubtful, "wrong question"
	case !overTCP && o.form.mixed && !o.repeatsCase(b):
		return isWrongCase, "wrong case"
	case h.Flags.Has(wire.FlagTC):
		return isTruncated, ""
	case parse != nil && !isError:
		return isMalformed, parse.Error()
	}
	return isReply, ""
}

// isOurs reports whether a cookie that came back is the one that was sent.
func (o *outgoing) isOurs(cookie []byte) bool {
	return len(cookie) >= 8 && [8]byte(cookie) == o.cookie
}

// isAnswer reports whether r says something about the name. Every other RCODE is
// an error of the server, which needs no question to be understood.
func isAnswer(r wire.RCode) bool {
	return r == wire.RCodeNoError || r == wire.RCodeNXDomain || r == wire.RCodeYXDomain
}

// rcodeOf is the whole RCODE of a reply.
func rcodeOf(m *wire.Query) wire.RCode {
	if m.HasEDNS {
		return m.EDNS.RCode(m.Header.Flags)
	}
	return m.Header.Flags.RCode()
}

// seemsToLackEDNS reports whether r may come from a server that does not know
// EDNS and repeats nothing of the query.
func seemsToLackEDNS(r wire.RCode) bool { return r == wire.RCodeFormErr || r == wire.RCodeNotImp }

// repeatsCase reports whether the reply b has the question as it was sent.
func (o *outgoing) repeatsCase(b []byte) bool {
	end := nameAt + o.Query.Question.Name.Len()
	return len(b) >= end && bytes.Equal(b[nameAt:end], o.packet[nameAt:end])
}

// restoreCase puts the question in a matching reply into the case it was
// asked in, and with it all names that point there.
func (o *outgoing) restoreCase(m *wire.Query) {
	if !m.Question.Name.IsZero() {
		copy(m.Message[nameAt:], o.Query.Question.Name.Wire())
	}
}
