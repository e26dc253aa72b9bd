package sign

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Verify checks a signed version with its own keys, as resolvers would that have the
// DS record. The error lists the first faults.
func Verify(s *authority.Snapshot, now time.Time) error {
	r := Verification{Now: now}.Run(s)
	var all []error
	for _, f := range r.Faults {
		all = append(all, f)
	}
	return errors.Join(all...)
}

// Verification is how a signed zone is checked: every RRset that the zone is
// authoritative for has a signature of each algorithm of its keys that is valid
// (RFC 4035 2.2), nothing else has one, and the proofs of what does not exist are a
// chain through all names, with the types that are there (RFC 4035 2.3, RFC 5155 7.1).
type Verification struct {
	Now time.Time
	// Algorithms are those that signatures are verified of; nil: those that zones are
	// signed with here.
	Algorithms *dnssec.Algorithms
	// MaxFaults is how many faults are listed; 0 is 20. All are counted.
	MaxFaults int
	// Progress is called now and then with how many records of all have been looked
	// at. It may be nil.
	Progress func(done, all int)
}

// Report is what a verification found.
type Report struct {
	Faults     []*Fault
	Count      int // of faults
	Signatures int // that verified
	// Earliest is when the first signature ends.
	Earliest time.Time
}

// Fault is something that is wrong with a signed zone, and where.
type Fault struct {
	Name wire.Name
	Type wire.Type // 0: of the name
	Err  error
}

func (f *Fault) Error() string {
	if f.Type == 0 {
		return fmt.Sprintf("%s: %v", f.Name, f.Err)
	}
	return fmt.Sprintf("%s %s: %v", f.Name, f.Type, f.Err)
}

func (f *Fault) Unwrap() error { return f.Err }

var (
	errUnsigned   = errors.New("no signature")
	errUnwanted   = errors.New("a signature, but the zone is not authoritative for it")
	errWrong      = errors.New("a signature does not verify")
	errUnknownKey = errors.New("no valid signature by a key of the zone of algorithm")
	errLeftOver   = errors.New("a signature of records that are not there")
	errUnreadable = errors.New("it cannot be read")
	errNoDNSKEY   = errors.New("the zone has no DNSKEY records")
	errNoDenial   = errors.New("the zone has no NSEC and no NSEC3PARAM record, so that it proves nothing that does not exist")
	errNoProof    = errors.New("it is missing")
	errNeedlessly = errors.New("it is of a name that the zone is not authoritative for, or that is not there")
	errWrongTypes = errors.New("its types are not those that are there")
	errWrongNext  = errors.New("its next name is not the one that follows")
	errTwice      = errors.New("there is more than one")
	errIterations = errors.New("the parameters of NSEC3 ask for more iterations than resolvers do")
)

// verification is a run.
type verification struct {
	Verification
	zone     *authority.Snapshot
	keys     []*dnssec.Key
	signedBy []wire.Algorithm // of the keys

	mu     sync.Mutex // guards report
	report Report

	// The walk through the names.
	cut      wire.Name // that the walk is at or below; zero: none
	previous wire.Name // the owner before
	hasNSEC  bool
	lastNSEC nsecLink
	chain    *hashChain // nil: there is no NSEC3
}

// nsecLink is the NSEC record of an owner.
type nsecLink struct{ owner, next wire.Name }

// ownedSet is what a worker verifies: the records of an owner.
type ownedSet struct {
	name    wire.Name
	place   place
	records []wire.Record
}

// Run checks a version on all processors.
func (v Verification) Run(s *authority.Snapshot) Report {
	run := &verification{Verification: v, zone: s}
	if run.MaxFaults == 0 {
		run.MaxFaults = 20
	}
	if run.Algorithms == nil {
		run.Algorithms = algorithms
	}
	if !run.readApex() {
		return run.report
	}
	work := make(chan []ownedSet, 2*runtime.GOMAXPROCS(0))
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			var c dnssec.Canonical
			for some := range work {
				for i := range some {
					run.signatures(&some[i], &c)
				}
			}
		})
	}
	run.walk(func(some []ownedSet) { work <- some })
	close(work)
	workers.Wait()
	slices.SortStableFunc(run.report.Faults, func(a, b *Fault) int { return a.Name.Compare(b.Name) })
	return run.report
}

func (v *verification) add(name wire.Name, t wire.Type, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Count++
	if len(v.report.Faults) < v.MaxFaults {
		v.report.Faults = append(v.report.Faults, &Fault{name, t, err})
	}
}

