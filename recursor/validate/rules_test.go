package validate

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// sign returns records with a signature by the key of a zone.
func sign(t testing.TB, zone string, records ...wire.Record) []wire.Record {
	t.Helper()
	set := &dnssec.RRset{Name: records[0].Name, Type: records[0].Type, Class: wire.ClassIN, TTL: records[0].TTL}
	for _, r := range records {
		set.Data = append(set.Data, r.Data)
	}
	o := options(t, zone, signedtree.NSEC)
	sig, err := o.Keys[0].Sign(set, wire.MustParseName(zone), o.Inception, o.Expiration)
	if err != nil {
		t.Fatal(err)
	}
	return append(records, wire.Record{Name: set.Name, Type: wire.TypeRRSIG, Class: wire.ClassIN, TTL: set.TTL, Data: sig.AppendTo(nil, nil)})
}

// reply makes the world answer one question with these sections. The chain of
// trust is as it was.
func (w *world) reply(rcode wire.RCode, answers, authority []wire.Record) {
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if fetched {
			return m
		}
		m.RCode, m.Answers, m.Authority = rcode, answers, authority
		return m
	}
}

// fetchInstead answers what the validator asks for about one name and type.
func (w *world) fetchInstead(text string, rcode wire.RCode, answers, authority []wire.Record) {
	q := question(w, text)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if fetched && m.Questions[0].Name.Equal(q.Name) && m.Questions[0].Type == q.Type {
			m.RCode, m.Answers, m.Authority = rcode, answers, authority
		}
		return m
	}
}

// nsec3 makes an NSEC3 record of a zone that has no salt and no iterations.
func nsec3(t testing.TB, zone, name string, next dnssec.Hash, flags uint8, types ...wire.Type) wire.Record {
	t.Helper()
	owner, err := wire.MustParseName(zone).Prepend(signedtree.Hash(wire.MustParseName(name), 0, nil).Label())
	if err != nil {
		t.Fatal(err)
	}
	return nsec3At(owner, next, flags, types...)
}

func nsec3At(owner wire.Name, next dnssec.Hash, flags uint8, types ...wire.Type) wire.Record {
	data := wire.NSEC3{HashAlgorithm: 1, Flags: flags, NextHashed: next[:], Types: wire.AppendTypeBitmap(nil, types)}
	return wire.Record{Name: owner, Type: wire.TypeNSEC3, Class: wire.ClassIN, TTL: 300, Data: data.AppendTo(nil, nil)}
}

// around is an NSEC3 record of zone that covers the hash of name.
func around(t testing.TB, zone, name string, flags uint8) wire.Record {
	t.Helper()
	h := signedtree.Hash(wire.MustParseName(name), 0, nil)
	before, after := h, h
	before[19]--
	after[19]++
	owner, err := wire.MustParseName(zone).Prepend(before.Label())
	if err != nil {
		t.Fatal(err)
	}
	return nsec3At(owner, after, flags, wire.TypeA)
}

func soa(t testing.TB, zone string) []wire.Record {
	return sign(t, zone, parse(t, zone+" SOA ns.elsewhere. host.elsewhere. 1 3600 600 86400 60"))
}

// TestWildcardLabels: a signature whose label count is below that of its signer
// would make a wildcard above the zone (CVE-2026-11721, CVE-2026-44690).
func TestWildcardLabels(t *testing.T) {
	w := family(t)
	set := parse(t, a("a.child.nsec.", 9))
	o := options(t, "child.nsec.", signedtree.NSEC)
	star := parse(t, a("*.", 9))
	sig := &wire.RRSIG{Covered: wire.TypeA, Algorithm: toy, Labels: 0, OriginalTTL: 300, Expiration: o.Expiration, Inception: o.Inception, KeyTag: o.Keys[0].Tag, Signer: wire.MustParseName("child.nsec.")}
	var c dnssec.Canonical
	c.Set(&dnssec.RRset{Name: star.Name, Type: star.Type, Class: star.Class, Data: [][]byte{star.Data}})
	message, err := c.AppendSigned(nil, sig)
	if err != nil {
		t.Fatal(err)
	}
	sig.Signature, _ = toyKey(o.Keys[0].Record.PublicKey).Sign(nil, message, nil)
	w.reply(wire.RCodeNoError, []wire.Record{set, {Name: set.Name, Type: wire.TypeRRSIG, Class: wire.ClassIN, TTL: 300, Data: sig.AppendTo(nil, nil)}}, nil)
	w.want("a.child.nsec. A", Bogus, "fewer than its signer child.nsec. has")
}

