package wire

import (
	"encoding/binary"
	"unsafe"
)

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
	// question is the name of the question. Its suffixes are added to entries
	// when the first name is searched for: many replies have none.
	question whole
	isMarked bool // marks is up to date; only if entries is full
	marks    [4]uint64
	parent   ownerCopy // what the last name pointed to that had one label more; only if entries is full
	owner    ownerCopy
	target   NameOffset // of the last name in the data of the record before, see Writer.Target
}

// NameOffset is where a name is in a message that is being written, for records
// to point to: its offset in octets. Zero means that it is not known.
type NameOffset uint16

// whole is a name in the message that has no pointer in it.
type whole struct {
	at  NameOffset
	len uint8 // 0: there is none
}

// of returns the name from a message.
func (n whole) of(message []byte) string {
	return unsafe.String(&message[n.at], int(n.len))
}

// ownerCopy is the owner of the record before, or the name of the question, in
// full, and where it stands: most records repeat it.
type ownerCopy struct {
	len  uint8 // 0: not known
	at   NameOffset
	wire [ownerCopySize]byte // not filled if it is the name of the question
}

// ownerCopySize is enough for nearly all names; longer ones are searched for.
const ownerCopySize = 64

// compressorSize bounds the work per name: a reply that holds more distinct
// suffixes is rare and merely gets longer.
const compressorSize = 48

// suffix is a name written earlier, or what is left of one after some label.
type suffix struct {
	hash uint64 // differs between most names, see fingerprint
	at   uint16 // offset from the start of the message, below 0x4000, at a label's length octet
}

const maxPointer = 0x3FFF

// maxDepth is how many pointers a reader of a name follows at the most. Names
// that grow from record to record would otherwise lead through all of those
// before, and some readers give up after ten.
const maxDepth = 8

// Reset forgets everything; the message starts at offset start of the buffer.
func (c *Compressor) Reset(start int) {
	c.start = start
	c.forget(0, 0)
}

// forget goes back to when count suffixes were known in a message of length octets.
func (c *Compressor) forget(count, length int) {
	c.count = count
	c.owner.len, c.owner.at = 0, 0
	c.target = 0
	c.isMarked = false
	c.parent.len = 0
	if int(c.question.at) >= length {
		c.question = whole{}
	}
}

// appendQuestion is appendOwner for the name of a question.
func (c *Compressor) appendQuestion(b []byte, n Name) []byte {
	at := len(b) - c.start
	if c.count > 0 || c.question.len != 0 || len(n.wire) < 2 || at > maxPointer {
		return c.appendOwner(b, n)
	}
	c.question = whole{NameOffset(at), uint8(len(n.wire))}
	c.owner.at, c.owner.len = c.question.at, c.question.len
	return append(b, n.wire...)
}

// appendOwner is AppendName for the owner of a record, or what may become one.
func (c *Compressor) appendOwner(b []byte, n Name) []byte {
	last := &c.owner
	if len(n.wire) == int(last.len) && c.ownerIs(b, n.wire) {
		return append(b, 0xC0|byte(last.at>>8), byte(last.at))
	}
	at := len(b)
	b = c.AppendName(b, n)
	last.len, last.at = 0, c.placeOf(b, at)
	if last.at != 0 && len(n.wire) <= ownerCopySize {
		last.len = uint8(len(n.wire))
		copy(last.wire[:], n.wire)
	}
	return b
}

// ownerIs reports whether the owner of the record before is wire, which is as long.
func (c *Compressor) ownerIs(b []byte, wire string) bool {
	if c.owner.at == c.question.at {
		return c.question.of(b[c.start:]) == wire
	}
	return string(c.owner.wire[:c.owner.len]) == wire
}

// placeOf is the place to point to for the name that was written last, at
// offset at of b: where its pointer leads if it is nothing else. The root has
// none.
func (c *Compressor) placeOf(b []byte, at int) NameOffset {
	offset := at - c.start
	switch first := b[at]; {
	case first >= 0xC0:
		return NameOffset(binary.BigEndian.Uint16(b[at:]) & maxPointer)
	case first == 0, offset > maxPointer:
		return 0
	}
	return NameOffset(offset)
}

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
	if c.count == compressorSize {
		return c.appendToFull(b, wire)
	}
	offset := len(b) - c.start
	if c.count == 0 && c.question.len != 0 {
		c.listQuestion(b)
	}
	earlier := c.entries[:c.count]
	for at := 0; wire[at] != 0; at += 1 + int(wire[at]) {
		hash := fingerprint(wire[at:])
		for i := range earlier {
			e := &earlier[i]
			if e.hash != hash {
				continue
			}
			if pointers := c.holdsAt(b, int(e.at), wire[at:]); pointers > maxDepth-2 {
				return c.appendShallow(b, wire, at)
			} else if pointers >= 0 {
				b = append(b, wire[:at]...)
				return append(b, 0xC0|byte(e.at>>8), byte(e.at))
			}
		}
		if c.count < compressorSize && offset+at <= maxPointer {
			c.entries[c.count] = suffix{hash, uint16(offset + at)}
			c.count++
		}
	}
	return append(b, wire...)
}

