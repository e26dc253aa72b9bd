package sign

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// The key that the parent knows can be where no network is. What it signs is little and
// known in advance: the DNSKEY records, and the CDS and CDNSKEY records. So the machine that
// has it signs all that these will be for some months, at one time: the server works out
// what the states of its keys will come to ([KeySet.Request]), that machine signs it
// ([Request.Sign]), and the server checks the response and keeps it ([KeySet.Accept]).
//
// An exchange of the other key waits if its DNSKEY records have no such signatures yet: they
// are a condition of each step, as caches are.

// offlineKey is a key whose private half is on another machine.
type offlineKey struct {
	public     crypto.PublicKey
	signatures []offlineSignature
}

// offlineSignature is a signature that was made in advance.
type offlineSignature struct {
	set OfflineSet
	sig wire.RRSIG
}

// OfflineSet is an RRset of the apex that a key signs in advance.
type OfflineSet struct {
	Type wire.Type // DNSKEY, CDS or CDNSKEY
	TTL  uint32
	Data [][]byte // sorted
}

// errOffline is returned if an offline key is asked to sign.
var errOffline = errors.New("its private half is on another machine: \"names keys request\" has it sign in advance")

func (k *offlineKey) Public() crypto.PublicKey { return k.public }

func (k *offlineKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errOffline
}

// offline is the key as one whose private half is on another machine, nil if it is not.
func (k *Key) offline() *offlineKey {
	o, _ := k.private.(*offlineKey)
	return o
}

// IsOffline reports whether the private half of the key is on another machine.
func (k *Key) IsOffline() bool { return k.offline() != nil }

// ImportOffline takes over the public half of a key that stays on another machine: path is
// that of its .key file. It signs only the keys.
func ImportOffline(path string, now time.Time) (zone wire.Name, k *Key, err error) {
	zone, record, err := readPublic(path)
	if err != nil {
		return zone, nil, err
	}
	if record.Flags != RoleKeys.flags() {
		return zone, nil, fmt.Errorf("%s: flags are %d: only a key with flags %d, which signs the keys, can be on another machine", path, record.Flags, RoleKeys.flags())
	}
	public, err := publicOf(&record)
	if err != nil {
		return zone, nil, fmt.Errorf("%s: %w", path, err)
	}
	private := &offlineKey{public: public}
	made, err := newSigningKey(record.Algorithm, record.Flags, private)
	if err != nil {
		return zone, nil, fmt.Errorf("%s: %w", path, err)
	}
	now = now.UTC().Truncate(time.Second)
	return zone, &Key{SigningKey: made, private: private, Created: now, Publish: now, Activate: now}, nil
}

// isSigned reports whether signatures were imported for a key on another machine.
func (k *Key) isSigned() bool { return k.IsOffline() && len(k.offline().signatures) > 0 }

// equal reports whether two sets are the same.
func (s *OfflineSet) equal(o *OfflineSet) bool {
	return s.Type == o.Type && s.TTL == o.TTL && slices.EqualFunc(s.Data, o.Data, func(a, b []byte) bool { return string(a) == string(b) })
}

func (s *OfflineSet) sort() {
	slices.SortFunc(s.Data, func(a, b []byte) int { return slices.Compare(a, b) })
}

func (s *OfflineSet) rrset(zone wire.Name) *dnssec.RRset {
	return &dnssec.RRset{Name: zone, Type: s.Type, Class: wire.ClassIN, TTL: s.TTL, Data: s.Data}
}

// prepared is the signature that was made in advance for a set and is valid at now: of
// several, that which ends last.
func (o *offlineKey) prepared(set *OfflineSet, now time.Time) *wire.RRSIG {
	var best *wire.RRSIG
	for i := range o.signatures {
		of := &o.signatures[i]
		if of.sig.Inception.Time(now).After(now) || !of.sig.Expiration.Time(now).After(now) || !of.set.equal(set) {
			continue
		}
		if best == nil || best.Expiration.Less(of.sig.Expiration) {
			best = &of.sig
		}
	}
	return best
}

// covers is until when the signatures of a set go on from now without a gap.
func (o *offlineKey) covers(set *OfflineSet, now time.Time) (until time.Time) {
	at := now
	for {
		sig := o.prepared(set, at)
		if sig == nil {
			return until
		}
		if until = sig.Expiration.Time(now); !until.After(at) {
			return until
		}
		at = until.Add(-time.Second) // valid still, and what follows has to be by then
		if next := o.prepared(set, at); next == nil || !next.Expiration.Time(now).After(until) {
			return until
		}
	}
}

