package recursor

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/recursor/internal/testnet"
	"github.com/names-dns/names/wire"
)

// judge is a validator that goes by what data says: what has a signature is
// secure, what has the key tag 666 is bogus, and a name with "dear" in it takes
// more work than there is. It notes what it was given.
type judge struct {
	mu   sync.Mutex
	seen []string
	// fetches: the keys of the zone are fetched for each part.
	fetches bool
}

func (j *judge) validate(v *validation) error {
	p := v.part
	j.mu.Lock()
	text := p.question.Name.String() + " " + p.question.Type.String()
	if v.cut != nil {
		text += " from " + v.cut.zone.String()
	}
	if len(p.authority) > 0 {
		text += " with"
		for _, set := range p.authority {
			text += " " + set.kind.String()
		}
	}
	j.seen = append(j.seen, text)
	j.mu.Unlock()
	if strings.Contains(text, "dear") {
		v.budget.counts.hit(LimitVerifications)
		return exhausted("more signatures than one query may cost")
	}
	if j.fetches && v.cut != nil && !v.isReferral {
		if keys, err := v.fetch(v.cut.zone, wire.TypeDNSKEY); err != nil || len(keys.answer) != 1 || keys.security != cache.Unchecked {
			return errors.New("there are no keys")
		}
	}
	sets := append(append([]rrset(nil), p.answer...), p.authority...)
	p.security = cache.Secure
	for _, set := range sets {
		switch {
		case len(set.signatures) == 0:
			if p.security == cache.Secure {
				p.security = cache.Insecure
			}
		case strings.Contains(set.signatures[0].String(), " 666 "):
			p.security = cache.Bogus
		}
	}
	if p.security == cache.Bogus {
		return &Failure{Code: wire.ExtendedErrorBogus, Text: "the signature of " + p.question.Name.String() + " does not hold"}
	}
	return nil
}

// take returns what was given since the last time.
func (j *judge) take() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	seen := strings.Join(j.seen, "\n")
	j.seen = nil
	return seen
}

const signedWorld = `
zone . on 198.41.0.4
  @                   NS    a.root-servers.net.
  a.root-servers.net. A     198.41.0.4
  example.            NS    ns1.example.
  example.            NS    ns2.example.
  example.            DS    4711 8 2 1111111111111111111111111111111111111111111111111111111111111111
  example.            RRSIG DS 8 1 3600 20300101000000 20260101000000 1 . AAAA
  ns1.example.        A     192.0.2.53
  ns2.example.        A     192.0.2.54
  lost.               NS    ns.lost.
  lost.               DS    4711 8 2 1111111111111111111111111111111111111111111111111111111111111111
  lost.               RRSIG DS 8 1 3600 20300101000000 20260101000000 666 . AAAA
  ns.lost.            A     192.0.2.55

zone example. on 192.0.2.53 192.0.2.54
  @         NS     ns1
  ns1       A      192.0.2.53
  @         DNSKEY 257 3 8 AAAA
  www       A      192.0.2.80
  www       RRSIG  A 8 2 3600 20300101000000 20260101000000 1 example. AAAA
  plain     A      192.0.2.81
  bad       A      192.0.2.82
  bad       RRSIG  A 8 2 3600 20300101000000 20260101000000 666 example. AAAA
  dear      A      192.0.2.83
  alias     CNAME  www
  alias     RRSIG  CNAME 8 2 3600 20300101000000 20260101000000 1 example. AAAA
  mixed     CNAME  plain
  mixed     RRSIG  CNAME 8 2 3600 20300101000000 20260101000000 1 example. AAAA
  broken    CNAME  bad
  broken    RRSIG  CNAME 8 2 3600 20300101000000 20260101000000 1 example. AAAA

zone lost. on 192.0.2.55
  www       A      192.0.2.84
`

// playSigned plays a world, given as the beginning of a story, with a recursor
// that has j for its validator.
func playSigned(t *testing.T, text string, j *judge, act func(t *testing.T, r *Recursor, w *testnet.World)) {
	t.Helper()
	f, err := testnet.Parse("world", text+"\nstory it\nadvance 0s\n")
	if err != nil {
		t.Fatal(err)
	}
	f.Stories[0].Play(t, func(w *testnet.World, _ []testnet.Setting) (names.Resolver, func(), error) {
		c, err := cache.New(cache.Config{Size: 1 << 20})
		if err != nil {
			return nil, nil, err
		}
		config := Config{Network: w, Cache: c}
		for _, h := range w.Hints() {
			config.Hints = append(config.Hints, Hint{h.Name, []netip.AddrPort{netip.AddrPortFrom(h.Addrs[0], 53)}})
		}
		r, err := New(config)
		if err != nil {
			return nil, nil, err
		}
		r.validate = j.validate
		act(t, r, w)
		return r, func() { r.Close() }, nil
	})
}

