package cache

import (
	"encoding/binary"
	"slices"

	"github.com/names-dns/names/wire"
)

// FindPart appends the message kept for q to buf, its TTLs counted down: QR and
// the RCODE in the header, AA as it was kept, never AD; q as its question. s is
// the status it was kept with. ok is false if there is none, or it is past its
// time, and buf comes back as it was. For [PartAnswer] it finds the exact type or the NXDOMAIN of the name.
//
// It allocates nothing if buf has room for the message and [PartSlack]
// octets more.
func (c *Cache) FindPart(part Part, q wire.Question, buf []byte) (message []byte, s Security, ok bool) {
	var k key
	k.set(c.seed, q, part.variant())
	now := c.now()
	if message, s, ok := c.shard(&k).copyPart(&k, q, now, buf); ok {
		return message, s, true
	}
	if part != PartAnswer {
		return buf, Unchecked, false
	}
	k.retarget(c.seed, typeAny, part.variant())
	return c.shard(&k).copyPart(&k, q, now, buf)
}

// HasPart reports whether there is a fresh part for exactly that question.
func (c *Cache) HasPart(part Part, q wire.Question) bool {
	var k key
	k.set(c.seed, q, part.variant())
	h, ok := c.peek(&k)
	return ok && c.now() < h.expiry()
}

// PartSlack is how many octets after a message [Cache.FindPart] and its relatives
// may write to, if it has no more than 500 records.
const PartSlack = 1024

// FindDelegation finds the delegation nearest to name, for name itself or an
// ancestor of it, the root last, and appends its message to buf as
// [Cache.FindPart] does. zone is borrowed from name. It takes one look into the
// index for each label.
func (c *Cache) FindDelegation(name wire.Name, class wire.Class, buf []byte) (zone wire.Name, message []byte, s Security, ok bool) {
	return c.findUpward(PartDelegation, name, wire.TypeNS, wire.TypeNS, class, buf, wire.Root.Len())
}

// FindDenied finds the nearest ancestor of name, or name itself, that servers
// have said does not exist, and appends the message that says so to buf as
// [Cache.FindPart] does. Its question is for the ancestor's address. The
// ancestor is borrowed from name, and is never the root.
//
// Whether that means that nothing is below it either (RFC 8020 2) is for the
// caller to decide: there are servers that deny names with others below them.
func (c *Cache) FindDenied(name wire.Name, class wire.Class, buf []byte) (ancestor wire.Name, message []byte, s Security, ok bool) {
	return c.findUpward(PartAnswer, name, typeAny, wire.TypeA, class, buf, wire.Root.Len()+1)
}

// findUpward looks for a part kept under type kept, for name and its ancestors down
// to those of shortest octets, and gives it the question for type asked.
func (c *Cache) findUpward(part Part, name wire.Name, kept, asked wire.Type, class wire.Class, buf []byte, shortest int) (wire.Name, []byte, Security, bool) {
	var k key
	k.set(c.seed, wire.Question{Name: name, Type: kept, Class: class}, part.variant())
	now := c.now()
	for q := (wire.Question{Name: name, Type: asked, Class: class}); q.Name.Len() >= shortest; q.Name = q.Name.Parent() {
		if message, s, ok := c.shard(&k).copyPart(&k, q, now, buf); ok {
			return q.Name, message, s, true
		}
		k.toParent(c.seed)
	}
	return wire.Name{}, buf, Unchecked, false
}

// copyPart appends the fresh part of k to buf, as the reply to q.
func (s *shard) copyPart(k *key, q wire.Question, now int64, buf []byte) (message []byte, status Security, found bool) {
	for range mostTries {
		if message, status, found, ok := s.tryCopyPart(k, q, now, buf); ok {
			return message, status, found
		}
	}
	s.mu.Lock()
	message, status, found, _ = s.tryCopyPart(k, q, now, buf)
	s.mu.Unlock()
	return message, status, found
}

// tryCopyPart is copyPart; ok is false if the entry was moved meanwhile.
func (s *shard) tryCopyPart(k *key, q wire.Question, now int64, buf []byte) (message []byte, status Security, found, ok bool) {
	at, v := s.find(k)
	if at == nil {
		return buf, Unchecked, false, true
	}
	h, ok := s.load(v)
	if !ok {
		return buf, Unchecked, false, false
	}
	room := wire.HeaderLen + q.Name.Len() + 4 + 8*(h.bodyWords()+h.offsetWords())
	message = h.appendHead(slices.Grow(buf, room), q, 0)
	body := s.copyBody(message, v, &h)
	if !s.confirm(at, v, &h) {
		return buf, Unchecked, false, false
	}
	// From here on h and body are known to belong together.
	if now >= h.expiry() {
		return buf, Unchecked, false, true
	}
	h.age(body, now)
	countUse(at, v)
	return message[:len(message)+h.bodyLen()], h.security(), true, true
}

// appendHead appends header and question of a whole message, the header with
// these flags in addition to QR, AA and the RCODE.
func (h *header) appendHead(b []byte, q wire.Question, flags wire.Flags) []byte {
	flags |= wire.FlagQR.WithRCode(h.rcode())
	if h.rank().isAuthoritative() {
		flags |= wire.FlagAA
	}
	head := wire.Header{Flags: flags, Counts: [4]uint16{1, uint16(h.answers()), uint16(h.authorities()), uint16(h.additionals())}}
	b = q.Name.AppendTo(head.AppendTo(b))
	b = binary.BigEndian.AppendUint16(b, uint16(q.Type))
	return binary.BigEndian.AppendUint16(b, uint16(q.Class))
}
