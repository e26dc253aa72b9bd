package authority

import (
	"bytes"
	"errors"
	"sync/atomic"
)

// pages is the memory that nodes lie in. What is written stays as it is: a
// node that changes is written anew behind the last, where no older version of
// the zone looks, and versions share the page.
type pages struct {
	list [][]byte // nodes one behind the other; nil where a page was given back
	live []uint32 // octets on each page that the zone needs
	tail *tail    // the end of the last page written to; nil: a new one is needed

	expected int // octets the nodes will take, while a zone is loaded
}

// tail is where versions of a zone agree on how far a page is written to: a
// page may be continued only by the version that wrote last.
type tail struct {
	page int
	end  atomic.Int64
}

// A ref is the place of a node: a page and an offset on it, in units of four
// octets.
const (
	refUnitBits = 18 // units on a page: 1 MiB
	refUnit     = 4
	pageSize    = refUnit << refUnitBits
	maxPages    = 1 << (32 - refUnitBits) // 16 GiB of zone
)

// ErrZoneTooLarge is returned for a zone of more than 16 GiB.
var ErrZoneTooLarge = errors.New("zone is larger than 16 GiB")

func makeRef(page, offset int) uint32 { return uint32(page)<<refUnitBits | uint32(offset/refUnit) }

// at returns the node at ref.
func (p *pages) at(ref uint32) node {
	return node(p.list[ref>>refUnitBits][int(ref&(1<<refUnitBits-1))*refUnit:])
}

// capacity is how large the next page of a zone that is loaded is to be.
func (p *pages) capacity() int {
	if len(p.list) == 0 {
		return min(p.expected, pageSize)
	}
	return pageSize
}

// trim gives back what the last page does not need.
func (p *pages) trim() {
	if last := len(p.list) - 1; last >= 0 && cap(p.list[last])-len(p.list[last]) > len(p.list[last])/8 {
		p.list[last] = bytes.Clone(p.list[last])
	}
}

// store copies a finished node of a zone that is loaded to a page.
func (p *pages) store(b []byte) (ref uint32, err error) {
	last := len(p.list) - 1
	if last < 0 || cap(p.list[last])-len(p.list[last]) < len(b) {
		if len(p.list) == maxPages {
			return 0, ErrZoneTooLarge
		}
		// A node larger than a page gets a page of its own size.
		page := make([]byte, 0, max(p.capacity(), len(b)+refUnit))
		if last < 0 {
			page = append(page, 0, 0, 0, 0) // no node has ref 0: a slot of the hash table is 0 when free
		}
		p.list, p.live = append(p.list, page), append(p.live, 0)
		last++
	}
	at := len(p.list[last])
	p.list[last] = append(p.list[last], b...)
	p.live[last] += uint32(len(b))
	return makeRef(last, at), nil
}
