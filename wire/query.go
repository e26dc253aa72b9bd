package wire

import (
	"encoding/binary"
	"errors"
)

// What can be wrong with a query besides damaged octets.
var (
	ErrQuestionCount = errors.New("message has more than one question")
	ErrDuplicateOPT  = errors.New("message has more than one OPT record")
	ErrUncountedOPT  = errors.New("OPT record follows the message and is not counted in its header")
	ErrTSIGPlace     = errors.New("TSIG record is not the last record of the message")
)

// Query is what a server has to know of a message before it can answer: the
// header, the question, the OPT record, and where a TSIG record is. It is read
// in one forward pass without an allocation; everything in it points into
// Message.
type Query struct {
	Message  []byte // ends where its counts say, if all of it could be read
	Header   Header
	Question Question // no name if the message has no question
	HasEDNS  bool
	EDNS     EDNS
	// TSIG is the offset in Message of the TSIG record, which is the last one
	// and reaches to the end (RFC 8945 5.1). 0 means that there is none. Only
	// its place was checked, not what is in it.
	TSIG int
	// Err is what Parse returned.
	Err error
}

// Parse reads msg up to the end of the last record that its header counts.
// Octets after it belong to nothing, and are left out of Message: some routers
// append zeros to the queries that they pass on.
//
// Errors are bare sentinels: no one needs to know where in a stranger's
// packet the fault was. What was read before the fault is kept, so that the
// question can be echoed.
func (q *Query) Parse(msg []byte) error {
	*q = Query{Message: msg}
	q.Err = q.parse(msg)
	return q.Err
}

func (q *Query) parse(msg []byte) error {
	if len(msg) < HeaderLen {
		return ErrShort
	}
	q.Header.read((*[HeaderLen]byte)(msg))
	if q.Header.Counts[SectionQuestion] > 1 {
		return ErrQuestionCount // RFC 9619 4
	}
	at := HeaderLen
	if q.Header.Counts[SectionQuestion] == 1 {
		// Nothing stands before the first name that a pointer could lead to:
		// the name is whole, and borrowed as it is.
		name, n, err := BorrowName(msg[at:])
		if err != nil {
			return err
		}
		at += n
		if at+4 > len(msg) {
			return ErrShort
		}
		q.Question = Question{
			Name:  name,
			Type:  Type(binary.BigEndian.Uint16(msg[at:])),
			Class: Class(binary.BigEndian.Uint16(msg[at+2:])),
		}
		at += 4
	}
	for section := SectionAnswer; section <= SectionAdditional; section++ {
		for range q.Header.Counts[section] {
			next, err := q.record(at, section)
			if err != nil {
				return err
			}
			at = next
		}
	}
	if at != len(msg) {
		if isOPT(msg[at:]) {
			return ErrUncountedOPT
		}
		q.Message = msg[:at:at]
	}
	return nil
}

// isOPT reports whether b is exactly one OPT record: a sender that forgot to
// count it expects an answer with EDNS, and is better told than answered
// without.
func isOPT(b []byte) bool {
	return len(b) >= optLen && b[0] == 0 && Type(binary.BigEndian.Uint16(b[1:])) == TypeOPT &&
		optLen+int(binary.BigEndian.Uint16(b[9:])) == len(b)
}

// record reads over the record at offset at, keeps what it says if it is OPT
// or TSIG, and returns the offset after it.
func (q *Query) record(at int, section Section) (int, error) {
	msg := q.Message
	owner := at
	at, err := skipName(msg, at, len(msg))
	if err != nil {
		return 0, err
	}
	if at+10 > len(msg) {
		return 0, ErrShort
	}
	fixed := msg[at : at+10]
	at += 10
	end := at + int(binary.BigEndian.Uint16(fixed[8:]))
	if end > len(msg) {
		return 0, ErrShort
	}
	if q.TSIG != 0 {
		return 0, ErrTSIGPlace // RFC 8945 5.1: it was to be the last
	}
	switch Type(binary.BigEndian.Uint16(fixed)) {
	case TypeOPT:
	case TypeTSIG:
		if section != SectionAdditional {
			return 0, ErrTSIGPlace // RFC 8945 5.1
		}
		q.TSIG = owner
		return end, nil
	default:
		return end, nil
	}
	switch {
	case section != SectionAdditional:
		return 0, ErrOPTSection // RFC 6891 6.1.1
	case q.HasEDNS:
		return 0, ErrDuplicateOPT // RFC 6891 6.1.1
	}
	if msg[owner] != 0 {
		return 0, ErrOPTOwner // RFC 6891 6.1.2
	}
	options := Options(msg[at:end:end])
	if !options.valid() {
		return 0, ErrShort
	}
	q.HasEDNS = true
	q.EDNS = EDNS{
		UDPSize:  binary.BigEndian.Uint16(fixed[2:]),
		Extended: fixed[4],
		Version:  fixed[5],
		Flags:    EDNSFlags(binary.BigEndian.Uint16(fixed[6:])),
		Options:  options,
	}
	return end, nil
}

// AppendQuery appends a message that asks q, with an OPT record unless e is nil.
func AppendQuery(b []byte, id uint16, flags Flags, q Question, e *EDNS) []byte {
	h := Header{ID: id, Flags: flags}
	h.Counts[SectionQuestion] = 1
	if e != nil {
		h.Counts[SectionAdditional] = 1
	}
	b = h.AppendTo(b)
	b = q.Name.AppendTo(b)
	b = binary.BigEndian.AppendUint16(b, uint16(q.Type))
	b = binary.BigEndian.AppendUint16(b, uint16(q.Class))
	if e != nil {
		b = e.AppendTo(b)
	}
	return b
}
