package cache

import (
	"encoding/binary"
	"sync/atomic"

	"github.com/names-dns/names/wire"
)

// Flush takes out everything about name, failures too, and returns how many
// entries that were. A question that is on its way meanwhile is answered, but
// the answer is not kept.
//
// This and the others walk through the whole index, in steps that hold up
// no client for long.
func (c *Cache) Flush(name wire.Name) int {
	folded := name.Fold().Wire()
	return c.flush(func(stored []byte, _ wire.Type) bool { return string(stored) == folded })
}

// FlushSubtree is [Cache.Flush] for name and every name below it.
func (c *Cache) FlushSubtree(name wire.Name) int {
	folded := name.Fold().Wire()
	return c.flush(func(stored []byte, _ wire.Type) bool { return isBelow(stored, folded) })
}

// FlushType is [Cache.Flush] for one type at name. That the name does not exist
// at all is forgotten too.
func (c *Cache) FlushType(name wire.Name, t wire.Type) int {
	folded := name.Fold().Wire()
	return c.flush(func(stored []byte, u wire.Type) bool { return string(stored) == folded && (u == t || u == typeAny) })
}

// FlushAll takes out everything.
func (c *Cache) FlushAll() int {
	return c.flush(func([]byte, wire.Type) bool { return true })
}

// isBelow reports whether name is zone or below it, both folded.
func isBelow(name []byte, zone string) bool {
	for len(name) > len(zone) {
		name = name[1+int(name[0]):]
	}
	return string(name) == zone && zone != ""
}

func (c *Cache) flush(matches func(name []byte, t wire.Type) bool) (count int) {
	c.flushes.Add(1)
	for i := range c.shards {
		count += c.shards[i].flush(matches)
	}
	return count
}

// flushStep is how many slots are looked at under one taking of the lock.
const flushStep = 512

func (s *shard) flush(matches func(name []byte, t wire.Type) bool) (count int) {
	var octets [8 * maxKeyWords]byte
	for from := 0; from < len(s.index); from += flushStep {
		s.mu.Lock()
		for i := from; i < min(from+flushStep, len(s.index)); i++ {
			v := atomic.LoadUint64(&s.index[i])
			if v == 0 {
				continue
			}
			h, _ := s.load(v)
			at := int(v>>slotPlace) + headerWords
			for j := range h.keyWords() {
				binary.LittleEndian.PutUint64(octets[8*j:], s.arena[at+j])
			}
			tail := h.keyLen() - keyTail
			if matches(octets[:tail], wire.Type(binary.BigEndian.Uint16(octets[tail:]))) {
				s.clear(&s.index[i])
				count++
			}
		}
		s.mu.Unlock()
	}
	return count
}