// TestNextOutsideZone: an NSEC record whose next name is not in the zone proves
// nothing (CVE-2026-13321).
func TestNextOutsideZone(t *testing.T) {
	w := family(t)
	w.reply(wire.RCodeNXDomain, nil, slices.Concat(soa(t, "nsec."),
		sign(t, "nsec.", parse(t, "*.nsec. NSEC zzz. A RRSIG NSEC"))))
	w.want("nothing.nsec. A", Bogus, "no NSEC record of nsec covers nothing.nsec")
	w.reply(wire.RCodeNXDomain, nil, slices.Concat(soa(t, "nsec."),
		sign(t, "nsec.", parse(t, "nsec. NSEC zzz.nsec. NS SOA RRSIG NSEC DNSKEY"))))
	w.want("nothing.nsec. A", Secure, "") // the same with a next name in the zone
}

// TestSiblingNSEC3: the NSEC3 records of a sibling zone do not prove that a
// delegation is insecure, even with good signatures (CVE-2026-77119), nor are
// those of a child as the closest encloser of the parent (CVE-2026-10723).
func TestSiblingNSEC3(t *testing.T) {
	for _, zone := range []string{"nsec.", "child.nsec3."} {
		w := family(t)
		proof := slices.Concat(sign(t, zone, nsec3(t, zone, "nsec3.", dnssec.Hash{}, wire.FlagOptOut, wire.TypeNS)),
			sign(t, zone, around(t, zone, "child.nsec3.", wire.FlagOptOut)))
		w.fetchInstead("child.nsec3. DS", wire.RCodeNoError, nil, proof)
		w.change = both(w.change, stripSignatures("a.child.nsec3."))
		w.want("a.child.nsec3. A", Bogus, "no proof of nsec3 whether child.nsec3 has DS records")
	}
	// Signed by the right zone, but with owners in another.
	w := family(t)
	owner := wire.MustParseName("sub.nsec3.")
	record := nsec3(t, "nsec3.", "child.nsec3.", dnssec.Hash{}, 0, wire.TypeNS)
	record.Name, _ = owner.Prepend(record.Name.FirstLabel())
	w.fetchInstead("child.nsec3. DS", wire.RCodeNoError, nil, sign(t, "nsec3.", record))
	w.change = both(w.change, stripSignatures("a.child.nsec3."))
	w.want("a.child.nsec3. A", Bogus, "no proof of nsec3 whether child.nsec3 has DS records")
}

func both(f, g func(*wire.Message, bool) *wire.Message) func(*wire.Message, bool) *wire.Message {
	return func(m *wire.Message, fetched bool) *wire.Message { return g(f(m, fetched), fetched) }
}

// stripSignatures takes the signatures of one name away: what an attacker gains
// by a zone that seems insecure.
func stripSignatures(name string) func(*wire.Message, bool) *wire.Message {
	return func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.Answers = slices.DeleteFunc(slices.Clone(m.Answers), func(r wire.Record) bool {
				return r.Type == wire.TypeRRSIG && r.Name.Equal(wire.MustParseName(name))
			})
		}
		return m
	}
}

// TestGrandparentNSEC: a proof of the grandparent does not take the place of
// that of the parent, which has a secure delegation (BIND 9.21.25).
func TestGrandparentNSEC(t *testing.T) {
	w := family(t)
	// "nsec." in the root is a delegation: its NSEC record covers all names
	// below it, and another could be made for a name below it.
	for _, proof := range []wire.Record{
		parse(t, "nsec. NSEC nsec3. NS DS RRSIG NSEC"),
		parse(t, "child.nsec. NSEC nsec3. NS RRSIG NSEC"),
	} {
		w.v.Forget(wire.Root)
		w.fetchInstead("child.nsec. DS", wire.RCodeNoError, nil, sign(t, ".", proof))
		w.change = both(w.change, stripSignatures("a.child.nsec."))
		w.want("a.child.nsec. A", Bogus, "no proof of nsec whether child.nsec has DS records")
	}
}

