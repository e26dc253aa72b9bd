package cache

import (
	"sync/atomic"
	"unsafe"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// popular is how often an entry must have been asked for to be asked for in
// advance.
const popular = 2

// isDue reports whether the entry of v, which lives on for left, should be
// asked for again: it is in the last tenth of its life, popular, and no query has
// started that.
func isDue(v slot, h *header, left int64) bool {
	return left <= h.life()/10 && v&slotUsed >= popular && v&slotRefresh == 0 && h.kind() != failure
}

// claim reports whether the caller is the one to ask for the entry of k anew.
func (s *shard) claim(k *key) bool {
	at, v := s.find(k)
	return at != nil && v&slotRefresh == 0 && atomic.CompareAndSwapUint64(at, v, v|slotRefresh)
}

// prefetch asks again for what x asks, on behalf of no client, unless there
// is enough of that going on.
func (f *Resolver) prefetch(x *names.Exchange, k *key) {
	c := f.cache
	if !c.config.Prefetch || !isForAll(x) {
		return
	}
	if f.prefetching.Add(1) > int64(c.config.MaxPrefetch) || !f.claim(x, k) || !f.send(x, k) {
		f.prefetching.Add(-1)
		return
	}
	c.count(unsafe.Pointer(x), prefetched)
}

// claim is [shard.claim] for the entry that has answered x.
func (f *Resolver) claim(x *names.Exchange, k *key) bool {
	if f.cache.shard(k).claim(k) {
		return true
	}
	whole := *k
	whole.retarget(f.cache.seed, typeAny, variantOf(&x.Query))
	return f.cache.shard(&whole).claim(&whole)
}

// send starts a call and reports whether there was none.
func (f *Resolver) send(x *names.Exchange, k *key) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.cache.forgetParts(x.Question())
	l, isNew, err := f.start(x, k, true)
	if err != nil || !isNew {
		return false
	}
	f.workers.Do(l)
	return true
}

// maxForgotten is how many links of a chain of aliases are forgotten: answers
// have hardly more.
const maxForgotten = 16

// forgetParts takes out what a recursor after this cache would make the answer
// to q of, alias by alias: that is as old as the answer which is to be renewed.
func (c *Cache) forgetParts(q wire.Question) {
	for range maxForgotten {
		c.ForgetPart(PartAnswer, q)
		alias := wire.Question{Name: q.Name, Type: wire.TypeCNAME, Class: q.Class}
		message, _, ok := c.FindPart(PartAnswer, alias, nil)
		if !ok {
			return
		}
		c.ForgetPart(PartAnswer, alias)
		if q.Name, ok = aliasOf(message, q.Name); !ok {
			return
		}
	}
}

// aliasOf returns what name is an alias of, as message says.
func aliasOf(message []byte, name wire.Name) (target wire.Name, ok bool) {
	var r wire.Reader
	if r.Reset(message) != nil || r.SkipQuestions() != nil {
		return wire.Name{}, false
	}
	for {
		h, err := r.Next()
		if err != nil {
			return wire.Name{}, false
		}
		var d wire.CNAME
		if h.Type == wire.TypeCNAME && h.Name.Equal(name) && r.Parse(&d) == nil {
			return d.Target.Clone(), true
		}
	}
}
