package validate

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// spent is how much work of a kind was done with b.
func spent(b *Budget, w Work) int { return allowed(b, w) - int(b.left[w].Load()) }

// allowed is how much may be done, with what secure zones have added.
func allowed(b *Budget, w Work) int {
	zones := b.limits.Zones - max(0, int(b.zones.Load()))
	return b.limits.totals()[w] + zones*zoneWork[w]
}

// wantWork fails if more work was done than b allows.
func wantWork(t testing.TB, b *Budget) {
	t.Helper()
	for w := range workKinds {
		most := allowed(b, w)
		// The one that does not fit is counted, but not done.
		if n := spent(b, w); n > most+1 && w != Octets {
			t.Errorf("%d %s, at most %d are allowed", n, workTexts[w], most)
		}
	}
}

// collide returns keys with one tag: the two last octets are chosen so that the
// sum comes out right.
func collide(t testing.TB, count int) []*dnssec.SigningKey {
	t.Helper()
	var keys []*dnssec.SigningKey
	const tag = 4711
	for i := range count {
		sum := sha256.Sum256([]byte(fmt.Sprint("colliding ", i)))
		seed := sum[:]
		binary.BigEndian.PutUint16(seed[30:], 0)
		data := append([]byte{1, 1, 3, byte(toy)}, seed...)
		// Adding what is missing may carry; twice is enough.
		for range 3 {
			missing := uint16(tag - dnssec.KeyTag(data))
			binary.BigEndian.PutUint16(data[34:], binary.BigEndian.Uint16(data[34:])+missing)
		}
		k, err := algorithms.NewSigningKey(toy, wire.FlagZoneKey|wire.FlagSecureEntry, toyKey(slices.Clone(data[4:])))
		if err != nil {
			t.Fatal(err)
		}
		if k.Tag == tag {
			keys = append(keys, k)
		}
	}
	if len(keys) < count*3/4 {
		t.Fatalf("only %d of %d keys collide", len(keys), count)
	}
	return keys
}

// TestKeyTrap: many keys with one tag times many signatures (CVE-2023-50387).
// The verdict is indeterminate, never insecure, and the work has a bound,
// whatever comes first.
func TestKeyTrap(t *testing.T) {
	keys := collide(t, 40)
	for _, order := range []string{"keys as they are", "keys reversed", "right key last"} {
		o := options(t, "trap.", signedtree.NSEC)
		switch order {
		case "keys reversed":
			slices.Reverse(keys)
		case "right key last":
			keys = append(keys[1:], keys[0])
		}
		o.Keys = keys
		w := newWorld(t,
			signZone(t, ".", options(t, ".", signedtree.NSEC), "trap. NS ns.elsewhere.", dsOf(t, "trap.", keys[len(keys)-1], 2)),
			signZone(t, "trap.", o, a("a.trap.", 1)))
		w.change = func(m *wire.Message, _ bool) *wire.Message {
			// Fifty signatures that differ in one octet each.
			var answers []wire.Record
			for _, r := range m.Answers {
				if r.Type != wire.TypeRRSIG || !r.Name.HasSuffix(wire.MustParseName("trap.")) {
					answers = append(answers, r)
					continue
				}
				for i := range 50 {
					bad := r.Clone()
					bad.Data[len(bad.Data)-1-i%20] ^= byte(1 + i)
					answers = append(answers, bad)
				}
			}
			m.Answers = answers
			return m
		}
		b := w.v.NewBudget()
		r, _ := w.checkWith("a.trap. A", b)
		if r.Verdict != Indeterminate || !strings.Contains(r.Reason.Text, "limit of") {
			t.Errorf("%s: %v %q", order, r.Verdict, r.Reason)
		}
		if n := spent(b, Verifications); n > 8 {
			t.Errorf("%s: %d signatures verified", order, n)
		}
		wantWork(t, b)
		// The zone is remembered: the next query costs nothing.
		before := w.fetches.Load()
		next := w.v.NewBudget()
		if r, _ := w.checkWith("b.trap. A", next); r.Verdict != Indeterminate && r.Verdict != Bogus {
			t.Errorf("%s: then %v", order, r.Verdict)
		}
		if spent(next, Verifications) > 0 || w.fetches.Load() != before {
			t.Errorf("%s: the zone is tried again: %d signatures, %d fetches", order, spent(next, Verifications), w.fetches.Load()-before)
		}
	}
}