// TestAncestorDelegationNSEC: the NSEC or NSEC3 record at a delegation, or at a
// DNAME record, denies nothing below it (RFC 6840 4.1, RFC 6672 5.3.4).
func TestAncestorDelegationNSEC(t *testing.T) {
	w := family(t)
	for _, types := range []string{"NS RRSIG NSEC", "NS DS RRSIG NSEC", "DNAME RRSIG NSEC"} {
		w.reply(wire.RCodeNXDomain, nil, slices.Concat(soa(t, "nsec."), sign(t, "nsec.", parse(t, "child.nsec. NSEC d.nsec. "+types)),
			sign(t, "nsec.", parse(t, "nsec. NSEC a.nsec. NS SOA RRSIG NSEC DNSKEY"))))
		w.want("x.child.nsec. A", Bogus, "no NSEC record of nsec covers x.child.nsec")
	}
	for _, typ := range []wire.Type{wire.TypeNS, wire.TypeDNAME} {
		w.reply(wire.RCodeNXDomain, nil, slices.Concat(soa(t, "optout."),
			sign(t, "optout.", nsec3(t, "optout.", "signed.optout.", dnssec.Hash{}, 0, typ)),
			sign(t, "optout.", around(t, "optout.", "x.signed.optout.", 0)), sign(t, "optout.", around(t, "optout.", "*.signed.optout.", 0))))
		w.want("x.signed.optout. A", Bogus, "no NSEC3 records of optout prove that x.signed.optout does not exist")
	}
	// The parent's record at the cut says nothing about the child's types.
	w.reply(wire.RCodeNoError, nil, slices.Concat(soa(t, "nsec."), sign(t, "nsec.", parse(t, "child.nsec. NSEC d.nsec. NS DS RRSIG NSEC"))))
	w.want("child.nsec. A", Bogus, "does not deny child.nsec A")
}

// TestChildDeniesDS: the child's own record at its apex says nothing about DS
// (RFC 6840 4.4).
func TestChildDeniesDS(t *testing.T) {
	w := family(t)
	w.fetchInstead("child.nsec. DS", wire.RCodeNoError, nil, slices.Concat(soa(t, "child.nsec."),
		sign(t, "child.nsec.", parse(t, "child.nsec. NSEC a.child.nsec. NS SOA RRSIG NSEC DNSKEY"))))
	w.change = both(w.change, stripSignatures("a.child.nsec."))
	w.want("a.child.nsec. A", Bogus, "no proof of nsec whether child.nsec has DS records")
	// Not even if the parent signs it.
	w.v.Forget(wire.Root)
	w.fetchInstead("child.nsec. DS", wire.RCodeNoError, nil, sign(t, "nsec.", parse(t, "child.nsec. NSEC d.nsec. NS SOA RRSIG NSEC DNSKEY")))
	w.change = both(w.change, stripSignatures("a.child.nsec."))
	w.want("a.child.nsec. A", Bogus, "no proof of nsec whether child.nsec has DS records")
	w.change = nil
	w.reply(wire.RCodeNoError, nil, slices.Concat(soa(t, "child.nsec."), sign(t, "child.nsec.", parse(t, "child.nsec. NSEC a.child.nsec. NS SOA RRSIG NSEC DNSKEY"))))
	w.want("child.nsec. DS", Bogus, "no signed proof that child.nsec DS does not exist")
}

// TestBitmapTricks: a record with CNAME or the type itself denies nothing (RFC
// 6840 4.3).
func TestBitmapTricks(t *testing.T) {
	w := family(t)
	for _, types := range []string{"CNAME RRSIG NSEC", "TXT RRSIG NSEC"} {
		w.reply(wire.RCodeNoError, nil, slices.Concat(soa(t, "nsec."), sign(t, "nsec.", parse(t, "a.nsec. NSEC alias.nsec. "+types))))
		w.want("a.nsec. TXT", Bogus, "does not deny a.nsec TXT")
	}
	w.reply(wire.RCodeNoError, nil, slices.Concat(soa(t, "optout."), sign(t, "optout.", nsec3(t, "optout.", "a.optout.", dnssec.Hash{}, 0, wire.TypeCNAME))))
	w.want("a.optout. TXT", Bogus, "does not deny a.optout TXT")
}