// preparedFor is the signature of an RRset that an offline key is to have; an error that
// says what to do if there is none.
func (k *Key) preparedFor(r *dnssec.RRset, now time.Time) (*wire.RRSIG, error) {
	set := OfflineSet{r.Type, r.TTL, slices.Clone(r.Data)}
	set.sort()
	if sig := k.offline().prepared(&set, now); sig != nil {
		return sig, nil
	}
	return nil, fmt.Errorf("%w: %v %v with TTL %d: no signature of key %d that is valid now was imported: %w", dnssec.ErrSign, r.Name, r.Type, r.TTL, k.Tag, errOffline)
}

// isCovered reports whether every offline key that is to sign a set has.
func isCovered(signers []*Key, set *OfflineSet, now time.Time) bool {
	return !slices.ContainsFunc(signers, func(k *Key) bool { return k.IsOffline() && k.offline().prepared(set, now) == nil })
}

// forParent are the keys that the parent is to have DS records of.
func (s *KeySet) forParent() (all []*Key) {
	for _, k := range s.Keys {
		if k.Progress != nil && k.Progress.IsForParent() {
			all = append(all, k)
		}
	}
	return all
}

// keysShown is the DNSKEY RRset as the states have it at now.
func (s *KeySet) keysShown(now time.Time) *OfflineSet {
	set := &OfflineSet{Type: wire.TypeDNSKEY, TTL: uint32(s.Policy.KeyTTL / time.Second)}
	for _, k := range s.with(PartDNSKEY, now) {
		set.Data = append(set.Data, k.Data())
	}
	set.sort()
	return set
}

// checkOffline reports whether offline keys have signed what the keys would be.
func (s *KeySet) checkOffline(now time.Time) error {
	if s.isForecast || !s.hasOffline() {
		return nil
	}
	if signers := s.with(PartKeySignature, now); !isCovered(signers, s.keysShown(now), now) {
		return errOffline
	}
	return nil
}

// isWithoutKeys reports whether the zone would be signed by keys that it does not show.
func (s *KeySet) isWithoutKeys() bool {
	shows := func(part Part) bool {
		return slices.ContainsFunc(s.Keys, func(k *Key) bool { return k.Progress != nil && k.Progress.shows(part) })
	}
	return s.hasOffline() && shows(PartZoneSignature) && !shows(PartDNSKEY)
}

// progress returns what takes the states back to what they are now.
func (s *KeySet) progress() (undo func()) {
	before := map[*Key]Progress{}
	for _, k := range s.Keys {
		if k.Progress != nil {
			before[k] = *k.Progress
		}
	}
	return func() {
		for k, p := range before {
			*k.Progress = p
		}
	}
}

// OfflineEnd is when the signatures end that offline keys have made in advance for the
// DNSKEY records of now. ok is false if there is no such key in use.
func (s *KeySet) OfflineEnd(now time.Time) (end time.Time, ok bool) {
	set := s.keysShown(now)
	for _, k := range s.with(PartKeySignature, now) {
		if !k.IsOffline() {
			continue
		}
		if until := k.offline().covers(set, now); !ok || until.Before(end) {
			end, ok = until, true
		}
	}
	return end, ok
}

// offlineWaits says when the signatures end that were made in advance, and which keys are
// to be made elsewhere.
func (s *KeySet) offlineWaits(now time.Time) (all []Wait) {
	if s.isForecast || !s.hasOffline() {
		return nil
	}
	end, ok := s.OfflineEnd(now)
	switch {
	case ok && end.After(now):
		all = append(all, Wait{What: "signatures of the key on another machine end at " + end.UTC().Format(time.RFC3339), Why: whyRequest})
	case ok || !slices.ContainsFunc(s.Keys, (*Key).isSigned): // signatures of a key that is not in use yet wait for it
		all = append(all, Wait{What: "signatures of the key on another machine are missing", Why: whyRequest})
	}
	for _, k := range s.Keys {
		if k.Progress == nil || !k.IsOffline() {
			continue
		}
		if at, ok := s.dueAt(k); ok && !now.Before(at) && s.unused(k.Progress.Role) == nil {
			all = append(all, Wait{What: fmt.Sprintf("%s: begin to exchange it", k), Why: errNoOfflineSuccessor.Error()})
		}
	}
	return all
}

const whyRequest = "\"names keys request\" asks for more; without them nothing of the zone can change"

// hasOffline reports whether the key that signs the keys is on another machine: then no
// other such key is made here.
func (s *KeySet) hasOffline() bool { return slices.ContainsFunc(s.Keys, (*Key).IsOffline) }