// TestTooManyKeysAreRemembered: a zone whose right key is not among those that are
// looked at is not fetched for each name; the first time another server is asked
// (RFC 4035 4.9.3).
func TestTooManyKeysAreRemembered(t *testing.T) {
	o := options(t, "many.", signedtree.NSEC)
	for i := range DefaultLimits.Keys {
		o.Keys = append([]*dnssec.SigningKey{newKey(t, fmt.Sprint("key ", i))}, o.Keys...)
	}
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "many. NS ns.elsewhere.", dsLine(t, "many.")),
		signZone(t, "many.", o, a("a.many.", 1)))
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if m.Questions[0].Type == wire.TypeDNSKEY { // a tree has them in order
			right := newKey(t, "many.").Record.AppendTo(nil, nil)
			slices.SortStableFunc(m.Answers, func(a, b wire.Record) int {
				return cmp.Compare(bytes.Index(a.Data, right), bytes.Index(b.Data, right))
			})
		}
		return m
	}
	w.want("a.many. A", Indeterminate, "many has 33 DNSKEY records, and none of the first 32 is the one of its DS record")
	before := w.fetches.Load()
	w.want("b.many. A", Indeterminate, "many has 33 DNSKEY records")
	if n := w.fetches.Load() - before; n > 0 {
		t.Errorf("%d fetches for the second name", n)
	}
}

// TestBogusNamesCostNoFetch: a signature that was tried with a key of the secure zone
// that it names, or is out of its time, makes a name bogus, and no zone cut is looked
// for at it; one that no key of that zone can have made does not.
func TestBogusNamesCostNoFetch(t *testing.T) {
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "zone. NS ns.elsewhere.", dsLine(t, "zone.")),
		signZone(t, "zone.", options(t, "zone.", signedtree.NSEC), "*.zone. A 192.0.2.1", "unsigned.zone. NS ns.elsewhere."),
		&signedtree.Zone{Apex: wire.MustParseName("unsigned.zone."), Records: []wire.Record{parse(t, a("a.unsigned.zone.", 1))}})
	damage := func(change func(*wire.RRSIG)) {
		w.change = func(m *wire.Message, fetched bool) *wire.Message {
			for _, section := range [][]wire.Record{m.Answers, m.Authority} {
				for i := range section {
					if r := &section[i]; !fetched && r.Type == wire.TypeRRSIG {
						var sig wire.RRSIG
						c := wire.CursorOver(r.Data)
						if err := sig.Parse(&c); err != nil {
							t.Fatal(err)
						}
						change(&sig)
						r.Data = sig.AppendTo(nil, nil)
					}
				}
			}
			return m
		}
	}
	damage(func(*wire.RRSIG) {})
	w.want("a.zone. A", Secure, "")
	before := w.fetches.Load()
	damage(func(s *wire.RRSIG) { s.Signature[0] ^= 1 })
	w.want("b.zone. A", Bogus, "signature of b.zone A is wrong")
	w.want("b.zone. AAAA", Bogus, "is wrong")
	damage(func(s *wire.RRSIG) { s.Expiration = wire.SerialFromTime(now.Add(-9 * day)) })
	w.want("c.zone. A", Bogus, "expired")
	if n := w.fetches.Load() - before; n > 0 {
		t.Errorf("%d fetches for names with bad signatures", n)
	}
	damage(func(s *wire.RRSIG) { s.KeyTag++ })
	w.want("d.zone. A", Bogus, "which zone does not have")
	if w.fetches.Load() == before {
		t.Error("no zone cut was looked for at a name whose signature is of no key of the zone")
	}

	// The same on a record of an unsigned zone: what could be the zone's own is tried.
	foreign := sign(t, "zone.", parse(t, a("a.unsigned.zone.", 1)))
	damage(func(s *wire.RRSIG) {})
	inner := w.change
	for _, c := range []struct {
		tag  uint16
		want Verdict
	}{{0, Bogus}, {1, Insecure}} {
		w.change = func(m *wire.Message, fetched bool) *wire.Message {
			if !fetched {
				m.Answers = []wire.Record{parse(t, a("a.unsigned.zone.", 66)), foreign[1].Clone()}
				sig := m.Answers[1].Data
				sig[17] += byte(c.tag)
			}
			return inner(m, fetched)
		}
		if r := w.check("a.unsigned.zone. A"); r.Verdict != c.want {
			t.Errorf("tag %+d: %v %q, want %v", c.tag, r.Verdict, r.Reason, c.want)
		}
	}
}

