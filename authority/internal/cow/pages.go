package cow

import (
	"errors"
	"math/bits"
	"slices"
	"sync/atomic"
)

// Pages is memory for items without pointers. What is written is not changed:
// a new version of an item is written after the last one, if no older
// version of the pages looks, so that versions share the page.
type Pages struct {
	list [][]byte // items one after the other; nil if the page was given back
	live []uint32 // octets on each page that this version needs
	tail *tail    // the end of the last page written to; nil if a new one is needed

	sweep sweep

	expected int  // octets all items will take, see Expect
	full     bool // an item did not fit
	edited   bool // see IsEdited
}

// tail is how far a page is written to, for all versions: a page may be
// continued only by the version that wrote last.
type tail struct {
	page int
	end  atomic.Int64
}

// A ref is the place of an item: a page and an offset on it, in units of four
// octets.
const (
	RefUnitBits = 18 // units on a page: 1 MiB
	RefUnit     = 4
	pageSize    = RefUnit << RefUnitBits
	maxPages    = 1 << (32 - RefUnitBits) // 16 GiB in all
)

// ErrFull is returned when the items take more than 16 GiB.
var ErrFull = errors.New("more than 16 GiB")

// AlignUp rounds a length up to a multiple of [RefUnit].
func AlignUp(n int) int { return (n + RefUnit - 1) &^ (RefUnit - 1) }

// MakeRef returns the ref of an offset on a page.
func MakeRef(page, offset int) uint32 { return uint32(page)<<RefUnitBits | uint32(offset/RefUnit) }

// At returns the item at ref, and what follows it on its page.
func (p *Pages) At(ref uint32) []byte {
	return p.list[ref>>RefUnitBits][int(ref&(1<<RefUnitBits-1))*RefUnit:]
}

// List returns the pages; those that were given back are nil.
func (p *Pages) List() [][]byte { return p.list }

// Live is how many octets on page i this version needs.
func (p *Pages) Live(i int) uint32 { return p.live[i] }

// IsEdited reports whether a [PagesEditor] has made this version or one
// it was made from.
func (p *Pages) IsEdited() bool { return p.edited }

// IsFull reports whether an item did not fit while the pages were filled.
func (p *Pages) IsFull() bool { return p.full }

// Expect says how many octets the items will take, before the first is written.
func (p *Pages) Expect(octets int) { p.expected = octets }

// capacity is the size of a page while the pages are filled.
func (p *Pages) capacity(number int) int {
	if number == 0 {
		return min(p.expected, pageSize)
	}
	return pageSize
}

// Begin returns a page to be filled, whose first item has size octets, and its
// number. The page may be taken from spare, or be in room: then the caller must
// not pass it to End without a copy.
func (p *Pages) Begin(size int, spare *[][]byte, room []byte) (number int, page []byte, inRoom bool) {
	number = len(p.list)
	if number == maxPages {
		p.full = true
		return 0, make([]byte, 0, max(pageSize, size)), false
	}
	p.list, p.live = append(p.list, nil), append(p.live, 0)
	switch n := len(*spare); {
	case n > 0 && size <= pageSize-RefUnit:
		page = (*spare)[n-1]
		*spare = (*spare)[:n-1]
	default: // an item larger than a page gets a page of its own size
		need := max(p.capacity(number), size+RefUnit)
		if inRoom = need <= cap(room); inRoom {
			page = room[:0]
		} else {
			page = make([]byte, 0, need)
		}
	}
	if number == 0 {
		page = append(page, 0, 0, 0, 0) // no item has ref 0: a slot of an index is 0 if it is free
	}
	return number, page, inRoom
}

// End adds a page that Begin returned, with the items on it.
func (p *Pages) End(number int, page []byte) {
	if p.full {
		return
	}
	p.list[number], p.live[number] = page, uint32(len(page))
	if number == 0 {
		p.live[number] -= RefUnit
	}
}

// sweep is how far the live items have been copied from a page that is to be
// given back. Each version does a part of it.
type sweep struct {
	page int
	at   int // 1 + offset of the next item; 0 for no page
}

// PagesEditor writes the items of a new version.
type PagesEditor struct {
	Pages
	start   int64 // where the previous version ends on its last page
	old     *tail // that page
	written int   // octets
}

// EditPages begins a new version of p.
func EditPages(p Pages) PagesEditor {
	e := PagesEditor{Pages: p, old: p.tail}
	if p.tail != nil {
		e.start = int64(len(p.list[p.tail.page]))
	}
	e.list, e.live, e.edited = slices.Clone(p.list), slices.Clone(p.live), true
	return e
}

// Undo gives back what was written, to which no ref may be left.
func (p *PagesEditor) Undo() {
	if p.old == nil {
		return
	}
	if end := int64(len(p.list[p.old.page])); end > p.start {
		p.old.end.CompareAndSwap(end, p.start)
	}
}

