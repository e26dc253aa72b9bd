package sign

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Signer signs a zone. Its methods may be called at the same time.
type Signer struct {
	policy Policy
	keys   atomic.Pointer[[]*Key]
	now    func() time.Time
	ends   atomic.Int64 // when the first signature ends, as of the last Refresh; 0: unknown
	maxTTL atomic.Uint32
	soa    atomic.Pointer[verified] // the last signature of a SOA record that verified
}

// verified is a signature that a key has made, for certain.
type verified struct {
	key                *Key
	message, signature []byte
}

// New returns a signer with these keys. now is the clock, nil for [time.Now].
func New(policy Policy, keys []*Key, now func() time.Time) (*Signer, error) {
	policy, err := policy.withDefaults()
	if err != nil {
		return nil, err
	}
	if now == nil {
		now = time.Now
	}
	s := &Signer{policy: policy, now: now}
	s.SetKeys(keys)
	return s, nil
}

// SetKeys exchanges the keys. The zone has the new ones after [Signer.Refresh],
// or the next change.
func (s *Signer) SetKeys(keys []*Key) {
	keys = slices.Clone(keys)
	s.keys.Store(&keys)
}

// Keys are the keys in use. The caller must not change them.
func (s *Signer) Keys() []*Key { return *s.keys.Load() }

// Policy is how the zone is signed, with the defaults filled in.
func (s *Signer) Policy() Policy { return s.policy }

// ErrForeignKeys is returned for a zone that brings DNSKEY records of keys that
// the signer does not have.
var ErrForeignKeys = errors.New("the zone has a DNSKEY record of a key that it is not signed with: import the key, or remove the record")

// Stage signs what a transaction changes. It is an [authority.Stage].
//
// Records that the signer owns - RRSIG, NSEC, NSEC3, NSEC3PARAM, CDS, CDNSKEY, ZONEMD -
// become as they have to be, whatever the transaction did to them. Keys that the
// signer does not have are refused with [ErrForeignKeys], unless the policy keeps them.
func (s *Signer) Stage(t *authority.Txn) error {
	p, err := s.begin(t)
	if err != nil {
		return err
	}
	isFull := p.isFull()
	if err := p.raiseSerial(); err != nil {
		return err
	}
	if err := p.putApex(); err != nil {
		return err
	}
	p.dropAddedProofs()
	p.dropRemains(isFull)
	names := p.names(isFull)
	if s.policy.NSEC3 {
		err = p.proveWithNSEC3(names, isFull)
	} else {
		err = p.proveWithNSEC(names, isFull)
	}
	if err != nil {
		return err
	}
	if err := p.sign(); err != nil {
		return err
	}
	return p.digest()
}

// Refresh makes the signatures again that are due, and brings the zone to the
// keys of now. It reports how many signatures were due. A zone that has nothing
// due stays as it is.
func (s *Signer) Refresh(z *authority.Zone) (due int, err error) {
	ends := s.now().Add(s.policy.Validity) // no signature is made for longer
	var maxTTL uint32
	isWhole := false
	_, err = z.Update(authority.FromControl, func(t *authority.Txn) error {
		p, err := s.begin(t)
		if err != nil {
			return err
		}
		isCurrent, err := p.isApexCurrent()
		if err != nil {
			return err
		}
		if !isCurrent || p.isFull() { // any edit makes the stage do it
			t.SetSerial(p.policy.Serial.Next(t.Base().Serial(), p.now))
			due++
			isWhole = true
		}
		for r := range t.Base().Unsorted() {
			maxTTL = max(maxTTL, r.TTL)
			if r.Type != wire.TypeRRSIG {
				continue
			}
			var sig wire.RRSIG
			c := wire.CursorOver(r.Data)
			if sig.Parse(&c) != nil {
				continue
			}
			inception, expiration := p.windowOf(r.Name, &sig)
			if (sig.Inception != inception || sig.Expiration != expiration) && t.Remove(r) {
				due++
			}
			if at := expiration.Time(p.now); at.Before(ends) { // also of the one that is made instead
				ends = at
			}
		}
		t.AdvanceSerial(p.policy.Serial, p.now)
		return nil
	})
	if err == nil {
		if isWhole {
			ends = firstEnd(z.Snapshot(), s.now().Add(s.policy.Validity))
		}
		s.ends.Store(ends.Unix())
		s.maxTTL.Store(maxTTL)
	}
	return due, err
}