// TestTwoKeysOfOneTag: an honest collision works.
func TestTwoKeysOfOneTag(t *testing.T) {
	keys := collide(t, 8)[:2]
	for range 2 {
		slices.Reverse(keys)
		o := options(t, "two.", signedtree.NSEC)
		o.Keys = keys
		w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "two. NS ns.elsewhere.", dsOf(t, "two.", keys[0], 2)),
			signZone(t, "two.", o, a("a.two.", 1)))
		w.want("a.two. A", Secure, "")
	}
}

// TestReTrap: many DS records and many keys whose tags do not meet: no
// signature is verified, but the comparisons have a bound (CVE-2026-19668,
// CVE-2026-85501).
func TestReTrap(t *testing.T) {
	o := options(t, "trap.", signedtree.NSEC)
	for i := range 200 {
		o.Keys = append(o.Keys, newKey(t, fmt.Sprint("key ", i)))
	}
	lines := []string{"trap. NS ns.elsewhere."}
	for i := range 200 {
		lines = append(lines, fmt.Sprintf("trap. DS %d %d 2 %064x", 60000+i, toy, i))
	}
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), lines...), signZone(t, "trap.", o, a("a.trap.", 1)))
	b := w.v.NewBudget()
	r, _ := w.checkWith("a.trap. A", b)
	if r.Verdict > Indeterminate {
		t.Errorf("%v %q", r.Verdict, r.Reason)
	}
	if n := spent(b, Verifications); n > 3 {
		t.Errorf("%d signatures verified", n)
	}
	wantWork(t, b)
}

// TestMatchingDSWithWrongDigests: DS records whose tag and algorithm match, and
// whose digest does not: hashing a key is counted as well.
func TestMatchingDSWithWrongDigests(t *testing.T) {
	k := newKey(t, "trap.")
	lines := []string{"trap. NS ns.elsewhere."}
	for i := range 50 {
		lines = append(lines, fmt.Sprintf("trap. DS %d %d 2 %064x", k.Tag, toy, i))
	}
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), lines...),
		signZone(t, "trap.", options(t, "trap.", signedtree.NSEC), a("a.trap.", 1)))
	b := w.v.NewBudget()
	r, _ := w.checkWith("a.trap. A", b)
	if r.Verdict > Indeterminate {
		t.Errorf("%v %q", r.Verdict, r.Reason)
	}
	wantWork(t, b)
}

// TestUnusableKeysAreTrials: a key with the right tag and a malformed body
// counts as a failed trial (CVE-2025-8677).
func TestUnusableKeysAreTrials(t *testing.T) {
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "trap. NS ns.elsewhere.", dsLine(t, "trap.")),
		signZone(t, "trap.", options(t, "trap.", signedtree.NSEC), a("a.trap.", 1)))
	w.change = func(m *wire.Message, _ bool) *wire.Message {
		var answers []wire.Record
		for _, r := range m.Answers {
			if r.Type == wire.TypeDNSKEY && r.Name.Equal(wire.MustParseName("trap.")) {
				for i := range 30 { // an octet pair more that does not change the tag
					bad := r.Clone()
					bad.Data = append(bad.Data, make([]byte, 2*(1+i))...)
					answers = append(answers, bad)
				}
			}
			answers = append(answers, r)
		}
		m.Answers = answers
		return m
	}
	b := w.v.NewBudget()
	r, _ := w.checkWith("a.trap. A", b)
	if r.Verdict > Indeterminate {
		t.Errorf("%v %q", r.Verdict, r.Reason)
	}
	if spent(b, Failures) == 0 {
		t.Error("no failures counted")
	}
	wantWork(t, b)
}

