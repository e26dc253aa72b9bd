package wire

import (
	"encoding/binary"
	"unsafe"
)

// Cursor walks forward through octets of a message, or of rdata kept outside
// one. The first thing that goes wrong stays: everything after it reads as
// zero, and Err and Close report it. So a parser may read all its fields and
// look for the error once.
//
// What it returns is borrowed: bytes point into the message, names into the
// name memory of the [Reader] the cursor came from.
type Cursor struct {
	msg   []byte // all of it: compression pointers count from its start
	at    int    // the next octet
	end   int    // no octet from here on belongs to what is being read
	err   error
	names *nameArena // where decompressed names go; nil: each is allocated
	plain bool       // this is no message: a compression pointer is an error
}

// CursorOver returns a cursor over rdata in uncompressed form.
func CursorOver(rdata []byte) Cursor {
	return Cursor{msg: rdata, end: len(rdata), plain: true}
}

// Err is what went wrong so far.
func (c *Cursor) Err() error { return c.err }

// Fail makes err the error unless there is one.
func (c *Cursor) Fail(err error) {
	if c.err == nil {
		c.err = err
	}
}

// Close reports the first error; octets that nobody read are one.
func (c *Cursor) Close() error {
	if c.err == nil && c.at != c.end {
		c.err = ErrTrailing
	}
	return c.err
}

// Len is how many octets are left.
func (c *Cursor) Len() int {
	if c.err != nil {
		return 0
	}
	return c.end - c.at
}

// take returns the next n octets, nil if there are not that many.
func (c *Cursor) take(n int) []byte {
	if c.err != nil {
		return nil
	}
	if n > c.end-c.at || n < 0 {
		c.err = ErrShort
		return nil
	}
	b := c.msg[c.at : c.at+n : c.at+n]
	c.at += n
	return b
}

// Uint8 reads one octet.
func (c *Cursor) Uint8() uint8 {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Uint16 reads two octets.
func (c *Cursor) Uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

// Uint32 reads four octets.
func (c *Cursor) Uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// Uint48 reads six octets.
func (c *Cursor) Uint48() uint64 {
	if b := c.take(6); b != nil {
		return uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
	}
	return 0
}

// Uint64 reads eight octets.
func (c *Cursor) Uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// Bytes reads n octets. They point into the message.
func (c *Cursor) Bytes(n int) []byte { return c.take(n) }

// Rest reads all that is left. It points into the message.
func (c *Cursor) Rest() []byte { return c.take(c.end - c.at) }

// CharacterString reads a length octet and that many octets (RFC 1035 3.3).
func (c *Cursor) CharacterString() []byte { return c.take(int(c.Uint8())) }

// Name reads a name that must not be compressed: those in the rdata of every
// type younger than RFC 1035 (RFC 3597 4).
//
// A message of a careless sender may compress them all the same; like other
// servers we read that, but only inside a message.
func (c *Cursor) Name() Name { return c.CompressedName() }

// CompressedName reads a name that may end in a pointer to an earlier place.
func (c *Cursor) CompressedName() Name {
	if c.err != nil {
		return Name{}
	}
	var name Name
	var next int
	name, next, c.err = readName(c.msg, c.at, c.end, c.names, c.plain)
	if c.err != nil {
		return Name{}
	}
	c.at = next
	return name
}

// nameArena is memory that names are decompressed into. It only grows
// forward, so a name in it does not change until the arena is reset.
type nameArena struct {
	buf []byte
}

const nameArenaChunk = 1024

// room returns an empty slice with room for a name.
func (a *nameArena) room() []byte {
	if cap(a.buf)-len(a.buf) < MaxNameLen {
		// Names already handed out keep the old chunk alive.
		a.buf = make([]byte, 0, nameArenaChunk)
	}
	return a.buf[len(a.buf):len(a.buf):cap(a.buf)]
}

// keep makes b, which came from room, a name.
func (a *nameArena) keep(b []byte) Name {
	a.buf = a.buf[:len(a.buf)+len(b)]
	return Name{unsafe.String(unsafe.SliceData(b), len(b))}
}

// readName reads the name at msg[at:end] and returns it with the place behind
// it. Every pointer must point before the label run it was found in: that is
// RFC 1035 4.1.4's "prior occurrence", and it bounds the work, for each jump
// goes strictly backward (and a name has at most 127 labels to begin with).
func readName(msg []byte, at, end int, names *nameArena, plain bool) (Name, int, error) {
	var own nameArena
	if names == nil {
		own.buf = make([]byte, 0, MaxNameLen)
		names = &own
	}
	b := names.room()
	next := -1  // behind the name, known at the first pointer
	start := at // where the present run of labels began
	limit := end
	for {
		if at >= limit {
			return Name{}, 0, ErrShort
		}
		l := int(msg[at])
		switch {
		case l == 0:
			if next < 0 {
				next = at + 1
			}
			return names.keep(append(b, 0)), next, nil
		case l <= MaxLabelLen:
			if at+1+l > limit {
				return Name{}, 0, ErrShort
			}
			if len(b)+1+l+1 > MaxNameLen {
				return Name{}, 0, ErrNameTooLong
			}
			b = append(b, msg[at:at+1+l]...)
			at += 1 + l
		case l >= 0xC0:
			if plain {
				return Name{}, 0, ErrCompressed
			}
			if at+2 > limit {
				return Name{}, 0, ErrShort
			}
			target := (l&0x3F)<<8 | int(msg[at+1])
			if target >= start || target < HeaderLen {
				return Name{}, 0, ErrPointer
			}
			if next < 0 {
				next = at + 2
			}
			limit = start // what lies between was read: a second visit could only loop
			at, start = target, target
		default:
			return Name{}, 0, ErrLabelType
		}
	}
}

// skipName returns the place behind the name at msg[at:end] without looking
// where its pointer leads.
func skipName(msg []byte, at, end int) (int, error) {
	first := at
	for at < end {
		l := int(msg[at])
		switch {
		case l == 0:
			return at + 1, nil
		case l <= MaxLabelLen:
			at += 1 + l
			if at-first >= MaxNameLen {
				return 0, ErrNameTooLong
			}
		case l >= 0xC0:
			if at+2 > end {
				return 0, ErrShort
			}
			return at + 2, nil
		default:
			return 0, ErrLabelType
		}
	}
	return 0, ErrShort
}