// firstEnd is when the first signature of a version ends, if it is before another time.
func firstEnd(version *authority.Snapshot, ends time.Time) time.Time {
	for r := range version.Unsorted() {
		var sig wire.RRSIG
		if c := wire.CursorOver(r.Data); r.Type != wire.TypeRRSIG || sig.Parse(&c) != nil {
			continue
		}
		if at := sig.Expiration.Time(ends); at.Before(ends) {
			ends = at
		}
	}
	return ends
}

// windowOf is from when to when a signature is to be valid that the zone has.
func (p *pass) windowOf(owner wire.Name, sig *wire.RRSIG) (inception, expiration wire.Serial) {
	for _, k := range p.keySigners {
		if !k.IsOffline() || k.Tag != sig.KeyTag || k.Record.Algorithm != sig.Algorithm {
			continue
		}
		set := dnssec.RRset{Name: owner, Type: sig.Covered, Class: p.class}
		for _, r := range p.t.RRset(owner, sig.Covered) {
			set.TTL, set.Data = r.TTL, append(set.Data, r.Data)
		}
		if inception, expiration, ok := p.window(k, &set); ok {
			return inception, expiration
		}
		if sig.Expiration.Time(p.now).After(p.now) {
			return sig.Inception, sig.Expiration // there is no better one
		}
		return 0, 0 // and that is an error
	}
	return p.policy.window(owner, sig.Covered, p.now)
}

// MaxTTL is the largest TTL of the zone, as of the last [Signer.Refresh].
func (s *Signer) MaxTTL() time.Duration { return time.Duration(s.maxTTL.Load()) * time.Second }

// Ends is when the first signature of the zone ends, as of the last [Signer.Refresh].
func (s *Signer) Ends() (at time.Time, ok bool) {
	unix := s.ends.Load()
	return time.Unix(unix, 0), unix != 0
}

// Remove takes everything out of a zone that a signer makes, keys too. As long as
// the parent has DS records, resolvers take such a zone for bogus: they have to go
// first, and to leave the caches.
func Remove(t *authority.Txn) {
	var owners []wire.Record
	for r := range t.Base().Unsorted() {
		if isMade(&r, t.Origin()) {
			owners = append(owners, r.Clone())
		}
	}
	for _, r := range owners {
		t.Remove(r)
	}
}

// isMade reports whether a record of a zone is what a signer makes, keys too. CDS records
// below its apex vouch for other zones (RFC 9615).
func isMade(r *wire.Record, origin wire.Name) bool {
	switch r.Type {
	case wire.TypeRRSIG, wire.TypeNSEC, wire.TypeNSEC3, wire.TypeNSEC3PARAM, wire.TypeDNSKEY, wire.TypeZONEMD:
		return true
	case wire.TypeCDS, wire.TypeCDNSKEY:
		return r.Name.Equal(origin)
	}
	return false
}

// pass is one run of a stage.
type pass struct {
	roles
	signer    *Signer
	t         *authority.Txn
	policy    Policy
	now       time.Time
	origin    wire.Name
	class     wire.Class
	soa       wire.SOA
	soaTTL    uint32
	denialTTL uint32
	owners    []owner // to be signed
	isTrusted bool    // the version before was signed as a whole
	known     []*Key  // all of the signer, also those that are not published
	verifiers map[*Key]*dnssec.Key
}

func (s *Signer) begin(t *authority.Txn) (*pass, error) {
	now := s.now()
	r, err := rolesAt(s.Keys(), now)
	if errors.Is(err, errNoKeys) && slices.ContainsFunc(s.Keys(), (*Key).IsOffline) {
		err = fmt.Errorf("%w: %w", err, errOffline)
	}
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", t.Origin(), err)
	}
	p := &pass{roles: r, signer: s, t: t, policy: s.policy, now: now, known: s.Keys(), origin: t.Origin(), class: t.Class()}
	if p.verifiers, err = r.verifiers(); err != nil {
		return nil, fmt.Errorf("zone %s: %w", t.Origin(), err)
	}
	if soa := t.RRset(p.origin, wire.TypeSOA); len(soa) > 0 { // without one the zone is refused
		c := wire.CursorOver(soa[0].Data)
		if err := p.soa.Parse(&c); err != nil {
			return nil, fmt.Errorf("zone %s: its SOA record: %w", t.Origin(), err)
		}
		p.soaTTL = soa[0].TTL
		p.denialTTL = min(p.soa.Minimum, p.soaTTL) // RFC 9077 3
	}
	if before := t.Before(); before != nil {
		p.isTrusted = p.isSignedWhole(before)
	}
	return p, nil
}