// readApex takes the keys and the kind of proofs from the apex.
func (v *verification) readApex() bool {
	origin := v.zone.Origin()
	var parameters *wire.NSEC3PARAM
	for r := range v.zone.RecordsOf(origin) {
		switch r.Type {
		case wire.TypeDNSKEY:
			k, err := v.Algorithms.ParseKey(r.Data)
			if err != nil {
				v.add(origin, r.Type, err)
				continue
			}
			v.keys = append(v.keys, k)
			if !slices.Contains(v.signedBy, k.Algorithm) {
				v.signedBy = append(v.signedBy, k.Algorithm)
			}
		case wire.TypeNSEC:
			v.hasNSEC = true
		case wire.TypeNSEC3PARAM:
			var p wire.NSEC3PARAM
			c := wire.CursorOver(r.Data)
			switch {
			case p.Parse(&c) != nil:
				v.add(origin, r.Type, errUnreadable)
			case p.Flags == 0 && parameters == nil:
				parameters = &p
			}
		}
	}
	switch {
	case len(v.keys) == 0:
		v.add(origin, wire.TypeDNSKEY, errNoDNSKEY)
		return false
	case parameters != nil && parameters.Iterations > maxIterations:
		v.add(origin, wire.TypeNSEC3PARAM, errIterations)
	case parameters != nil:
		v.chain = v.readChain(parameters)
	case !v.hasNSEC:
		v.add(origin, 0, errNoDenial)
	}
	return true
}

// maxIterations bounds the work of a hash. Resolvers do not even do these (RFC 9276 3.2).
const maxIterations = 150

// ownersAtATime is how many owners a worker gets together.
const ownersAtATime = 64

// walk goes through the owners in canonical order, looks at the proofs, and hands out the rest.
func (v *verification) walk(handOut func([]ownedSet)) {
	var some []ownedSet
	var records []wire.Record
	seen := 0
	finish := func() {
		if len(records) == 0 {
			return
		}
		some = append(some, v.owners(records)...)
		records = nil
		if len(some) >= ownersAtATime {
			handOut(some)
			some = nil
		}
	}
	for r := range v.zone.All() {
		if len(records) > 0 && !records[0].Name.Equal(r.Name) {
			finish()
		}
		records = append(records, r)
		if seen++; v.Progress != nil && seen%(1<<14) == 0 {
			v.Progress(seen, v.zone.Records())
		}
	}
	finish()
	handOut(some)
	if v.hasNSEC && !v.lastNSEC.owner.IsZero() && !v.lastNSEC.next.Equal(v.zone.Origin()) {
		v.add(v.lastNSEC.owner, wire.TypeNSEC, errWrongNext)
	}
	if v.chain != nil {
		v.chain.finish()
	}
}

// owners looks at the records of a name, which can be a hash and a name at the same
// time.
func (v *verification) owners(records []wire.Record) []ownedSet {
	var hashed, own []wire.Record
	for _, r := range records {
		if r.Type == wire.TypeNSEC3 || r.Type == wire.TypeRRSIG && coveredType(r.Data) == wire.TypeNSEC3 {
			hashed = append(hashed, r)
		} else {
			own = append(own, r)
		}
	}
	var all []ownedSet
	if len(hashed) > 0 {
		all = append(all, ownedSet{name: records[0].Name, records: hashed})
	}
	if len(own) > 0 {
		set := ownedSet{own[0].Name, ordinary, own}
		var types []wire.Type
		for _, r := range own {
			if r.Type != wire.TypeRRSIG && !slices.Contains(types, r.Type) {
				types = append(types, r.Type)
			}
		}
		switch {
		case !v.cut.IsZero() && set.name.HasSuffix(v.cut):
			set.place = below
		case slices.Contains(types, wire.TypeNS) && !set.name.Equal(v.zone.Origin()):
			set.place, v.cut = cut, set.name
		}
		v.proofs(&set, types)
		v.previous = set.name
		all = append(all, set)
	}
	return all
}

// proofs looks at the proof of an owner, and at those of the empty non-terminals
// before it.
func (v *verification) proofs(set *ownedSet, types []wire.Type) {
	if v.hasNSEC {
		v.nsec(set, types)
	}
	if v.chain == nil || set.place == below {
		return
	}
	isOptional := set.place == cut && !slices.Contains(types, wire.TypeDS)
	for above := set.name; above.LabelCount() > v.zone.Origin().LabelCount()+1; {
		if above = above.Parent(); !v.previous.IsZero() && v.previous.HasSuffix(above) {
			break
		}
		v.chain.visit(above, nil, empty, isOptional)
	}
	v.chain.visit(set.name, types, set.place, isOptional)
}

