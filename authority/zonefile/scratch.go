package zonefile

import (
	"sync"

	"github.com/names-dns/names/wire"
)

// scratch is memory that a reader works in. Growing it anew for each file would
// be a good part of what a small one costs.
type scratch struct {
	words              []wire.Word
	data, owner, block []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// What is larger than that is not kept.
const (
	keptWords  = 1 << 10
	keptOctets = 64 << 10
)

// borrow gives the reader memory that others had before. It is given back once
// nothing that the reader has made is lent any more.
func (r *reader) borrow() (giveBack func()) {
	s := scratches.Get().(*scratch)
	r.data, r.owner, r.spareWords, r.spareBlock = s.data, s.owner, s.words, s.block
	return func() {
		s.data, s.owner, s.words, s.block = keep(r.data), keep(r.owner), nil, keep(r.spareBlock)
		if words := r.spareWords; cap(words) <= keptWords {
			words = words[:cap(words)]
			clear(words) // or they would keep what they are from
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
