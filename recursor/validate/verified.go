package validate

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"github.com/names-dns/names/wire"
)

// verified is what a validator remembers of the signatures that it has verified:
// of each, by a hash over key, signature and signed data, whether it holds. One
// RRset is verified once, however many answers it is a part of, and what does not
// hold costs one verification and not one for each query.
//
// It has a fixed size. Of the signatures that fall into one row the oldest goes.
type verified struct {
	seed  [16]byte // what is where cannot be chosen from outside
	locks [64]sync.Mutex
	rows  []row
}

const rowLen = 4

// row has the newest signature first.
type row [rowLen]remembered

type remembered struct {
	sum   [16]byte
	state signatureState
}

type signatureState uint8

const (
	notVerified signatureState = iota
	holds
	fails
)

// begin makes v remember at least most signatures.
func (v *verified) begin(most int) {
	rand.Read(v.seed[:])
	rows := 64
	for rows*rowLen < most {
		rows *= 2
	}
	v.rows = make([]row, rows)
}

// sumOf is what a signature is remembered by.
func (v *verified) sumOf(key, signature, signed []byte) (sum [16]byte) {
	h := sha256.New()
	h.Write(v.seed[:])
	for _, part := range [][]byte{key, signature} {
		h.Write([]byte{byte(len(part) >> 8), byte(len(part))})
		h.Write(part)
	}
	h.Write(signed)
	var whole [sha256.Size]byte
	copy(sum[:], h.Sum(whole[:0]))
	return sum
}

func (v *verified) at(sum *[16]byte) (*row, *sync.Mutex) {
	i := (int(sum[0]) | int(sum[1])<<8 | int(sum[2])<<16) & (len(v.rows) - 1)
	return &v.rows[i], &v.locks[i%len(v.locks)]
}

func (v *verified) find(sum *[16]byte) signatureState {
	r, mu := v.at(sum)
	mu.Lock()
	defer mu.Unlock()
	for i := range r {
		if r[i].sum == *sum {
			return r[i].state
		}
	}
	return notVerified
}

func (v *verified) put(sum *[16]byte, isGood bool) {
	state := fails
	if isGood {
		state = holds
	}
	r, mu := v.at(sum)
	mu.Lock()
	defer mu.Unlock()
	copy(r[1:], r[:rowLen-1])
	r[0] = remembered{*sum, state}
}

// verifySignature reports whether the signature of t.signed by k holds. ok is
// false if that could not be afforded.
func (t *trial) verifySignature(k *zoneKey, sig *wire.RRSIG, verify func(signed, signature []byte) bool) (isGood, ok bool) {
	sum := t.verified.sumOf(k.data, sig.Signature, t.signed)
	switch t.verified.find(&sum) {
	case holds:
		return true, true
	case fails:
		return false, true
	}
	if !t.budget.take(Verifications, 1) {
		return false, false
	}
	isGood = verify(t.signed, sig.Signature)
	t.verified.put(&sum, isGood)
	return isGood, true
}
