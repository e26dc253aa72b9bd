package validate

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Anchors are the zones that chains of trust start at, and those that are not
// validated whatever their parents say (RFC 7646). The zero value has none.
// They may be changed while validators use them.
type Anchors struct {
	mu  sync.Mutex                // of those that change them
	set atomic.Pointer[anchorSet] // nil: there are none
}

// anchorSet does not change: a new one takes its place.
type anchorSet struct {
	positive map[string]*anchor // by the octets of the zone's wire.Key
	negative map[string]Negative
}

// Negative is a negative trust anchor (RFC 7646): Zone and what is below it is not
// validated.
type Negative struct {
	Zone  wire.Name
	Until time.Time // when it ends; zero if never
}

// get returns the present set. It is not to be changed.
func (a *Anchors) get() *anchorSet {
	if set := a.set.Load(); set != nil {
		return set
	}
	return &noAnchors
}

var noAnchors anchorSet

// change sets what f makes of a copy of the present set.
func (a *Anchors) change(f func(*anchorSet)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	old := a.get()
	next := &anchorSet{positive: maps.Clone(old.positive), negative: maps.Clone(old.negative)}
	if next.positive == nil {
		next.positive = map[string]*anchor{}
	}
	if next.negative == nil {
		next.negative = map[string]Negative{}
	}
	f(next)
	a.set.Store(next)
}

func keyOf(zone wire.Name) string {
	var buf [2*wire.MaxNameLen + 1]byte
	return string(zone.AppendKey(buf[:0]))
}

// anchor is what is trusted about one zone: DS records, or digests of DNSKEY
// records.
type anchor struct {
	name wire.Name
	ds   [][]byte
}

// rootDS are the digests of the keys of the root, as IANA publishes them.
// 20326 signs until October 2026 and is revoked in January 2027, 38696 signs
// from October 2026.
var rootDS = []string{
	"20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
	"38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
}

// RootAnchors returns the trust anchors of the root that are built in.
func RootAnchors() *Anchors {
	a := new(Anchors)
	for _, text := range rootDS {
		data, err := rdataFromText(wire.TypeDS, text)
		if err != nil {
			panic(err)
		}
		a.addDS(wire.Root, data)
	}
	return a
}

// AddDS adds the key that ds is a digest of as a trust anchor of zone.
func (a *Anchors) AddDS(zone wire.Name, ds *wire.DS) { a.addDS(zone, ds.AppendTo(nil, nil)) }

// AddDNSKEY adds a key as a trust anchor of zone. A key that cannot be one is an error:
// it is revoked, or is not the key of a zone.
func (a *Anchors) AddDNSKEY(zone wire.Name, key *wire.DNSKEY) error {
	if err := checkAnchor(zone, key); err != nil {
		return err
	}
	data := key.AppendTo(nil, nil)
	digest, err := dnssec.AppendDigest(nil, zone, data, dnssec.DigestSHA256)
	if err != nil {
		return err
	}
	a.AddDS(zone, &wire.DS{KeyTag: dnssec.KeyTag(data), Algorithm: key.Algorithm, DigestType: dnssec.DigestSHA256, Digest: digest})
	return nil
}

// checkAnchor returns why key cannot be a trust anchor: with it, all names below zone
// would be bogus, and nothing would say why.
func checkAnchor(zone wire.Name, key *wire.DNSKEY) error {
	switch {
	case key.Flags&wire.FlagRevoked != 0: // RFC 5011 2.1
		return fmt.Errorf("key %d of %s is revoked (flags %d), and must not be trusted; give the key that has taken its place",
			dnssec.KeyTag(key.AppendTo(nil, nil)), plain(zone), key.Flags)
	case key.Flags&wire.FlagZoneKey == 0 || key.Protocol != 3: // RFC 4034 2.1
		return fmt.Errorf("key %d of %s is not the key of a zone (flags %d, protocol %d); those have flags 257 or 256, and protocol 3",
			dnssec.KeyTag(key.AppendTo(nil, nil)), plain(zone), key.Flags, key.Protocol)
	}
	return nil
}

func (a *Anchors) addDS(zone wire.Name, data []byte) {
	a.change(func(set *anchorSet) {
		key := keyOf(zone)
		next := &anchor{name: zone.Clone()}
		if old := set.positive[key]; old != nil {
			next.ds = slices.Clone(old.ds)
		}
		if !slices.ContainsFunc(next.ds, func(ds []byte) bool { return string(ds) == string(data) }) {
			next.ds = append(next.ds, data)
		}
		set.positive[key] = next
	})
}

// Replace makes these the only trust anchors of zone.
func (a *Anchors) Replace(zone wire.Name, trusted []*wire.DS) {
	a.change(func(set *anchorSet) {
		next := &anchor{name: zone.Clone()}
		for _, ds := range trusted {
			next.ds = append(next.ds, ds.AppendTo(nil, nil))
		}
		set.positive[keyOf(zone)] = next
	})
}