// TestOneSignerPerProof: the name denied by one zone and the wildcard by
// another does not prove anything (CVE-2026-19941).
func TestOneSignerPerProof(t *testing.T) {
	w := family(t)
	w.reply(wire.RCodeNXDomain, nil, slices.Concat(soa(t, "nsec."),
		sign(t, "nsec.", parse(t, "n.nsec. NSEC o.nsec. A RRSIG NSEC")),
		sign(t, ".", parse(t, "nsec. NSEC nsec3. NS DS RRSIG NSEC"))))
	w.want("nothing.nsec. A", Bogus, "no NSEC record of nsec covers *.nsec")
	// Nor is the SOA record of another zone part of it.
	w.reply(wire.RCodeNXDomain, nil, slices.Concat(sign(t, ".", parse(t, "nsec. SOA a. b. 1 1 1 1 1")),
		sign(t, "nsec.", parse(t, "nsec. NSEC zzz.nsec. NS SOA RRSIG NSEC DNSKEY"))))
	w.want("nothing.nsec. A", Bogus, "nsec SOA is signed by .")
}

// TestNSECFromWildcard: an NSEC record that was expanded from a wildcard denies
// nothing (CVE-2017-15105).
func TestNSECFromWildcard(t *testing.T) {
	w := family(t)
	proof := sign(t, "nsec.", parse(t, "*.w.nsec. NSEC zz.nsec. A RRSIG NSEC"))
	for i := range proof {
		proof[i].Name = wire.MustParseName("a.w.nsec.")
	}
	w.reply(wire.RCodeNXDomain, nil, slices.Concat(soa(t, "nsec."), proof, sign(t, "nsec.", parse(t, "nsec. NSEC a.nsec. NS SOA RRSIG NSEC DNSKEY"))))
	w.want("b.w.nsec. A", Bogus, "no NSEC record of nsec covers b.w.nsec")
}

// TestWildcardNeedsProof: an answer from a wildcard, and an alias from one, need
// the proof that there is no closer match, about the next closer name.
func TestWildcardNeedsProof(t *testing.T) {
	w := family(t)
	drop := func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.Authority = nil
		}
		return m
	}
	for _, name := range []string{"q.w.nsec.", "q.r.w.nsec.", "q.c.nsec."} {
		w.change = drop
		w.want(name+" A", Bogus, "without a proof that there is no")
	}
	w.change = drop
	w.want("q.w.nsec3. A", Bogus, "without a proof that there is no")
	w.want("*.w.nsec. A", Secure, "") // asked for literally it is not an expansion
	// A proof about the name itself that leaves the next closer name open.
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.Authority = sign(t, "nsec.", parse(t, "a.r.w.nsec. NSEC z.r.w.nsec. A RRSIG NSEC"))
		}
		return m
	}
	w.want("q.r.w.nsec. A", Bogus, "without a proof that there is no r.w.nsec")
}

// TestAlgorithmDowngrade: under DS records of a supported algorithm a signature
// of another one is a failure, not insecurity.
func TestAlgorithmDowngrade(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			for i, r := range m.Answers {
				if r.Type == wire.TypeRRSIG {
					m.Answers[i] = r.Clone()
					m.Answers[i].Data[2] = 250
				}
			}
		}
		return m
	}
	w.want("a.nsec. A", Bogus, "signature of a.nsec A is of algorithm 250 only, which is not supported")
	w.change = stripSignatures("a.nsec.")
	w.want("a.nsec. A", Bogus, "a.nsec A has no signature of its zone")
	if r := w.check("a.nsec. A"); r.Reason.Code != wire.ExtendedErrorRRSIGsMissing {
		t.Error(r.Reason.Code)
	}
}

