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
