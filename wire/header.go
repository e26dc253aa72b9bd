package wire

import "encoding/binary"

// HeaderLen is the length of a message header in octets.
const HeaderLen = 12

// Header is the first twelve octets of a message (RFC 1035 4.1.1):
//
//	 0  1  2  3  4  5  6  7  8  9 10 11 12 13 14 15
//	+-----------------------------------------------+
//	|                      ID                       |
//	|QR|   Opcode  |AA|TC|RD|RA| Z|AD|CD|   RCODE   |
//	|       QDCOUNT, ANCOUNT, NSCOUNT, ARCOUNT      |
//	+-----------------------------------------------+
type Header struct {
	ID     uint16
	Flags  Flags
	Counts [4]uint16 // as the message claims, indexed by [Section]
}

// Flags is the second word of the header: the bits, the opcode, the low four
// bits of the RCODE.
type Flags uint16

// The bits of the second word of the header.
const (
	FlagQR Flags = 1 << 15 // this is a response
	FlagAA Flags = 1 << 10 // authoritative answer
	FlagTC Flags = 1 << 9  // truncated
	FlagRD Flags = 1 << 8  // recursion desired
	FlagRA Flags = 1 << 7  // recursion available
	FlagZ  Flags = 1 << 6  // must be zero
	FlagAD Flags = 1 << 5  // authentic data (RFC 4035 3.2.3)
	FlagCD Flags = 1 << 4  // checking disabled (RFC 4035 3.2.2)
)

// Has reports whether every bit of f is set.
func (g Flags) Has(f Flags) bool { return g&f == f }

// Opcode returns the kind of query.
func (g Flags) Opcode() Opcode { return Opcode(g >> 11 & 0xF) }

// WithOpcode returns the flags with the opcode replaced.
func (g Flags) WithOpcode(o Opcode) Flags { return g&^(0xF<<11) | Flags(o&0xF)<<11 }

// RCode returns the low four bits of the response code; EDNS has the rest.
func (g Flags) RCode() RCode { return RCode(g & 0xF) }

// WithRCode returns the flags with the low four bits of the response code replaced.
func (g Flags) WithRCode(r RCode) Flags { return g&^0xF | Flags(r&0xF) }

// ParseHeader reads the header of a message.
func ParseHeader(msg []byte) (Header, error) {
	if len(msg) < HeaderLen {
		return Header{}, &Error{SectionHeader, len(msg), ErrShort}
	}
	var h Header
	h.read((*[HeaderLen]byte)(msg))
	return h, nil
}

// read is ParseHeader into its place: a struct with an array in it is returned
// by way of memory, where what was written in small pieces is waited for.
func (h *Header) read(msg *[HeaderLen]byte) {
	h.ID = binary.BigEndian.Uint16(msg[0:])
	h.Flags = Flags(binary.BigEndian.Uint16(msg[2:]))
	h.Counts[SectionQuestion] = binary.BigEndian.Uint16(msg[4:])
	h.Counts[SectionAnswer] = binary.BigEndian.Uint16(msg[6:])
	h.Counts[SectionAuthority] = binary.BigEndian.Uint16(msg[8:])
	h.Counts[SectionAdditional] = binary.BigEndian.Uint16(msg[10:])
}

// AppendTo appends the twelve octets to b.
func (h Header) AppendTo(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, h.ID)
	b = binary.BigEndian.AppendUint16(b, uint16(h.Flags))
	for _, c := range h.Counts {
		b = binary.BigEndian.AppendUint16(b, c)
	}
	return b
}

// Section is a part of a message. The four that hold records are numbered in
// their order on the wire.
type Section uint8

// The parts of a message.
const (
	SectionQuestion Section = iota
	SectionAnswer
	SectionAuthority
	SectionAdditional
	SectionHeader // only in errors
	SectionEnd    // only in errors: after the last record
)

func (s Section) String() string {
	switch s {
	case SectionQuestion:
		return "question"
	case SectionAnswer:
		return "answer"
	case SectionAuthority:
		return "authority"
	case SectionAdditional:
		return "additional"
	case SectionHeader:
		return "header"
	}
	return "end"
}
