package validate

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
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
