package authority

import (
	"errors"
	"math/bits"
	"slices"
	"sync/atomic"
)

// pages is the memory that nodes lie in. What is written stays as it is: a
// node that changes is written anew behind the last, where no older version of
// the zone looks, and versions share the page.
type pages struct {
	list [][]byte // nodes one behind the other; nil where a page was given back
	live []uint32 // octets on each page that the zone needs
	tail *tail    // the end of the last page written to; nil: a new one is needed

	sweep sweep

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
// which has size octets, and its number. It may be one of spare, or be in room:
// then it is not to be kept.
func (p *pages) begin(size int, spare *[][]byte, room []byte) (number int, page []byte, inRoom bool) {
	number = len(p.list)
	if number == maxPages {
		p.full = true
		return 0, make([]byte, 0, max(pageSize, size)), false
	}
	p.list, p.live = append(p.list, nil), append(p.live, 0)
	switch n := len(*spare); {
	case n > 0 && size <= pageSize-refUnit:
		page = (*spare)[n-1]
		*spare = (*spare)[:n-1]
	default: // a node larger than a page gets a page of its own size
		need := max(p.capacity(number), size+refUnit)
		if inRoom = need <= cap(room); inRoom {
			page = room[:0]
		} else {
			page = make([]byte, 0, need)
		}
	}
	if number == 0 {
		page = append(page, 0, 0, 0, 0) // no node has ref 0: a slot of the hash table is 0 when free
	}
	return number, page, inRoom
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

// sweep is how far the nodes that are still needed have been copied from a page
// that is to be given back. It is done little by little, with each version.
type sweep struct {
	page int
	at   int // 1 + offset of the next node; 0: no page
}

// pagesEditor writes the nodes of a new version.
type pagesEditor struct {
	pages
	start   int64 // where the version before ends on its last page
	old     *tail // that page
	written int   // octets
}

func editPages(p pages) pagesEditor {
	e := pagesEditor{pages: p, old: p.tail}
	if p.tail != nil {
		e.start = int64(len(p.list[p.tail.page]))
	}
	e.list, e.live = slices.Clone(p.list), slices.Clone(p.live)
	return e
}

// undo gives back what was written, which nobody may have kept.
func (p *pagesEditor) undo() {
	if p.old == nil {
		return
	}
	if end := int64(len(p.list[p.old.page])); end > p.start {
		p.old.end.CompareAndSwap(end, p.start)
	}
}

// store copies a finished node to a page.
func (p *pagesEditor) store(b []byte) (ref uint32, err error) {
	if !p.reserve(len(b)) {
		if err := p.open(len(b)); err != nil {
			return 0, err
		}
	}
	page := p.tail.page
	at := len(p.list[page])
	p.list[page] = append(p.list[page], b...)
	p.live[page] += uint32(len(b))
	p.written += len(b)
	return makeRef(page, at), nil
}

// reserve takes room for n octets at the end of the last page, if there is any
// and no other version has continued the page already.
func (p *pagesEditor) reserve(n int) bool {
	if p.tail == nil {
		return false
	}
	page := p.list[p.tail.page]
	return len(page)+n <= cap(page) && p.tail.end.CompareAndSwap(int64(len(page)), int64(len(page)+n))
}

// open begins another page, with room for n octets reserved on it.
func (p *pagesEditor) open(n int) error {
	number := slices.IndexFunc(p.list, func(page []byte) bool { return page == nil })
	if number < 0 {
		if number = len(p.list); number == maxPages {
			return ErrZoneTooLarge
		}
		p.list, p.live = append(p.list, nil), append(p.live, 0)
	}
	if p.tail != nil {
		p.giveBack(p.tail.page)
	}
	page := make([]byte, firstOn(number), max(p.tailSize(), n+refUnit))
	p.list[number], p.tail = page, &tail{page: number}
	p.tail.end.Store(int64(len(page) + n))
	return nil
}

// firstOn is where the first node is on a page: none has ref 0, for a slot of
// the hash table is 0 when it is free.
func firstOn(page int) int {
	if page == 0 {
		return refUnit
	}
	return 0
}

// tailSize is how large the next page is to be: a small part of the zone, so
// that small zones stay small and large ones do not need many pages.
func (p *pagesEditor) tailSize() int {
	_, live := p.sizes()
	return min(max(1<<bits.Len(uint(live/256)), 1<<10), pageSize)
}

// sizes is how many octets the pages have, and how many of them the zone needs.
func (p *pages) sizes() (all, live int) {
	for i, page := range p.list {
		all += cap(page)
		live += int(p.live[i])
	}
	return all, live
}

// free notes that a node is not needed any more.
func (p *pagesEditor) free(ref uint32, size int) {
	page := int(ref >> refUnitBits)
	p.live[page] -= uint32(size)
	if p.tail == nil || p.tail.page != page {
		p.giveBack(page)
	}
}

// giveBack gives a page back if nothing on it is needed.
func (p *pagesEditor) giveBack(page int) {
	if p.live[page] > 0 {
		return
	}
	p.list[page] = nil
	if p.sweep.page == page {
		p.sweep = sweep{}
	}
}

// reclaim gives back pages of which the zone needs little, once half as much
// is not needed as is: move is called for the nodes on them, and stores those
// that are needed elsewhere. Each version does a part of that, in proportion
// to what it wrote.
func (p *pagesEditor) reclaim(move func(ref uint32, n node) error) error {
	const effort = 4 // octets looked at for each one written
	for effort := effort * p.written; effort > 0; {
		if p.sweep.at == 0 && !p.choose() {
			return nil
		}
		page := p.sweep.page
		if p.sweep.at-1 == len(p.list[page]) {
			p.sweep = sweep{} // to be chosen again if there is anything on it, which can not be
			continue
		}
		n := node(p.list[page][p.sweep.at-1:]).octets()
		ref := makeRef(page, p.sweep.at-1)
		p.sweep.at += len(n)
		effort -= len(n)
		if err := move(ref, n); err != nil {
			return err
		}
	}
	return nil
}

// choose begins with the page that is needed least, if one is to be given back.
func (p *pagesEditor) choose() bool {
	all, live := p.sizes()
	if all-live < live/2+2*p.tailSize() {
		return false
	}
	best, part := -1, 1.0
	for i, page := range p.list {
		if page != nil && i != p.tail.page {
			if needed := float64(p.live[i]) / float64(cap(page)); needed < part {
				best, part = i, needed
			}
		}
	}
	if best < 0 {
		return false
	}
	p.sweep = sweep{page: best, at: firstOn(best) + 1}
	return true
}
