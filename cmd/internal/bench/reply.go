package bench

import (
	"bytes"
	"encoding/binary"

	"github.com/names-dns/names/wire"
)

const (
	messageHeader = 12 // octets
	// replyHead is how many octets of a reply are looked at: the header and the
	// longest question.
	replyHead = messageHeader + maxQuestion
)

// reply is what is looked at of a message that came back.
type reply struct {
	response, truncated bool
	id                  uint16
	rcode               wire.RCode // without the part in an OPT record
	questions           uint16
	body                []byte // what is there after the header; borrowed
}

// replyTo reads the beginning of a message, of at most replyHead octets. What
// is not a message is not a response either.
func replyTo(head []byte) (r reply) {
	if len(head) < messageHeader {
		return r
	}
	flags := wire.Flags(binary.BigEndian.Uint16(head[2:]))
	return reply{
		id:        binary.BigEndian.Uint16(head),
		response:  flags&wire.FlagQR != 0,
		truncated: flags&wire.FlagTC != 0,
		rcode:     wire.RCode(head[3] & 15),
		questions: binary.BigEndian.Uint16(head[4:]),
		body:      head[messageHeader:],
	}
}

// answers reports whether r answers a question: it repeats that to the octet,
// or says without it what was wrong with the query, as a server does that
// could not read it.
func (r *reply) answers(question []byte) bool {
	switch {
	case !r.response:
		return false
	case r.questions == 0:
		return r.rcode != wire.RCodeNoError
	}
	return r.questions == 1 && bytes.HasPrefix(r.body, question)
}
