package validate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// servers is a resolver with several servers, each of which has a world in its own
// shape. All of them are asked in order.
type servers struct {
	*world
	shapes []func(*wire.Message, bool) *wire.Message
	asked  []int // which servers, with CD; without it 100 is added
}

func serverAt(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), 53)
}

func (s *servers) Resolve(ctx context.Context, x *names.Exchange) error {
	return s.ResolveExcept(ctx, x, new([]netip.AddrPort))
}

func (s *servers) ResolveExcept(ctx context.Context, x *names.Exchange, tried *[]netip.AddrPort) error {
	for i, shape := range s.shapes {
		if slices.Contains(*tried, serverAt(i)) {
			continue
		}
		*tried = append(*tried, serverAt(i))
		if x.Query.Header.Flags.Has(wire.FlagCD) {
			s.asked = append(s.asked, i)
		} else {
			s.asked = append(s.asked, i+100)
			shape = nil // it validates, and has asked others
		}
		s.change = shape
		return s.world.Resolve(ctx, x)
	}
	return names.ErrPass
}

func (s *servers) HasServersBelow(zone, name wire.Name) bool {
	own := wire.MustParseName("own.nsec.")
	return name.HasSuffix(own) && !zone.HasSuffix(own)
}

func (s *servers) TrustsAD(wire.Question) bool { return false }

// trusted is a server that is believed, or not, if it says that an answer is authentic.
type trusted struct {
	*world
	isTrusted, setsAD bool
	flags             []wire.Flags // of the queries for addresses
}

func (s *trusted) Resolve(ctx context.Context, x *names.Exchange) error {
	if x.Query.Question.Type == wire.TypeA {
		s.flags = append(s.flags, x.Query.Header.Flags)
	}
	if err := s.world.Resolve(ctx, x); err != nil {
		return err
	}
	if s.isTrusted && s.setsAD {
		x.Reply.Flags |= wire.FlagAD
	}
	return nil
}

func (s *trusted) ResolveExcept(ctx context.Context, x *names.Exchange, tried *[]netip.AddrPort) error {
	if len(*tried) > 0 {
		return names.ErrPass
	}
	*tried = append(*tried, serverAt(0))
	return s.Resolve(ctx, x)
}

func (s *trusted) HasServersBelow(zone, name wire.Name) bool { return false }

func (s *trusted) TrustsAD(wire.Question) bool { return s.isTrusted }

// TestTrustedAD: a server that is believed needs no proofs if it sets AD, and is asked
// without CD; if it does not set AD, it needs them like all others. What was not proved
// here denies no other names.
func TestTrustedAD(t *testing.T) {
	s := &trusted{world: family(t), isTrusted: true, setsAD: true}
	config := s.config
	config.Fetcher, config.RangeSize = nil, 1<<20
	r := NewResolver(s, config)
	ask := func(name string) (*wire.Message, error) {
		s.flags = nil
		s.change = stripSignatures("bad.nsec.")
		if name == "a.nsec." {
			s.change = stripSignatures(name)
		}
		return namestest.Try(t, r, name, wire.TypeA, namestest.WithDO(), namestest.OverTCP())
	}
	m, err := ask("a.nsec.")
	if err != nil || !m.Flags.Has(wire.FlagAD) || len(m.Answers) != 1 || len(s.flags) != 1 || s.flags[0].Has(wire.FlagCD) || !s.flags[0].Has(wire.FlagAD) {
		t.Errorf("with AD: %v, queries have flags %v\n%v", err, s.flags, m)
	}
	if m, err := ask("nothing.nsec."); err != nil || !m.Flags.Has(wire.FlagAD) || m.RCode != wire.RCodeNXDomain || !hasType(m.Authority, wire.TypeNSEC) {
		t.Errorf("denied with AD: %v\n%v", err, m)
	}
	atOnce := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error { return r.TryResolve(x) })
	if _, err := namestest.Try(t, atOnce, "nothing2.nsec.", wire.TypeA); err != names.ErrSlow {
		t.Errorf("another name is denied: %v", err)
	}
	s.setsAD = false
	if m, err := ask("a.nsec."); err == nil {
		t.Errorf("bogus without AD:\n%v", m)
	}
	if m, err := ask("q.w.nsec."); err != nil || !m.Flags.Has(wire.FlagAD) || len(s.flags) != 1 || s.flags[0].Has(wire.FlagCD) {
		t.Errorf("proved without AD: %v, queries have flags %v\n%v", err, s.flags, m)
	}
	s.isTrusted, s.setsAD = false, true
	if m, err := ask("a.nsec."); err == nil {
		t.Errorf("AD of a server that is not believed:\n%v", m)
	}
	if len(s.flags) != 2 || !s.flags[0].Has(wire.FlagCD) {
		t.Errorf("a server that is not believed got queries with flags %v", s.flags)
	}
}

