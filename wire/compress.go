package wire

import "encoding/binary"

// Compressor remembers where names stand in the message being written, so
// that later ones can point there (RFC 1035 4.1.4). It is a small fixed table
// without a map or an allocation; when it is full, later names are matched
// against what is in it and not remembered.
//
// A nil *Compressor writes names uncompressed.
type Compressor struct {
	start   int // where the message starts in the buffer
	count   int
	entries [compressorSize]suffix
}

// compressorSize bounds the work per name: a reply that holds more distinct
// suffixes is rare and merely gets longer.
const compressorSize = 48

// suffix is a name written earlier, or what is left of one behind some label.
type suffix struct {
	print uint32 // of the first octets: differs between most names
	at    uint16 // offset from the start of the message, below 0x4000, at a label's length octet
	len   uint8  // octets of the uncompressed suffix, root included
}

const maxPointer = 0x3FFF

// Reset forgets everything; the message starts at offset start of the buffer.
func (c *Compressor) Reset(start int) { c.start, c.count = start, 0 }

// AppendName appends n to b, the tail of it as a pointer where the message
// has it already, case ignored.
func (c *Compressor) AppendName(b []byte, n Name) []byte {
	if c == nil {
		return n.AppendTo(b)
	}
	wire := n.wire
	if len(wire) < 2 {
		return append(b, wire...)
	}
	offset := len(b) - c.start
	earlier := c.entries[:c.count]
	for at := 0; wire[at] != 0; at += 1 + int(wire[at]) {
		s := suffix{fingerprint(wire[at:]), uint16(offset + at), uint8(len(wire) - at)}
		for i := range earlier {
			e := &earlier[i]
			if e.print == s.print && e.len == s.len && c.holdsAt(b, int(e.at), wire[at:]) {
				b = append(b, wire[:at]...)
				return binary.BigEndian.AppendUint16(b, 0xC000|e.at)
			}
		}
		if c.count < compressorSize && offset+at <= maxPointer {
			c.entries[c.count] = s
			c.count++
		}
	}
	return append(b, wire...)
}

// fingerprint returns the first four octets of a name, or the three it has,
// with the bit that tells the cases apart set in each.
func fingerprint(wire string) uint32 {
	const lower = 0x20202020
	if len(wire) < 4 {
		return lower | uint32(wire[0])<<16 | uint32(wire[1])<<8
	}
	return lower | uint32(wire[0])<<24 | uint32(wire[1])<<16 | uint32(wire[2])<<8 | uint32(wire[3])
}

// holdsAt reports whether the name at offset at of the message in b is wire,
// case ignored.
func (c *Compressor) holdsAt(b []byte, at int, wire string) bool {
	msg := b[c.start:]
	if at+len(wire) <= len(msg) && string(msg[at:at+len(wire)]) == wire {
		return true // it stands there in full, which the question's name does
	}
	for {
		l := msg[at]
		if l >= 0xC0 {
			at = int(binary.BigEndian.Uint16(msg[at:]) & maxPointer)
			continue
		}
		if l != wire[0] {
			return false
		}
		if l == 0 {
			return true
		}
		label := msg[at+1 : at+1+int(l)]
		if string(label) != wire[1:1+l] && !equalFold(label, wire[1:1+l]) {
			return false
		}
		at += 1 + int(l)
		wire = wire[1+l:]
	}
}
