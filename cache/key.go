package cache

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/names-dns/names/wire"
)

// key is what an answer is found by: the folded name in wire form, type, class,
// and the bits that answers depend on. Zeros follow up to a whole number of words.
type key struct {
	octets [8 * maxKeyWords]byte
	len    int // octets
	hash   uint64
}

const (
	keyTail     = 5 // octets after the name: type, class, variant
	maxKeyWords = (wire.MaxNameLen + keyTail + 7) / 8
)

// variant is what else than the question an answer depends on.
type variant uint8

const (
	variantDO         variant = 1 << iota // with DNSSEC records (RFC 3225)
	variantCO                             // with compact denial left as it is (RFC 9824 4)
	variantCD                             // not validated (RFC 4035 3.2.2)
	variantFailure                        // no answer but a note that there was none (RFC 9520)
	variantAnswer                         // not an answer to clients but a part of one: [PartAnswer]
	variantDelegation                     // ... [PartDelegation]
)

// typeAny means "whatever the type" in keys: NXDOMAIN holds for all types
// of a name (RFC 2308 5).
const typeAny = wire.TypeNone

// variantOf is what q asks for besides its question.
func variantOf(q *wire.Query) (s variant) {
	s = variant(q.EDNS.Flags>>15)&variantDO | variant(q.EDNS.Flags>>13)&variantCO
	if q.Header.Flags.Has(wire.FlagCD) {
		s |= variantCD
	}
	return s
}

// set makes k, which must be zero, the key of q.
func (k *key) set(seed maphash.Seed, q wire.Question, s variant) {
	n := copy(k.octets[:], q.Name.Wire())
	for i := 0; i < n; i += 8 {
		word := k.octets[i : i+8 : i+8]
		binary.LittleEndian.PutUint64(word, wire.FoldWord(binary.LittleEndian.Uint64(word)))
	}
	k.len = n + keyTail
	binary.BigEndian.PutUint16(k.octets[n+2:], uint16(q.Class))
	k.retarget(seed, q.Type, s)
}

// retarget makes k the key of another type or variant of the same name.
func (k *key) retarget(seed maphash.Seed, t wire.Type, s variant) {
	tail := k.octets[k.len-keyTail : k.len]
	binary.BigEndian.PutUint16(tail, uint16(t))
	tail[4] = byte(s)
	k.hash = maphash.Bytes(seed, k.octets[:k.len])
}

// toParent makes k the key of the same type and variant at the parent of its name.
func (k *key) toParent(seed maphash.Seed) {
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