// TestElsewhere: what one server has wrong is asked of the next, three times at the
// most, and of the first one without CD if there is none.
func TestElsewhere(t *testing.T) {
	bad := stripSignatures("a.nsec.")
	badKeys := func(m *wire.Message, _ bool) *wire.Message {
		if q := m.Questions[0]; q.Type != wire.TypeDNSKEY || !q.Name.Equal(wire.MustParseName("nsec.")) {
			return m
		}
		changed := *m
		changed.Answers = nil
		return &changed
	}
	for _, c := range []struct {
		title  string
		shapes []func(*wire.Message, bool) *wire.Message
		ad     bool
		asked  []int // for the address
	}{
		{"all are right", []func(*wire.Message, bool) *wire.Message{nil, nil}, true, []int{0}},
		{"the first is wrong", []func(*wire.Message, bool) *wire.Message{bad, nil}, true, []int{0, 1}},
		{"two are wrong", []func(*wire.Message, bool) *wire.Message{bad, bad, nil}, true, []int{0, 1, 2}},
		{"many are wrong", []func(*wire.Message, bool) *wire.Message{bad, bad, bad, nil}, false, []int{0, 1, 2}},
		{"the only one is wrong", []func(*wire.Message, bool) *wire.Message{bad}, true, []int{0, 100}},
		{"keys of the first are wrong", []func(*wire.Message, bool) *wire.Message{badKeys, nil}, true, []int{0}},
	} {
		w := &servers{world: family(t), shapes: c.shapes}
		config := w.config
		config.Fetcher = nil
		r := NewResolver(w, config)
		namestest.Ask(t, r, "nothing.nsec3.", wire.TypeA) // the way to the root's keys
		w.asked = nil
		m, err := namestest.Try(t, r, "a.nsec.", wire.TypeA, namestest.WithDO())
		if c.ad != (err == nil && m.Flags.Has(wire.FlagAD)) {
			t.Errorf("%s: %v\n%v", c.title, err, m)
		}
		if got := slices.DeleteFunc(w.asked, func(i int) bool { return c.title[0] == 'k' && i > 0 }); len(got) < len(c.asked) {
			t.Errorf("%s: servers %v were asked", c.title, w.asked)
		}
		for _, i := range c.asked {
			if !slices.Contains(w.asked, i) {
				t.Errorf("%s: servers %v were asked, not %d", c.title, w.asked, i)
			}
		}
		if err != nil {
			if failure, ok := errors.AsType[*Error](err); !ok || failure.Verdict != Bogus {
				t.Errorf("%s: %v", c.title, err)
			}
		}
		if slices.Contains(w.asked, 3) {
			t.Errorf("%s: servers %v were asked", c.title, w.asked)
		}
	}
}