// TestTemporalFailuresCount: signatures out of their time are not free.
func TestTemporalFailuresCount(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			for i, r := range m.Answers {
				if r.Type == wire.TypeRRSIG {
					bad := r.Clone()
					binary.BigEndian.PutUint32(bad.Data[8:], binary.BigEndian.Uint32(bad.Data[12:])+1)
					m.Answers[i] = bad
				}
			}
		}
		return m
	}
	b := w.v.NewBudget()
	r, _ := w.checkWith("a.nsec. A", b)
	if r.Verdict != Bogus || r.Reason.Code != wire.ExtendedErrorSignatureExpired || spent(b, Failures) != 1 {
		t.Errorf("%v %q, %d failures", r.Verdict, r.Reason, spent(b, Failures))
	}
}

// TestNSEC3HashLoad: a name of 127 labels below a zone with salt and
// iterations (CVE-2023-50868): the hashes have a bound, and so has a proof
// stuffed with records (CVE-2026-11605, CVE-2026-42923).
func TestNSEC3HashLoad(t *testing.T) {
	w := family(t)
	deep := strings.Repeat("x.", 120) + "nsec3."
	b := w.v.NewBudget()
	r, _ := w.checkWith(deep+" A", b)
	if r.Verdict != Indeterminate || !strings.Contains(r.Reason.Text, "limit of names hashed for NSEC3 reached") {
		t.Errorf("%v %q", r.Verdict, r.Reason)
	}
	wantWork(t, b)
	b = w.v.NewBudget()
	if r, _ := w.checkWith(strings.Repeat("x.", 40)+"nsec3. A", b); r.Verdict != Secure {
		t.Errorf("40 labels: %v %q", r.Verdict, r.Reason)
	}
	wantWork(t, b)
}

// TestStuffedProofs: a negative reply with all NSEC records of a large zone.
func TestStuffedProofs(t *testing.T) {
	var lines []string
	for i := range 300 {
		lines = append(lines, a(fmt.Sprintf("n%d.big.", i), 1))
	}
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "big. NS ns.elsewhere.", dsLine(t, "big.")),
		signZone(t, "big.", options(t, "big.", signedtree.NSEC), lines...))
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.Authority = nil
			for _, r := range w.tree.Zones[1].Records {
				if r.Type == wire.TypeNSEC || r.Type == wire.TypeRRSIG && wire.Type(r.Data[1]) == wire.TypeNSEC {
					m.Authority = append(m.Authority, r)
				}
			}
		}
		return m
	}
	b := w.v.NewBudget()
	r, _ := w.checkWith("x.big. A", b)
	if r.Verdict > Indeterminate {
		t.Errorf("%v %q", r.Verdict, r.Reason)
	}
	wantWork(t, b)
}

// TestManySignatures: only so many signatures of an RRset are looked at.
func TestManySignatures(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if fetched {
			return m
		}
		var answers []wire.Record
		for _, r := range m.Answers {
			if r.Type == wire.TypeRRSIG {
				for i := range 100 { // of a key that is not there
					bad := r.Clone()
					binary.BigEndian.PutUint16(bad.Data[16:], uint16(i))
					answers = append(answers, bad)
				}
			}
			answers = append(answers, r)
		}
		m.Answers = answers
		return m
	}
	b := w.v.NewBudget()
	r, _ := w.checkWith("a.nsec. A", b)
	if r.Verdict > Indeterminate || r.Reason.Text == "" {
		t.Errorf("%v %q", r.Verdict, r.Reason)
	}
	wantWork(t, b)
}

// TestBudgetOutlivesRestarts: a second reply for the same query is judged from
// what is left (CVE-2026-50045).
func TestBudgetOutlivesRestarts(t *testing.T) {
	w := family(t)
	b := w.v.NewBudget()
	var last Result
	for range 100 {
		last, _ = w.checkWith("nothing.nsec. A", b)
	}
	if last.Verdict != Indeterminate || !strings.Contains(last.Reason.Text, "limit of") {
		t.Errorf("%v %q", last.Verdict, last.Reason)
	}
	wantWork(t, b)
}

