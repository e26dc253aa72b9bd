package sign

import (
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// signaturesOf are the signatures of an RRset, from the table or made now.
//
// They are looked up by a hash of the octets that they are over, time and keys
// included: a signature that is due, or by a key that is gone, is not found.
func (a *onlineAnswer) signaturesOf(s *rrset, mayMake bool) ([][]byte, error) {
	s.keys = a.signersOf(s.Type)
	inception, expiration := a.shift.policy.window(s.Name, s.Type, a.shift.now)
	a.canonical.Set(&s.RRset)
	var err error
	a.signed, err = a.canonical.AppendSigned(a.signed[:0], &wire.RRSIG{
		Covered: s.Type, Algorithm: s.keys[0].Record.Algorithm, Labels: uint8(dnssec.LabelCount(s.Name)), OriginalTTL: s.TTL,
		Expiration: expiration, Inception: inception, KeyTag: s.keys[0].Tag, Signer: a.zone,
	})
	if err != nil {
		return nil, err
	}
	for _, k := range s.keys {
		a.signed = append(a.signed, k.Data()...)
	}
	hash := sha256.Sum256(a.signed)
	if signatures := a.kept.find(&hash); signatures != nil {
		a.found.Add(1)
		return signatures, nil
	}
	if !mayMake {
		return nil, names.ErrSlow
	}
	if !a.allowance.take(a.Online.now(), len(s.keys)) {
		a.refused.Add(1)
		return nil, errOverAllowance
	}
	if err := a.signSet(s, &a.canonical, true); err != nil {
		return nil, err
	}
	a.made.Add(uint64(len(s.signatures)))
	a.kept.keep(&hash, s.signatures)
	return s.signatures, nil
}

// signatureTable is the signatures of RRsets, in a fixed number of places, four of
// which an RRset may be in.
type signatureTable struct {
	places []atomic.Pointer[keptSignatures]
}

type keptSignatures struct {
	hash       [sha256.Size]byte
	signatures [][]byte
}

const placesOfOne = 4

func (t *signatureTable) init(count int) {
	t.places = make([]atomic.Pointer[keptSignatures], 1<<bits.Len(uint(max(count, placesOfOne)-1)))
}

// group is where the signatures of an RRset may be.
func (t *signatureTable) group(hash *[sha256.Size]byte) []atomic.Pointer[keptSignatures] {
	at := binary.LittleEndian.Uint64(hash[:]) % uint64(len(t.places)/placesOfOne) * placesOfOne
	return t.places[at : at+placesOfOne]
}

func (t *signatureTable) find(hash *[sha256.Size]byte) [][]byte {
	group := t.group(hash)
	for i := range group {
		if k := group[i].Load(); k != nil && k.hash == *hash {
			return k.signatures
		}
	}
	return nil
}

// keep takes a free place, or the one of another RRset that chance chooses.
func (t *signatureTable) keep(hash *[sha256.Size]byte, signatures [][]byte) {
	kept := &keptSignatures{*hash, signatures}
	group := t.group(hash)
	for i := range group {
		if group[i].CompareAndSwap(nil, kept) {
			return
		}
	}
	group[hash[sha256.Size-1]%placesOfOne].Store(kept)
}

// allowance is how many signatures may be made in a second.
type allowance struct {
	perSecond int
	mu        sync.Mutex // nothing is called under it
	second    int64
	used      int
}

func (a *allowance) take(now time.Time, n int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if second := now.Unix(); second != a.second {
		a.second, a.used = second, 0
	}
	if a.used+n > a.perSecond {
		return false
	}
	a.used += n
	return true
}

// errOverAllowance is returned instead of an answer that lacks signatures.
var errOverAllowance error = overAllowance{}

type overAllowance struct{}

func (overAllowance) Error() string { return "more signatures are needed than may be made in a second" }

// Unwrap says that it has nothing to do with the name.
func (overAllowance) Unwrap() error { return names.ErrBusy }

// ExtendedError is what the client learns (RFC 8914).
func (e overAllowance) ExtendedError() (code uint16, text string) {
	return uint16(wire.ExtendedErrorRateLimited), e.Error()
}
