// Package exchanges runs a zone through exchanges of its keys, in virtual time, and says
// what resolvers can have of it at each moment: old and new DS records, keys and other
// records, in every combination. Validators are then asked what they make of these.
//
// The keys follow their states (authority/sign); what is remembered here is only what
// was published, and for how long.
package exchanges

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Zone is the zone that lives.
var Zone = wire.MustParseName("example.")

// Host is a name of the zone with an address, and no other records.
var Host = wire.MustParseName("www.example.")

const zoneText = `$ORIGIN example.
@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300
@ 3600 NS ns
ns 3600 A 192.0.2.1
www 3600 A 192.0.2.2
`

// Config says how a zone lives.
type Config struct {
	Dir     string // of the keys
	Start   time.Time
	Keys    sign.KeyPolicy
	Signing sign.Policy
	// Parent is how long each server of the parent takes to publish what the zone asks
	// for.
	Parent []time.Duration
}

// Life is a zone at a moment.
type Life struct {
	Now time.Time
	Set *sign.KeySet

	config Config
	signer *sign.Signer
	zone   *authority.Zone
	asked  []wire.DS // of the parent
	since  time.Time
	has    [][]wire.DS // each server of the parent

	ds            []version[[]wire.DS]
	keys, records []version[*authority.Snapshot]
}

// version is something that was published until a time; zero: it still is.
type version[T any] struct {
	what  T
	id    string
	until time.Time
}

// New returns a zone that is signed for the first time.
func New(c Config) (*Life, error) {
	l := &Life{config: c, Now: c.Start, has: make([][]wire.DS, len(c.Parent))}
	path := filepath.Join(c.Dir, "zone")
	if err := os.WriteFile(path, []byte(zoneText), 0o600); err != nil {
		return nil, err
	}
	contents, err := authority.File{Path: path, Origin: Zone}.Load(nil)
	if err != nil {
		return nil, err
	}
	if l.Set, err = sign.OpenKeySet(c.Dir, Zone, l.Now); err != nil {
		return nil, err
	}
	l.Set.SetPolicy(c.Keys)
	if _, err := l.Set.Advance(l.Now); err != nil {
		return nil, err
	}
	if l.signer, err = sign.New(c.Signing, l.Set.Keys, func() time.Time { return l.Now }); err != nil {
		return nil, err
	}
	l.zone = authority.NewEmptyZone(Zone, wire.ClassIN)
	l.zone.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{l.signer.Stage}})
	if err := l.zone.Replace(authority.FromFile, contents); err != nil {
		return nil, err
	}
	l.Set.Published(l.Now)
	l.look()
	return l, nil
}

// Step goes to the next moment at which something can happen, and lets it happen. It is
// not more than most away.
func (l *Life) Step(most time.Duration) error {
	next := l.Now.Add(most)
	sooner := func(at time.Time) {
		if at.After(l.Now) && at.Before(next) {
			next = at
		}
	}
	sooner(l.Set.NextChange(l.Now))
	for _, takes := range l.config.Parent {
		sooner(l.since.Add(takes))
	}
	l.Now = next
	l.runParent()
	if _, err := l.Set.Advance(l.Now); err != nil {
		return err
	}
	l.signer.SetKeys(l.Set.Keys)
	if _, err := l.signer.Refresh(l.zone); err != nil {
		return err
	}
	l.Set.Published(l.Now)
	l.look()
	return nil
}

// runParent lets the servers of the parent publish what was asked for, and the zone see
// what they have.
func (l *Life) runParent() {
	var seen []sign.Sighting
	for i, takes := range l.config.Parent {
		if !l.Now.Before(l.since.Add(takes)) {
			l.has[i] = l.asked
		}
		seen = append(seen, sign.Sighting{Server: fmt.Sprint(i), DS: l.has[i]})
	}
	l.Set.Observe(l.Now, seen)
}

