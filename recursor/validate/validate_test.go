package validate

import (
	"testing"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
)

// family is a root with a signed zone of NSEC, one of NSEC3, one with opt-out,
// an insecure one and a signed one below that.
func family(t testing.TB) *world {
	optOut := options(t, "optout.", signedtree.NSEC3)
	optOut.OptOut = true
	salted := options(t, "nsec3.", signedtree.NSEC3)
	salted.Iterations, salted.Salt = 10, []byte{1, 2}
	return newWorld(t,
		signZone(t, ".", options(t, ".", signedtree.NSEC),
			"nsec. NS ns.elsewhere.", dsLine(t, "nsec."), "nsec3. NS ns.elsewhere.", dsLine(t, "nsec3."),
			"optout. NS ns.elsewhere.", dsLine(t, "optout."), "insecure. NS ns.elsewhere."),
		signZone(t, "nsec.", options(t, "nsec.", signedtree.NSEC),
			a("a.nsec.", 1), "a.nsec. TXT text", a("x.y.z.nsec.", 2), a("*.w.nsec.", 3), "alias.nsec. CNAME a.nsec.", "far.nsec. CNAME a.nsec3.",
			"out.nsec. CNAME a.insecure.", "gone.nsec. CNAME nothing.nsec.", "d.nsec. DNAME nsec3.", "*.c.nsec. CNAME a.nsec.",
			"child.nsec. NS ns.elsewhere.", dsLine(t, "child.nsec."), "unsigned.nsec. NS ns.elsewhere."),
		signZone(t, "child.nsec.", options(t, "child.nsec.", signedtree.NSEC), a("a.child.nsec.", 4)),
		signZone(t, "unsigned.nsec.", signedtree.Options{}, a("a.unsigned.nsec.", 5)),
		signZone(t, "nsec3.", salted,
			a("a.nsec3.", 1), a("x.y.z.nsec3.", 2), a("*.w.nsec3.", 3), "alias.nsec3. CNAME a.nsec.",
			"child.nsec3. NS ns.elsewhere.", dsLine(t, "child.nsec3."), "unsigned.nsec3. NS ns.elsewhere."),
		signZone(t, "child.nsec3.", options(t, "child.nsec3.", signedtree.NSEC3), a("a.child.nsec3.", 4)),
		signZone(t, "unsigned.nsec3.", signedtree.Options{}, a("a.unsigned.nsec3.", 5)),
		signZone(t, "optout.", optOut, a("a.optout.", 1), a("*.w.optout.", 1), "unsigned.optout. NS ns.elsewhere.",
			"signed.optout. NS ns.elsewhere.", dsLine(t, "signed.optout.")),
		signZone(t, "signed.optout.", options(t, "signed.optout.", signedtree.NSEC), a("a.signed.optout.", 1)),
		signZone(t, "unsigned.optout.", signedtree.Options{}, a("a.unsigned.optout.", 5)),
		signZone(t, "insecure.", signedtree.Options{}, a("a.insecure.", 6), "alias.insecure. CNAME a.nsec.",
			"island.insecure. NS ns.elsewhere.", dsLine(t, "island.insecure.")),
		signZone(t, "island.insecure.", options(t, "island.insecure.", signedtree.NSEC), a("a.island.insecure.", 7)),
	)
}

