package authority

import (
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

	expected int  // octets the nodes will take, while a zone is loaded
	full     bool // there was no room for one of them
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
func (p *pages) capacity(number int) int {
	if number == 0 {
		return min(p.expected, pageSize)
	}
	return pageSize
}

// begin returns a page for the nodes of a zone that is loaded, the first of
// which has size octets, and its number. It may be one of spare.
func (p *pages) begin(size int, spare *[][]byte) (number int, page []byte) {
	number = len(p.list)
	if number == maxPages {
		p.full = true
		return 0, make([]byte, 0, max(pageSize, size))
	}
	p.list, p.live = append(p.list, nil), append(p.live, 0)
	switch n := len(*spare); {
	case n > 0 && size <= pageSize-refUnit:
		page = (*spare)[n-1]
		*spare = (*spare)[:n-1]
	default: // a node larger than a page gets a page of its own size
		page = make([]byte, 0, max(p.capacity(number), size+refUnit))
	}
	if number == 0 {
		page = append(page, 0, 0, 0, 0) // no node has ref 0: a slot of the hash table is 0 when free
	}
	return number, page
}

// end takes a page that begin returned, with the nodes on it.
func (p *pages) end(number int, page []byte) {
	if p.full {
		return
	}
	p.list[number], p.live[number] = page, uint32(len(page))
	if number == 0 {
		p.live[number] -= refUnit
	}
}
