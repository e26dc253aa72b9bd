package cache

import (
	"encoding/binary"
	"sync/atomic"
	"unsafe"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// finding is what a look into the cache has come to.
type finding uint8

const (
	absent   finding = iota
	expired          // there is an answer that only [Config.ServeStale] may serve
	answered         // the reply is complete
)

// setKey makes k the key of what x asks. It reports false for what is never
// kept.
func (c *Cache) setKey(k *key, x *names.Exchange) bool {
	q := x.Query.Question
	if !isKept(q) || x.Reply.Len() != wire.HeaderLen+q.Name.Len()+4 {
		return false
	}
	k.set(c.seed, q, variantOf(&x.Query))
	return true
}

// answer answers x, of key k, if the cache knows how. due says that the answer
// should be asked for again soon.
func (c *Cache) answer(x *names.Exchange, k *key, now int64) (found finding, due bool) {
	found, due = c.shard(k).serve(x, k, now, false)
	if found == answered {
		c.count(unsafe.Pointer(x), hits)
		return answered, due
	}
	s := variantOf(&x.Query)
	other := *k
	other.retarget(c.seed, typeAny, s)
	foundName, due := c.shard(&other).serve(x, &other, now, false)
	if foundName == answered {
		c.count(unsafe.Pointer(x), hits)
		return answered, due
	}
	found = max(found, foundName)
	other.retarget(c.seed, x.Query.Question.Type, s|variantFailure)
	var room [names.MaxExtendedText]byte // not after the reply: a stale answer is copied there
	if failed, text, ok := c.peekFailure(&other, room[:0]); ok && now < failed.expiry() {
		if found == expired && c.answerStale(x, k, now, staleHits) {
			return answered, false // RFC 8767 5: it is not asked again for a while
		}
		failed.serveFailure(x, text)
		c.count(unsafe.Pointer(x), failureHits)
		return answered, false
	}
	return found, false
}

// peek returns the header of the entry of k, which may be past its time.
func (c *Cache) peek(k *key) (h header, ok bool) {
	s := c.shard(k)
	for range mostTries {
		at, v := s.find(k)
		if at == nil {
			break
		}
		if h, ok := s.load(v); ok && s.confirm(at, v, &h) {
			return h, true
		}
	}
	return header{}, false
}

// peekFailure is peek with the text of the extended error, which it copies to the
// memory after buf and lends.
func (c *Cache) peekFailure(k *key, buf []byte) (h header, text []byte, ok bool) {
	s := c.shard(k)
	for range mostTries {
		at, v := s.find(k)
		if at == nil {
			break
		}
		h, ok := s.load(v)
		if !ok {
			continue
		}
		body := s.copyBody(buf, v, &h)
		if s.confirm(at, v, &h) {
			return h, body[:h.bodyLen()], true
		}
	}
	return header{}, nil, false
}

// mostTries is how often a reader looks again for an entry that was moved under
// its eyes before it takes the lock.
const mostTries = 3

// serve answers x from the entry of k. What is past its time is served only if
// that is wanted.
func (s *shard) serve(x *names.Exchange, k *key, now int64, stale bool) (found finding, due bool) {
	for range mostTries {
		if found, due, ok := s.tryServe(x, k, now, stale); ok {
			return found, due
		}
	}
	s.mu.Lock()
	found, due, _ = s.tryServe(x, k, now, stale)
	s.mu.Unlock()
	return found, due
}

// tryServe is serve; ok is false if the entry was moved meanwhile.
func (s *shard) tryServe(x *names.Exchange, k *key, now int64, stale bool) (found finding, due, ok bool) {
	at, v := s.find(k)
	if at == nil {
		return absent, false, true
	}
	h, ok := s.load(v)
	if !ok {
		return absent, false, false
	}
	body := s.copyBody(x.Reply.Buffer(), v, &h)
	if !s.confirm(at, v, &h) {
		return absent, false, false
	}
	// From here on h and body are known to belong together.
	left := h.expiry() - now
	switch {
	case left <= 0 && !s.isOfUse(&h, now):
		return absent, false, true
	case left <= 0 && !stale:
		return expired, false, true
	}
	h.age(body, now)
	h.serve(x, body, left <= 0)
	countUse(at, v)
	return answered, isDue(v, &h, left), true
}

// copyBody copies body and TTL offsets of an entry as they are to the memory
// after buf, or to new memory if that is too small, and lends them. They
// may be torn.
func (s *shard) copyBody(buf []byte, v slot, h *header) []byte {
	words := h.bodyWords() + h.offsetWords()
	to := buf[len(buf):cap(buf)]
	if len(to) < 8*words {
		to = make([]byte, 8*words) // only if the client's limit is far below
	}
	to = to[:8*words]
	from := s.arena[int(v>>slotPlace)+headerWords+h.keyWords():][:words]
	for i := range from {
		binary.LittleEndian.PutUint64(to[8*i:], atomic.LoadUint64(&from[i]))
	}
	return to
}

// age counts the TTLs in body down. Those of a stale answer become staleTTL.
func (h *header) age(body []byte, now int64) {
	age := uint32((now - h.storedAt()) / 1000)
	isStale := now >= h.expiry()
	offsets := body[8*h.bodyWords():]
	for i := range h.records() {
		at := body[binary.LittleEndian.Uint16(offsets[2*i:]):]
		ttl := uint32(staleTTL)
		if !isStale {
			ttl = binary.BigEndian.Uint32(at) - age // never below: the life is the smallest TTL
		}
		binary.BigEndian.PutUint32(at, ttl)
	}
}

// serve makes body the answer of x.
func (h *header) serve(x *names.Exchange, body []byte, isStale bool) {
	x.RCode = h.rcode()
	flags := h.flags()
	if flags&keptAD != 0 && !isStale && wantsAD(x) {
		x.Reply.Flags |= wire.FlagAD
	}
	if flags&keptRA != 0 {
		x.Reply.Flags |= wire.FlagRA
	}
	x.LeadsOn = flags&keptLead != 0
	appendSections(x, [...]records{
		{body[:h.answerEnd()], h.answers()},
		{body[h.answerEnd():h.authorityEnd()], h.authorities()},
		{body[h.authorityEnd():h.bodyLen()], h.additionals()},
	})
	// Last, and left out if there is no room: no answer is truncated for these.
	if code, ok := h.extendedError(); ok {
		x.AddExtendedError(code, "")
	}
	switch {
	case isStale && x.RCode == wire.RCodeNXDomain:
		x.AddExtendedError(wire.ExtendedErrorStaleNXDomainAnswer, "")
	case isStale:
		x.AddExtendedError(wire.ExtendedErrorStaleAnswer, "")
	}
}

// serveFailure answers x with SERVFAIL (RFC 9520 3.2, RFC 8914 4.14).
func (h *header) serveFailure(x *names.Exchange, text []byte) {
	x.RCode = wire.RCodeServFail
	if code, ok := h.extendedError(); ok {
		x.AddExtendedError(code, unsafe.String(unsafe.SliceData(text), len(text))) // it is copied
	}
	x.AddExtendedError(wire.ExtendedErrorCachedError, "")
}

// records are those of a section in wire form.
type records struct {
	octets []byte
	count  int
}

// appendSections appends the three sections, without the last if there is no
// room for it, and truncates if there is none for the others (RFC 2181 9).
func appendSections(x *names.Exchange, sections [3]records) {
	for i, s := range sections {
		x.Reply.SetSection(wire.SectionAnswer + wire.Section(i))
		if s.count == 0 {
			continue
		}
		if x.Reply.Append(s.octets, s.count) != nil && wire.SectionAnswer+wire.Section(i) != wire.SectionAdditional {
			x.Truncate()
			return
		}
	}
}

// wantsAD reports whether x asks to be told about validation (RFC 6840 5.7).
func wantsAD(x *names.Exchange) bool {
	return x.DO() || x.Query.Header.Flags.Has(wire.FlagAD)
}
