package sign

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// digestSHA256 is the type of digest of CDS records (RFC 8624 3.3).
const digestSHA256 = 2

// rrset is records of one owner and type, and the signatures it is to have.
type rrset struct {
	dnssec.RRset
	keys       []*Key
	signatures [][]byte // the data of RRSIG records
	err        error
}

// batch is how many owners are signed at a time, which bounds what is in memory
// besides the zone.
const batch = 4096

// sign brings the proofs and signatures of the owners to what they have to be.
func (p *pass) sign() error {
	for owners := range slices.Chunk(p.owners, batch) {
		var sets []*rrset
		for i := range owners {
			made, err := p.rrsetsOf(&owners[i])
			if err != nil {
				return err
			}
			sets = append(sets, made...)
		}
		if err := p.makeSignatures(sets); err != nil {
			return err
		}
		for _, s := range sets {
			if err := p.put(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// rrsetsOf puts the proof of an owner into the zone, removes the signatures of
// what is not to be signed, and returns what is.
func (p *pass) rrsetsOf(o *owner) ([]*rrset, error) {
	if err := p.putProof(o); err != nil {
		return nil, err
	}
	var sets []*rrset
	var signed []wire.Record
	for r := range p.t.Records(o.name) {
		if r.Type == wire.TypeRRSIG {
			signed = append(signed, r)
			continue
		}
		if !p.isSigned(o, r.Type) || r.Type == wire.TypeZONEMD && o.name.Equal(p.origin) {
			continue // the digest is made and signed last
		}
		if n := len(sets); n > 0 && sets[n-1].Type == r.Type {
			sets[n-1].Data = append(sets[n-1].Data, r.Data)
			continue
		}
		sets = append(sets, &rrset{
			RRset: dnssec.RRset{Name: r.Name, Type: r.Type, Class: r.Class, TTL: r.TTL, Data: [][]byte{r.Data}},
			keys:  p.signersOf(r.Type),
		})
	}
	for _, r := range signed {
		covered := coveredType(r.Data)
		if (covered == wire.TypeNSEC3) != o.isNSEC3 {
			continue // of another owner with the same name
		}
		if !slices.ContainsFunc(sets, func(s *rrset) bool { return s.Type == covered }) {
			p.t.Remove(r)
		}
	}
	p.takeOver(sets)
	return sets, nil
}

// isSigned reports whether an RRset of an owner has signatures (RFC 4035 2.2).
func (p *pass) isSigned(o *owner, t wire.Type) bool {
	switch {
	case o.isNSEC3 || t == wire.TypeNSEC3:
		return o.isNSEC3 && t == wire.TypeNSEC3
	case o.place == cut:
		return t == wire.TypeDS || t == wire.TypeNSEC
	}
	return o.place == ordinary
}

// putProof makes the proof of an owner the only one it has.
func (p *pass) putProof(o *owner) error {
	kind := wire.TypeNSEC
	if o.isNSEC3 {
		kind = wire.TypeNSEC3
	}
	p.t.RemoveRRset(o.name, kind)
	if o.proof.Data == nil {
		return nil
	}
	return p.t.Add(o.proof)
}

// coveredType is the type that an RRSIG record is for.
func coveredType(data []byte) wire.Type {
	if len(data) < 2 {
		return 0
	}
	return wire.Type(data[0])<<8 | wire.Type(data[1])
}

// takeOver keeps the signatures that the version before has over the same RRsets,
// if they are by the right keys and not due.
func (p *pass) takeOver(sets []*rrset) {
	before := p.t.Before()
	if !p.isTrusted || len(sets) == 0 {
		return
	}
	var records []wire.Record
	records = slices.AppendSeq(records, before.RecordsOf(sets[0].Name))
	for _, s := range sets {
		if !isSame(s, records) {
			continue
		}
		s.keys = slices.Clone(s.keys)
		s.keys = slices.DeleteFunc(s.keys, func(k *Key) bool {
			inception, expiration, ok := p.window(k, &s.RRset)
			if !ok {
				return false
			}
			for _, r := range records {
				if r.Type != wire.TypeRRSIG || coveredType(r.Data) != s.Type {
					continue
				}
				var sig wire.RRSIG
				c := wire.CursorOver(r.Data)
				if sig.Parse(&c) == nil && sig.KeyTag == k.Tag && sig.Algorithm == k.Record.Algorithm &&
					sig.Inception == inception && sig.Expiration == expiration && sig.OriginalTTL == s.TTL {
					s.signatures = append(s.signatures, r.Data)
					return true
				}
			}
			return false
		})
	}
}

// window is from when to when a key's signature of an RRset is valid that is made now. ok is
// false if the key is offline and has made none in advance.
func (p *pass) window(k *Key, r *dnssec.RRset) (inception, expiration wire.Serial, ok bool) {
	if !k.IsOffline() {
		inception, expiration = p.policy.window(r.Name, r.Type, p.now)
		return inception, expiration, true
	}
	sig, err := k.preparedFor(r, p.now)
	if err != nil {
		return 0, 0, false
	}
	return sig.Inception, sig.Expiration, true
}

// isSame reports whether an RRset is what it was before.
func isSame(s *rrset, before []wire.Record) bool {
	n := 0
	for _, r := range before {
		if r.Type != s.Type {
			continue
		}
		if r.TTL != s.TTL || n == len(s.Data) || string(r.Data) != string(s.Data[n]) {
			return false
		}
		n++
	}
	return n == len(s.Data)
}

// With more than verifyAll RRsets at once and [Policy.VerifySample], one in verifyPart of
// them has the signatures of keys in memory verified, since to verify takes longer than to
// sign (docs/decisions/0029).
const (
	verifyAll  = 256
	verifyPart = 16
)

// fewSets is how many RRsets are signed without waking other processors, if no signature
// waits for a device: those of an update.
const fewSets = 4

// makeSignatures makes the signatures that are missing, on all processors.
func (p *pass) makeSignatures(sets []*rrset) error {
	work := make(chan *rrset, len(sets))
	for _, s := range sets {
		if len(s.keys) > 0 {
			work <- s
		}
	}
	close(work)
	var all sync.WaitGroup
	verifyEach := !p.policy.VerifySample || len(sets) <= verifyAll
	var failed atomic.Bool // and what is left need not be tried: each try can wait for a device
	signAll := func() {
		var c dnssec.Canonical
		done := 0
		for s := range work {
			if failed.Load() {
				return
			}
			if s.err = p.signSet(s, &c, verifyEach || done%verifyPart == 0); s.err != nil {
				failed.Store(true)
			}
			done++
		}
	}
	if len(work) <= fewSets && !slices.ContainsFunc(p.zoneSigners, func(k *Key) bool { return !k.isInMemory() }) {
		signAll()
	} else {
		for range min(runtime.GOMAXPROCS(0), len(work)) {
			all.Go(signAll)
		}
		all.Wait()
	}
	for _, s := range sets {
		if s.err != nil {
			return s.err
		}
	}
	return nil
}

// signSet makes the signatures of one RRset, and verifies them before they count: those of
// keys that are elsewhere always, since a key store that is broken must not break the zone,
// and those of keys in memory if verify is set.
func (p *pass) signSet(s *rrset, c *dnssec.Canonical, verify bool) error {
	inception, expiration := p.policy.window(s.Name, s.Type, p.now)
	c.Set(&s.RRset)
	for _, k := range s.keys {
		var sig *wire.RRSIG
		var err error
		if k.IsOffline() {
			sig, err = k.preparedFor(&s.RRset, p.now)
		} else {
			sig, err = k.SignCanonical(c, &s.RRset, p.origin, inception, expiration)
		}
		if err != nil {
			return err
		}
		if verify || !k.isInMemory() {
			message, err := c.AppendSigned(nil, sig)
			if err != nil {
				return err
			}
			if !p.verifiers[k].Verify(message, sig.Signature) {
				return fmt.Errorf("zone %s: the signature of %s %s that key %d made does not verify", p.origin, s.Name, s.Type, k.Tag)
			}
			if s.Type == wire.TypeSOA && p.signer != nil { // the next change asks for it; an answer on demand has no signer
				p.signer.soa.Store(&verified{k, message, sig.Signature})
			}
		}
		s.signatures = append(s.signatures, sig.AppendTo(nil, nil))
	}
	return nil
}

// put makes the signatures of an RRset those it has.
func (p *pass) put(s *rrset) error {
	records := make([]wire.Record, 0, len(s.signatures))
	for _, data := range s.signatures {
		records = append(records, wire.Record{Name: s.Name, Type: wire.TypeRRSIG, Class: s.Class, TTL: s.TTL, Data: data})
	}
	slices.SortFunc(records, func(a, b wire.Record) int { return cmp.Compare(string(a.Data), string(b.Data)) })
	return p.t.Replace(records...)
}

var _ authority.Stage = (*Signer)(nil).Stage