// isSignedWhole reports whether the signature of a version's SOA record verifies.
// The stage makes it anew with each change, so if something else has edited the
// zone since - a journal that was merged with a newer file - it does not, and no
// signature can be taken over without a look.
func (p *pass) isSignedWhole(s *authority.Snapshot) bool {
	soa := rrset{RRset: dnssec.RRset{Type: wire.TypeSOA}}
	var signatures []wire.RRSIG
	for r := range s.RecordsOf(p.origin) {
		var sig wire.RRSIG
		switch c := wire.CursorOver(r.Data); {
		case r.Type == wire.TypeSOA:
			soa.Name, soa.Class, soa.TTL, soa.Data = r.Name, r.Class, r.TTL, [][]byte{r.Data}
		case r.Type == wire.TypeRRSIG && coveredType(r.Data) == wire.TypeSOA && sig.Parse(&c) == nil:
			signatures = append(signatures, sig)
		}
	}
	for _, sig := range signatures {
		for k, v := range p.verifiers {
			if k.Tag != sig.KeyTag || k.Record.Algorithm != sig.Algorithm {
				continue
			}
			var c dnssec.Canonical
			c.Set(&soa.RRset)
			message, err := c.AppendSigned(nil, &sig)
			if err != nil {
				continue
			}
			if known := p.signer.soa.Load(); known.is(k, message, sig.Signature) || v.Verify(message, sig.Signature) {
				return true
			}
		}
	}
	return false
}

// is reports whether it is known that a signature verifies.
func (v *verified) is(k *Key, message, signature []byte) bool {
	return v != nil && v.key == k && bytes.Equal(v.message, message) && bytes.Equal(v.signature, signature)
}

// isFull reports whether the whole zone is to be signed: it comes as a whole, or
// was not signed with these keys and this kind of proof, or its proofs have another TTL.
func (p *pass) isFull() bool {
	base := p.t.Base()
	if p.t.IsWhole() || !p.isTrusted {
		return true
	}
	hasNSEC, ttl := false, uint32(0)
	signers := map[wire.Type][]uint32{}
	for r := range base.RecordsOf(p.origin) {
		switch r.Type {
		case wire.TypeNSEC:
			hasNSEC, ttl = true, r.TTL
		case wire.TypeRRSIG:
			var sig wire.RRSIG
			if c := wire.CursorOver(r.Data); sig.Parse(&c) == nil {
				signers[sig.Covered] = append(signers[sig.Covered], uint32(sig.Algorithm)<<16|uint32(sig.KeyTag))
			}
		}
	}
	if hasNSEC == p.policy.NSEC3 || !areOf(signers[wire.TypeSOA], p.zoneSigners) || !areOf(signers[wire.TypeDNSKEY], p.keySigners) {
		return true
	}
	if p.policy.NSEC3 {
		_, ok := p.t.HashedOwners(nsec3Parameters)
		var isOptOut bool
		isOptOut, ttl = p.hashedApex(base)
		if !ok || p.policy.OptOut != isOptOut {
			return true
		}
	}
	return ttl != p.denialTTL
}

// areOf reports whether signatures are by these keys.
func areOf(signatures []uint32, keys []*Key) bool {
	var of []uint32
	for _, k := range keys {
		of = append(of, uint32(k.Record.Algorithm)<<16|uint32(k.Tag))
	}
	slices.Sort(of)
	slices.Sort(signatures)
	return slices.Equal(signatures, of)
}

// raiseSerial makes a version that comes as a whole one that secondaries fetch:
// the serial number of what is served has gone ahead of that of its file.
func (p *pass) raiseSerial() error {
	before := p.t.Before()
	if before == nil || p.soa.Primary.IsZero() || before.Serial().Less(p.soa.Serial) {
		return nil
	}
	data := p.soa
	data.Serial = p.policy.Serial.Next(before.Serial(), p.now)
	return p.t.Add(wire.Record{Name: p.origin, Type: wire.TypeSOA, Class: p.class, TTL: p.soaTTL, Data: data.AppendTo(nil, nil)})
}

// apexSet is an RRset of the apex that the signer makes.
type apexSet struct {
	kind wire.Type
	ttl  uint32
	data [][]byte
}

