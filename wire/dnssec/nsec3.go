package dnssec

import (
	"bytes"
	"crypto/sha1"
	"fmt"

	"github.com/names-dns/names/wire"
)

// MaxIterations is how many additional iterations [HashName] is willing to
// make. RFC 9276 3.2 lets validators treat more as insecure, and peers do so
// above 50.
const MaxIterations = 50

// hashSHA1 is the only hash algorithm of NSEC3 (RFC 5155 11).
const hashSHA1 = 1

// Hash is a hashed name.
type Hash [sha1.Size]byte

// HashName hashes a name for NSEC3 (RFC 5155 5). This is the only place that
// does it for validators, and the limit is kept here: more iterations than
// [MaxIterations] are refused with [ErrIterations].
func HashName(name wire.Name, iterations uint16, salt []byte) (Hash, error) {
	if iterations > MaxIterations {
		return Hash{}, fmt.Errorf("%w: %d, at most %d are done", ErrIterations, iterations, MaxIterations)
	}
	var room [wire.MaxNameLen + 255]byte // salts have at most 255 octets; longer ones move it elsewhere
	h := Hash(sha1.Sum(append(name.AppendFolded(room[:0]), salt...)))
	for range iterations {
		h = sha1.Sum(append(append(room[:0], h[:]...), salt...))
	}
	return h, nil
}

// NSEC3 is what an NSEC3 record says, taken apart.
type NSEC3 struct {
	Zone        wire.Name // the owner without its first label
	Owner, Next Hash
	OptOut      bool
	Iterations  uint16
	Salt        []byte
	Types       wire.TypeBitmap
}

// ParseNSEC3 reads an NSEC3 record. One with an unknown hash algorithm or
// flags, or whose owner is not the hash of a name, says nothing (RFC 5155
// 8.1, 8.2): the error wraps [ErrNSEC3]. The result borrows from data.
func ParseNSEC3(owner wire.Name, data []byte) (NSEC3, error) {
	var r wire.NSEC3
	c := wire.CursorOver(data)
	if err := r.Parse(&c); err != nil {
		return NSEC3{}, fmt.Errorf("%w: %w", ErrNSEC3, err)
	}
	n := NSEC3{
		Zone: owner.Parent(), OptOut: r.Flags&wire.FlagOptOut != 0,
		Iterations: r.Iterations, Salt: r.Salt, Types: r.Types,
	}
	switch {
	case r.HashAlgorithm != hashSHA1:
		return NSEC3{}, fmt.Errorf("%w: hash algorithm %d", ErrNSEC3, r.HashAlgorithm)
	case r.Flags&^wire.FlagOptOut != 0:
		return NSEC3{}, fmt.Errorf("%w: flags 0x%02x", ErrNSEC3, r.Flags)
	case len(r.NextHashed) != len(n.Next):
		return NSEC3{}, fmt.Errorf("%w: next hashed owner has %d octets, not %d", ErrNSEC3, len(r.NextHashed), len(n.Next))
	case !parseHashLabel(&n.Owner, owner.FirstLabel()):
		return NSEC3{}, fmt.Errorf("%w: first label of %v is not a hash", ErrNSEC3, owner)
	}
	copy(n.Next[:], r.NextHashed)
	return n, nil
}

// hashLabelLen is the length of a hash in base32hex.
const hashLabelLen = sha1.Size * 8 / 5

// ParseHash reads the first label of an NSEC3 owner, case ignored.
func ParseHash(label string) (h Hash, ok bool) {
	ok = parseHashLabel(&h, label)
	return h, ok
}

// parseHashLabel reads base32hex, case ignored.
func parseHashLabel(h *Hash, label string) bool {
	if len(label) != hashLabelLen {
		return false
	}
	bits, count, n := uint32(0), 0, 0
	for i := range len(label) {
		c := wire.FoldByte(label[i])
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'v':
			c -= 'a' - 10
		default:
			return false
		}
		bits = bits<<5 | uint32(c)
		if count += 5; count >= 8 {
			count -= 8
			h[n] = byte(bits >> count)
			n++
		}
	}
	return true
}

// Label returns h as the first label of an NSEC3 owner, in lower case.
func (h Hash) Label() string {
	const digits = "0123456789abcdefghijklmnopqrstuv"
	var label [hashLabelLen]byte
	bits, count, n := uint32(0), 0, 0
	for _, octet := range h {
		bits = bits<<8 | uint32(octet)
		for count += 8; count >= 5; n++ {
			count -= 5
			label[n] = digits[bits>>count&31]
		}
	}
	return string(label[:])
}

// Covers reports whether h lies between the owner and the next of n, neither
// included. The last one of a zone leads back to the first (RFC 5155 3.1.7).
func (n *NSEC3) Covers(h Hash) bool {
	afterOwner := bytes.Compare(n.Owner[:], h[:])
	beforeNext := bytes.Compare(h[:], n.Next[:])
	if bytes.Compare(n.Owner[:], n.Next[:]) < 0 {
		return afterOwner < 0 && beforeNext < 0
	}
	return afterOwner < 0 || beforeNext < 0 && afterOwner != 0
}
