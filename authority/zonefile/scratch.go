package zonefile

import (
	"sync"

	"github.com/names-dns/names/wire"
)

// scratch is memory that readers reuse. Allocating it for each file would be a
// large part of the cost of a small one.
type scratch struct {
	words              []wire.Word
	data, owner, block []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// Larger memory is not kept.
const (
	keptWords  = 1 << 10
	keptOctets = 64 << 10
)

// borrow gives the reader pooled memory. It is returned when nothing refers to the
// reader's results.
func (r *reader) borrow() (giveBack func()) {
	s := scratches.Get().(*scratch)
	r.data, r.owner, r.spareWords, r.spareBlock = s.data, s.owner, s.words, s.block
	return func() {
		s.data, s.owner, s.words, s.block = keep(r.data), keep(r.owner), nil, keep(r.spareBlock)
		if words := r.spareWords; cap(words) <= keptWords {
			words = words[:cap(words)]
			clear(words) // so that they do not retain the text
			s.words = words[:0]
		}
		scratches.Put(s)
	}
}

func keep(b []byte) []byte {
	if cap(b) > keptOctets {
		return nil
	}
	return b[:0]
}
