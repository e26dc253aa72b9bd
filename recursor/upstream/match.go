package upstream

import (
	"bytes"

	"github.com/names-dns/names/wire"
)

// verdict is what a packet is to the query that waits for a reply.
type verdict uint8

const (
	isForeign   verdict = iota // not the reply: wait on
	isReply                    // the reply, whole
	isTruncated                // the reply, as far as it fitted
	isMalformed                // the reply, not to be read
	isWrongCase                // the reply of a server that repeats no case, or a forged one: TCP will tell
	isDoubtful                 // forged, or somebody tries to: TCP will tell
)

// match says what the packet b is to o, and why it is not the reply where it
// is not. What it reads is kept in m. Over TCP nobody can forge, so case and
// cookie are not looked at there.
func (o *outgoing) match(m *wire.Query, b []byte, overTCP bool) (verdict, string) {
	parse := m.Parse(b)
	h := m.Header
	switch {
	case len(b) < wire.HeaderLen:
		return isForeign, "shorter than a header"
	case !h.Flags.Has(wire.FlagQR), h.Flags.Opcode() != wire.OpcodeQuery:
		return isForeign, "not a response to a query"
	case h.ID != o.id:
		return isForeign, "wrong ID"
	}
	if h.Counts[wire.SectionQuestion] == 0 && isBewildered(h.Flags.RCode()) {
		return isReply, "" // of a server that understood nothing; it can do no harm
	}
	asked := o.Query.Question
	if m.Question.Type != asked.Type || m.Question.Class != asked.Class || !m.Question.Name.Equal(asked.Name) {
		return isForeign, "wrong question"
	}
	if !overTCP {
		n := asked.Name.Len()
		if o.form.mixed && !bytes.Equal(b[nameAt:nameAt+n], o.packet[nameAt:nameAt+n]) {
			return isWrongCase, "wrong case"
		}
		if o.form.cookie {
			cookie, ok := m.EDNS.Options.Find(wire.OptionCookie)
			switch {
			case ok && (len(cookie) < 8 || [8]byte(cookie) != o.cookie):
				return isForeign, "wrong cookie" // RFC 7873 5.3
			case !ok && o.needsCookie && parse == nil:
				return isDoubtful, "cookie missing"
			}
		}
	}
	switch {
	case h.Flags.Has(wire.FlagTC):
		return isTruncated, ""
	case parse != nil:
		return isMalformed, parse.Error()
	}
	return isReply, ""
}

// isBewildered reports whether r may come from a server that does not know
// EDNS and repeats nothing of the query.
func isBewildered(r wire.RCode) bool { return r == wire.RCodeFormErr || r == wire.RCodeNotImp }

// repeatsCase reports whether the reply b has the question as it was sent.
func (o *outgoing) repeatsCase(b []byte) bool {
	end := nameAt + o.Query.Question.Name.Len()
	return len(b) >= end && bytes.Equal(b[nameAt:end], o.packet[nameAt:end])
}

// restoreCase puts the question in a matching reply into the case it was
// asked in, and with it all names that point there.
func (o *outgoing) restoreCase(m *wire.Query) {
	if m.Header.Counts[wire.SectionQuestion] != 0 {
		copy(m.Message[nameAt:], o.Query.Question.Name.Wire())
	}
}