// TestDS: which DS records count, and what those that do not mean.
func TestDS(t *testing.T) {
	k, other := newKey(t, "z."), newKey(t, "other")
	second := newKeyOf(t, algorithms, toy+1, wire.FlagZoneKey|wire.FlagSecureEntry, "second")
	sha1, sha256, sha384 := dsOf(t, "z.", k, 1), dsOf(t, "z.", k, 2), dsOf(t, "z.", k, 4)
	unknownAlgorithm, unknownDigest := "z. DS 1 250 2 "+strings.Repeat("00", 32), fmt.Sprintf("z. DS %d %d 77 00", k.Tag, toy)
	for _, c := range []struct {
		name   string
		ds     []string
		want   Verdict
		reason string
		code   wire.ExtendedErrorCode
	}{
		{"SHA-256", []string{sha256}, Secure, "", 0},
		{"SHA-384", []string{sha384}, Secure, "", 0},
		{"SHA-1 alone", []string{sha1}, Secure, "", 0},
		{"all", []string{sha1, sha256, sha384}, Secure, "", 0},
		{"SHA-1 does not count next to a better one", []string{sha1, dsOf(t, "z.", other, 2)}, Bogus, "no DNSKEY record of z is the one of its DS record", wire.ExtendedErrorDNSKEYMissing},
		{"one that does not match", []string{dsOf(t, "z.", other, 2)}, Bogus, fmt.Sprintf("no DNSKEY record of z is the one of its DS record, key %d", other.Tag), wire.ExtendedErrorDNSKEYMissing},
		{"one of two matches", []string{dsOf(t, "z.", other, 2), sha256}, Secure, "", 0},
		{"unknown algorithm", []string{unknownAlgorithm}, Insecure, "z has DS records of unsupported algorithms only", wire.ExtendedErrorUnsupportedDNSKEYAlgorithm},
		{"unknown digest", []string{unknownDigest}, Insecure, "z has DS records of unsupported digest types only", wire.ExtendedErrorUnsupportedDSDigestType},
		{"unknown ones next to a known one", []string{unknownAlgorithm, unknownDigest, sha256}, Secure, "", 0},
		{"unknown ones next to one that does not match", []string{unknownAlgorithm, dsOf(t, "z.", other, 2)}, Bogus, "no DNSKEY record", wire.ExtendedErrorDNSKEYMissing},
		{"of the second algorithm, which is not used", []string{dsOf(t, "z.", second, 2)}, Bogus, "no DNSKEY record", wire.ExtendedErrorDNSKEYMissing},
		{"of the second algorithm as well", []string{dsOf(t, "z.", second, 2), sha256}, Secure, "", 0},
	} {
		w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), append([]string{"z. NS ns.elsewhere."}, c.ds...)...),
			signZone(t, "z.", options(t, "z.", signedtree.NSEC), a("a.z.", 1)))
		r := w.check("a.z. A")
		if r.Verdict != c.want || !strings.Contains(r.Reason.Text, c.reason) || r.Reason.Code != c.code {
			t.Errorf("%s: %v %d %q", c.name, r.Verdict, r.Reason.Code, r.Reason)
		}
	}
}

// TestKeysThatDoNotCount: keys without the zone flag, revoked ones.
func TestKeysThatDoNotCount(t *testing.T) {
	for _, c := range []struct {
		flags uint16
		want  Verdict
		code  wire.ExtendedErrorCode
	}{
		{wire.FlagZoneKey, Secure, 0}, // RFC 4034 2.1.1: the SEP flag makes no difference
		{wire.FlagSecureEntry, Bogus, wire.ExtendedErrorNoZoneKeyBitSet},
		{wire.FlagZoneKey | wire.FlagRevoked, Bogus, wire.ExtendedErrorBogus},
	} {
		k := newKeyOf(t, algorithms, toy, c.flags, "z.")
		o := options(t, "z.", signedtree.NSEC)
		o.Keys = []*dnssec.SigningKey{k}
		w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "z. NS ns.elsewhere.", dsOf(t, "z.", k, 2)), signZone(t, "z.", o, a("a.z.", 1)))
		if r := w.check("a.z. A"); r.Verdict != c.want || r.Reason.Code != c.code {
			t.Errorf("flags %04x: %v %d %q", c.flags, r.Verdict, r.Reason.Code, r.Reason)
		}
	}
}

// TestTooManyIterations: above the limit a zone's denials are insecure (RFC 9276
// 3.2), also on the way to a delegation; what it signs is secure all the same.
func TestTooManyIterations(t *testing.T) {
	o := options(t, "dear.", signedtree.NSEC3)
	o.Iterations = dnssec.MaxIterations + 1
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), "dear. NS ns.elsewhere.", dsLine(t, "dear.")),
		signZone(t, "dear.", o, a("a.dear.", 1), a("*.w.dear.", 1), "child.dear. NS ns.elsewhere."),
		signZone(t, "child.dear.", signedtree.Options{}, a("a.child.dear.", 1)))
	const reason = "NSEC3 records of dear want more than 50 iterations"
	w.want("a.dear. A", Secure, "")
	for _, q := range []string{"b.dear. A", "a.dear. TXT", "q.w.dear. A", "a.child.dear. A", "child.dear. DS"} {
		w.want(q, Insecure, reason)
		if r := w.check(q); r.Reason.Code != wire.ExtendedErrorUnsupportedNSEC3Iterations {
			t.Errorf("%s: code %d", q, r.Reason.Code)
		}
	}
	// Only a record that the zone signed may say so.
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		m.Authority = slices.DeleteFunc(slices.Clone(m.Authority), func(r wire.Record) bool { return r.Type == wire.TypeRRSIG && r.Data[1] == byte(wire.TypeNSEC3) })
		return m
	}
	w.v.Forget(wire.Root)
	w.want("b.dear. A", Bogus, "no proof of dear whether b.dear has DS records")
}

