package cache

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/names-dns/names/wire"
)

// key is what an answer is found by: the folded name in wire form, type, class,
// and the bits that split answers. Zeros follow up to a whole number of words.
type key struct {
	octets [8 * maxKeyWords]byte
	len    int // octets
	hash   uint64
}

const (
	keyTail     = 5 // octets behind the name: type, class, split
	maxKeyWords = (wire.MaxNameLen + keyTail + 7) / 8
)

// split is what else than the question an answer depends on.
type split uint8

const (
	splitDO         split = 1 << iota // with DNSSEC records (RFC 3225)
	splitCO                           // with compact denial left as it is (RFC 9824 4)
	splitCD                           // not validated (RFC 4035 3.2.2)
	splitFailure                      // no answer but a note that there was none (RFC 9520)
	splitAnswer                       // not an answer to clients but a part of one: [PartAnswer]
	splitDelegation                   // ... [PartDelegation]
)

// typeAny stands in keys for "whatever the type": NXDOMAIN holds for all types
// of a name (RFC 2308 5).
const typeAny = wire.TypeNone

// splitOf is what q asks for beside its question.
func splitOf(q *wire.Query) (s split) {
	s = split(q.EDNS.Flags>>15)&splitDO | split(q.EDNS.Flags>>13)&splitCO
	if q.Header.Flags.Has(wire.FlagCD) {
		s |= splitCD
	}
	return s
}

// set makes k, which must be zero, the key of q.
func (k *key) set(seed maphash.Seed, q wire.Question, s split) {
	n := copy(k.octets[:], q.Name.Wire())
	for i := 0; i < n; i += 8 {
		word := k.octets[i : i+8 : i+8]
		binary.LittleEndian.PutUint64(word, foldWord(binary.LittleEndian.Uint64(word)))
	}
	k.len = n + keyTail
	binary.BigEndian.PutUint16(k.octets[n+2:], uint16(q.Class))
	k.turn(seed, q.Type, s)
}

// turn makes k the key of another type or split of the same name.
func (k *key) turn(seed maphash.Seed, t wire.Type, s split) {
	tail := k.octets[k.len-keyTail : k.len]
	binary.BigEndian.PutUint16(tail, uint16(t))
	tail[4] = byte(s)
	k.hash = maphash.Bytes(seed, k.octets[:k.len])
}

// climb makes k the key of the same type and split at the parent of its name.
func (k *key) climb(seed maphash.Seed) {
	label := 1 + int(k.octets[0])
	copy(k.octets[:], k.octets[label:k.len])
	clear(k.octets[k.len-label : k.len])
	k.len -= label
	k.hash = maphash.Bytes(seed, k.octets[:k.len])
}

// words is the length of k in words.
func (k *key) words() int { return (k.len + 7) / 8 }

// word returns word i of k.
func (k *key) word(i int) uint64 { return binary.LittleEndian.Uint64(k.octets[8*i:]) }

// foldWord puts the ASCII capitals among eight octets into lower case. Length
// octets are at most 63, below 'A': a wire form may be folded without looking
// where its labels end.
func foldWord(w uint64) uint64 {
	const each = 0x0101010101010101
	low := w & (0x7F * each)
	fromA := low + (0x80-'A')*each // the top bit of each octet says: 'A' or above,
	overZ := low + (0x7F-'Z')*each // above 'Z',
	ascii := ^w & (0x80 * each)    // below 128
	return w | (fromA^overZ)&ascii>>2
}