func TestVerdicts(t *testing.T) {
	w := family(t)
	for _, c := range []struct {
		question string
		want     Verdict
		reason   string
	}{
		{". NS", Secure, ""},
		{". DNSKEY", Secure, ""},
		{". DS", Secure, ""}, // no data; there is no parent to ask
		{"nsec. SOA", Secure, ""},
		{"nsec. DNSKEY", Secure, ""},
		{"nsec. DS", Secure, ""},
		{"a.nsec. A", Secure, ""},
		{"A.NSEC. A", Secure, ""},
		{"a.nsec. ANY", Secure, ""},
		{"a.nsec. AAAA", Secure, ""},      // no data
		{"y.z.nsec. A", Secure, ""},       // an empty non-terminal
		{"nothing.nsec. A", Secure, ""},   // NXDOMAIN
		{"x.nothing.nsec. A", Secure, ""}, // NXDOMAIN
		{"zzz.nsec. A", Secure, ""},       // after the last name
		{"q.w.nsec. A", Secure, ""},       // a wildcard
		{"q.r.w.nsec. A", Secure, ""},     // over two labels
		{"*.w.nsec. A", Secure, ""},       // the wildcard itself
		{"q.w.nsec. AAAA", Secure, ""},    // no data at a wildcard
		{"w.nsec. A", Secure, ""},
		{"alias.nsec. A", Secure, ""},
		{"alias.nsec. AAAA", Secure, ""},
		{"alias.nsec. CNAME", Secure, ""},
		{"q.c.nsec. A", Secure, ""}, // a wildcard that is an alias
		{"far.nsec. A", Secure, ""},
		{"gone.nsec. A", Secure, ""},
		{"a.d.nsec. A", Secure, ""}, // a DNAME record
		{"nothing.d.nsec. A", Secure, ""},
		{"out.nsec. A", Insecure, "insecure is delegated without DS records"},
		{"a.child.nsec. A", Secure, ""},
		{"b.child.nsec. A", Secure, ""},
		{"unsigned.nsec. DS", Secure, ""},
		{"a.unsigned.nsec. A", Insecure, "unsigned.nsec is delegated without DS records"},
		{"b.unsigned.nsec. A", Insecure, "unsigned.nsec is delegated without DS records"},
		{"a.nsec3. A", Secure, ""},
		{"a.nsec3. AAAA", Secure, ""},
		{"y.z.nsec3. A", Secure, ""},
		{"nothing.nsec3. A", Secure, ""},
		{"x.nothing.nsec3. A", Secure, ""},
		{"q.w.nsec3. A", Secure, ""},
		{"q.r.w.nsec3. A", Secure, ""},
		{"q.w.nsec3. AAAA", Secure, ""},
		{"alias.nsec3. A", Secure, ""},
		{"a.child.nsec3. A", Secure, ""},
		{"unsigned.nsec3. DS", Secure, ""},
		{"a.unsigned.nsec3. A", Insecure, "unsigned.nsec3 is delegated without DS records"},
		{"a.optout. A", Secure, ""},
		{"a.optout. AAAA", Secure, ""},
		{"nothing.optout. A", Insecure, "nothing.optout is in an opt-out range of optout"},
		{"q.w.optout. A", Insecure, "q.w.optout is in an opt-out range of optout"},
		{"a.unsigned.optout. A", Insecure, "unsigned.optout is in an opt-out range of optout"},
		{"unsigned.optout. DS", Insecure, "unsigned.optout is in an opt-out range of optout"},
		{"a.signed.optout. A", Secure, ""},
		{"a.insecure. A", Insecure, "insecure is delegated without DS records"},
		{"b.insecure. A", Insecure, "insecure is delegated without DS records"},
		{"alias.insecure. A", Insecure, "insecure is delegated without DS records"},
		{"a.island.insecure. A", Insecure, "insecure is delegated without DS records"},
		{"nothing. A", Secure, ""},
		{"a.nsec. RRSIG", Insecure, "a.nsec RRSIG has no signatures"},
	} {
		w.want(c.question, c.want, c.reason)
	}
}

// TestAnchorsAndNegativeOnes: what no anchor is above is not validated; islands are
// with an anchor of their own, and negative anchors take zones out.
func TestAnchorsAndNegativeOnes(t *testing.T) {
	w := family(t)
	w.v.anchors.Remove(wire.Root)
	w.want("a.nsec. A", Insecure, "no trust anchor at or above a.nsec")
	if err := w.v.anchors.AddDNSKEY(wire.MustParseName("island.insecure."), &newKey(t, "island.insecure.").Record); err != nil {
		t.Fatal(err)
	}
	w.want("a.island.insecure. A", Secure, "")
	w.want("a.insecure. A", Insecure, "no trust anchor at or above a.insecure")
	w.v.anchors.SetNegative(wire.MustParseName("a.island.insecure."), now.Add(1))
	w.want("a.island.insecure. A", Insecure, "negative trust anchor for a.island.insecure")

	w = family(t)
	w.v.anchors.SetNegative(wire.MustParseName("nsec."), now.Add(day))
	w.want("a.nsec. A", Insecure, "negative trust anchor for nsec")
	w.want("a.child.nsec. A", Insecure, "negative trust anchor for nsec")
	w.want("a.nsec3. A", Secure, "")
	if err := w.v.anchors.AddDNSKEY(wire.MustParseName("child.nsec."), &newKey(t, "child.nsec.").Record); err != nil {
		t.Fatal(err)
	}
	w.want("a.child.nsec. A", Secure, "") // RFC 7646 2: the nearer anchor counts
	w.v.anchors.SetNegative(wire.MustParseName("nsec."), now)
	w.want("a.nsec. A", Secure, "") // it has ended
	w.v.anchors.SetNegative(wire.MustParseName("child.nsec."), now.Add(day))
	w.want("a.child.nsec. A", Insecure, "negative trust anchor for child.nsec")
	if r := w.check("a.child.nsec. A"); r.Reason.Code != wire.ExtendedErrorNegativeTrustAnchor {
		t.Error(r.Reason.Code)
	}
}

// TestClockThatIsSet: an old clock makes names bogus, and says why. Once it is set they are
// proved, with nothing remembered of before.
func TestClockThatIsSet(t *testing.T) {
	w := family(t)
	at := time.Date(1970, 1, 1, 0, 1, 0, 0, time.UTC)
	w.config.Now = func() time.Time { return at }
	w.v = New(w.config)
	for range 2 {
		r := w.check("a.nsec. A")
		if r.Verdict != Bogus || r.Reason.Code != wire.ExtendedErrorSignatureNotYetValid {
			t.Errorf("in 1970: %v %d %q", r.Verdict, r.Reason.Code, r.Reason)
		}
	}
	at = now
	w.want("a.nsec. A", Secure, "")
}