// TestAnswersAreAsSecureAsTheirParts: AD is set if each alias and the records
// asked for are secure, fresh and from the cache; what is bogus is SERVFAIL but
// for clients that set CD.
func TestAnswersAreAsSecureAsTheirParts(t *testing.T) {
	j := &judge{fetches: true}
	playSigned(t, signedWorld, j, func(t *testing.T, r *Recursor, w *testnet.World) {
		for round := range 2 { // fresh, and from the cache
			for _, test := range []struct {
				name    string
				isAD    bool
				answers int
				code    wire.ExtendedErrorCode // of a failure
				cd      int                    // records with CD
			}{
				{"www.example.", true, 1, 0, 1},
				{"plain.example.", false, 1, 0, 1},
				{"alias.example.", true, 2, 0, 2},
				{"mixed.example.", false, 2, 0, 2},
				{"bad.example.", false, 0, wire.ExtendedErrorBogus, 1},
				{"broken.example.", false, 0, wire.ExtendedErrorBogus, 2},
				{"www.lost.", false, 0, wire.ExtendedErrorBogus, 1},
				{"dear.example.", false, 0, wire.ExtendedErrorOther, 1},
			} {
				if round == 1 && test.name == "www.lost." {
					continue // the query with CD brought the delegation, and this judge knows no chains
				}
				m, err := namestest.Try(t, r, test.name, wire.TypeA, namestest.WithFlags(wire.FlagAD))
				var failure *Failure
				switch {
				case test.answers == 0:
					if !errors.As(err, &failure) || failure.Code != test.code {
						t.Errorf("%s: %v, not a failure with extended error %v", test.name, err, test.code)
					}
				case err != nil:
					t.Errorf("%s: %v", test.name, err)
				case len(m.Answers) != test.answers || m.Flags.Has(wire.FlagAD) != test.isAD:
					t.Errorf("%s: %v", test.name, m)
				}
				m, err = namestest.Try(t, r, test.name, wire.TypeA, namestest.WithFlags(wire.FlagCD|wire.FlagAD))
				if err != nil && test.cd > 0 || err == nil && (len(m.Answers) != test.cd || m.Flags.Has(wire.FlagAD) != test.isAD) {
					t.Errorf("%s with CD: %v\n%v", test.name, err, m)
				}
			}
		}
	})
}

// TestEachPartIsValidatedOnce: parts are validated name by name, a referral
// with its DS records, and not again while they are in the cache.
func TestEachPartIsValidatedOnce(t *testing.T) {
	j := &judge{}
	playSigned(t, signedWorld, j, func(t *testing.T, r *Recursor, w *testnet.World) {
		namestest.Ask(t, r, "alias.example.", wire.TypeA)
		want := "example. DS from .\nalias.example. CNAME from example.\nwww.example. A from example."
		if got := j.take(); got != want {
			t.Errorf("validated:\n%s\nwant:\n%s", got, want)
		}
		namestest.Ask(t, r, "alias.example.", wire.TypeA)
		namestest.Ask(t, r, "www.example.", wire.TypeA)
		if got := j.take(); got != "" {
			t.Errorf("validated again:\n%s", got)
		}
		_, _, security, ok := r.cache.FindDelegation(wire.MustParseName("www.example."), wire.ClassIN, nil)
		if !ok || security != cache.Secure {
			t.Errorf("the delegation is %v", security)
		}
		if ds, ok := r.delegatedDS(wire.MustParseName("example."), false); !ok || len(ds.answers) != 2 {
			t.Errorf("the delegation has DS records %v", ds)
		}
	})
}

// TestUncheckedPartsAreValidatedWhenUsed: a cache that was filled without
// validation does not get around it, and does not keep servers from being asked.
func TestUncheckedPartsAreValidatedWhenUsed(t *testing.T) {
	j := &judge{}
	playSigned(t, signedWorld, j, func(t *testing.T, r *Recursor, w *testnet.World) {
		r.validate = nil
		for _, name := range []string{"bad.example.", "alias.example."} {
			if m := namestest.Ask(t, r, name, wire.TypeA, namestest.WithFlags(wire.FlagAD)); m.Flags.Has(wire.FlagAD) {
				t.Errorf("%s has AD, and was not validated", name)
			}
		}
		r.validate = j.validate
		if _, err := namestest.Try(t, r, "bad.example.", wire.TypeA); err == nil {
			t.Error("a bogus answer from the cache")
		}
		if m := namestest.Ask(t, r, "alias.example.", wire.TypeA, namestest.WithFlags(wire.FlagAD)); !m.Flags.Has(wire.FlagAD) {
			t.Error("a secure answer from the cache has no AD")
		}
		if got, want := j.take(), "bad.example. A\nbad.example. A from example.\nbad.example. A from example.\nalias.example. CNAME\nwww.example. A"; got != want {
			t.Errorf("validated:\n%s\nwant:\n%s", got, want)
		}
	})
}

