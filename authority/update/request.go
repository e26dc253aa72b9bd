package update

import (
	"errors"
	"fmt"

	"github.com/names-dns/names/wire"
)

// Error is why a request is refused, with the RCODE that the client gets.
type Error struct {
	RCode  wire.RCode
	Reason string
}

func (e *Error) Error() string { return e.RCode.String() + ": " + e.Reason }

func refuse(rcode wire.RCode, format string, args ...any) *Error {
	return &Error{rcode, fmt.Sprintf(format, args...)}
}

// RCodeOf is the RCODE for an error of this package: SERVFAIL if it is another one.
func RCodeOf(err error) wire.RCode {
	var e *Error
	switch {
	case err == nil:
		return wire.RCodeNoError
	case errors.As(err, &e):
		return e.RCode
	}
	return wire.RCodeServFail
}

// Request is an update of one zone (RFC 2136 2): records that say what has to be
// there, and records that say what is to change. The methods that add to it say
// what both mean.
type Request struct {
	Zone          wire.Name
	Class         wire.Class
	Prerequisites []wire.Record
	Updates       []wire.Record
}

// NewRequest returns a request that changes nothing in a zone of class IN.
func NewRequest(zone wire.Name) *Request { return &Request{Zone: zone, Class: wire.ClassIN} }

// RequireRecords makes it a prerequisite that a name has exactly these records of
// their type, whatever their TTLs (RFC 2136 2.4.2).
func (r *Request) RequireRecords(records ...wire.Record) {
	for _, record := range records {
		record.TTL, record.Class = 0, r.Class
		r.Prerequisites = append(r.Prerequisites, record)
	}
}

// RequireRRset makes it a prerequisite that a name has records of that type (RFC
// 2136 2.4.1).
func (r *Request) RequireRRset(name wire.Name, kind wire.Type) {
	r.require(name, kind, wire.ClassAny)
}

// RequireNoRRset makes it a prerequisite that a name has no records of that type
// (RFC 2136 2.4.3).
func (r *Request) RequireNoRRset(name wire.Name, kind wire.Type) {
	r.require(name, kind, wire.ClassNone)
}

// RequireName makes it a prerequisite that a name has records (RFC 2136 2.4.4).
func (r *Request) RequireName(name wire.Name) { r.require(name, wire.TypeANY, wire.ClassAny) }

// RequireNoName makes it a prerequisite that a name has no records (RFC 2136
// 2.4.5). Names below it may have some.
func (r *Request) RequireNoName(name wire.Name) { r.require(name, wire.TypeANY, wire.ClassNone) }

func (r *Request) require(name wire.Name, kind wire.Type, class wire.Class) {
	r.Prerequisites = append(r.Prerequisites, wire.Record{Name: name, Type: kind, Class: class})
}

// Add adds a record (RFC 2136 2.5.1).
func (r *Request) Add(record wire.Record) {
	record.Class = r.Class
	r.Updates = append(r.Updates, record)
}

// RemoveRRset removes all records of a name that have that type (RFC 2136 2.5.2).
func (r *Request) RemoveRRset(name wire.Name, kind wire.Type) {
	r.Updates = append(r.Updates, wire.Record{Name: name, Type: kind, Class: wire.ClassAny})
}

// RemoveName removes all records of a name (RFC 2136 2.5.3).
func (r *Request) RemoveName(name wire.Name) { r.RemoveRRset(name, wire.TypeANY) }

// Remove removes one record (RFC 2136 2.5.4).
func (r *Request) Remove(record wire.Record) {
	record.Class, record.TTL = wire.ClassNone, 0
	r.Updates = append(r.Updates, record)
}

// Message is the request as a message, without an ID. It shares the records.
func (r *Request) Message() wire.Message {
	return wire.Message{
		Flags:     wire.Flags(0).WithOpcode(wire.OpcodeUpdate),
		Questions: []wire.Question{{Name: r.Zone, Type: wire.TypeSOA, Class: r.Class}},
		Answers:   r.Prerequisites, Authority: r.Updates,
	}
}

// AppendTo appends the request as a message to b. It fails with
// [wire.ErrNoSpace] if it does not fit one.
func (r *Request) AppendTo(b []byte, id uint16) ([]byte, error) {
	m := r.Message()
	m.ID = id
	return m.AppendTo(b)
}

// ParseRequest reads a message of opcode UPDATE. The request shares no memory
// with it. The error is an [*Error] with FORMERR.
func ParseRequest(message []byte) (*Request, error) {
	m, err := wire.ParseMessage(message)
	if err != nil {
		return nil, refuse(wire.RCodeFormErr, "%v", err)
	}
	if len(m.Questions) != 1 || m.Questions[0].Type != wire.TypeSOA { // RFC 2136 3.1.1
		return nil, refuse(wire.RCodeFormErr, "zone section is not one record of type SOA")
	}
	return &Request{Zone: m.Questions[0].Name, Class: m.Questions[0].Class, Prerequisites: m.Answers, Updates: m.Authority}, nil
}

// inZone checks that a record belongs to the zone (RFC 2136 3.2.1, 3.4.1.1).
func (r *Request) inZone(record *wire.Record) error {
	if !record.Name.HasSuffix(r.Zone) {
		return refuse(wire.RCodeNotZone, "%v is outside the zone %v", record.Name, r.Zone)
	}
	return nil
}