// look notes what is published now, and forgets what no cache has any longer.
func (l *Life) look() {
	var asked []wire.DS
	for _, k := range l.Set.Keys {
		if p := k.Progress; p != nil && (p.Parts[sign.PartDS].State == sign.Rumoured || p.Parts[sign.PartDS].State == sign.Omnipresent) {
			if ds, err := k.DS(Zone, dnssec.DigestSHA256); err == nil {
				asked = append(asked, *ds)
			}
		}
	}
	if fmt.Sprint(asked) != fmt.Sprint(l.asked) {
		l.asked, l.since = asked, l.Now
	}
	timing, s := l.Set.Policy.Timing, l.zone.Snapshot()
	l.keys = follow(l.keys, l.Now, timing.Propagation+timing.KeyTTL, version[*authority.Snapshot]{what: s, id: textOf(s, Zone, wire.TypeDNSKEY)})
	l.records = follow(l.records, l.Now, timing.Propagation+timing.MaxTTL,
		version[*authority.Snapshot]{what: s, id: textOf(s, Host, wire.TypeA) + textOf(s, Host, wire.TypeNSEC)})
	var all []version[[]wire.DS]
	for _, ds := range l.has {
		all = append(all, version[[]wire.DS]{what: ds, id: fmt.Sprint(ds)})
	}
	l.ds = follow(l.ds, l.Now, timing.DS, all...)
}

// follow adds what is published at now, and drops what was so long ago that it is
// forgotten.
func follow[T any](all []version[T], now time.Time, remembered time.Duration, present ...version[T]) (next []version[T]) {
	isPresent := map[string]bool{}
	for _, v := range present {
		if !isPresent[v.id] {
			isPresent[v.id] = true
			next = append(next, v)
		}
	}
	for _, v := range all {
		if v.until.IsZero() {
			v.until = now
		}
		if !isPresent[v.id] && v.until.Add(remembered).After(now) {
			next = append(next, v)
		}
	}
	return next
}

// textOf is an RRset with its signatures.
func textOf(s *authority.Snapshot, name wire.Name, t wire.Type) string {
	set := RRset(s, name, t)
	return fmt.Sprint(set.Data, set.Signatures)
}

// Combination is what one resolver can have.
type Combination struct {
	DS      []wire.DS           // of the parent
	Keys    *authority.Snapshot // whose DNSKEY records it has
	Records *authority.Snapshot // whose other records it has
}

func (c *Combination) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "DS records %v\n", c.DS)
	for _, of := range [...]struct {
		what string
		set  *validate.RRset
	}{{"DNSKEY records", RRset(c.Keys, Zone, wire.TypeDNSKEY)}, {"addresses", RRset(c.Records, Host, wire.TypeA)}} {
		fmt.Fprintf(&b, "%s, signed by", of.what)
		for _, sig := range of.set.Signatures {
			fmt.Fprintf(&b, " %d until %v", sig.KeyTag, sig.Expiration)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// Combinations are those that there can be now, without those of resolvers that
// expect no signatures.
func (l *Life) Combinations() (all []Combination) {
	for _, ds := range l.ds {
		if len(ds.what) == 0 {
			continue
		}
		for _, keys := range l.keys {
			for _, records := range l.records {
				all = append(all, Combination{ds.what, keys.what, records.what})
			}
		}
	}
	return all
}

// RRset is an RRset of a version with its signatures.
func RRset(s *authority.Snapshot, name wire.Name, t wire.Type) *validate.RRset {
	set := &validate.RRset{RRset: dnssec.RRset{Name: name, Type: t, Class: wire.ClassIN}}
	for r := range s.RecordsOf(name) {
		switch r.Type {
		case t:
			set.TTL = r.TTL
			set.Data = append(set.Data, r.Data)
		case wire.TypeRRSIG:
			sig := new(wire.RRSIG)
			if c := wire.CursorOver(r.Data); sig.Parse(&c) == nil && sig.Covered == t {
				set.Signatures = append(set.Signatures, sig)
			}
		}
	}
	return set
}
