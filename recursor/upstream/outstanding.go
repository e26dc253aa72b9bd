package upstream

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
)

// outstandingQueries is how a client knows what it has sent itself. It is asked about
// every query that a server gets, and nearly always says no.
type outstandingQueries struct {
	queries set[outstandingQuery] // that wait for their replies
	cookies set[[8]byte]          // client cookies in use
}

// outstandingQuery is a query that we sent, as its receiver sees it.
type outstandingQuery struct {
	from netip.AddrPort
	id   uint16
}

func (q outstandingQuery) hash() uint { return uint(q.id) ^ uint(q.from.Port())*0x9E37 }

func (o *outstandingQueries) add(q outstandingQuery)          { o.queries.add(q, q.hash()) }
func (o *outstandingQueries) remove(q outstandingQuery)       { o.queries.remove(q, q.hash()) }
func (o *outstandingQueries) hasSent(q outstandingQuery) bool { return o.queries.has(q, q.hash()) }
func (o *outstandingQueries) addCookie(c [8]byte)             { o.cookies.add(c, cookieHash(c)) }
func (o *outstandingQueries) removeCookie(c [8]byte)          { o.cookies.remove(c, cookieHash(c)) }
func (o *outstandingQueries) hasCookie(c [8]byte) bool        { return o.cookies.has(c, cookieHash(c)) }

func cookieHash(c [8]byte) uint { return uint(binary.BigEndian.Uint16(c[:])) }

// set is a set of what has a hash. What is not in it is found not to be
// without a lock.
type set[T comparable] struct {
	filter filter
	shards [32]shard[T]
}

type shard[T comparable] struct {
	mu      sync.Mutex
	members map[T]struct{}
	_       [48]byte // what other processors lock is in another cache line
}

func (s *set[T]) shard(hash uint) *shard[T] { return &s.shards[hash%uint(len(s.shards))] }

func (s *set[T]) add(v T, hash uint) {
	h := s.shard(hash)
	h.mu.Lock()
	if h.members == nil {
		h.members = map[T]struct{}{}
	}
	h.members[v] = struct{}{}
	h.mu.Unlock()
	s.filter.at(hash).Add(1)
}

func (s *set[T]) remove(v T, hash uint) {
	s.filter.at(hash).Add(-1)
	h := s.shard(hash)
	h.mu.Lock()
	delete(h.members, v)
	h.mu.Unlock()
}

func (s *set[T]) has(v T, hash uint) bool {
	if s.filter.at(hash).Load() == 0 {
		return false
	}
	h := s.shard(hash)
	h.mu.Lock()
	defer h.mu.Unlock()
	_, ok := h.members[v]
	return ok
}

// filter counts what is in a set, by hash: if it counts none, nothing with
// that hash is in the set.
type filter [1 << 14]atomic.Int32

func (f *filter) at(hash uint) *atomic.Int32 { return &f[hash%uint(len(f))] }