// TestKeysBelowADearChain: a zone that DS records vouch for is bogus without its keys,
// though the names between it and the zone above are not proved.
func TestKeysBelowADearChain(t *testing.T) {
	o := options(t, ".", signedtree.NSEC3)
	o.Iterations = dnssec.MaxIterations + 1
	w := newWorld(t, signZone(t, ".", o, "far.between. NS ns.elsewhere.", dsLine(t, "far.between.")),
		signZone(t, "far.between.", options(t, "far.between.", signedtree.NSEC), a("a.far.between.", 1)))
	w.want("a.far.between. A", Secure, "")
	w.want("between. A", Insecure, "")
	for _, c := range []struct {
		spoil  func(m *wire.Message)
		reason string
	}{
		{func(m *wire.Message) { m.Answers = nil }, "far.between has no DNSKEY records, but a DS record"},
		{func(m *wire.Message) {
			for i, r := range m.Answers {
				if r.Type == wire.TypeRRSIG {
					m.Answers[i] = r.Clone()
					m.Answers[i].Data[len(r.Data)-1] ^= 1
				}
			}
		}, "signature of far.between DNSKEY is wrong"},
	} {
		w.v.Forget(wire.Root)
		w.change = func(m *wire.Message, fetched bool) *wire.Message {
			if fetched && m.Questions[0].Type == wire.TypeDNSKEY && m.Questions[0].Name.LabelCount() == 2 {
				c.spoil(m)
			}
			return m
		}
		w.want("a.far.between. A", Bogus, c.reason)
		w.want("b.far.between. A", Bogus, c.reason)
	}
}

// TestCompactDenial: NXNAME (RFC 9824).
func TestCompactDenial(t *testing.T) {
	w := family(t)
	proof := sign(t, "nsec.", parse(t, `none.nsec. NSEC \000.none.nsec. RRSIG NSEC NXNAME`))
	w.reply(wire.RCodeNoError, nil, slices.Concat(soa(t, "nsec."), proof))
	if r := w.check("none.nsec. A"); r.Verdict != Secure || !r.NoName {
		t.Errorf("%+v", r)
	}
	w.reply(wire.RCodeNXDomain, nil, slices.Concat(soa(t, "nsec."), proof))
	w.want("none.nsec. A", Secure, "")
	w.want("x.none.nsec. A", Bogus, "no NSEC record of nsec covers x.none.nsec")
	w.reply(wire.RCodeNoError, nil, slices.Concat(soa(t, "nsec."), sign(t, "nsec.", parse(t, `none.nsec. NSEC \000.none.nsec. TXT RRSIG NSEC`))))
	if r := w.check("none.nsec. A"); r.Verdict != Secure || r.NoName {
		t.Errorf("%+v", r)
	}
}

// TestProofWithoutSOA: a denial counts without an SOA record.
func TestProofWithoutSOA(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		m.Authority = slices.DeleteFunc(slices.Clone(m.Authority), func(r wire.Record) bool {
			return r.Type == wire.TypeSOA || r.Type == wire.TypeRRSIG && r.Data[1] == byte(wire.TypeSOA)
		})
		return m
	}
	for _, q := range []string{"nothing.nsec. A", "a.nsec. AAAA", "nothing.nsec3. A", "a.nsec3. AAAA"} {
		w.want(q, Secure, "")
	}
}

// TestTimes: texts that an operator can act on.
func TestTimes(t *testing.T) {
	for _, c := range []struct {
		clock  int64 // days from now
		want   Verdict
		reason string
		code   wire.ExtendedErrorCode
	}{
		{0, Secure, "", 0},
		{19, Secure, "", 0},
		{24, Bogus, "expired 4 days ago, key ", wire.ExtendedErrorSignatureExpired},
		{-15, Bogus, "not valid for another 5 days, key ", wire.ExtendedErrorSignatureNotYetValid},
	} {
		w := family(t)
		clock := now.AddDate(0, 0, int(c.clock))
		w.config.Now = func() time.Time { return clock }
		w.v = New(w.config)
		r := w.check("a.nsec. A")
		want := c.reason
		if want != "" {
			want = "signature of . DNSKEY " + want + fmt.Sprint(newKey(t, ".").Tag)
		}
		if r.Verdict != c.want || r.Reason.Text != want || r.Reason.Code != c.code {
			t.Errorf("%d days: %v %d %q, not %q", c.clock, r.Verdict, r.Reason.Code, r.Reason, want)
		}
	}
}

