package validate

import (
	"bytes"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// zone is what is known about a zone, or about a name that the chain of trust
// passes.
type zone struct {
	name wire.Name
	judgement
	keys  []*zoneKey   // of a secure zone
	needs dnssec.Kinds // of algorithms that each RRset has to be signed with; 0: any one will do
	until time.Time    // when it has to be found out again

	// How the keys of a secure zone were found out, to do it again.
	entry     *entry
	since     time.Time // when
	keysUntil time.Time // when the DNSKEY records expire
	epoch     uint64    // of the memory, when that was begun

	// Guarded by the memory's mu.
	uses       int       // queries, counted until they are more than popular
	usedBy     *Budget   // of the last one that was counted
	isRenewing bool      // its keys are being fetched again, or were in vain
	triedAt    time.Time // when they were, because of a signature

	// passes: name is not a zone, but in the one above it. nothingBelow: and
	// there are no zone cuts below it.
	passes, nothingBelow bool

	// isSigned: it is a zone that a DS record or a trust anchor says is signed.
	isSigned bool
	// isTooLarge: it has so many DS or DNSKEY records that none of those looked at
	// fit together.
	isTooLarge bool
}

// zoneKey is a key of a zone; it is parsed when it is first tried.
type zoneKey struct {
	data      []byte
	tag       uint16
	algorithm wire.Algorithm
	once      sync.Once
	key       *dnssec.Key
	err       judgement
}

// newZoneKey returns a key that keeps nothing else alive of what data is a part of.
func newZoneKey(data []byte) *zoneKey {
	k := &zoneKey{data: bytes.Clone(data), tag: dnssec.KeyTag(data)}
	if len(data) >= 4 {
		k.algorithm = wire.Algorithm(data[3])
	}
	return k
}

// octets is about how much memory k takes once it has been used.
func (k *zoneKey) octets() int {
	parsed := 1 << 10
	if dnssec.KindOf(k.algorithm) == dnssec.PostQuantum {
		parsed = 24 << 10 // a matrix that is computed from the key
	}
	return len(k.data) + parsed
}

// octets is about how much memory z takes.
func (z *zone) octets() int {
	n := 512 + z.name.Len()
	for _, k := range z.keys {
		n += k.octets()
	}
	if z.entry != nil {
		n += 128 * len(z.entry.usable)
	}
	return n
}

// parse returns the key, or why it cannot be used. zone is for the reason.
func (k *zoneKey) parse(c *check, zone wire.Name) (*dnssec.Key, judgement) {
	k.once.Do(func() {
		key, err := c.algorithms.ParseKey(k.data)
		switch {
		case err != nil:
			k.err = bogus(wire.ExtendedErrorBogus, "key %d of %s cannot be used: %v", k.tag, plain(zone), err)
		case !key.IsZoneKey(): // RFC 4034 2.1.1
			k.err = bogus(wire.ExtendedErrorNoZoneKeyBitSet, "key %d of %s is not a zone key", k.tag, plain(zone))
		case key.IsRevoked(): // RFC 5011 2.1
			k.err = bogus(wire.ExtendedErrorBogus, "key %d of %s is revoked", k.tag, plain(zone))
		default:
			k.key = key
		}
	})
	return k.key, k.err
}

// zoneOf walks the chain of trust from the nearest anchor down to the zone that
// name is in, cut by cut. Every name on the way that may be a zone cut is
// looked at: a proof from further up says nothing about a cut that it skips.
func (c *check) zoneOf(name wire.Name) *zone { return c.walk(name, false) }

// signerZone is zoneOf for the signer of a signature, most likely the apex of a
// signed zone.
func (c *check) signerZone(signer wire.Name) *zone { return c.walk(signer, true) }

func (c *check) walk(name wire.Name, isSigner bool) *zone {
	a, j := c.anchorFor(name)
	if a == nil {
		return &zone{name: name, judgement: j}
	}
	z := c.start(a, name)
	if isSigner && z.verdict == Secure && z.name.LabelCount()+1 < name.LabelCount() {
		if found := c.shortcut(z, name); found != nil {
			return found
		}
		z = c.start(a, name) // it may have found zones that are nearer
	}
	for labels := z.name.LabelCount() + 1; labels <= name.LabelCount() && z.verdict == Secure; labels++ {
		step := c.child(z, name.Ancestor(labels))
		switch {
		case step.passes && step.nothingBelow:
			return z
		case !step.passes:
			z = step
		}
	}
	return z
}

// start is the secure zone nearest to name that is remembered, or the one of
// the trust anchor.
func (c *check) start(a *anchor, name wire.Name) *zone {
	for n := name; n.LabelCount() > a.name.LabelCount(); n = n.Parent() {
		if z := c.memory.get(n, c.time); z != nil && z.verdict == Secure && !z.passes {
			return c.use(z)
		}
	}
	return c.anchorZone(a)
}

// anchorFor returns the nearest trust anchor at or above name, or a judgement
// if there is none, or if a negative one is nearer.
func (c *check) anchorFor(name wire.Name) (*anchor, judgement) {
	for n := name; !n.IsZero(); n = n.Parent() {
		if c.anchors.isNegative(n, c.time) {
			return nil, negativeAnchor(n)
		}
		if a := c.anchors.at(n); a != nil {
			return a, judgement{}
		}
	}
	return nil, insecure(wire.ExtendedErrorOther, "no trust anchor at or above %s", plain(name))
}

func negativeAnchor(name wire.Name) judgement {
	return insecure(wire.ExtendedErrorNegativeTrustAnchor, "negative trust anchor for %s", plain(name))
}

// anchorZone is the zone that a trust anchor is for.
func (c *check) anchorZone(a *anchor) *zone {
	if z := c.memory.get(a.name, c.time); z != nil {
		return c.use(z)
	}
	return c.once(a.name, func() *zone { return c.enter(a.name, a.ds, c.time.Add(c.maxTTL), fromAnchor) })
}

// What says that a key may sign the keys of a zone, for reasons.
const (
	fromAnchor = "trust anchor"
	fromDS     = "DS record"
)

// shortcut asks for the DS records of name itself, several labels below the
// secure zone z: signed zones are mostly found so without a query for each
// label between. Only a DS RRset counts that a secure zone above signed; nothing
// is concluded from its absence.
func (c *check) shortcut(z *zone, name wire.Name) *zone {
	reply, _ := c.fetch(name, wire.TypeDS)
	if reply == nil {
		return nil
	}
	ds := find(reply.Answer, name, wire.TypeDS)
	if ds == nil {
		return nil
	}
	for _, signer := range signersOf([]*RRset{ds}, func(s wire.Name) bool { return s.HasSuffix(z.name) && mayDeny(s, name, wire.TypeDS) }) {
		parent := c.signerZone(signer)
		if parent.verdict != Secure || !parent.name.Equal(signer) || c.verify(ds, parent).verdict != Secure || !ds.Wildcard.IsZero() {
			continue
		}
		found := c.once(name, func() *zone { return c.enter(name, ds.Data, c.expiry(ds.TTL), fromDS) })
		if !found.passes {
			return found
		}
	}
	return nil
}

// child finds out what name, one label or more below the secure zone z, is: a
// zone of its own, secure or not, or a name in z.
func (c *check) child(z *zone, name wire.Name) *zone {
	if known := c.memory.get(name, c.time); known != nil {
		return known
	}
	return c.once(name, func() *zone { return c.findChild(z, name) })
}

// once has find called, which finds out what name is, and what it returns remembered. If
// another check is at it, it waits for that one, once: what is not remembered then is
// found out by each check that needs it.
func (c *check) once(name wire.Name, find func() *zone) *zone {
	if waiter, ok := c.fetcher.(Waiter); ok && c.links == nil {
		other := c.memory.begin(name, c.ctx)
		isOver := true // meanwhile, or by now
		if other == nil {
			defer c.memory.end(name)
		} else {
			isOver = waiter.Wait(c.ctx, other.ctx, other.done)
		}
		if known := c.memory.get(name, c.time); isOver && known != nil {
			return known
		}
	}
	isFresh := c.budget.isFresh()
	return c.remember(find(), isFresh)
}

func (c *check) findChild(z *zone, name wire.Name) *zone {
	reply, j := c.fetch(name, wire.TypeDS)
	if reply == nil {
		return &zone{name: name, judgement: j, until: c.time.Add(c.bogusTTL)}
	}
	var ds *RRset
	child := c.tryServers(reply, func(reply *Reply) (child *zone) {
		child, ds = c.childBy(z, name, reply)
		return child
	})
	if ds != nil {
		return c.enter(name, ds.Data, c.expiry(ds.TTL), fromDS)
	}
	return child
}

// maxRefetches is how many more servers are asked for DS or DNSKEY records
// before it is believed that they are bogus.
const maxRefetches = 2

// tryServers returns what judge makes of a reply, or, if that is bogus, of the
// reply of another server (RFC 4035 4.9.3).
func (c *check) tryServers(reply *Reply, judge func(*Reply) *zone) *zone {
	z := judge(reply)
	again, ok := c.fetcher.(Refetcher)
	for range maxRefetches {
		if !ok || z.verdict != Bogus && !z.isTooLarge || !c.budget.take(Fetches, 1) {
			break
		}
		other, err := again.FetchAgain(c.ctx, reply)
		if err != nil {
			break
		}
		reply = other
		if tried := judge(reply); tried.verdict != Indeterminate || tried.isTooLarge && z.isTooLarge {
			z = tried
		}
	}
	return z
}

// childBy is findChild by what one reply says of the DS records of name. If it has
// some that hold, they are returned as well.
func (c *check) childBy(z *zone, name wire.Name, reply *Reply) (*zone, *RRset) {
	failed := func(j judgement) (*zone, *RRset) {
		return &zone{name: name, judgement: j, until: c.time.Add(c.bogusTTL)}, nil
	}
	if ds := find(reply.Answer, name, wire.TypeDS); ds != nil {
		if j := c.verify(ds, z); j.verdict != Secure {
			return failed(c.missingSignature(ds, j))
		}
		if !ds.Wildcard.IsZero() {
			return failed(bogus(wire.ExtendedErrorBogus, "%s comes from the wildcard %s", ds.what(), plain(ds.Wildcard)))
		}
		return &zone{name: name, judgement: secure}, ds
	}
	if alias := aliasOf(reply.Answer, name); alias != nil {
		// A name with an alias, or below one, is not a zone cut.
		if j := c.verify(alias, z); j.verdict != Secure {
			return failed(c.missingSignature(alias, j))
		}
		return &zone{name: name, passes: true, nothingBelow: alias.Type == wire.TypeDNAME, judgement: secure, until: c.expiry(alias.TTL)}, nil
	}
	proof := c.proofsOf(z, reply.Authority)
	d := proof.delegation(name)
	until := c.expiry(proof.ttl)
	switch d.kind {
	case cutInsecure:
		return &zone{name: name, judgement: d.judgement, until: until}, nil
	case cutNone, cutNoName:
		return &zone{name: name, passes: true, nothingBelow: d.kind == cutNoName, judgement: secure, until: until}, nil
	}
	return failed(d.judgement)
}

// aliasOf returns the CNAME RRset of name, or the DNAME RRset above it.
func aliasOf(answer []*RRset, name wire.Name) *RRset {
	for n := name.Parent(); !n.IsZero(); n = n.Parent() {
		if set := find(answer, n, wire.TypeDNAME); set != nil {
			return set
		}
	}
	return find(answer, name, wire.TypeCNAME)
}

// missingSignature is j, or that there are no signatures at all.
func (c *check) missingSignature(set *RRset, j judgement) judgement {
	if j.reason.Text != "" {
		return j
	}
	return bogus(wire.ExtendedErrorRRSIGsMissing, "%s has no signature of its zone", set.what())
}

// enter makes the zone that a DS RRset or trust anchor is for: insecure if it
// has no record that counts here, secure if one of them has a key that signed
// the DNSKEY RRset (RFC 4035 5.2), see neededKinds.
func (c *check) enter(name wire.Name, records [][]byte, until time.Time, source string) *zone {
	failed := func(j judgement) *zone {
		return &zone{name: name, judgement: j, until: c.time.Add(c.bogusTTL), isSigned: true}
	}
	usable, j := c.usableDS(name, records)
	if len(usable) == 0 {
		return &zone{name: name, judgement: j, until: until}
	}
	reply, j := c.fetch(name, wire.TypeDNSKEY)
	if reply == nil {
		return failed(j)
	}
	e := &entry{usable, until, source}
	return c.tryServers(reply, func(reply *Reply) *zone { return c.enterBy(name, e, reply) })
}

// renewAfter is how old the keys of a zone are when they are fetched again
// because of a signature that does not hold.
const renewAfter = 30 * time.Second

// renewed is z with the keys that it has now: some operators change keys without
// waiting for caches to forget the old ones. It is nil if z is fresh, or if its
// keys are those of before.
func (c *check) renewed(z *zone) *zone {
	again, ok := c.fetcher.(Refetcher)
	if !ok || z.entry == nil || !c.memory.mayAskAgain(z, c.time) || !c.budget.take(Fetches, 1) {
		return nil
	}
	isFresh := c.budget.isFresh()
	reply, err := again.FetchAgain(c.ctx, &Reply{Question: wire.Question{Name: z.name, Type: wire.TypeDNSKEY, Class: wire.ClassIN}})
	if err != nil {
		return nil
	}
	found := c.enterBy(z.name, z.entry, reply)
	if found.verdict != Secure {
		found = z // what it has now is worse
	}
	isOld := slices.EqualFunc(found.keys, z.keys, func(a, b *zoneKey) bool { return string(a.data) == string(b.data) })
	c.memory.mu.Lock()
	kept := *found
	c.memory.mu.Unlock()
	kept.since = c.time
	c.remember(&kept, isFresh)
	if isOld {
		return nil
	}
	return &kept
}

// mayAskAgain reports whether the keys of z are old enough to be fetched again because of
// a signature, and that was not tried a moment ago, and notes that it is.
func (m *memory) mayAskAgain(z *zone, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if now.Sub(z.since) < renewAfter || !z.triedAt.IsZero() && now.Sub(z.triedAt) < renewAfter {
		return false
	}
	z.triedAt = now
	return true
}

// entry is what says which keys of a zone are trusted: DS records or a trust
// anchor.
type entry struct {
	usable []*wire.DS
	until  time.Time
	source string
}

// enterBy is enter with the DNSKEY records of one reply.
func (c *check) enterBy(name wire.Name, e *entry, reply *Reply) *zone {
	failed := func(j judgement) *zone {
		return &zone{name: name, judgement: j, until: c.time.Add(c.bogusTTL), isSigned: true}
	}
	set := find(reply.Answer, name, wire.TypeDNSKEY)
	if set == nil {
		return failed(bogus(wire.ExtendedErrorDNSKEYMissing, "%s has no DNSKEY records, but a %s", plain(name), e.source))
	}
	all := make([]*zoneKey, 0, len(set.Data))
	for _, data := range set.Data[:min(len(set.Data), c.budget.limits.Keys)] {
		all = append(all, newZoneKey(data))
	}
	trusted, j := c.entryKeys(name, e.usable, all, e.source)
	if len(trusted) == 0 {
		if len(set.Data) > len(all) {
			j = indeterminate(wire.ExtendedErrorIndeterminate, "%s has %d DNSKEY records, and none of the first %d is the one of its %s", plain(name), len(set.Data), len(all), e.source)
		}
		z := failed(j)
		z.isTooLarge = len(set.Data) > len(all) || len(e.usable) > c.budget.limits.DS
		return z
	}
	z := &zone{name: name, keys: trusted, needs: neededKinds(e.usable), entry: e, since: c.time}
	if j := c.verify(set, z); j.verdict != Secure {
		return failed(c.missingSignature(set, j))
	}
	c.budget.extend()
	// Keys of algorithms that do not count sign nothing here, and may be as long as a message.
	z.keys = slices.DeleteFunc(all, func(k *zoneKey) bool { return !c.algorithms.Has(k.algorithm) })
	z.judgement, z.until, z.keysUntil = secure, e.until, c.expiry(set.TTL)
	if z.keysUntil.Before(z.until) {
		z.until = z.keysUntil
	}
	return z
}

// neededKinds are the kinds of algorithms that a zone with these DS records has to be
// signed with. One valid path is enough (RFC 6840 5.11), unless one of them is
// post-quantum: who breaks the others must not get around it, and who breaks that young
// one must not get around the others. A zone has signatures of each algorithm that its DS
// records name (RFC 4035 2.2).
func neededKinds(usable []*wire.DS) (kinds dnssec.Kinds) {
	for _, ds := range usable {
		kinds |= dnssec.KindOf(ds.Algorithm)
	}
	if kinds&dnssec.PostQuantum == 0 {
		return 0
	}
	return kinds
}

// usableDS returns the DS records whose algorithm and digest type count.
func (c *check) usableDS(name wire.Name, records [][]byte) ([]*wire.DS, judgement) {
	var known []*wire.DS
	var types []uint8
	j := insecure(wire.ExtendedErrorUnsupportedDNSKEYAlgorithm, "%s has DS records of unsupported algorithms only", plain(name))
	for _, data := range records {
		ds := new(wire.DS)
		cursor := wire.CursorOver(data)
		if ds.Parse(&cursor) != nil || !c.algorithms.Has(ds.Algorithm) {
			continue
		}
		if dnssec.DigestStatus(ds.DigestType) != dnssec.Supported {
			j = insecure(wire.ExtendedErrorUnsupportedDSDigestType, "%s has DS records of unsupported digest types only", plain(name))
			continue
		}
		ds.Digest = bytes.Clone(ds.Digest) // it is kept, and the rest of the message is not
		known = append(known, ds)
		types = append(types, ds.DigestType)
	}
	known = slices.DeleteFunc(known, func(ds *wire.DS) bool { return !dnssec.PreferredDigest(ds.DigestType, types) })
	return known, j
}

// tagsOf names the keys of DS records, the first few of them.
func tagsOf(usable []*wire.DS) string {
	const most = 4
	var tags []string
	for _, ds := range usable {
		if tag := strconv.Itoa(int(ds.KeyTag)); len(tags) < most && !slices.Contains(tags, tag) {
			tags = append(tags, tag)
		}
	}
	if len(tags) == 1 {
		return "key " + tags[0]
	}
	return "keys " + strings.Join(tags, ", ")
}

// entryKeys returns the keys that usable DS records are digests of.
func (c *check) entryKeys(name wire.Name, usable []*wire.DS, all []*zoneKey, source string) ([]*zoneKey, judgement) {
	var entry []*zoneKey
	worst := bogus(wire.ExtendedErrorDNSKEYMissing, "no DNSKEY record of %s is the one of its %s, %s", plain(name), source, tagsOf(usable))
	b := c.budget
	for i, ds := range usable {
		if i == b.limits.DS {
			break
		}
		tried := 0
		for _, k := range all {
			if !b.take(Comparisons, 1) {
				break
			}
			if k.tag != ds.KeyTag || k.algorithm != ds.Algorithm {
				continue
			}
			if tried++; tried > b.limits.KeysPerTag {
				b.take(Failures, 1)
				break
			}
			// The digest is a hash of the whole key: it counts as one more.
			if !b.take(Comparisons, 1) {
				break
			}
			if !dnssec.DigestMatches(ds, name, k.data) {
				b.take(Failures, 1)
				worst = bogus(wire.ExtendedErrorBogus, "key %d of %s has another digest than its %s says", k.tag, plain(name), source)
				continue
			}
			if key, j := k.parse(c, name); key == nil {
				b.take(Failures, 1)
				worst = j
				continue
			}
			if !slices.Contains(entry, k) {
				entry = append(entry, k)
				c.link(Link{Kind: LinkKey, Zone: name, Tag: k.tag, Algorithm: k.algorithm, Source: source})
			}
		}
	}
	if j, ok := b.exhausted(); ok {
		return nil, j
	}
	if len(entry) == 0 && len(usable) > b.limits.DS {
		worst = indeterminate(wire.ExtendedErrorIndeterminate, "%s has %d DS records, and none of the first %d has a key", plain(name), len(usable), b.limits.DS)
	}
	return entry, worst
}

// fetch asks for the DS or DNSKEY records of name.
func (c *check) fetch(name wire.Name, t wire.Type) (*Reply, judgement) {
	if !c.budget.take(Fetches, 1) {
		j, _ := c.budget.exhausted()
		return nil, j
	}
	reply, err := c.fetcher.Fetch(c.ctx, name, t)
	switch {
	case err != nil:
		return nil, indeterminate(wire.ExtendedErrorNoReachableAuthority, "no %v records of %s: %v", t, plain(name), err)
	case reply.RCode != wire.RCodeNoError && reply.RCode != wire.RCodeNXDomain:
		return nil, indeterminate(wire.ExtendedErrorNoReachableAuthority, "no %v records of %s: reply is %v", t, plain(name), reply.RCode)
	}
	return reply, judgement{}
}

func (c *check) expiry(ttl uint32) time.Time {
	return c.time.Add(min(time.Duration(ttl)*time.Second, c.maxTTL))
}

// remember keeps what was found out about a zone. What could not be fetched is
// tried again with the next query; what is too large will be so then. What the budget was too small for is kept
// like a bogus zone if the budget was fresh before: then the zone is at fault,
// and not one that was validated earlier for the same query.
func (c *check) remember(z *zone, isFresh bool) *zone {
	if !z.passes {
		c.link(Link{Kind: LinkZone, Name: z.name, Verdict: z.verdict, Reason: z.reason})
	}
	exhausted, isExhausted := c.budget.exhausted()
	switch {
	case isExhausted && z.verdict != Secure:
		z.judgement = exhausted
		if !isFresh {
			return z
		}
		z.until = c.time.Add(c.bogusTTL)
	case z.verdict == Indeterminate && !z.isTooLarge:
		return z
	}
	z.epoch = c.epoch
	c.memory.put(z, c.time)
	return z
}

// memory is what a validator remembers about zones.
type memory struct {
	most   int
	mu     sync.Mutex         // guards zones; nothing is verified or fetched under it
	zones  map[wire.Key]*zone // guarded by mu
	octets int                // of zones, guarded by mu
	cheap  int                // those without keys among them, guarded by mu
	epoch  atomic.Uint64      // how often zones were forgotten
	// failedUntil is when the last zone that is remembered as bogus or indeterminate is
	// tried again, in nanoseconds since 1970: while there is none, nothing is looked for.
	failedUntil atomic.Int64
	findings    map[wire.Key]*finding // guarded by mu: of names that are not in zones yet, or no longer
}

// finding is a name that a check finds out about.
type finding struct {
	ctx  context.Context // of the check
	done chan struct{}   // closed at the end
}

// begin notes that the check with ctx finds out what name is. It returns the
// finding of another check if that does.
func (m *memory) begin(name wire.Name, ctx context.Context) (other *finding) {
	key := name.Key()
	m.mu.Lock()
	defer m.mu.Unlock()
	if other := m.findings[key]; other != nil {
		return other
	}
	if m.findings == nil {
		m.findings = map[wire.Key]*finding{}
	}
	m.findings[key] = &finding{ctx, make(chan struct{})}
	return nil
}

// end ends what begin has noted.
func (m *memory) end(name wire.Name) {
	key := name.Key()
	m.mu.Lock()
	defer m.mu.Unlock()
	close(m.findings[key].done)
	delete(m.findings, key)
}

// zoneOctets is how much memory a zone may take on the average. An ordinary one takes
// less; one that is made to be large takes the room of others.
const zoneOctets = 8 << 10

func (m *memory) get(name wire.Name, now time.Time) *zone {
	key := name.Key()
	m.mu.Lock()
	defer m.mu.Unlock()
	z := m.zones[key]
	if z == nil || !now.Before(z.until) {
		return nil
	}
	return z
}

// put remembers z, unless zones were forgotten since it was begun to find out about
// it. As long as there is no room, one of a few zones that chance picks goes: the one that
// expires first. What has no keys - names without a zone, and insecure zones - takes three
// quarters of the room at the most: random ones cost an attacker nothing, and keys of zones
// are dear to find out again.
func (m *memory) put(z *zone, now time.Time) {
	z.name = z.name.Clone()
	key := z.name.Key()
	m.mu.Lock()
	defer m.mu.Unlock()
	if z.epoch != m.epoch.Load() {
		return // trust anchors may be others since
	}
	if until := z.until.UnixNano(); z.verdict < Insecure && until > m.failedUntil.Load() {
		m.failedUntil.Store(until)
	}
	if m.zones == nil {
		m.zones = make(map[wire.Key]*zone)
	}
	m.drop(key)
	size := z.octets()
	for len(m.zones) > 0 && (len(m.zones) >= m.most || m.octets+size > m.most*zoneOctets) {
		m.evict(now, z.isCheap() && m.cheap > 0 && m.cheap >= m.most/4*3)
	}
	m.zones[key] = z
	m.octets += size
	if z.isCheap() {
		m.cheap++
	}
}

func (z *zone) isCheap() bool { return len(z.keys) == 0 }

// drop is called with mu held.
func (m *memory) drop(key wire.Key) {
	if z := m.zones[key]; z != nil {
		delete(m.zones, key)
		m.octets -= z.octets()
		if z.isCheap() {
			m.cheap--
		}
	}
}

// evictSample is how many zones are compared to find one that may go.
const evictSample = 8

// evict drops something without keys if it has to be that. It is called with mu held.
func (m *memory) evict(now time.Time, isCheap bool) {
	var victim wire.Key
	var first time.Time
	looked := 0
	for key, z := range m.zones { // in an order that differs each time
		if isCheap && !z.isCheap() {
			continue
		}
		if looked == 0 || z.until.Before(first) {
			victim, first = key, z.until
		}
		if looked++; looked == evictSample || !now.Before(z.until) {
			break
		}
	}
	m.drop(victim)
}

// ZoneFailure is the verdict that is remembered about the zone of name, if that is bogus
// or indeterminate: whatever its servers say is, and they need not be asked. It is
// unchecked otherwise.
func (v *Validator) ZoneFailure(name wire.Name) (Verdict, Reason) {
	now := v.now()
	if now.UnixNano() >= v.memory.failedUntil.Load() {
		return Unchecked, Reason{}
	}
	for n := name; !n.IsZero() && !v.anchors.isNegative(n, now); n = n.Parent() {
		z := v.memory.get(n, now)
		switch {
		case z == nil || z.passes:
		case z.verdict >= Insecure:
			return Unchecked, Reason{}
		case z.isSigned:
			return z.verdict, z.reason
		}
		if v.anchors.at(n) != nil {
			break
		}
	}
	return Unchecked, Reason{}
}

// Forget drops what is remembered about name and the names below it: an
// operator changed something, or repaired it.
func (v *Validator) Forget(name wire.Name) {
	suffix := name.Key()
	v.memory.mu.Lock()
	defer v.memory.mu.Unlock()
	v.memory.epoch.Add(1)
	for key := range v.memory.zones {
		if key.HasSuffix(suffix) {
			v.memory.drop(key)
		}
	}
}
