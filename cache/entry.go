package cache

import (
	"github.com/names-dns/names/wire"
)

// An entry is one answer, or a part of one, in memory, words of eight octets:
//
//	     63                   48                32                16                0
//	   +---------------------------------------------------------+------------------+
//	0  | stored at: milliseconds on the cache's clock            | number of entry  |
//	   +---------------------------------------------------------+------------------+
//	1  | hash of the key                                                            |
//	   +------------------+------------------+--------------------------------------+
//	2  | rank, kind       | extended error   | life in seconds                      |
//	   +------------------+------------------+------------------+-------------------+
//	3  | RCODE, flags     | additional       | authority        | answer: records   |
//	   +------------------+------------------+------------------+-------------------+
//	4  | body: octets     | ... to authority | ... to answer    | key: octets       |
//	   +------------------+------------------+------------------+-------------------+
//	5  | key, zeros up to a whole word                                              |
//	   | body: the three sections as they are sent, zeros up to a whole word        |
//	   | where in the body each record's TTL is, 16 bits each, up to a whole word   |
//	   +----------------------------------------------------------------------------+
//
// The body is what follows the question of a reply. Compression pointers in it
// count from the start of the message; they hold in every reply to the same
// question, for its header and question take the same octets there.
type header [headerWords]uint64

const (
	headerWords = 5
	numberBits  = 20 // of word 0
)

// The bits of word 3 that are flags.
const (
	keptAD = 1 << iota // validated by the server that was asked
	keptRA
	keptPart // a part: never stale, never given to clients
	keptLead // the answer leads on: it ends with an alias

	keptSecurity = 4 // of a part: where the two bits of its [Security] are
)

// kind is what sort of answer an entry is.
type kind uint8

const (
	positive kind = iota
	negative
	failure
)

func (h *header) storedAt() int64 { return int64(h[0] >> numberBits) }

// life is in milliseconds, as all times of the cache's clock.
func (h *header) life() int64 { return int64(uint32(h[2])) * 1000 }

// expiry is the first moment at which the entry is too old.
func (h *header) expiry() int64 { return h.storedAt() + h.life() }

func (h *header) extendedError() (wire.ExtendedErrorCode, bool) {
	plusOne := uint16(h[2] >> 32)
	return wire.ExtendedErrorCode(plusOne - 1), plusOne != 0
}

func (h *header) kind() kind { return kind(h[2] >> 48) }
func (h *header) rank() rank { return rank(h[2] >> 56) }

func (h *header) answers() int       { return int(uint16(h[3])) }
func (h *header) authorities() int   { return int(uint16(h[3] >> 16)) }
func (h *header) additionals() int   { return int(uint16(h[3] >> 32)) }
func (h *header) records() int       { return h.answers() + h.authorities() + h.additionals() }
func (h *header) flags() uint8       { return uint8(h[3] >> 48) }
func (h *header) security() Security { return Security(h.flags() >> keptSecurity & 3) }
func (h *header) rcode() wire.RCode  { return wire.RCode(h[3] >> 56) }

func (h *header) keyLen() int       { return int(uint16(h[4])) }
func (h *header) answerEnd() int    { return int(uint16(h[4] >> 16)) }
func (h *header) authorityEnd() int { return int(uint16(h[4] >> 32)) }
func (h *header) bodyLen() int      { return int(h[4] >> 48) }

func (h *header) keyWords() int    { return (h.keyLen() + 7) / 8 }
func (h *header) bodyWords() int   { return (h.bodyLen() + 7) / 8 }
func (h *header) offsetWords() int { return (h.records() + 3) / 4 }

// words is the length of the whole entry.
func (h *header) words() int {
	return headerWords + h.keyWords() + h.bodyWords() + h.offsetWords()
}
