package wire

import "encoding/binary"

// EDNS is what an OPT record says (RFC 6891 6.1).
type EDNS struct {
	UDPSize  uint16 // the sender's limit for datagrams, in octets; below 512 means 512
	Extended uint8  // upper eight bits of the RCODE
	Version  uint8
	Flags    EDNSFlags
	Options  Options // borrowed from the message
}

// EDNSFlags is the flags word of an OPT record.
type EDNSFlags uint16

// FlagDO is "DNSSEC OK" (RFC 3225), FlagCO "compact answers OK" (RFC 9824).
const (
	FlagDO EDNSFlags = 1 << 15
	FlagCO EDNSFlags = 1 << 14
)

// DO reports whether the sender wants DNSSEC records.
func (e *EDNS) DO() bool { return e.Flags&FlagDO != 0 }

// RCode joins the extended bits with the four of the header.
func (e *EDNS) RCode(f Flags) RCode { return RCode(e.Extended)<<4 | f.RCode() }

// optLen is the length of an OPT record without options.
const optLen = 11

// Len is the length of the whole OPT record.
func (e *EDNS) Len() int { return optLen + len(e.Options) }

// AppendTo appends the whole OPT record, owner included.
func (e *EDNS) AppendTo(b []byte) []byte {
	b = append(b, 0, 0, byte(TypeOPT))
	b = binary.BigEndian.AppendUint16(b, e.UDPSize)
	b = append(b, e.Extended, e.Version)
	b = binary.BigEndian.AppendUint16(b, uint16(e.Flags))
	b = binary.BigEndian.AppendUint16(b, uint16(len(e.Options)))
	return append(b, e.Options...)
}

// EDNS reads the OPT record whose header Next returned as h. It fails if
// the owner is not the root or the options do not fill the data exactly.
func (r *Reader) EDNS(h RecordHeader) (EDNS, error) {
	if !h.Name.IsRoot() {
		return EDNS{}, r.fail(r.at, ErrOPTOwner)
	}
	e := EDNSFromHeader(h)
	e.Options = Options(r.Raw())
	if !e.Options.valid() {
		return EDNS{}, r.fail(r.at, ErrShort)
	}
	return e, nil
}

// EDNSFromHeader reads what OPT keeps in class and TTL.
func EDNSFromHeader(h RecordHeader) EDNS {
	return EDNS{
		UDPSize:  uint16(h.Class),
		Extended: uint8(h.TTL >> 24),
		Version:  uint8(h.TTL >> 16),
		Flags:    EDNSFlags(h.TTL),
	}
}

// EDNS appends an OPT record to the additional section.
func (w *Writer) EDNS(e *EDNS) error {
	if !w.hasRoom(e.Len()) || w.counts.of(SectionAdditional) == maxCount {
		return ErrNoSpace
	}
	w.section = SectionAdditional
	w.buf = e.AppendTo(w.buf)
	w.counts.add(SectionAdditional, 1)
	return nil
}

// Options is a list of EDNS options in wire form: code, length, data of each.
type Options []byte

// OptionCode is the number of an EDNS option.
type OptionCode uint16

// Next returns the first option and the list after it; ok is false at the
// end, and where the octets that are left hold no whole option.
func (o Options) Next() (code OptionCode, data []byte, rest Options, ok bool) {
	if len(o) < 4 {
		return 0, nil, nil, false
	}
	n := int(binary.BigEndian.Uint16(o[2:]))
	if 4+n > len(o) {
		return 0, nil, nil, false
	}
	return OptionCode(binary.BigEndian.Uint16(o)), o[4 : 4+n : 4+n], o[4+n:], true
}

// valid reports whether the list is made of whole options.
func (o Options) valid() bool {
	for len(o) > 0 {
		_, _, rest, ok := o.Next()
		if !ok {
			return false
		}
		o = rest
	}
	return true
}

// Find returns the data of the first option with that code.
func (o Options) Find(code OptionCode) (data []byte, ok bool) {
	for {
		c, data, rest, ok := o.Next()
		if !ok {
			return nil, false
		}
		if c == code {
			return data, true
		}
		o = rest
	}
}

// AppendOption appends an option in wire form to the list.
func (o Options) AppendOption(code OptionCode, data []byte) Options {
	o = binary.BigEndian.AppendUint16(o, uint16(code))
	o = binary.BigEndian.AppendUint16(o, uint16(len(data)))
	return append(o, data...)
}
