package authority

import (
	"encoding/binary"

	"github.com/names-dns/names/wire"
)

// Cursor is a place among the records of a version, in the order of
// [Snapshot.Unsorted]. The zero value is at the end of an empty version.
type Cursor struct {
	snapshot *Snapshot
	pieces   [][]uint32 // of the refs of nodes, after refs
	refs     []uint32   // of the nodes that follow
	name     wire.Name
	sets     int // RRsets of the node that follow
	next     rrset
	records  int // of the RRset that follow
	kind     wire.Type
	ttl      uint32
	rest     []byte
}

// Cursor returns the place before the first record, which is the SOA.
func (s *Snapshot) Cursor() Cursor { return Cursor{snapshot: s, pieces: s.refs.Pieces()} }

// Write appends records to a message until it is full: then the error is
// [wire.ErrNoSpace], and the record that did not fit is the next one. At the end it is nil.
func (c *Cursor) Write(w *wire.ZoneWriter) (written int, err error) {
	for {
		for ; c.records > 0; c.records-- {
			n := 2 + int(binary.LittleEndian.Uint16(c.rest))
			if err := w.Record(c.name, c.kind, c.snapshot.class, c.ttl, c.rest[2:n]); err != nil {
				return written, err
			}
			c.rest = c.rest[n:]
			written++
		}
		if !c.nextSet() {
			return written, nil
		}
	}
}

// nextSet goes on to the next RRset, if there is one.
func (c *Cursor) nextSet() bool {
	for c.sets == 0 {
		for len(c.refs) == 0 {
			if len(c.pieces) == 0 {
				return false
			}
			c.refs, c.pieces = c.pieces[0], c.pieces[1:]
		}
		ref := c.refs[0]
		if c.refs = c.refs[1:]; ref == 0 {
			continue
		}
		n := c.snapshot.at(ref)
		c.name, c.sets, c.next = n.name(), n.setCount(), rrset(n.body())
	}
	set := c.next
	c.sets--
	c.records, c.kind, c.ttl, c.rest = set.count(), set.kind(), set.ttl(), set.records()
	if c.sets > 0 {
		c.next = set.next()
	}
	return true
}