// TestLimitIsNotRemembered: a query that used up its budget elsewhere does not
// make a zone bogus for others.
func TestLimitIsNotRemembered(t *testing.T) {
	w := family(t)
	b := w.v.NewBudget()
	b.take(Verifications, b.limits.Verifications)
	if r, _ := w.checkWith("a.nsec. A", b); r.Verdict != Indeterminate {
		t.Errorf("%v %q", r.Verdict, r.Reason)
	}
	w.want("a.nsec. A", Secure, "")
}

// chainOfZones is so many signed zones one below the other, each with four keys, and the
// name below the last.
func chainOfZones(t *testing.T, count int) (w *world, name string) {
	t.Helper()
	apex, parent := "d.", "."
	lines := map[string][]string{}
	var order []string
	all := map[string]signedtree.Options{".": options(t, ".", signedtree.NSEC)}
	for range count {
		o := options(t, apex, signedtree.NSEC)
		for j := range 3 {
			o.Keys = append(o.Keys, newKey(t, fmt.Sprint(apex, j)))
		}
		all[apex] = o
		lines[parent] = append(lines[parent], apex+" NS ns.elsewhere.", dsOf(t, apex, o.Keys[3], 2))
		order = append(order, parent)
		apex, parent = "d."+apex, apex
	}
	order, lines[parent] = append(order, parent), append(lines[parent], a("a."+parent, 1))
	var zones []*signedtree.Zone
	for _, apex := range order {
		zones = append(zones, signZone(t, apex, all[apex], lines[apex]...))
	}
	return newWorld(t, zones...), "a." + parent
}

// TestLongChains: an honest chain of 20 signed zones is proved for the first query for a
// name below it, and one of 100 is not: what one query costs has a bound, even if one attacker signs
// them all.
func TestLongChains(t *testing.T) {
	for count, want := range map[int]Verdict{20: Secure, 28: Secure, 100: Indeterminate} {
		w, name := chainOfZones(t, count)
		b := w.v.NewBudget()
		if r, _ := w.checkWith(name+" A", b); r.Verdict != want || want == Indeterminate && !strings.Contains(r.Reason.Text, "limit of") {
			t.Errorf("%d zones: %+v", count, r)
		}
		wantWork(t, b)
		for k, limit := range map[Work]int{Verifications: 96, Fetches: 96, Comparisons: 768, Failures: 4, Hashes: 64, Proofs: 32} {
			if n := spent(b, k); n > limit+1 {
				t.Errorf("%d zones: %d %s, at most %d", count, n, k, limit)
			}
		}
		t.Logf("%d zones: %d signatures verified, %d RRsets fetched, %d keys compared", count, spent(b, Verifications), spent(b, Fetches), spent(b, Comparisons))
	}
}

// TestOrdinaryChainsFit: a chain of aliases through eight signed zones that
// are not known yet, each with four keys and two DS records, stays well within
// every limit.
func TestOrdinaryChainsFit(t *testing.T) {
	const zones = 8
	top := []string{}
	var all []*signedtree.Zone
	for i := range zones {
		zone := fmt.Sprintf("z%d.", i)
		o := options(t, zone, signedtree.NSEC)
		for j := range 3 {
			o.Keys = append(o.Keys, newKey(t, fmt.Sprint(zone, j)))
		}
		top = append(top, zone+" NS ns.elsewhere.", dsOf(t, zone, o.Keys[3], 2), dsOf(t, zone, o.Keys[0], 2))
		next := fmt.Sprintf("a.z%d. CNAME a.z%d.", i, i+1)
		if i == zones-1 {
			next = a(fmt.Sprintf("a.z%d.", i), 1)
		}
		all = append(all, signZone(t, zone, o, next))
	}
	w := newWorld(t, append(all, signZone(t, ".", options(t, ".", signedtree.NSEC), top...))...)
	b := w.v.NewBudget()
	r, _ := w.checkWith("a.z0. A", b)
	if r.Verdict != Secure {
		t.Errorf("%+v", r)
	}
	for k, limit := range b.limits.totals() {
		n := spent(b, Work(k))
		t.Logf("%d of %d %s", n, limit, workTexts[k])
		if n > limit*9/10 {
			t.Errorf("%d %s, of %d", n, workTexts[k], limit)
		}
	}
}