// Store copies an item to a page.
func (p *PagesEditor) Store(b []byte) (ref uint32, err error) {
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
	return MakeRef(page, at), nil
}

// StoreAlone copies an item to a page that has no other, so that later versions can
// replace it.
func (p *PagesEditor) StoreAlone(b []byte) (ref uint32, err error) {
	number, err := p.addPage()
	if err != nil {
		return 0, err
	}
	first := firstOn(number)
	p.list[number] = make([]byte, first+len(b))
	p.live[number] = uint32(copy(p.list[number][first:], b))
	p.written += len(b)
	return MakeRef(number, first), nil
}

// Replace puts an item where another one of some size is, in this version only. It
// returns false, and does nothing, if there is more on that page.
func (p *PagesEditor) Replace(ref uint32, size int, b []byte) bool {
	number := int(ref >> RefUnitBits)
	first := firstOn(number)
	if ref != MakeRef(number, first) || len(p.list[number]) != first+size || p.tail != nil && p.tail.page == number {
		return false
	}
	if p.sweep.page == number {
		p.sweep = sweep{}
	}
	p.list[number] = make([]byte, first+len(b))
	p.live[number] = uint32(copy(p.list[number][first:], b))
	p.written += len(b)
	return true
}

// reserve takes room for n octets at the end of the last page, if there is any
// and no other version has continued the page.
func (p *PagesEditor) reserve(n int) bool {
	if p.tail == nil {
		return false
	}
	page := p.list[p.tail.page]
	return len(page)+n <= cap(page) && p.tail.end.CompareAndSwap(int64(len(page)), int64(len(page)+n))
}

// open begins another page, with room for n octets reserved on it.
func (p *PagesEditor) open(n int) error {
	number, err := p.addPage()
	if err != nil {
		return err
	}
	if p.tail != nil {
		p.giveBack(p.tail.page)
	}
	page := make([]byte, firstOn(number), max(p.tailSize(), n+RefUnit))
	p.list[number], p.tail = page, &tail{page: number}
	p.tail.end.Store(int64(len(page) + n))
	return nil
}

// addPage returns the number of a page that is not in use.
func (p *PagesEditor) addPage() (number int, err error) {
	number = slices.IndexFunc(p.list, func(page []byte) bool { return page == nil })
	if number < 0 {
		if number = len(p.list); number == maxPages {
			return 0, ErrFull
		}
		p.list, p.live = append(p.list, nil), append(p.live, 0)
	}
	return number, nil
}

// firstOn is where the first item is on a page. No item has ref 0, because a
// slot of an index is 0 if it is free.
func firstOn(page int) int {
	if page == 0 {
		return RefUnit
	}
	return 0
}

// tailSize is the size of the next page: a small part of all, so that few pages
// suffice and little is left unused.
func (p *PagesEditor) tailSize() int {
	_, live := p.sizes()
	return min(max(1<<bits.Len(uint(live/256)), 1<<10), pageSize)
}

// sizes is how many octets the pages have, and how many of them are live.
func (p *Pages) sizes() (all, live int) {
	for i, page := range p.list {
		all += cap(page)
		live += int(p.live[i])
	}
	return all, live
}

// Free notes that this version does not need an item.
func (p *PagesEditor) Free(ref uint32, size int) {
	page := int(ref >> RefUnitBits)
	p.live[page] -= uint32(size)
	if p.tail == nil || p.tail.page != page {
		p.giveBack(page)
	}
}

// giveBack gives a page back if no item on it is live.
func (p *PagesEditor) giveBack(page int) {
	if p.live[page] > 0 {
		return
	}
	p.list[page] = nil
	if p.sweep.page == page {
		p.sweep = sweep{}
	}
}

// Reclaim gives back pages with few live items, if less than two thirds of all
// octets are live. It calls move for the items on such a page, which stores the
// live ones elsewhere; length returns the length of the item that b starts
// with. Each version does a part of the work, in proportion to what it wrote.
func (p *PagesEditor) Reclaim(length func(b []byte) int, move func(ref uint32, item []byte) error) error {
	const effort = 4 // octets examined for each one written
	for effort := effort * p.written; effort > 0; {
		if p.sweep.at == 0 && !p.choose() {
			return nil
		}
		page := p.sweep.page
		if p.sweep.at-1 == len(p.list[page]) {
			p.sweep = sweep{}
			continue
		}
		n := p.list[page][p.sweep.at-1:]
		n = n[:length(n)]
		ref := MakeRef(page, p.sweep.at-1)
		p.sweep.at += len(n)
		effort -= len(n)
		if err := move(ref, n); err != nil {
			return err
		}
	}
	return nil
}

// choose begins to sweep the page with the least live part, if one is to be
// given back.
func (p *PagesEditor) choose() bool {
	all, live := p.sizes()
	if all-live < live/2+2*p.tailSize() {
		return false
	}
	best, part := -1, 1.0
	for i, page := range p.list {
		if page != nil && (p.tail == nil || i != p.tail.page) {
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
