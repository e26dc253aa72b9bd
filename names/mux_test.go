package names_test

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// always answers every question with one address.
type always byte

func (a always) TryResolve(x *names.Exchange) error {
	return x.Reply.Record(x.Question().Name, wire.ClassIN, 60, &wire.A{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(a)})})
}

func (a always) Resolve(_ context.Context, x *names.Exchange) error { return a.TryResolve(x) }

func mustMux(t testing.TB, routes map[string]names.Resolver) *names.Mux {
	t.Helper()
	m, err := names.NewMux(routes)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// routed says which of the resolvers answered: 0 for none.
func routed(t *testing.T, m *names.Mux, name string) int {
	t.Helper()
	reply, err := namestest.Try(t, m, name, wire.TypeA)
	if err == names.ErrPass {
		return 0
	}
	if err != nil || len(reply.Answers) != 1 {
		t.Fatalf("%s: %v, %v", name, reply, err)
	}
	return int(reply.Answers[0].Data[3])
}

func TestMuxRoutesByTheLongestSuffix(t *testing.T) {
	m := mustMux(t, map[string]names.Resolver{
		"com.": always(1), "Example.COM": always(2), "a.b.example.com.": always(3), `dotted\.label.test.`: always(4),
	})
	for name, want := range map[string]int{
		"com.": 1, "other.com.": 1, "notexample.com.": 1,
		"example.com.": 2, "www.EXAMPLE.com.": 2, "b.example.com.": 2, "x.b.example.com.": 2,
		"a.b.example.com.": 3, "deep.er.A.b.example.com.": 3, "aa.b.example.com.": 2,
		`dotted\.label.test.`: 4, "dotted.label.test.": 0,
		".": 0, "org.": 0, "com.org.": 0,
		strings.Repeat("x.", 120) + "com.": 1,
	} {
		if got := routed(t, m, name); got != want {
			t.Errorf("%s is answered by %d, want %d", name, got, want)
		}
	}
	everything := mustMux(t, map[string]names.Resolver{".": always(9), "com.": always(1)})
	for name, want := range map[string]int{".": 9, "org.": 9, "example.com.": 1} {
		if got := routed(t, everything, name); got != want {
			t.Errorf("%s is answered by %d, want %d", name, got, want)
		}
	}
	if got := routed(t, mustMux(t, nil), "example.com."); got != 0 {
		t.Errorf("a mux without routes answers")
	}
}

func TestMuxAsksTheParentForDS(t *testing.T) {
	m := mustMux(t, map[string]names.Resolver{"com.": always(1), "example.com.": always(2), "alone.test.": always(3)})
	for name, want := range map[string]byte{
		"example.com.": 1, "www.example.com.": 2, "com.": 1, "alone.test.": 3, "x.alone.test.": 3,
	} {
		if reply := namestest.Ask(t, m, name, wire.TypeDS); reply.Answers[0].Data[3] != want {
			t.Errorf("DS of %s is answered by %d, want %d", name, reply.Answers[0].Data[3], want)
		}
	}
	if _, err := namestest.Try(t, m, ".", wire.TypeDS); err != names.ErrPass {
		t.Errorf("DS of the root: %v", err)
	}
}

// TestMuxAgainstSlowTwin compares with a walk over all routes.
func TestMuxAgainstSlowTwin(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	name := func() string {
		var b strings.Builder
		for range random.IntN(5) {
			b.WriteByte("abAB"[random.IntN(4)])
			b.WriteByte('.')
		}
		return b.String() + "test."
	}
	for range 200 {
		routes := map[string]names.Resolver{}
		for i := range 1 + random.IntN(8) {
			n := wire.MustParseName(name()).Fold().String()
			routes[n] = always(i + 1)
		}
		m := mustMux(t, routes)
		for range 20 {
			asked := wire.MustParseName(name())
			best, want := -1, 0
			for suffix, r := range routes {
				if s := wire.MustParseName(suffix); asked.HasSuffix(s) && s.LabelCount() > best {
					best, want = s.LabelCount(), int(r.(always))
				}
			}
			if got := routed(t, m, asked.String()); got != want {
				t.Fatalf("%v is answered by %d, want %d; routes %v", asked, got, want, routes)
			}
		}
	}
}

func TestMuxSaysWhatItsResolverSays(t *testing.T) {
	says := func(err error) names.Resolver {
		return names.ResolverFunc(func(context.Context, *names.Exchange) error { return err })
	}
	m := mustMux(t, map[string]names.Resolver{"test.": always(1), "pass.test.": says(names.ErrPass), "drop.test.": says(names.ErrDrop)})
	for name, want := range map[string]error{"x.pass.test.": names.ErrPass, "drop.test.": names.ErrDrop, "test.": nil, "elsewhere.": names.ErrPass} {
		if _, err := namestest.Try(t, m, name, wire.TypeA); err != want {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	x := exchange(t, "pass.test.")
	if err := m.TryResolve(x); err != names.ErrSlow {
		t.Errorf("a resolver without TryResolve: %v", err)
	}
}

func TestMuxKeepsItsWord(t *testing.T) {
	m := mustMux(t, map[string]names.Resolver{
		"test.":      always(1),
		"slow.test.": names.ResolverFunc(always(2).Resolve),
		"pass.test.": names.Chain{},
	})
	var questions []wire.Question
	for _, name := range []string{"test.", "a.Slow.test.", "pass.test.", "elsewhere."} {
		questions = append(questions, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN})
	}
	namestest.CheckResolver(t, m, questions...)
}

func TestBadRoutes(t *testing.T) {
	for want, routes := range map[string]map[string]names.Resolver{
		`route "a..b"`:                      {"a..b": always(1)},
		`route "test." has no resolver`:     {"test.": nil},
		` is given twice`:                   {"Test": always(1), "test.": always(2)},
		`route "` + strings.Repeat("x", 64): {strings.Repeat("x", 64): always(1)},
	} {
		if _, err := names.NewMux(routes); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func TestMuxDoesNotAllocate(t *testing.T) {
	m := mustMux(t, map[string]names.Resolver{"example.com.": passes{}, "www.sub.example.com.": passes{}})
	for _, name := range []string{"A.B.C.WWW.SUB.example.com.", "example.com.", "elsewhere."} {
		x := exchange(t, name)
		if n := testing.AllocsPerRun(100, func() {
			if err := m.TryResolve(x); err != names.ErrPass {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

type passes struct{}

func (passes) Resolve(context.Context, *names.Exchange) error { return names.ErrPass }
func (passes) TryResolve(*names.Exchange) error               { return names.ErrPass }

func exchange(t *testing.T, name string) *names.Exchange {
	t.Helper()
	x := new(names.Exchange)
	query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	if _, err := x.Read(query, names.Peer{}); err != nil {
		t.Fatal(err)
	}
	x.Begin(make([]byte, 0, 512+wire.WriterSlack), 512)
	return x
}
