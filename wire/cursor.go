package wire

import "encoding/binary"

// Cursor walks forward through octets of a message, or of rdata kept outside
// one. The first thing that goes wrong stays: everything after it reads as
// zero, and Err and Close report it. So a parser may read all its fields and
// look for the error once.
//
// What it returns is borrowed: bytes point into the message, names into the
// name memory of the [Reader] the cursor came from.
type Cursor struct {
	msg   []byte // all of it: compression pointers count from its start
	at    int    // the next octet; the end once there is an error
	end   int    // no octet from here on belongs to what is being read
	err   error
	errAt int         // where err came up
	names *nameMemory // where decompressed names go; nil: this is not a message and has none
}

// CursorOver returns a cursor over rdata in uncompressed form. Names it returns
// are borrowed from rdata.
func CursorOver(rdata []byte) Cursor {
	return Cursor{msg: rdata, end: len(rdata)}
}

// Err is what went wrong so far.
func (c *Cursor) Err() error { return c.err }

// Fail makes err the error unless there is one. Nothing is left to read then.
func (c *Cursor) Fail(err error) {
	if c.err == nil {
		c.err, c.errAt = err, c.at
		c.at = c.end
	}
}

// Close reports the first error; octets that were not read are one.
func (c *Cursor) Close() error {
	if c.at != c.end {
		c.Fail(ErrTrailing)
	}
	return c.err
}

// Len is how many octets are left.
func (c *Cursor) Len() int { return c.end - c.at }

// take returns the next n octets, nil if there are not that many.
func (c *Cursor) take(n int) []byte {
	if uint(n) > uint(c.end-c.at) {
		c.Fail(ErrShort)
		return nil
	}
	b := c.msg[c.at : c.at+n : c.at+n]
	c.at += n
	return b
}

// Uint8 reads one octet.
func (c *Cursor) Uint8() uint8 {
	if c.end-c.at < 1 {
		c.Fail(ErrShort)
		return 0
	}
	v := c.msg[c.at]
	c.at++
	return v
}

// Uint16 reads two octets.
func (c *Cursor) Uint16() uint16 {
	if c.end-c.at < 2 {
		c.Fail(ErrShort)
		return 0
	}
	v := binary.BigEndian.Uint16(c.msg[c.at:])
	c.at += 2
	return v
}

// Uint32 reads four octets.
func (c *Cursor) Uint32() uint32 {
	if c.end-c.at < 4 {
		c.Fail(ErrShort)
		return 0
	}
	v := binary.BigEndian.Uint32(c.msg[c.at:])
	c.at += 4
	return v
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
	if c.names == nil {
		name, n, err := BorrowName(c.msg[c.at:c.end])
		if err != nil {
			c.Fail(err)
			return Name{}
		}
		c.at += n
		return name
	}
	name, next, err := readName(c.msg, c.at, c.end, c.names)
	if err != nil {
		c.Fail(err)
		return Name{}
	}
	c.at = next
	return name
}
