package check

import (
	"runtime"
	"slices"
	"sync"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/cmd/internal/algorithms"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// checkSignatures verifies the signatures of a signed zone with the keys at its
// apex, on all processors. Signatures of algorithms that we cannot verify are
// passed over, and so is the time of the others: reading the zone has warned of
// that.
func checkSignatures(zone *authority.Snapshot, at diagnostic.Position, problems *diagnostic.List) {
	keys := zoneKeys(zone)
	if keys == nil {
		return
	}
	sets := make(chan *signedSet, 64)
	var found wrongSignatures
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			v := verifier{keys: keys, origin: zone.Origin(), found: &found}
			for s := range sets {
				v.verify(s)
			}
		})
	}
	eachSignedSet(zone, func(s *signedSet) { sets <- s })
	close(sets)
	wait.Wait()
	if found.wrong > 0 {
		problems.Warnf(at, diagnostic.SigWrong, "%d signatures do not verify with the keys of the zone, that of %s by key %d for one: sign the zone again",
			found.wrong, found.first, found.firstKey)
	}
	if found.keyless > 0 {
		problems.Warnf(at, diagnostic.SigWrong, "%d signatures are by keys that the zone does not have, that of %s by key %d for one: add the DNSKEY record, or sign the zone again",
			found.keyless, found.firstKeyless, found.firstKeylessKey)
	}
}

// zoneKeys are the keys of the DNSKEY RRset, by tag: nil if the zone has none.
// Those of algorithms that we cannot verify are there with a nil key.
func zoneKeys(zone *authority.Snapshot) map[uint16][]*dnssec.Key {
	validated := algorithms.Validated()
	var keys map[uint16][]*dnssec.Key
	for r := range zone.All() {
		if !r.Name.Equal(zone.Origin()) {
			break // the apex comes first
		}
		if r.Type != wire.TypeDNSKEY {
			continue
		}
		if keys == nil {
			keys = map[uint16][]*dnssec.Key{}
		}
		data := append([]byte(nil), r.Data...)
		key, err := validated.ParseKey(data)
		if err != nil {
			key = nil
		}
		tag := dnssec.KeyTag(data)
		keys[tag] = append(keys[tag], key)
	}
	return keys
}

// signedSet is an RRset with its signatures.
type signedSet struct {
	dnssec.RRset
	signatures []*wire.RRSIG
}

// eachSignedSet calls do with every RRset that has signatures.
func eachSignedSet(zone *authority.Snapshot, do func(*signedSet)) {
	var owner wire.Name
	sets := map[wire.Type]*signedSet{}
	set := func(t wire.Type) *signedSet {
		if sets[t] == nil {
			sets[t] = &signedSet{RRset: dnssec.RRset{Name: owner, Type: t, Class: zone.Class()}}
		}
		return sets[t]
	}
	flush := func() {
		for _, s := range sets {
			if len(s.signatures) > 0 && len(s.Data) > 0 {
				do(s)
			}
		}
		clear(sets)
	}
	for r := range zone.All() {
		if !r.Name.Equal(owner) {
			flush()
			owner = r.Name.Clone()
		}
		r = r.Clone()
		if r.Type != wire.TypeRRSIG {
			s := set(r.Type)
			s.TTL, s.Data = r.TTL, append(s.Data, r.Data)
			continue
		}
		if d, err := r.Rdata(); err == nil {
			sig := d.(*wire.RRSIG)
			s := set(sig.Covered)
			s.signatures = append(s.signatures, sig)
		}
	}
	flush()
}

// wrongSignatures counts what is found.
type wrongSignatures struct {
	mu                        sync.Mutex // guards what follows
	wrong, keyless            int
	first, firstKeyless       string // "OWNER TYPE", the first in the alphabet
	firstKey, firstKeylessKey uint16
}

func (f *wrongSignatures) add(count *int, first *string, firstKey *uint16, set string, key uint16) {
	f.mu.Lock()
	defer f.mu.Unlock()
	*count++
	if *first == "" || set < *first {
		*first, *firstKey = set, key
	}
}

// verifier verifies RRsets one after the other.
type verifier struct {
	keys      map[uint16][]*dnssec.Key
	origin    wire.Name
	found     *wrongSignatures
	canonical dnssec.Canonical
	signed    []byte
}

// verify looks at the signatures of an RRset. One by a key that the zone does not have is
// wrong only if there is no other: those of a new algorithm come before its keys
// (RFC 6781 4.1.4).
func (v *verifier) verify(s *signedSet) {
	v.canonical.Set(&s.RRset)
	what := s.Name.String() + " " + s.Type.String()
	isKnown := slices.ContainsFunc(s.signatures, func(sig *wire.RRSIG) bool { return len(v.keys[sig.KeyTag]) > 0 })
	for _, sig := range s.signatures {
		keys := v.keys[sig.KeyTag]
		switch f := v.found; {
		case len(keys) == 0 && !isKnown:
			f.add(&f.keyless, &f.firstKeyless, &f.firstKeylessKey, what, sig.KeyTag)
		case len(keys) > 0 && !v.holds(s, sig, keys):
			f.add(&f.wrong, &f.first, &f.firstKey, what, sig.KeyTag)
		}
	}
}

// holds reports whether sig is a signature of one of keys, or may be one because
// we do not know its algorithm.
func (v *verifier) holds(s *signedSet, sig *wire.RRSIG, keys []*dnssec.Key) bool {
	if dnssec.CheckRRSIG(sig, &s.RRset) != nil || !sig.Signer.Equal(v.origin) {
		return false
	}
	var err error
	if v.signed, err = v.canonical.AppendSigned(v.signed[:0], sig); err != nil {
		return false
	}
	for _, key := range keys {
		if key == nil || key.Algorithm == sig.Algorithm && key.Verify(v.signed, sig.Signature) {
			return true
		}
	}
	return false
}