// TestResolverDenies: names that are proved not to exist are not asked for.
func TestResolverDenies(t *testing.T) {
	w := &servers{world: family(t), shapes: []func(*wire.Message, bool) *wire.Message{nil}}
	config := w.config
	config.Fetcher, config.RangeSize = nil, 1<<20
	r := NewResolver(w, config)
	try := func(name string) (*wire.Message, error) {
		t.Helper()
		return namestest.Try(t, names.ResolverFunc(func(_ context.Context, x *names.Exchange) error { return r.TryResolve(x) }),
			name, wire.TypeA, namestest.WithDO(), namestest.OverTCP())
	}
	if _, err := try("nothing.nsec."); err != names.ErrSlow {
		t.Errorf("before: %v", err)
	}
	namestest.Ask(t, r, "nothing.nsec.", wire.TypeA)
	w.asked = nil
	m, err := try("nothinG2.nsec.")
	if err != nil || m.RCode != wire.RCodeNXDomain || !m.Flags.Has(wire.FlagAD) || !hasType(m.Authority, wire.TypeNSEC) || r.Synthesised() != 1 {
		t.Errorf("%v\n%v", err, m)
	}
	for _, name := range []string{"a.nsec.", "x.own.nsec.", "nothing.nsec3.", "q.w.nsec."} {
		if _, err := try(name); err != names.ErrSlow {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(w.asked) != 0 {
		t.Errorf("servers %v were asked", w.asked)
	}
	r.Forget(wire.MustParseName("nsec."))
	if _, err := try("nothing2.nsec."); err != names.ErrSlow {
		t.Errorf("after it was forgotten: %v", err)
	}
}

// TestResolverExpands: names that a wildcard stands for get its records without a
// query, with the proof that they are not there, and names that are there do not.
func TestResolverExpands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &servers{world: family(t), shapes: []func(*wire.Message, bool) *wire.Message{nil}}
		config := w.config
		config.Fetcher, config.RangeSize = nil, 1<<20
		r := NewResolver(w, config)
		ask := func(name string, typ wire.Type) (*wire.Message, bool) {
			t.Helper()
			w.asked = nil
			m := namestest.Ask(t, r, name, typ, namestest.WithDO(), namestest.OverTCP())
			return m, len(w.asked) > 0
		}
		for _, zone := range []string{"nsec.", "nsec3."} {
			ask("q.w."+zone, wire.TypeA)
			if _, asked := ask("q2.w."+zone, wire.TypeA); !asked {
				t.Errorf("%s: there was no SOA record to end the proof by", zone)
			}
			for i := range 8 { // these have it, and all NSEC3 records
				ask(fmt.Sprintf("none%d.w.%s", i, zone), wire.TypeAAAA)
			}
			m, asked := ask("Q3.w."+zone, wire.TypeA)
			if asked || m.RCode != wire.RCodeNoError || !m.Flags.Has(wire.FlagAD) || len(m.Answers) != 2 || !m.Answers[0].Name.Equal(wire.MustParseName("q3.w."+zone)) ||
				string(m.Answers[0].Data) != "\xc0\x00\x02\x03" || !hasType(m.Authority, wire.TypeRRSIG) || hasType(m.Authority, wire.TypeSOA) {
				t.Errorf("%s: asked: %v\n%v", zone, asked, m)
			}
			if got := w.v.Check(t.Context(), mustReply(t, m), nil); got.Verdict != Secure {
				t.Errorf("%s: what was made is %v %q", zone, got.Verdict, got.Reason)
			}
			if m := namestest.Ask(t, r, "q4.w."+zone, wire.TypeA); len(m.Answers) != 1 || len(m.Authority) != 0 || m.Flags.Has(wire.FlagAD) {
				t.Errorf("%s without DO:\n%v", zone, m)
			}
			if _, asked := ask("a."+zone, wire.TypeA); !asked {
				t.Errorf("a.%s comes from a wildcard", zone)
			}
		}
		if r.Synthesised() != 4 {
			t.Errorf("%d answers were made", r.Synthesised())
		}
		r.wildcards.forget(wire.MustParseName("w.nsec."))
		if _, asked := ask("q5.w.nsec.", wire.TypeA); !asked {
			t.Error("a wildcard that was forgotten counts")
		}
		time.Sleep(299500 * time.Millisecond)
		if _, asked := ask("q6.w.nsec3.", wire.TypeA); !asked {
			t.Error("a wildcard outlives its TTL")
		}
	})
}

// TestWildcardsAreBounded: in number and size; an alias is not kept.
func TestWildcardsAreBounded(t *testing.T) {
	var w wildcards
	keep := func(name string, typ wire.Type, size int) {
		owner := wire.MustParseName("*." + name)
		w.keep(&Reply{Question: wire.Question{Name: wire.MustParseName("x." + name), Type: typ, Class: wire.ClassIN}, Answer: []*RRset{{
			RRset:   dnssec.RRset{Name: wire.MustParseName("x." + name), Type: typ, Class: wire.ClassIN, TTL: 300, Data: [][]byte{make([]byte, size)}},
			Verdict: Secure, Wildcard: owner,
		}}}, now)
	}
	keep("large.", wire.TypeTXT, maxWildcard+1)
	keep("alias.", wire.TypeCNAME, 1)
	if len(w.sets) != 0 {
		t.Errorf("%d are kept", len(w.sets))
	}
	for i := range maxWildcards + 10 {
		keep(fmt.Sprintf("n%d.", i), wire.TypeTXT, maxWildcard)
	}
	if len(w.sets) != maxWildcards {
		t.Errorf("%d are kept", len(w.sets))
	}
}