// TestParentOfATrustAnchor: who gives the key of a zone need not trust the zones above it.
// These could sign names in it, or deny them.
func TestParentOfATrustAnchor(t *testing.T) {
	w := family(t)
	forged := sign(t, "nsec.", parse(t, a("a.child.nsec.", 66)))
	denial := slices.Concat(sign(t, "nsec.", parse(t, "c.nsec. NSEC d.nsec. A RRSIG NSEC")), sign(t, "nsec.", parse(t, "nsec. NSEC a.nsec. NS SOA RRSIG NSEC DNSKEY")))
	w.reply(wire.RCodeNoError, forged, nil)
	w.want("a.child.nsec. A", Secure, "") // the parent could as well change the DS record
	if err := w.v.anchors.AddDNSKEY(wire.MustParseName("child.nsec."), &newKey(t, "child.nsec.").Record); err != nil {
		t.Fatal(err)
	}
	w.v.Forget(wire.Root)
	w.want("a.child.nsec. A", Bogus, "a.child.nsec A has no signature of its zone")
	w.reply(wire.RCodeNXDomain, nil, denial)
	w.want("a.child.nsec. A", Bogus, "no signed proof")
	w.reply(wire.RCodeNXDomain, nil, denial)
	w.want("c2.nsec. A", Secure, "")
	w.change = nil
	w.want("a.child.nsec. A", Secure, "")
	w.want("child.nsec. DS", Secure, "") // of the parent
	w.want("nothing.child.nsec. A", Secure, "")
}

// TestMemoryIsBounded: zones with as many and as long keys as may be take the room of
// others, and no more than all may have; keys of algorithms that do not count are not kept.
func TestMemoryIsBounded(t *testing.T) {
	m := memory{most: 64}
	var data [][]byte
	for i := range DefaultLimits.Keys {
		data = append(data, append([]byte{1, 1, 3, byte(wire.AlgorithmMLDSA44), byte(i)}, make([]byte, 1311)...))
	}
	for i := range 200 {
		z := &zone{name: wire.MustParseName(fmt.Sprintf("z%d.", i)), until: now.Add(day)}
		for _, d := range data {
			z.keys = append(z.keys, newZoneKey(d))
		}
		m.put(z, now)
		if m.octets > m.most*zoneOctets && len(m.zones) > 1 {
			t.Fatalf("%d zones take %d octets", len(m.zones), m.octets)
		}
	}
	if m.get(wire.MustParseName("z199."), now) == nil {
		t.Error("the last zone is not there")
	}
	for i := range 200 {
		m.put(&zone{name: wire.MustParseName(fmt.Sprintf("s%d.", i)), until: now.Add(2 * day)}, now)
	}
	if len(m.zones) != m.most {
		t.Errorf("%d small zones are remembered, not %d", len(m.zones), m.most)
	}
	for key := range m.zones {
		m.drop(key)
	}
	if m.octets != 0 {
		t.Errorf("%d octets without a zone", m.octets)
	}

	o := options(t, "zone.", signedtree.NSEC)
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "zone. NS ns.elsewhere.", dsLine(t, "zone.")), signZone(t, "zone.", o, a("a.zone.", 1)))
	junk := wire.Record{Name: wire.MustParseName("zone."), Type: wire.TypeDNSKEY, Class: wire.ClassIN, TTL: 300, Data: append([]byte{1, 1, 3, 253}, make([]byte, 40000)...)}
	keys := sign(t, "zone.", junk, wire.Record{Name: junk.Name, Type: junk.Type, Class: junk.Class, TTL: 300, Data: o.Keys[0].Data()})
	w.fetchInstead("zone. DNSKEY", wire.RCodeNoError, keys, nil)
	w.want("a.zone. A", Secure, "")
	if z := w.v.memory.get(wire.MustParseName("zone."), now); z == nil || len(z.keys) != 1 || z.octets() > zoneOctets {
		t.Errorf("remembered: %+v", z)
	}
}