// TestTTLs: a secure RRset lives no longer than its original TTL and its
// signature say (RFC 4035 5.3.3), a negative reply no longer than its proofs.
func TestTTLs(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, _ bool) *wire.Message {
		for _, section := range []*[]wire.Record{&m.Answers, &m.Authority} {
			*section = slices.Clone(*section)
			for i := range *section {
				(*section)[i].TTL = 86400
			}
		}
		return m
	}
	r, reply := w.checkWith("a.nsec. A", nil)
	if r.TTL != 300 || reply.Answer[0].TTL != 300 || reply.Answer[0].Zone != wire.MustParseName("nsec.") {
		t.Errorf("%+v, %+v", r, reply.Answer[0])
	}
	if r := w.check("nothing.nsec. A"); r.TTL != 60 {
		t.Errorf("negative: %d", r.TTL) // the minimum of the SOA record
	}
	w = family(t)
	clock := now.Add(20*day - 5e9)
	w.config.Now = func() time.Time { return clock }
	w.v = New(w.config)
	if r := w.check("a.nsec. A"); r.Verdict != Secure || r.TTL != 5 {
		t.Errorf("before expiry: %+v", r)
	}
}

// TestMemory: what was found out about zones is found out once, until it
// expires; bogus zones are tried again after a minute.
func TestMemory(t *testing.T) {
	w := family(t)
	clock := now
	w.config.Now = func() time.Time { return clock }
	w.config.MaxZones = 3
	w.v = New(w.config)
	w.want("a.nsec. A", Secure, "")
	first := w.fetches.Load()
	for range 10 {
		w.want("a.nsec. A", Secure, "")
	}
	if n := w.fetches.Load(); n != first || first != 3 {
		t.Errorf("%d fetches, then %d", first, n)
	}
	clock = clock.Add(300e9)
	w.want("a.nsec. A", Secure, "")
	if n := w.fetches.Load(); n == first {
		t.Error("keys do not expire")
	}
	for _, q := range []string{"a.nsec3. A", "a.child.nsec. A", "a.insecure. A", "a.optout. A", "x.y.z.nsec3. A"} {
		w.check(q)
	}
	if n := len(w.v.memory.zones); n > 3 {
		t.Errorf("%d zones remembered", n)
	}
	w = family(t)
	w.config.Now = func() time.Time { return clock }
	w.v = New(w.config)
	w.fetchInstead("nsec. DNSKEY", wire.RCodeNoError, nil, nil)
	w.want("a.nsec. A", Bogus, "nsec has no DNSKEY records, but a DS record")
	first = w.fetches.Load()
	w.want("b.nsec. A", Bogus, "nsec has no DNSKEY records, but a DS record")
	if n := w.fetches.Load(); n != first {
		t.Errorf("a bogus zone is tried again: %d fetches", n-first)
	}
	w.change = nil
	clock = clock.Add(61e9)
	w.want("b.nsec. A", Secure, "")
}

// TestFetchFails: no reply is indeterminate, and is not remembered.
func TestFetchFails(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if fetched && m.Questions[0].Type == wire.TypeDNSKEY {
			return nil
		}
		return m
	}
	w.want("a.nsec. A", Indeterminate, "no DNSKEY records of .: no server answers")
	w.change = nil
	w.want("a.nsec. A", Secure, "")
}

// TestPartial: an answer that ends with an alias, whose target is asked for
// elsewhere.
func TestPartial(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.Answers = slices.DeleteFunc(slices.Clone(m.Answers), func(r wire.Record) bool { return !r.Name.Equal(m.Questions[0].Name) })
			m.Authority = nil
		}
		return m
	}
	reply := mustReply(t, w.ask(question(t, "far.nsec. A"), false))
	reply.Partial = true
	if r := w.v.Check(t.Context(), reply, nil); r.Verdict != Secure {
		t.Errorf("%+v", r)
	}
	w.want("far.nsec. A", Bogus, "no signed proof that a.nsec3 A does not exist")
}