// HasTag reports whether a trust anchor of zone has that key tag.
func (a *Anchors) HasTag(zone wire.Name, tag uint16) bool {
	if anchor := a.at(zone); anchor != nil {
		for _, ds := range anchor.ds {
			if len(ds) > 2 && binary.BigEndian.Uint16(ds) == tag {
				return true
			}
		}
	}
	return false
}

// Remove takes the trust anchors of zone away.
func (a *Anchors) Remove(zone wire.Name) {
	a.change(func(set *anchorSet) { delete(set.positive, keyOf(zone)) })
}

// SetNegative makes zone and what is below it insecure until a time; forever if
// that is zero. A trust anchor below it counts all the same (RFC 7646 2).
func (a *Anchors) SetNegative(zone wire.Name, until time.Time) {
	a.change(func(set *anchorSet) { set.negative[keyOf(zone)] = Negative{zone.Clone(), until} })
}

// RemoveNegative takes the negative trust anchor of zone away.
func (a *Anchors) RemoveNegative(zone wire.Name) {
	a.change(func(set *anchorSet) { delete(set.negative, keyOf(zone)) })
}

// at returns the trust anchor of a zone.
func (a *Anchors) at(zone wire.Name) *anchor {
	var buf [2*wire.MaxNameLen + 1]byte
	return a.get().positive[string(zone.AppendKey(buf[:0]))]
}

// isNegative reports whether a negative trust anchor for a zone holds.
func (a *Anchors) isNegative(zone wire.Name, now time.Time) bool {
	set := a.get()
	if len(set.negative) == 0 {
		return false
	}
	var buf [2*wire.MaxNameLen + 1]byte
	n, ok := set.negative[string(zone.AppendKey(buf[:0]))]
	return ok && n.holds(now)
}

func (n *Negative) holds(now time.Time) bool { return n.Until.IsZero() || now.Before(n.Until) }

// Negatives returns the negative trust anchors that hold at a time, in canonical order.
func (a *Anchors) Negatives(now time.Time) (all []Negative) {
	for _, n := range a.get().negative {
		if n.holds(now) {
			all = append(all, n)
		}
	}
	slices.SortFunc(all, func(x, y Negative) int { return x.Zone.Compare(y.Zone) })
	return all
}

// reach reports whether there is neither a trust anchor nor a negative one at name
// or above it, but below zone: what zone says about name counts.
func (a *Anchors) reach(zone, name wire.Name) bool {
	set := a.get()
	if len(set.negative) == 0 && len(set.positive) < 2 {
		return true // at the most one, which zone got its trust from
	}
	var buf [2*wire.MaxNameLen + 1]byte
	key := name.AppendKey(buf[:0])
	for n := name.LabelCount(); n > zone.LabelCount(); n-- {
		if _, ok := set.negative[string(key)]; ok || set.positive[string(key)] != nil {
			return false
		}
		key = key[:bytes.LastIndexByte(key[:len(key)-1], 0)+1]
	}
	return true
}

// Anchor is a trust anchor, to be printed.
type Anchor struct {
	Zone wire.Name
	DS   wire.DS
}

// All returns the trust anchors in canonical order of their zones, then by key
// tag.
func (a *Anchors) All() (all []Anchor) {
	for _, anchor := range a.get().positive {
		for _, data := range anchor.ds {
			var ds wire.DS
			c := wire.CursorOver(data)
			if ds.Parse(&c) == nil {
				all = append(all, Anchor{anchor.name, ds})
			}
		}
	}
	slices.SortFunc(all, func(x, y Anchor) int {
		return cmp.Or(x.Zone.Compare(y.Zone), cmp.Compare(x.DS.KeyTag, y.DS.KeyTag), cmp.Compare(x.DS.DigestType, y.DS.DigestType))
	})
	return all
}

// Unusable returns the zones all of whose trust anchors are of algorithms or digest types
// that do not count: names below them would be insecure.
func (a *Anchors) Unusable(algorithms *dnssec.Algorithms) (zones []wire.Name) {
	var usable wire.Name // all of a zone come one after the other
	for _, anchor := range a.All() {
		if algorithms.Has(anchor.DS.Algorithm) && dnssec.DigestStatus(anchor.DS.DigestType) == dnssec.Supported {
			usable = anchor.Zone
			zones = slices.DeleteFunc(zones, usable.Equal)
		} else if (usable.IsZero() || !anchor.Zone.Equal(usable)) && !slices.ContainsFunc(zones, anchor.Zone.Equal) {
			zones = append(zones, anchor.Zone)
		}
	}
	return zones
}

// LacksRootKey reports whether the root has trust anchors, but none for the key
// that signs it since October 2026: names would turn bogus in January 2027.
func (a *Anchors) LacksRootKey() bool {
	const current, old = 38696, 20326
	hasOld := false
	for _, anchor := range a.All() {
		if !anchor.Zone.IsRoot() {
			continue
		}
		switch anchor.DS.KeyTag {
		case current:
			return false
		case old:
			hasOld = true
		}
	}
	return hasOld
}
