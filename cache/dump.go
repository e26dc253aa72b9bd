package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/crc32"
	"io"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
)

// A dump is what [Cache.Save] writes: a head, blocks, an empty block. Numbers
// are in network order.
//
//	head   "names cache", an octet 0
//	       version: 4 octets, now 1
//	       SHA-256 of where the answers come from
//	       checksum: 4 octets
//	block  length: 4 octets, of its entries, 0 in the last block
//	       entries
//	       checksum: 4 octets
//	entry  length: 2 octets, of the message
//	       variant: an octet, as in keys; see [variant]
//	       used: an octet, how often it was asked for, 0 to 3, and four times
//	       the security status of a part; see [Security]
//	       extended error: 2 octets, its code plus one, 0 for none (RFC 8914)
//	       life: 4 octets, in seconds, of the answer when it came
//	       expiry: 8 octets, in milliseconds since 1970-01-01 UTC
//	       message: a reply in wire form, its TTLs as they were when it came
//
// A checksum is the CRC-32C of everything before it in the dump but the other
// checksums: what is missing or out of its place is found too.
//
// That the messages are whole and in wire form, rather than as they lie in
// memory, is for the sake of the reader: it takes them apart like any reply,
// whatever its own sizes and bounds are, and trusts nothing.
const (
	dumpMagic    = "names cache\x00"
	dumpVersion  = 1
	dumpOpening  = len(dumpMagic) + 4 // octets of magic and version
	dumpEntryLen = 18                 // octets of an entry before its message

	// A block is written when it has as many octets as this. With what was
	// appended last it has less than twice as many.
	dumpBlock = 64 << 10
)

var dumpTable = crc32.MakeTable(crc32.Castagnoli)

// Save writes to w what is in the cache and still of use, for [Cache.Load], and
// returns how many entries that are. Failures are left out: a server that starts anew
// shall try anew.
//
// source says where the answers come from: which servers are asked, say. Load
// takes only what was saved with the same one.
//
// It delays no client: it takes no lock, and needs 150 KiB. What is stored or
// moved meanwhile may be missing.
func (c *Cache) Save(w io.Writer, source string) (entries int, err error) {
	now := c.now()
	d := &dumper{w: w, now: now, epoch: time.Now().UnixMilli() - now}
	if err := d.begin(source); err != nil {
		return 0, err
	}
	for i := range c.shards {
		if err := c.shards[i].dump(d); err != nil {
			return d.entries, err
		}
	}
	return d.entries, d.end()
}

// dumper writes a dump.
type dumper struct {
	w       io.Writer
	now     int64  // on the cache's clock
	epoch   int64  // what that showed in 1970, negated
	block   []byte // after four octets for its length
	sum     uint32 // of what was written
	entries int
	words   []byte // of the entry that is copied
}

func (d *dumper) begin(source string) error {
	d.block = make([]byte, 0, 2*dumpBlock)
	d.block = append(d.block, dumpMagic...)
	d.block = binary.BigEndian.AppendUint32(d.block, dumpVersion)
	digest := sha256.Sum256([]byte(source))
	d.block = append(d.block, digest[:]...)
	return d.seal()
}

// seal writes what is in the block, with a checksum, and begins the next.
func (d *dumper) seal() error {
	d.sum = crc32.Update(d.sum, dumpTable, d.block)
	_, err := d.w.Write(binary.BigEndian.AppendUint32(d.block, d.sum))
	d.block = append(d.block[:0], 0, 0, 0, 0)
	return err
}

func (d *dumper) flush() error {
	binary.BigEndian.PutUint32(d.block, uint32(len(d.block)-4))
	return d.seal()
}

func (d *dumper) end() error {
	if len(d.block) > 4 {
		if err := d.flush(); err != nil {
			return err
		}
	}
	return d.flush() // an empty one
}

// dump writes the entries of a shard.
func (s *shard) dump(d *dumper) error {
	for i := range s.index {
		for range mostTries {
			v := atomic.LoadUint64(&s.index[i])
			if v == 0 {
				break
			}
			h, ok := s.load(v)
			if !ok {
				continue
			}
			d.copyWords(s, v, &h)
			if !s.confirm(&s.index[i], v, &h) {
				continue
			}
			// From here on h and the words are known to belong together.
			if h.kind() != failure && s.isOfUse(&h, d.now) {
				d.append(v, &h)
			}
			break
		}
		if len(d.block) >= dumpBlock {
			if err := d.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// copyWords copies the entry of v, without its header. It may be torn.
func (d *dumper) copyWords(s *shard, v slot, h *header) {
	d.words = d.words[:0]
	at := int(v >> slotPlace)
	for i := at + headerWords; i < at+h.words(); i++ {
		d.words = binary.LittleEndian.AppendUint64(d.words, atomic.LoadUint64(&s.arena[i]))
	}
}

// append appends the entry that was copied to the block.
func (d *dumper) append(v slot, h *header) {
	key, body := d.words[:h.keyLen()], d.words[8*h.keyWords():][:h.bodyLen()]
	name, n, _ := wire.BorrowName(key)
	q := wire.Question{
		Name:  name,
		Type:  wire.Type(binary.BigEndian.Uint16(key[n:])),
		Class: wire.Class(binary.BigEndian.Uint16(key[n+2:])),
	}
	if q.Type == typeAny {
		q.Type = wire.TypeA // no client asks for typeAny
	}
	var flags wire.Flags
	if h.flags()&keptAD != 0 {
		flags |= wire.FlagAD
	}
	if h.flags()&keptRA != 0 {
		flags |= wire.FlagRA
	}
	from := len(d.block)
	d.block = append(d.block, 0, 0, key[n+4], byte(v&slotUsed)|byte(h.security())<<2)
	d.block = binary.BigEndian.AppendUint16(d.block, uint16(h[2]>>32))
	d.block = binary.BigEndian.AppendUint32(d.block, uint32(h.life()/1000))
	d.block = binary.BigEndian.AppendUint64(d.block, uint64(d.epoch+h.expiry()))
	d.block = append(h.appendHead(d.block, q, flags), body...)
	binary.BigEndian.PutUint16(d.block[from:], uint16(len(d.block)-from-dumpEntryLen))
	d.entries++
}