const (
	// requestValidity is how long each signature is valid that is made in advance, and
	// requestStep after how long the next one begins.
	requestValidity = 14 * 24 * time.Hour
	requestStep     = 9 * 24 * time.Hour
	// maxRequest bounds for how long is signed in advance.
	maxRequest = 2 * 366 * 24 * time.Hour
)

// Request is what offline keys are to sign, or, as the response, have signed.
type Request struct {
	Zone   wire.Name
	IsDone bool // it is a response
	Sets   []RequestSet
}

// RequestSet is a set, and the signatures that it is to have.
type RequestSet struct {
	OfflineSet
	Wanted     []Wanted     // of a request
	Signatures []wire.RRSIG // of a response
}

// Wanted is a signature that is to be made.
type Wanted struct {
	Tag         uint16
	From, Until time.Time
}

// Request works out what the DNSKEY records will be until a time, and asks the offline keys
// to sign that. Keys that will be needed meanwhile are made now: save the set. withCDS asks
// for signatures of CDS and CDNSKEY records, too.
func (s *KeySet) Request(now, until time.Time, withCDS bool) (*Request, error) {
	switch {
	case !s.hasOffline():
		return nil, fmt.Errorf("zone %s has no key on another machine: \"names keys import --offline\" takes over its public half", s.Zone)
	case !until.After(now) || until.Sub(now) > maxRequest:
		return nil, fmt.Errorf("signatures until %s: at most two years are made in advance", until.UTC().Format(time.RFC3339))
	}
	c, err := s.forecast(now)
	if err != nil {
		return nil, err
	}
	r := &Request{Zone: s.Zone}
	if signers := c.with(PartKeySignature, now); len(signers) > 0 { // also if it changes at once
		r.add(*c.keysShown(now), wantedOf(signers, now, now.Add(requestValidity)))
	}
	type shown struct {
		set       *OfflineSet
		signers   []*Key
		forParent []*Key
		from      time.Time
		until     time.Time
	}
	var all []shown
	for range maxCalendar {
		if _, err := c.Advance(now); err != nil {
			return nil, err
		}
		c.Published(now)
		parentAt := c.runParent(now, requestStep)
		set, signers, forParent := c.keysShown(now), c.with(PartKeySignature, now), c.forParent()
		if last := len(all) - 1; last < 0 || !all[last].set.equal(set) || !slices.Equal(all[last].signers, signers) || !slices.Equal(all[last].forParent, forParent) {
			if last >= 0 {
				all[last].until = now
			}
			all = append(all, shown{set, signers, forParent, now, until})
		}
		next := c.NextChange(now)
		if !parentAt.IsZero() && (next.IsZero() || parentAt.Before(next)) {
			next = parentAt
		}
		if next.IsZero() || !next.Before(until) {
			break
		}
		now = later(next, now.Add(time.Second))
	}
	for _, of := range all {
		end := of.until
		if end.Before(until) {
			end = end.Add(requestValidity) // a step may come later than it can
		}
		wanted := wantedOf(of.signers, of.from, end)
		r.add(*of.set, wanted)
		if !withCDS {
			continue
		}
		cds, cdnskey := OfflineSet{Type: wire.TypeCDS, TTL: of.set.TTL}, OfflineSet{Type: wire.TypeCDNSKEY, TTL: of.set.TTL}
		for _, k := range of.forParent {
			ds, err := k.DS(s.Zone, digestSHA256)
			if err != nil {
				return nil, err
			}
			cds.Data, cdnskey.Data = append(cds.Data, ds.AppendTo(nil, nil)), append(cdnskey.Data, k.Data())
		}
		cds.sort()
		cdnskey.sort()
		r.add(cds, wanted)
		r.add(cdnskey, wanted)
	}
	return r, nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// wantedOf are the signatures of keys that are to go on from one time to another.
func wantedOf(signers []*Key, from, until time.Time) (all []Wanted) {
	from = from.UTC().Truncate(time.Second)
	for _, k := range signers {
		if !k.IsOffline() {
			continue
		}
		for at := from; at.Before(until); at = at.Add(requestStep) {
			all = append(all, Wanted{k.Tag, at.Add(-early), at.Add(requestValidity)})
		}
	}
	return all
}

// add adds a set, or what is wanted of one that is there.
func (r *Request) add(set OfflineSet, wanted []Wanted) {
	if len(wanted) == 0 || len(set.Data) == 0 {
		return
	}
	i := slices.IndexFunc(r.Sets, func(s RequestSet) bool { return s.equal(&set) })
	if i < 0 {
		r.Sets, i = append(r.Sets, RequestSet{OfflineSet: set}), len(r.Sets)
	}
	for _, w := range wanted {
		if !slices.Contains(r.Sets[i].Wanted, w) {
			r.Sets[i].Wanted = append(r.Sets[i].Wanted, w)
		}
	}
}

// forecast is a copy of the set whose steps need no signatures, and whose new keys are
// made, for s to have later.
func (s *KeySet) forecast(now time.Time) (*KeySet, error) {
	c := s.copyForCalendar()
	c.Policy.Timing = c.Policy.Timing.WithDefaults()
	made := 0
	c.generate = func(role Role, p KeyPolicy) (*Key, error) {
		if role == RoleKeys {
			return nil, errNoOfflineSuccessor
		}
		if s.generate == nil {
			return nil, errNoSuccessor
		}
		k, err := s.generate(role, p)
		if err != nil {
			return nil, err
		}
		made++
		k.Created = now.UTC().Truncate(time.Second).Add(time.Duration(made) * time.Second) // the order in which they are used
		if s.keep != nil {
			if err := s.keep(k); err != nil {
				return nil, err
			}
		}
		of := *k
		s.Keys = append(s.Keys, k)
		return &of, nil
	}
	return c, nil
}

var errNoOfflineSuccessor = errors.New("the key that signs the keys is on another machine, and due to be exchanged: make the next one there, and import it with \"names keys import --offline\"")

// Sign is what the machine that has the private halves does: it checks the request, and
// returns the response. What it signs are keys of the zone, and CDS and CDNSKEY records of
// its own keys only: a request that was changed on its way cannot make the parent trust others.
func (r *Request) Sign(keys []*Key) (*Request, error) {
	if r.IsDone {
		return nil, errors.New("this is a response, not a request")
	}
	done := &Request{Zone: r.Zone, IsDone: true}
	byTag := map[uint16]*Key{}
	for _, k := range keys {
		if k.Record.Flags == RoleKeys.flags() && k.private != nil && !k.IsOffline() {
			byTag[k.Tag] = k
		}
	}
	for _, set := range r.Sets {
		if err := set.checkContents(r.Zone, keys); err != nil {
			return nil, fmt.Errorf("zone %s: %v of the request: %w", r.Zone, set.Type, err)
		}
		signed := RequestSet{OfflineSet: set.OfflineSet}
		for _, w := range set.Wanted {
			k := byTag[w.Tag]
			switch {
			case k == nil:
				return nil, fmt.Errorf("zone %s: key %d, which is to sign, is not here", r.Zone, w.Tag)
			case !w.Until.After(w.From) || w.Until.Sub(w.From) > 2*requestValidity:
				return nil, fmt.Errorf("zone %s: a signature from %s until %s: at most %v are signed at once", r.Zone, w.From.Format(time.RFC3339), w.Until.Format(time.RFC3339), 2*requestValidity)
			}
			sig, err := k.Sign(set.rrset(r.Zone), r.Zone, wire.SerialFromTime(w.From), wire.SerialFromTime(w.Until))
			if err != nil {
				return nil, err
			}
			signed.Signatures = append(signed.Signatures, *sig)
		}
		done.Sets = append(done.Sets, signed)
	}
	return done, nil
}

// checkContents refuses what would make a key trusted that is not among these.
func (s *RequestSet) checkContents(zone wire.Name, keys []*Key) error {
	isOurs := func(data []byte) bool {
		return slices.ContainsFunc(keys, func(k *Key) bool { return string(k.Data()) == string(data) })
	}
	for _, data := range s.Data {
		switch s.Type {
		case wire.TypeDNSKEY, wire.TypeCDNSKEY:
			var record wire.DNSKEY
			c := wire.CursorOver(data)
			if err := record.Parse(&c); err != nil {
				return err
			}
			if record.Flags&wire.FlagZoneKey == 0 || record.Flags&wire.FlagRevoked != 0 || record.Protocol != 3 {
				return fmt.Errorf("key %d does not sign zones", dnssec.KeyTag(data))
			}
			if (s.Type == wire.TypeCDNSKEY || record.Flags&wire.FlagSecureEntry != 0) && !isOurs(data) {
				return fmt.Errorf("key %d, which the parent would know, is not one of this machine", dnssec.KeyTag(data))
			}
		case wire.TypeCDS:
			var record wire.DS
			c := wire.CursorOver(data)
			if err := record.Parse(&c); err != nil {
				return err
			}
			if !slices.ContainsFunc(keys, func(k *Key) bool {
				return k.IsEntryPoint() && record.KeyTag == k.Tag && record.Algorithm == k.Record.Algorithm && dnssec.DigestMatches(&record, zone, k.Data())
			}) {
				return fmt.Errorf("the record of key %d, which the parent would know, is not of one of this machine", record.KeyTag)
			}
		default:
			return fmt.Errorf("records of type %v are not signed in advance", s.Type)
		}
	}
	return nil
}

// Accept takes over a response, if all of it is right: each signature verifies with an
// offline key of the set, over keys that the set has. What was accepted before stays as
// long as it is valid. It returns until when the DNSKEY records of now are signed.
func (s *KeySet) Accept(r *Request, now time.Time) (until time.Time, err error) {
	fail := func(format string, args ...any) (time.Time, error) {
		return time.Time{}, fmt.Errorf("zone %s: response: "+format, append([]any{s.Zone}, args...)...)
	}
	switch {
	case !r.IsDone:
		return fail("it is a request that was not signed yet")
	case !r.Zone.Equal(s.Zone):
		return fail("it is for zone %s", r.Zone)
	}
	before := map[*offlineKey][]offlineSignature{}
	for _, k := range s.Keys {
		if o := k.offline(); o != nil {
			before[o] = o.signatures
			o.signatures = slices.DeleteFunc(slices.Clone(o.signatures), func(of offlineSignature) bool { return !of.sig.Expiration.Time(now).After(now) })
		}
	}
	undo := func() {
		for o, signatures := range before {
			o.signatures = signatures
		}
	}
	if err := s.takeSignatures(r, now); err != nil {
		undo()
		return fail("%w", err)
	}
	until, ok := s.OfflineEnd(now)
	if !ok { // nothing is published yet
		until = now
		c, err := s.forecast(now)
		if err == nil {
			c.generate, c.isForecast = nil, false
			if _, err = c.Advance(now); err == nil {
				until, ok = c.OfflineEnd(now)
			}
		}
		if err != nil {
			undo()
			return fail("%w", err)
		}
	}
	if !ok || !until.After(now) {
		undo()
		return fail("no signature in it is for the DNSKEY records of now: make another request")
	}
	return until, nil
}

// takeSignatures verifies the signatures of a response, and gives them to their keys.
func (s *KeySet) takeSignatures(r *Request, now time.Time) error {
	for i := range r.Sets {
		set := &r.Sets[i]
		if err := set.checkContents(s.Zone, s.Keys); err != nil {
			return err
		}
		for _, data := range set.Data {
			if set.Type == wire.TypeDNSKEY && !slices.ContainsFunc(s.Keys, func(k *Key) bool { return string(k.Data()) == string(data) }) {
				return fmt.Errorf("it has key %d, which is not here", dnssec.KeyTag(data))
			}
		}
		for _, sig := range set.Signatures {
			at := slices.IndexFunc(s.Keys, func(k *Key) bool { return k.IsOffline() && k.Tag == sig.KeyTag && k.Record.Algorithm == sig.Algorithm })
			if at < 0 {
				return fmt.Errorf("it is signed by key %d, which is not an offline key of the zone", sig.KeyTag)
			}
			k := s.Keys[at]
			if err := k.verifyPrepared(set, &sig, s.Zone); err != nil {
				return err
			}
			if !sig.Expiration.Time(now).After(now) {
				continue
			}
			o := k.offline()
			if !slices.ContainsFunc(o.signatures, func(of offlineSignature) bool {
				return of.set.equal(&set.OfflineSet) && of.sig.Inception == sig.Inception && of.sig.Expiration == sig.Expiration
			}) {
				o.signatures = append(o.signatures, offlineSignature{set.OfflineSet, sig})
			}
		}
	}
	return nil
}

// verifyPrepared verifies a signature that was made in advance.
func (k *Key) verifyPrepared(set *RequestSet, sig *wire.RRSIG, zone wire.Name) error {
	if sig.Covered != set.Type || sig.OriginalTTL != set.TTL || !sig.Signer.Equal(zone) || !sig.Inception.Less(sig.Expiration) {
		return fmt.Errorf("a signature of key %d is not over the %v records next to it", k.Tag, set.Type)
	}
	rrset := set.rrset(zone)
	if err := dnssec.CheckRRSIG(sig, rrset); err != nil {
		return fmt.Errorf("a signature of key %d: %w", k.Tag, err)
	}
	var c dnssec.Canonical
	c.Set(rrset)
	message, err := c.AppendSigned(nil, sig)
	if err != nil {
		return err
	}
	v, err := algorithms.ParseKey(k.Data())
	if err != nil {
		return err
	}
	if !v.Verify(message, sig.Signature) {
		return fmt.Errorf("a signature of key %d over the %v records does not verify", k.Tag, set.Type)
	}
	return nil
}
