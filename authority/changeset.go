package authority

import (
	"bytes"

	"github.com/names-dns/names/wire"
)

// ChangeSet is the difference between two versions of a zone: what a transaction
// changed, and what an incremental transfer (RFC 1995) or a journal contains.
//
// It shares no memory with the zone, so it may be kept. It must not be written to,
// because others may have it, too.
type ChangeSet struct {
	// From and To are the serial numbers before and after. They are the same if
	// the transaction kept the serial number: secondaries cannot learn of such a
	// change.
	From, To wire.Serial

	// Removed and Added are the records that only the version before, or only the
	// version after has. A record whose TTL changes is in both. If the SOA record
	// changes, it is the first of both.
	Removed, Added []wire.Record
}

// IsEmpty reports whether nothing changed.
func (c *ChangeSet) IsEmpty() bool { return len(c.Removed) == 0 && len(c.Added) == 0 }

// addOwner adds the difference in an owner's records.
func (c *ChangeSet) addOwner(class wire.Class, e *editedName) {
	before, after := e.before, e.sets
	for len(before) > 0 || len(after) > 0 {
		switch {
		case len(after) == 0 || len(before) > 0 && before[0].rank() < after[0].rank():
			for _, data := range before[0].data {
				c.remove(class, e, before[0], data)
			}
			before = before[1:]
		case len(before) == 0 || after[0].rank() < before[0].rank():
			for _, data := range after[0].data {
				c.add(class, e, after[0], data)
			}
			after = after[1:]
		default:
			c.addSet(class, e, before[0], after[0])
			before, after = before[1:], after[1:]
		}
	}
}

// addSet adds the difference between two versions of an RRset.
func (c *ChangeSet) addSet(class wire.Class, e *editedName, before, after editedSet) {
	i, j := 0, 0
	for i < len(before.data) || j < len(after.data) {
		order := 0
		switch {
		case i == len(before.data):
			order = 1
		case j == len(after.data):
			order = -1
		default:
			order = compareData(before.Type, before.data[i], after.data[j])
		}
		// A record with another spelling or another TTL is a different one.
		isSame := order == 0 && before.ttl == after.ttl && bytes.Equal(before.data[i], after.data[j])
		if order <= 0 {
			if !isSame {
				c.remove(class, e, before, before.data[i])
			}
			i++
		}
		if order >= 0 {
			if !isSame {
				c.add(class, e, after, after.data[j])
			}
			j++
		}
	}
}

func (c *ChangeSet) remove(class wire.Class, e *editedName, set editedSet, data []byte) {
	c.Removed = append(c.Removed, set.record(e.name, class, data).Clone())
}

func (c *ChangeSet) add(class wire.Class, e *editedName, set editedSet, data []byte) {
	c.Added = append(c.Added, set.record(e.name, class, data).Clone())
}