// TestUnneededRecords: what the answer does not need is not judged, and does
// not make it worse.
func TestUnneededRecords(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.Authority = append(slices.Clone(m.Authority), parse(t, "nsec. NS forged."), parse(t, "x.nsec. NSEC y.nsec. A"))
		}
		return m
	}
	r, reply := w.checkWith("a.nsec. A", nil)
	if r.Verdict != Secure {
		t.Errorf("%+v", r)
	}
	for _, set := range reply.Authority {
		if set.Verdict != Unchecked {
			t.Errorf("%s is %v", set.what(), set.Verdict)
		}
	}
}

// TestForeignSigner: signatures of a name that is not a zone, or of another
// zone.
func TestForeignSigner(t *testing.T) {
	w := family(t)
	w.reply(wire.RCodeNoError, sign(t, "a.nsec.", parse(t, a("a.nsec.", 66))), nil)
	w.want("a.nsec. A", Bogus, "a.nsec A is signed by a.nsec, which is not a zone: it belongs to nsec")
	w.reply(wire.RCodeNoError, sign(t, "nsec3.", parse(t, a("a.nsec3.", 66))), nil)
	w.want("a.nsec3. A", Secure, "")
	forged := sign(t, "nsec3.", parse(t, a("a.nsec3.", 66)))
	for i := range forged {
		forged[i].Name = wire.MustParseName("a.nsec.")
	}
	w.reply(wire.RCodeNoError, forged, nil)
	w.want("a.nsec. A", Bogus, "a.nsec A has no signature of its zone")
}

// TestRCodes: NXDOMAIN with records, and what is not an answer.
func TestRCodes(t *testing.T) {
	w := family(t)
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.RCode = wire.RCodeNXDomain
		}
		return m
	}
	w.want("a.nsec. A", Bogus, "reply is NXDOMAIN and has a.nsec A")
	w.want("a.insecure. A", Insecure, "insecure is delegated without DS records") // no business of DNSSEC
	w.want("a.nsec. AAAA", Bogus, "no NSEC record of nsec covers a.nsec")
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		if !fetched {
			m.RCode = wire.RCodeRefused
		}
		return m
	}
	w.want("a.nsec. A", Indeterminate, "reply for a.nsec A is REFUSED")
}

// TestReplyFromMessage: what is left out.
func TestReplyFromMessage(t *testing.T) {
	rrsig := parse(t, "a.nsec. RRSIG RRSIG 100 2 300 2 1 7 nsec. AAAA")
	m := &wire.Message{Flags: wire.FlagQR, Questions: []wire.Question{question(t, "a.nsec. A")}, Answers: []wire.Record{
		parse(t, a("A.nsec.", 1)), parse(t, a("a.NSEC.", 2)), rrsig,
		parse(t, "a.nsec. RRSIG AAAA 100 2 300 2 1 7 nsec. AAAA"), parse(t, "a.nsec. RRSIG A 100 2 300 2 1 7 nsec. AAAA"),
		{Name: wire.MustParseName("a.nsec."), Type: wire.TypeA, Class: wire.ClassCH, Data: []byte{1, 2, 3, 4}},
	}}
	m.Answers[1].TTL = 7
	r := mustReply(t, m)
	if len(r.Answer) != 1 || len(r.Answer[0].Data) != 2 || r.Answer[0].TTL != 7 || len(r.Answer[0].Signatures) != 1 {
		t.Errorf("%+v", r.Answer)
	}
	m.Flags = 0
	if _, err := ReplyFromMessage(m); err == nil {
		t.Error("a query is taken for a reply")
	}
}

// TestManyAtOnce: one validator for many goroutines, with little room to
// remember, and anchors that change meanwhile.
func TestManyAtOnce(t *testing.T) {
	w := family(t)
	w.config.MaxZones = 2
	w.v = New(w.config)
	questions := []string{"a.nsec. A", "nothing.nsec3. A", "q.w.nsec. A", "a.child.nsec. A", "a.insecure. A", "far.nsec. A"}
	wants := []Verdict{Secure, Secure, Secure, Secure, Insecure, Secure}
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			for i := range 20 {
				n := (g + i) % len(questions)
				if r := w.check(questions[n]); r.Verdict != wants[n] {
					t.Errorf("%s: %v %q", questions[n], r.Verdict, r.Reason)
				}
				w.v.anchors.SetNegative(wire.MustParseName("elsewhere."), now)
				if i%7 == 0 {
					w.v.Forget(wire.MustParseName("nsec."))
				}
			}
		})
	}
	all.Wait()
}