// TestOtherServersAreTriedAfterBogusData: one server with bad signatures does not
// make SERVFAIL, and a zone in which all are bad costs a bounded number of
// queries.
func TestOtherServersAreTriedAfterBogusData(t *testing.T) {
	const bad = `
zone example. on 192.0.2.53
  @         NS     ns1
  www       A      192.0.2.66
  www       RRSIG  A 8 2 3600 20300101000000 20260101000000 666 example. AAAA
`
	for i := range 8 { // servers are chosen at random
		j := &judge{}
		playSigned(t, signedWorld+bad, j, func(t *testing.T, r *Recursor, w *testnet.World) {
			m := namestest.Ask(t, r, "www.example.", wire.TypeA, namestest.WithFlags(wire.FlagAD))
			if len(m.Answers) != 1 || !m.Flags.Has(wire.FlagAD) || !strings.Contains(m.Answers[0].String(), "192.0.2.80") {
				t.Errorf("round %d: %v", i, m)
			}
		})
	}
	j := &judge{}
	playSigned(t, signedWorld, j, func(t *testing.T, r *Recursor, w *testnet.World) {
		if _, err := namestest.Try(t, r, "bad.example.", wire.TypeA); err == nil {
			t.Error("a bogus answer")
		}
		if n := strings.Count(j.take(), "bad.example. A from"); n != 2 {
			t.Errorf("the answer was validated %d times, not once for each server", n)
		}
		if _, err := namestest.Try(t, r, "bad.example.", wire.TypeA); err == nil || j.take() != "" {
			t.Error("a bogus answer was asked for again at once")
		}
	})
}

// TestDenialWithoutSOAKeepsItsProof: what proves that there is no DS record, in a
// referral or in a reply without an SOA record, is there for validation.
func TestDenialWithoutSOAKeepsItsProof(t *testing.T) {
	const world = `
zone . on 198.41.0.4
  @                   NS    a.root-servers.net.
  a.root-servers.net. A     198.41.0.4
  plain.              NS    ns.plain.
  ns.plain.           A     192.0.2.53
zone plain. on 192.0.2.53
  @         NS     ns
  ns        A      192.0.2.53
  www       A      192.0.2.80
server 198.41.0.4
  if below plain.: adds authority
    plain. 300 NSEC q. NS RRSIG NSEC
    plain. 300 RRSIG NSEC 8 1 300 20300101000000 20260101000000 1 . AAAA
  if name plain.: adds authority
    plain. 300 NSEC q. NS RRSIG NSEC
    plain. 300 RRSIG NSEC 8 1 300 20300101000000 20260101000000 1 . AAAA
server 192.0.2.53
  if name none.plain.: reply
    ;; flags: qr aa
    ;; AUTHORITY SECTION:
    none.plain. 300 NSEC o.plain. TXT RRSIG NSEC
    none.plain. 300 RRSIG NSEC 8 2 300 20300101000000 20260101000000 1 plain. AAAA
`
	j := &judge{}
	playSigned(t, world, j, func(t *testing.T, r *Recursor, w *testnet.World) {
		namestest.Ask(t, r, "none.plain.", wire.TypeA)
		got := j.take()
		for _, want := range []string{"plain. DS from . with NSEC", "none.plain. A from plain. with NSEC"} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is missing in\n%s", want, got)
			}
		}
		if a, ok := r.delegatedDS(wire.MustParseName("plain."), true); !ok || len(a.authority) != 2 || len(a.answers) != 0 {
			t.Errorf("the denial of the delegation's DS records: %v", a)
		}
		if _, ok := r.delegatedDS(wire.MustParseName("plain."), false); ok {
			t.Error("a client is given a denial without an SOA record")
		}
	})
}

// TestAbandonedValidationEnds: when no client waits any longer, what its validation
// waits for ends as well, unless another fetch needs it.
func TestAbandonedValidationEnds(t *testing.T) {
	const silent = `
server 192.0.2.53
  if type DNSKEY: silent
server 192.0.2.54
  if type DNSKEY: silent
`
	for _, isShared := range []bool{false, true} {
		j := &judge{fetches: true}
		playSigned(t, signedWorld+silent, j, func(t *testing.T, r *Recursor, w *testnet.World) {
			fetches := func() int {
				r.mu.Lock()
				defer r.mu.Unlock()
				return len(r.fetches)
			}
			ask := func(name string) (ended chan error, cancel context.CancelFunc) {
				ctx, cancel := context.WithCancel(context.Background())
				ended = make(chan error, 1)
				key := fetchKeyOf(wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN})
				go func() {
					_, err := r.fetchAnswer(ctx, key, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, netip.Addr{})
					ended <- err
				}()
				return ended, cancel
			}
			first, cancel := ask("www.example.")
			time.Sleep(time.Second)
			if n := fetches(); n != 2 {
				t.Fatalf("%d fetches, not that of the client and one for the keys", n)
			}
			want := 0
			if isShared {
				other, cancelOther := ask("plain.example.")
				defer func() { cancelOther(); <-other }()
				time.Sleep(time.Second)
				want = 2
			}
			cancel()
			synctest.Wait()
			if n := fetches(); n != want {
				t.Errorf("%d fetches are left, not %d", n, want)
			}
			if !isShared {
				if err := <-first; err == nil {
					t.Error("an answer without keys")
				}
			}
		})
	}
}