// nsec looks at the NSEC record of an owner, and whether the one before refers to it.
func (v *verification) nsec(set *ownedSet, types []wire.Type) {
	var found []wire.NSEC
	for _, r := range set.records {
		if r.Type != wire.TypeNSEC {
			continue
		}
		var n wire.NSEC
		if c := wire.CursorOver(r.Data); n.Parse(&c) != nil {
			v.add(set.name, r.Type, errUnreadable)
			return
		}
		found = append(found, n)
	}
	switch {
	case set.place == below:
		if len(found) > 0 {
			v.add(set.name, wire.TypeNSEC, errNeedlessly)
		}
		return
	case len(found) == 0:
		v.add(set.name, wire.TypeNSEC, errNoProof)
		return
	case len(found) > 1:
		v.add(set.name, wire.TypeNSEC, errTwice)
		return
	}
	have := append(seenTypes(types, set.place), wire.TypeRRSIG)
	if set.place == cut {
		have = append(have, wire.TypeNSEC)
	}
	if string(found[0].Types) != string(wire.AppendTypeBitmap(nil, have)) {
		v.add(set.name, wire.TypeNSEC, errWrongTypes)
	}
	if last := v.lastNSEC; !last.owner.IsZero() && !last.next.Equal(set.name) {
		v.add(last.owner, wire.TypeNSEC, errWrongNext)
	}
	v.lastNSEC = nsecLink{set.name, found[0].Next}
}

// signatures verifies those of an owner.
func (v *verification) signatures(owner *ownedSet, canonical *dnssec.Canonical) {
	sets := map[wire.Type]*dnssec.RRset{}
	signatures := map[wire.Type][]wire.RRSIG{}
	for _, r := range owner.records {
		if r.Type == wire.TypeRRSIG {
			var sig wire.RRSIG
			c := wire.CursorOver(r.Data)
			if sig.Parse(&c) != nil {
				v.add(r.Name, r.Type, errUnreadable)
				continue
			}
			signatures[sig.Covered] = append(signatures[sig.Covered], sig)
			continue
		}
		if sets[r.Type] == nil {
			sets[r.Type] = &dnssec.RRset{Name: r.Name, Type: r.Type, Class: r.Class, TTL: r.TTL}
		}
		sets[r.Type].Data = append(sets[r.Type].Data, r.Data)
	}
	for t := range signatures {
		if sets[t] == nil {
			v.add(owner.name, t, errLeftOver)
		}
	}
	for t, set := range sets {
		isOwn := owner.place == ordinary || owner.place == cut && (t == wire.TypeDS || t == wire.TypeNSEC)
		switch of := signatures[t]; {
		case !isOwn && len(of) > 0:
			v.add(set.Name, t, errUnwanted)
		case !isOwn:
		case len(of) == 0:
			v.add(set.Name, t, errUnsigned)
		default:
			v.set(set, of, canonical)
		}
	}
}

// set verifies the signatures of an RRset, of which each algorithm has to have one.
// One by a key that the zone does not have is not a fault: those of a new algorithm come
// before its keys (RFC 6781 4.1.4).
func (v *verification) set(set *dnssec.RRset, signatures []wire.RRSIG, canonical *dnssec.Canonical) {
	canonical.Set(set)
	var verified []wire.Algorithm
	faulty := false
	for i := range signatures {
		sig := &signatures[i]
		isOf := func(k *dnssec.Key) bool { return k.Tag == sig.KeyTag && k.Algorithm == sig.Algorithm }
		if !slices.ContainsFunc(v.keys, isOf) {
			continue
		}
		if err := v.signature(set, sig, canonical, isOf); err != nil {
			v.add(set.Name, set.Type, err)
			faulty = true
			continue
		}
		verified = append(verified, sig.Algorithm)
		v.count(sig)
	}
	for _, a := range v.signedBy {
		if !faulty && !slices.Contains(verified, a) {
			v.add(set.Name, set.Type, fmt.Errorf("%w %v", errUnknownKey, a))
		}
	}
}

// count notes a signature that verifies.
func (v *verification) count(sig *wire.RRSIG) {
	ends := sig.Expiration.Time(v.Now)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.report.Signatures++
	if v.report.Earliest.IsZero() || ends.Before(v.report.Earliest) {
		v.report.Earliest = ends
	}
}

// signature verifies one with the keys that it can be of.
func (v *verification) signature(set *dnssec.RRset, sig *wire.RRSIG, canonical *dnssec.Canonical, isOf func(*dnssec.Key) bool) error {
	if err := dnssec.CheckTime(sig, v.Now, 0, 0); err != nil {
		return err
	}
	if err := dnssec.CheckRRSIG(sig, set); err != nil {
		return err
	}
	if !sig.Signer.Equal(v.zone.Origin()) {
		return fmt.Errorf("%w: its signer is %s", errWrong, sig.Signer)
	}
	message, err := canonical.AppendSigned(nil, sig)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(v.keys, func(k *dnssec.Key) bool { return isOf(k) && k.Verify(message, sig.Signature) }) {
		return errWrong
	}
	return nil
}