// appendToFull is [Compressor.AppendName] when entries is full, as it is for nearly all
// names of a zone transfer: most suffixes are not there, and most names are siblings.
func (c *Compressor) appendToFull(b []byte, wire string) []byte {
	first := 1 + int(wire[0])
	for at := 0; wire[at] != 0; at += 1 + int(wire[at]) {
		hash := fingerprint(wire[at:])
		if !c.mayHave(hash) {
			if at == 0 && string(c.parent.wire[:c.parent.len]) == wire[first:] {
				b = append(b, wire[:first]...)
				return append(b, 0xC0|byte(c.parent.at>>8), byte(c.parent.at))
			}
			continue
		}
		for i := range c.entries {
			e := &c.entries[i]
			if e.hash != hash {
				continue
			}
			if pointers := c.holdsAt(b, int(e.at), wire[at:]); pointers > maxDepth-2 {
				return c.appendShallow(b, wire, at)
			} else if pointers >= 0 {
				if at == first && len(wire)-at <= ownerCopySize {
					c.parent.at, c.parent.len = NameOffset(e.at), uint8(len(wire)-at)
					copy(c.parent.wire[:], wire[at:])
				}
				b = append(b, wire[:at]...)
				return append(b, 0xC0|byte(e.at>>8), byte(e.at))
			}
		}
	}
	return append(b, wire...)
}

// mayHave reports whether a suffix with that hash may be in entries, which is full.
func (c *Compressor) mayHave(hash uint64) bool {
	if !c.isMarked {
		c.marks, c.isMarked = [4]uint64{}, true
		for i := range c.entries {
			part, bit := markOf(c.entries[i].hash)
			c.marks[part] |= bit
		}
	}
	part, bit := markOf(hash)
	return c.marks[part]&bit != 0
}

// markOf is where the mark of a hash is, one of 256 bits.
func markOf(hash uint64) (part, bit uint64) {
	n := hash * 0x9E3779B97F4A7C15 >> 56 // spreads hashes that differ in a few digits
	return n >> 6, 1 << (n & 63)
}

// appendShallow goes on with [Compressor.AppendName] at the label at of wire,
// from where a pointer would have led through too many others: it points only to
// names without pointers.
func (c *Compressor) appendShallow(b []byte, wire string, from int) []byte {
	offset, earlier := len(b)-c.start, c.entries[:c.count]
	for at := from; wire[at] != 0; at += 1 + int(wire[at]) {
		hash, isThere := fingerprint(wire[at:]), false
		for i := range earlier {
			e := &earlier[i]
			if e.hash != hash {
				continue
			}
			switch pointers := c.holdsAt(b, int(e.at), wire[at:]); {
			case pointers == 0:
				b = append(b, wire[:at]...)
				return append(b, 0xC0|byte(e.at>>8), byte(e.at))
			case pointers > 0:
				isThere = true
			}
		}
		if !isThere && c.count < compressorSize && offset+at <= maxPointer {
			c.entries[c.count] = suffix{hash, uint16(offset + at)}
			c.count++
		}
	}
	return append(b, wire...)
}

// listQuestion adds the suffixes of the question's name to entries.
func (c *Compressor) listQuestion(b []byte) {
	name := c.question.of(b[c.start:])
	for at := 0; name[at] != 0 && c.count < compressorSize; at += 1 + int(name[at]) {
		if offset := int(c.question.at) + at; offset <= maxPointer {
			c.entries[c.count] = suffix{fingerprint(name[at:]), uint16(offset)}
			c.count++
		}
	}
}

// fingerprint returns the first four octets of a name, or the three it has, and the
// last four of its first label, with the bit that tells the cases apart set in each,
// and its length: names in a zone that are numbered differ at the end of the label.
func fingerprint(wire string) uint64 {
	var first, last uint32
	if len(wire) >= 4 {
		first = uint32(wire[3]) | uint32(wire[2])<<8 | uint32(wire[1])<<16 | uint32(wire[0])<<24
	} else {
		first = uint32(wire[1])<<16 | uint32(wire[0])<<24
	}
	if n := int(wire[0]); n > 3 && n < len(wire) {
		end := wire[n-3 : n+1]
		last = uint32(end[3]) | uint32(end[2])<<8 | uint32(end[1])<<16 | uint32(end[0])<<24
	}
	return uint64(first|0x20202020)<<32 | uint64(last|0x20202020) ^ uint64(len(wire))
}

// holdsAt returns how many pointers a reader follows from offset at of the
// message in b, if the name there is wire, case ignored; -1 if it is another.
func (c *Compressor) holdsAt(b []byte, at int, wire string) (pointers int) {
	msg := b[c.start:]
	if end := at + len(wire); end <= len(msg) && string(msg[at:end]) == wire {
		return 0 // most of those pointed to have no pointer in them
	}
	for {
		n := int(msg[at])
		if n >= 0xC0 { // only we write pointers here, and ours lead backward
			at = int(binary.BigEndian.Uint16(msg[at:]) & maxPointer)
			pointers++
			continue
		}
		if n != int(wire[0]) {
			return -1
		}
		if n == 0 {
			return pointers
		}
		label, wanted := unsafe.String(&msg[at+1], n), wire[1:1+n]
		if label != wanted && !equalFold(label, wanted) {
			return -1
		}
		at += 1 + n
		wire = wire[1+n:]
	}
}