// TestNamesDoNotEvictZones: a flood of names without a zone, or of insecure zones, which
// are remembered for long, does not drive out the keys of zones.
func TestNamesDoNotEvictZones(t *testing.T) {
	m := memory{most: 64}
	for i := range 16 {
		z := &zone{name: wire.MustParseName(fmt.Sprintf("z%d.", i)), judgement: secure, until: now.Add(time.Minute)}
		z.keys = []*zoneKey{newZoneKey([]byte{1, 1, 3, byte(toy)})}
		m.put(z, now)
	}
	for i := range 1000 {
		z := &zone{name: wire.MustParseName(fmt.Sprintf("n%d.z0.", i)), judgement: secure, passes: true, until: now.Add(day)}
		if i%2 == 0 {
			z.judgement, z.passes = insecure(wire.ExtendedErrorOther, "it is"), false
		}
		m.put(z, now)
	}
	for i := range 16 {
		if m.get(wire.MustParseName(fmt.Sprintf("z%d.", i)), now) == nil {
			t.Errorf("zone %d is gone", i)
		}
	}
	if len(m.zones) != m.most || m.cheap != 48 {
		t.Errorf("%d zones, %d without keys", len(m.zones), m.cheap)
	}
}

// TestKeysAreFetchedAgainAtTimes: signatures that do not hold have the keys of their zone
// fetched again once in 30 seconds, also if there is no reply to that.
func TestKeysAreFetchedAgainAtTimes(t *testing.T) {
	for _, isSilent := range []bool{false, true} {
		r := newRenewing(t)
		r.want("a.nsec. A", Secure, "")
		r.change = func(m *wire.Message, fetched bool) *wire.Message {
			switch {
			case fetched && isSilent:
				return nil
			case !fetched:
				m.Answers[0].Data = []byte{192, 0, 2, 66}
			}
			return m
		}
		for _, c := range []struct{ after, want int }{{10, 0}, {31, 1}, {32, 0}, {60, 0}, {62, 1}} {
			r.at = now.Add(time.Duration(c.after) * time.Second)
			r.take()
			r.want("a.nsec. A", Bogus, "is wrong")
			if asked := r.take(); len(asked) != c.want {
				t.Errorf("silent: %v, after %d s: %v", isSilent, c.after, asked)
			}
		}
	}
}

// TestDearChainOfBefore: NSEC3 records of a chain with too many iterations that a zone once
// had do not make it insecure as long as it has another one.
func TestDearChainOfBefore(t *testing.T) {
	o := options(t, "zone.", signedtree.NSEC3)
	dear := o
	dear.Iterations = dnssec.MaxIterations + 1
	lines := []string{a("a.zone.", 1), "signed.zone. NS ns.elsewhere.", dsLine(t, "signed.zone.")}
	old := signZone(t, "zone.", dear, lines...)
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "zone. NS ns.elsewhere.", dsLine(t, "zone.")), signZone(t, "zone.", o, lines...),
		signZone(t, "signed.zone.", options(t, "signed.zone.", signedtree.NSEC), a("a.signed.zone.", 1)))
	var records []wire.Record // all of the old chain, in front of everything else
	for _, r := range old.Records {
		if r.Type == wire.TypeNSEC3 || r.Type == wire.TypeRRSIG && r.Data[1] == byte(wire.TypeNSEC3) {
			records = append(records, r)
		}
	}
	w.change = func(m *wire.Message, _ bool) *wire.Message {
		if m.Questions[0].Name.HasSuffix(wire.MustParseName("zone.")) && len(m.Authority) > 0 {
			m.Authority = slices.Concat(records, m.Authority)
		}
		return m
	}
	w.want("b.zone. A", Secure, "")
	w.want("a.zone. TXT", Secure, "")
	w.v.Forget(wire.Root)
	w.change = func(m *wire.Message, _ bool) *wire.Message {
		switch q := m.Questions[0]; {
		case q.Name.Equal(wire.MustParseName("a.signed.zone.")): // forged, without signatures
			m.Answers = []wire.Record{parse(t, a("a.signed.zone.", 66))}
		case q.Name.Equal(wire.MustParseName("signed.zone.")) && q.Type == wire.TypeDS:
			m.Answers, m.Authority = nil, slices.Concat(records, w.tree.Resolve(question(t, "b.zone. A")).Authority)
		}
		return m
	}
	w.want("a.signed.zone. A", Bogus, "")
}
