package sign

import (
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

// TestKnotRequest: a request in the form of Knot DNS is signed by the other machine, and
// what comes back carries the zone through exchanges of its key.
func TestKnotRequest(t *testing.T) {
	l := newOfflineLife(t, KeyPolicy{ZoneLifetime: 30 * day})
	var r *Request
	l.edit(func(s *KeySet) (err error) {
		r, err = s.Request(l.now, l.now.Add(70*day), false)
		return err
	})
	knot := r.Knot()
	for _, p := range knot.Periods {
		for _, set := range p.Sets {
			for _, data := range set.Data {
				if isEntryPoint(data) {
					t.Error("the request has the key of the other machine")
				}
			}
		}
	}
	keys, err := ReadKeys(l.vault, l.zone)
	if err != nil {
		t.Fatal(err)
	}
	done, err := knotAgain(t, knot, l.now).Sign(keys)
	if err != nil {
		t.Fatal(err)
	}
	l.accept(knotAgain(t, done, l.now).Response())
	set := l.advance()
	s, err := New(Policy{}, set.Keys, func() time.Time { return l.now })
	if err != nil {
		t.Fatal(err)
	}
	z := signed(t, s, parse(t, zoneText))
	l.published()
	for end := l.now.Add(60 * day); l.now.Before(end); l.now = l.now.Add(6 * time.Hour) {
		s.SetKeys(l.advance().Keys)
		if _, err := s.Refresh(z); err != nil {
			t.Fatal(err)
		}
		l.published()
		verify(t, z.Snapshot(), l.now)
	}
	if len(l.transitions) < 6 {
		t.Errorf("no key was exchanged: %v", l.transitions)
	}
}

// knotAgain is a request as it comes out of its text.
func knotAgain(t *testing.T, r *KnotRequest, now time.Time) *KnotRequest {
	t.Helper()
	text := r.AppendText(nil, now)
	again, err := ParseKnotRequest(text, "test")
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if back := again.AppendText(nil, now); string(back) != string(text) {
		t.Fatalf("read and written again:\n%s\nbefore:\n%s", back, text)
	}
	return again
}

const (
	knotFrom   = ";; KeySigningRequest 1.0 1796088680 (2026-12-01T01:31:20Z) =========\n"
	knotLater  = ";; KeySigningRequest 1.0 1798680680 (2026-12-31T01:31:20Z) =========\n"
	knotEnd    = ";; KeySigningRequest 1.0 generated at 2026-12-01T01:31:20Z by Knot DNS 3.2.6\n"
	knotRecord = "example.com.        \t3600 DNSKEY 256 3 13 (\n\t\t\t\tqXnhlZQBf7nFRebsyPOSGpGhkQTZDI3gZJKxdHXN\n\t\t\t\tx0pgcLNsDSvWru2HHitP0sVKgQpR0inafv4Fwv7E\n\t\t\t\tuV+kMA==\n\t\t\t\t) ; ZSK, ECDSAP256SHA256 (256b), id = 32031\n"
)

// TestKnotRequestsThatAreWrong: what is cut off, not in order or asks for more than it may is
// refused, by the reader or by the machine that signs.
func TestKnotRequestsThatAreWrong(t *testing.T) {
	k, err := GenerateKey(wire.AlgorithmECDSAP256SHA256, RoleKeys.flags(), 0, time.Unix(1796088680, 0))
	if err != nil {
		t.Fatal(err)
	}
	foreign := strings.Replace(knotRecord, "256 3", "257 3", 1)
	for name, c := range map[string]struct{ text, want string }{
		"right":             {knotFrom + knotRecord + knotLater + knotRecord + knotEnd, ""},
		"cut off":           {knotFrom + knotRecord, "was cut off"},
		"another file":      {"names-keys-request 1\n", "does not begin with"},
		"no time":           {strings.Replace(knotFrom, "1796088680", "soon", 1) + knotRecord + knotEnd, "a time in seconds"},
		"not in order":      {knotLater + knotRecord + knotFrom + knotRecord + knotEnd, "does not begin after"},
		"empty":             {knotFrom + knotEnd, "has no records"},
		"a directive":       {knotFrom + "$INCLUDE /etc/passwd\n" + knotRecord + knotEnd, "a directive"},
		"another type":      {knotFrom + "example.com. 60 A 192.0.2.1\n" + knotEnd, "are not signed in advance"},
		"another name":      {knotFrom + knotRecord + "example.org. 3600 DNSKEY 256 3 13 AAAA\n" + knotEnd, "not at example.com."},
		"twice":             {knotFrom + knotRecord + knotRecord + knotEnd, "twice"},
		"two TTLs":          {knotFrom + knotRecord + "example.com. 60 DNSKEY 256 3 13 AAAA\n" + knotEnd, "different TTLs"},
		"CDS":               {knotFrom + knotRecord + "example.com. 0 CDS 0 0 0 00\n" + knotEnd, "more than DNSKEY records"},
		"too long":          {knotFrom + knotRecord + strings.Replace(knotLater, "1798680680", "1898680680", 1) + knotRecord + knotEnd, "more than two years"},
		"a part without":    {knotFrom + knotRecord + knotLater + knotEnd, "has no DNSKEY records"},
		"key of the parent": {knotFrom + knotRecord + foreign + knotEnd, "which the parent would know"},
		"before the key":    {strings.Replace(knotFrom, "1796088680", "1796088679", 1) + knotRecord + knotEnd, "no key with flags 257 is here"},
		"response":          {strings.ReplaceAll(knotFrom+knotRecord+knotEnd, "KeySigningRequest", "SignedKeyResponse"), "this is a response"},
	} {
		r, err := ParseKnotRequest([]byte(c.text), "test")
		if err == nil {
			_, err = r.Sign([]*Key{k})
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// FuzzKnotRequest reads requests and responses of Knot DNS: an error, or one that is written
// as it was read, which neither machine crashes on.
func FuzzKnotRequest(f *testing.F) {
	k, err := GenerateKey(wire.AlgorithmED25519, RoleKeys.flags(), 0, time.Unix(1796088680, 0))
	if err != nil {
		f.Fatal(err)
	}
	r, err := ParseKnotRequest([]byte(knotFrom+knotRecord+knotLater+knotRecord+knotEnd), "seed")
	if err != nil {
		f.Fatal(err)
	}
	done, err := r.Sign([]*Key{k})
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(knotFrom + knotRecord + knotLater + knotRecord + knotEnd))
	f.Add(done.AppendText(nil, start))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseKnotRequest(text, "fuzz")
		if err != nil {
			return
		}
		written := r.AppendText(nil, start)
		again, err := ParseKnotRequest(written, "again")
		if err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		if back := again.AppendText(nil, start); string(back) != string(written) {
			t.Errorf("read again:\n%s\nbefore:\n%s", back, written)
		}
		_, _ = r.Sign([]*Key{k})
		s := &KeySet{Zone: r.Zone, Keys: []*Key{k}}
		_, _ = s.Accept(r.Response(), start)
	})
}