// apexSets are the records of keys and parameters that the zone is to have.
func (p *pass) apexSets() ([]apexSet, error) {
	var keys, cds, cdnskey, parameters [][]byte
	for _, k := range p.published {
		keys = append(keys, k.Data())
	}
	for _, k := range p.forParent {
		if p.policy.CDS {
			ds, err := k.DS(p.origin, digestSHA256)
			if err != nil {
				return nil, err
			}
			cds, cdnskey = append(cds, ds.AppendTo(nil, nil)), append(cdnskey, k.Data())
		}
	}
	foreign, err := p.foreignKeys()
	if err != nil {
		return nil, err
	}
	for _, k := range foreign { // the parent is to know those of both (RFC 8901)
		keys = append(keys, k.data)
		if p.policy.CDS && k.record.Flags&wire.FlagSecureEntry != 0 {
			ds := wire.DS{KeyTag: dnssec.KeyTag(k.data), Algorithm: k.record.Algorithm, DigestType: digestSHA256}
			if ds.Digest, err = dnssec.AppendDigest(nil, p.origin, k.data, digestSHA256); err != nil {
				return nil, err
			}
			cds, cdnskey = append(cds, ds.AppendTo(nil, nil)), append(cdnskey, k.data)
		}
	}
	isLeaving := slices.ContainsFunc(p.known, func(k *Key) bool { return k.state(PartDS) == Unretentive })
	if p.policy.CDS && isLeaving && len(cds) == 0 { // the parent is to have no DS records (RFC 8078 4)
		cds, cdnskey = [][]byte{(&wire.DS{Digest: []byte{0}}).AppendTo(nil, nil)}, [][]byte{(&wire.DNSKEY{Protocol: 3, PublicKey: []byte{0}}).AppendTo(nil, nil)}
	}
	if !p.isPrepared(wire.TypeCDS, cds) || !p.isPrepared(wire.TypeCDNSKEY, cdnskey) {
		cds, cdnskey = nil, nil // the request was made without them
	}
	if p.policy.NSEC3 {
		parameters = append(parameters, nsec3Parameters)
	}
	return []apexSet{
		{wire.TypeDNSKEY, p.policy.KeyTTL, keys}, {wire.TypeCDS, p.policy.KeyTTL, cds}, {wire.TypeCDNSKEY, p.policy.KeyTTL, cdnskey},
		{wire.TypeNSEC3PARAM, 0, parameters},
	}, nil
}

// isPrepared reports whether offline keys have signed records of the apex, if there are
// such keys.
func (p *pass) isPrepared(kind wire.Type, data [][]byte) bool {
	if len(data) == 0 || !slices.ContainsFunc(p.keySigners, (*Key).IsOffline) {
		return true
	}
	set := OfflineSet{kind, p.policy.KeyTTL, slices.Clone(data)}
	set.sort()
	return isCovered(p.keySigners, &set, p.now)
}

// isApexCurrent reports whether the zone has these records.
func (p *pass) isApexCurrent() (bool, error) {
	sets, err := p.apexSets()
	if err != nil {
		return false, err
	}
	if (len(p.t.RRset(p.origin, wire.TypeZONEMD)) > 0) != (p.policy.ZONEMD != 0) {
		return false, nil
	}
	for _, set := range sets {
		records := p.t.RRset(p.origin, set.kind)
		if len(records) != len(set.data) {
			return false, nil
		}
		for _, r := range records {
			if r.TTL != set.ttl || !slices.ContainsFunc(set.data, func(data []byte) bool { return string(data) == string(r.Data) }) {
				return false, nil
			}
		}
	}
	return true, nil
}

// putApex makes these records those that the zone has.
func (p *pass) putApex() error {
	if err := p.checkForeignKeys(); err != nil {
		return err
	}
	sets, err := p.apexSets()
	if err != nil {
		return err
	}
	p.t.RemoveRRset(p.origin, wire.TypeZONEMD)
	if p.policy.ZONEMD != 0 { // so that its type is in the proofs
		if err := p.t.Add(p.digestRecord(nil)); err != nil {
			return err
		}
	}
	for _, set := range sets {
		p.t.RemoveRRset(p.origin, set.kind)
		for _, data := range set.data {
			if err := p.t.Add(wire.Record{Name: p.origin, Type: set.kind, Class: p.class, TTL: set.ttl, Data: data}); err != nil {
				return err
			}
		}
	}
	return nil
}
