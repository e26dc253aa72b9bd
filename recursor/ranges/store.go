package ranges

import (
	"bytes"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Set is an RRset of one record that was validated: NSEC, NSEC3 or SOA. Its names
// and data are borrowed.
type Set struct {
	Owner      wire.Name
	Type       wire.Type
	TTL        uint32 // seconds
	Data       []byte
	Signatures [][]byte // RRSIG data
}

// Store keeps ranges of many zones. Its methods may be called by many goroutines.
type Store struct {
	seed    maphash.Seed
	began   time.Time
	buckets []atomic.Pointer[zone]

	mu    sync.Mutex // of those that write; readers take no lock
	most  int64
	size  int64
	queue []*record // of all that are kept, in the order in which they may go
	head  int       // where the oldest is
}

// New returns a store that takes up to size octets.
func New(size int64) *Store {
	buckets := 64
	for int64(buckets)*4096 < size && buckets < 1<<16 {
		buckets *= 2
	}
	return &Store{seed: maphash.MakeSeed(), began: time.Now(), buckets: make([]atomic.Pointer[zone], buckets), most: size}
}

// zone is what is kept of a zone. Readers see it change under their hands: each
// pointer is set as a whole.
type zone struct {
	key   string // octets of wire.Key
	name  wire.Name
	next  atomic.Pointer[zone] // in the bucket
	soa   atomic.Pointer[record]
	nsec  atomic.Pointer[chain]
	nsec3 atomic.Pointer[chain]
	held  int // records, guarded by the store's mu
}

// chain is the ranges of a zone in order. It does not change: a new one takes its
// place.
type chain struct {
	chunks [][]*record // none is empty
	params             // of NSEC3
}

// params are how the names of a chain are hashed, and what comes of two that are wanted for
// nearly every question.
type params struct {
	iterations     uint16
	salt           string
	apex, wildcard dnssec.Hash
}

// paramsOf returns the parameters of n, a record of a zone: those of its chain if that
// has the same.
func (s *Store) paramsOf(n *dnssec.NSEC3, apex wire.Name) (p params, err error) {
	var buf [2*wire.MaxNameLen + 1]byte
	if z := s.find(apex.AppendKey(buf[:0])); z != nil {
		if c := z.nsec3.Load(); c != nil && c.iterations == n.Iterations && c.salt == string(n.Salt) {
			return c.params, nil
		}
	}
	p = params{iterations: n.Iterations, salt: string(n.Salt)}
	if p.apex, err = dnssec.HashName(apex, n.Iterations, n.Salt); err != nil {
		return p, err
	}
	wildcard, err := apex.Prepend("*")
	if err != nil {
		return p, nil // no name fits below that apex
	}
	p.wildcard, err = dnssec.HashName(wildcard, n.Iterations, n.Salt)
	return p, err
}

// chunkLen is how many records a chunk has at the most: as many are copied when one
// is added.
const chunkLen = 128

// record is an NSEC, NSEC3 or SOA record. It does not change.
type record struct {
	zone       *zone
	owner      wire.Name
	kind       wire.Type
	key, next  string // octets of wire.Key; of NSEC3, hashes
	types      wire.TypeBitmap
	data       []byte
	signatures [][]byte
	expires    int64 // seconds since the store began
	size       int64
	used       atomic.Bool
	isGone     bool // guarded by the store's mu
}

// recordOverhead is about what a record takes besides its octets.
const recordOverhead = 320

// seconds is the time since the store began.
func (s *Store) seconds() int64 { return int64(time.Since(s.began) / time.Second) }

// maxTTL is for how long a record is kept at the most, in seconds (RFC 8198 5.4).
const maxTTL = 3 * 60 * 60

// Add keeps a set that zone signed, for as long as its TTL says, and no longer than
// the zone's SOA record lets denials be kept (RFC 9077 3). Records that are
// useless are left out: NSEC records for one name only (RFC 9824), NSEC3 with opt-out or
// more iterations than are done ([dnssec.MaxIterations]).
func (s *Store) Add(apex wire.Name, set *Set) {
	r := &record{owner: set.Owner.Clone(), kind: set.Type, data: bytes.Clone(set.Data)}
	var how params
	switch set.Type {
	case wire.TypeSOA:
		var soa wire.SOA
		c := wire.CursorOver(set.Data)
		if soa.Parse(&c) != nil {
			return
		}
		set.TTL = min(set.TTL, soa.Minimum)
	case wire.TypeNSEC:
		var n wire.NSEC
		c := wire.CursorOver(r.data)
		if n.Parse(&c) != nil || !n.Next.HasSuffix(apex) || !set.Owner.HasSuffix(apex) {
			return
		}
		r.key, r.next, r.types = keyOf(set.Owner), keyOf(n.Next), n.Types
		if r.next == r.key+"\x01\x01\x00" { // \000 and the owner: it denies no other name
			return
		}
	case wire.TypeNSEC3:
		n, err := dnssec.ParseNSEC3(r.owner, r.data)
		if err != nil || n.OptOut || !n.Zone.Equal(apex) {
			return
		}
		if how, err = s.paramsOf(&n, apex); err != nil {
			return
		}
		r.key, r.next, r.types = string(n.Owner[:]), string(n.Next[:]), n.Types
	default:
		return
	}
	r.size = recordOverhead + int64(len(r.key)+len(r.next)+len(r.data)+r.owner.Len())
	for _, sig := range set.Signatures {
		r.signatures = append(r.signatures, bytes.Clone(sig))
		r.size += int64(len(sig)) + 24
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.seconds()
	z := s.enter(apex)
	r.zone, r.expires = z, now+int64(min(set.TTL, maxTTL))
	if soa := z.soa.Load(); soa != nil && set.Type != wire.TypeSOA && now < soa.expires {
		r.expires = min(r.expires, soa.expires)
	}
	switch set.Type {
	case wire.TypeSOA:
		if old := z.soa.Load(); old != nil {
			s.forget(old) // and not the zone, even if that was all of it
		}
		z.soa.Store(r)
	case wire.TypeNSEC:
		s.insert(&z.nsec, r, how)
	case wire.TypeNSEC3:
		s.insert(&z.nsec3, r, how)
	}
	z.held++
	s.size += r.size
	s.queue = append(s.queue, r)
	s.makeRoom(now)
}

func keyOf(n wire.Name) string {
	var buf [2*wire.MaxNameLen + 1]byte
	return string(n.AppendKey(buf[:0]))
}

// enter returns the zone of an apex, a new one if there is none.
func (s *Store) enter(apex wire.Name) *zone {
	var buf [2*wire.MaxNameLen + 1]byte
	key := apex.AppendKey(buf[:0])
	if z := s.find(key); z != nil {
		return z
	}
	z := &zone{key: string(key), name: apex.Clone()}
	bucket := s.bucket(key)
	z.next.Store(bucket.Load())
	bucket.Store(z)
	return z
}

func (s *Store) bucket(key []byte) *atomic.Pointer[zone] {
	return &s.buckets[maphash.Bytes(s.seed, key)&uint64(len(s.buckets)-1)]
}

// find returns the zone with that key.
func (s *Store) find(key []byte) *zone {
	for z := s.bucket(key).Load(); z != nil; z = z.next.Load() {
		if z.key == string(key) {
			return z
		}
	}
	return nil
}

// insert puts r into a chain, in the place of the record with the same key. A chain
// with other parameters goes.
func (s *Store) insert(in *atomic.Pointer[chain], r *record, how params) {
	old := in.Load()
	if old != nil && old.params != how {
		for _, chunk := range old.chunks {
			for _, o := range chunk {
				s.forget(o)
			}
		}
		old = nil
	}
	next := &chain{params: how}
	if old == nil {
		next.chunks = [][]*record{{r}}
		in.Store(next)
		return
	}
	i := old.chunkOf(r.key)
	at, isThere := slices.BinarySearchFunc(old.chunks[i], r.key, func(o *record, key string) int { return strings.Compare(o.key, key) })
	chunk := make([]*record, 0, len(old.chunks[i])+1)
	chunk = append(append(chunk, old.chunks[i][:at]...), r)
	if isThere {
		s.forget(old.chunks[i][at])
		at++
	}
	chunk = append(chunk, old.chunks[i][at:]...)
	next.chunks = make([][]*record, 0, len(old.chunks)+1)
	next.chunks = append(next.chunks, old.chunks[:i]...)
	if len(chunk) > chunkLen {
		next.chunks = append(next.chunks, chunk[:len(chunk)/2:len(chunk)/2], chunk[len(chunk)/2:])
	} else {
		next.chunks = append(next.chunks, chunk)
	}
	next.chunks = append(next.chunks, old.chunks[i+1:]...)
	in.Store(next)
}

// chunkOf returns the chunk in whose range key is: the last whose first key is not
// above it, or the first one.
func (c *chain) chunkOf(key string) int {
	low, high := 0, len(c.chunks)
	for low < high {
		middle := (low + high) / 2
		if c.chunks[middle][0].key <= key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return max(low-1, 0)
}

// before returns the record with the greatest key that is not above key. If there is
// none, it is the last one, whose range may lead around to the first.
func (c *chain) before(key string) *record {
	chunk := c.chunks[c.chunkOf(key)]
	low, high := 0, len(chunk)
	for low < high {
		middle := (low + high) / 2
		if chunk[middle].key <= key {
			low = middle + 1
		} else {
			high = middle
		}
	}
	if low == 0 {
		last := c.chunks[len(c.chunks)-1]
		return last[len(last)-1]
	}
	return chunk[low-1]
}

// without returns c without the record r; nil if that was the last.
func (c *chain) without(r *record) *chain {
	i := c.chunkOf(r.key)
	at := slices.Index(c.chunks[i], r)
	if at < 0 {
		return c
	}
	next := &chain{params: c.params}
	next.chunks = append(next.chunks, c.chunks[:i]...)
	if len(c.chunks[i]) > 1 {
		next.chunks = append(next.chunks, slices.Concat(c.chunks[i][:at], c.chunks[i][at+1:]))
	}
	if next.chunks = append(next.chunks, c.chunks[i+1:]...); len(next.chunks) == 0 {
		return nil
	}
	return next
}

// forget takes r out of what is counted. Its place in the queue is passed over.
func (s *Store) forget(r *record) {
	if !r.isGone {
		r.isGone = true
		s.size -= r.size
		r.zone.held--
	}
}

// drop takes r out.
func (s *Store) drop(r *record) {
	if r.isGone {
		return
	}
	s.forget(r)
	z := r.zone
	switch r.kind {
	case wire.TypeSOA:
		z.soa.CompareAndSwap(r, nil)
	case wire.TypeNSEC:
		if c := z.nsec.Load(); c != nil {
			z.nsec.Store(c.without(r))
		}
	case wire.TypeNSEC3:
		if c := z.nsec3.Load(); c != nil {
			z.nsec3.Store(c.without(r))
		}
	}
	if z.held == 0 {
		s.leave(z)
	}
}

// leave takes a zone without records out.
func (s *Store) leave(z *zone) {
	at := s.bucket([]byte(z.key))
	for other := at.Load(); other != nil; other = at.Load() {
		if other == z {
			at.Store(z.next.Load())
			return
		}
		at = &other.next
	}
}

// makeRoom drops the oldest records until the rest has room. What was used since it
// was last looked at goes to the end of the queue, unless it is past its time.
func (s *Store) makeRoom(now int64) {
	for s.size > s.most && s.head < len(s.queue) {
		r := s.queue[s.head]
		s.queue[s.head] = nil
		s.head++
		switch {
		case r.isGone:
		case now < r.expires && r.used.Swap(false):
			s.queue = append(s.queue, r)
		default:
			s.drop(r)
		}
	}
	// Records that were replaced leave holes: they go when they are half of all.
	if s.head > len(s.queue)/2 && s.head > 64 {
		s.queue = append(s.queue[:0:0], s.queue[s.head:]...)
		s.head = 0
	} else if len(s.queue) > 256 && s.size < int64(len(s.queue)-s.head)*recordOverhead/2 {
		s.queue = slices.DeleteFunc(slices.Clone(s.queue[s.head:]), func(r *record) bool { return r.isGone })
		s.head = 0
	}
}

// Flush drops what may deny name or names below it.
func (s *Store) Flush(name wire.Name) {
	key := keyOf(name)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.queue[s.head:] {
		if !r.isGone && (isBelow(r.zone.key, key) || isBelow(key, r.zone.key)) {
			s.drop(r)
		}
	}
}

// Stats is what a store holds.
type Stats struct {
	Records int
	Octets  int64
}

// Stats returns the figures of now.
func (s *Store) Stats() (t Stats) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.queue[s.head:] {
		if !r.isGone {
			t.Records++
		}
	}
	t.Octets = s.size
	return t
}
