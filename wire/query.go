package wire

import (
	"encoding/binary"
	"errors"
)

// What can be wrong with a query beside damaged octets.
var (
	ErrQuestionCount = errors.New("message has more than one question")
	ErrDuplicateOPT  = errors.New("message has more than one OPT record")
)

// Query is what a server has to know of a message before it can answer: the
// header, the question, the OPT record. It is read in one forward pass without
// an allocation; everything in it points into Message.
type Query struct {
	Message  []byte
	Header   Header
	Question Question // no name where the message has no question
	HasEDNS  bool
	EDNS     EDNS
}

// Parse reads msg, all of it. Its errors are bare sentinels: there is nobody
// to tell where in a stranger's packet the fault was. What was read before the
// fault is kept, so that the question can be echoed.
func (q *Query) Parse(msg []byte) error {
	*q = Query{Message: msg}
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
		return ErrTrailing
	}
	return nil
}

// record reads over the record at offset at, keeps it if it is OPT, and
// returns the place behind it.
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
	if section != SectionAdditional || Type(binary.BigEndian.Uint16(fixed)) != TypeOPT {
		return end, nil
	}
	if q.HasEDNS {
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
