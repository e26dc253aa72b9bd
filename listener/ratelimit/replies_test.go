package ratelimit

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var (
	victim   = netip.MustParseAddrPort("192.0.2.1:5353")
	neighbor = netip.MustParseAddrPort("192.0.2.200:53530")
	other    = netip.MustParseAddrPort("198.51.100.1:5353")
)

// zone answers www.example. and what is below wild.example., has no other names in
// example., and refuses the rest.
var zone = tryFunc(func(x *names.Exchange) error {
	apex := wire.MustParseName("example.")
	name := x.Question().Name
	soa := func() error {
		x.Reply.SetSection(wire.SectionAuthority)
		return x.Reply.Raw(apex, wire.TypeSOA, wire.ClassIN, 60, append([]byte{0, 0}, make([]byte, 20)...))
	}
	switch {
	case !name.HasSuffix(apex):
		x.RCode = wire.RCodeRefused
		return nil
	case name.HasSuffix(wire.MustParseName("sub.example.")):
		x.Reply.SetSection(wire.SectionAuthority)
		return x.Reply.Raw(wire.MustParseName("sub.example."), wire.TypeNS, wire.ClassIN, 60, []byte{2, 'n', 's', 0})
	case name.Equal(wire.MustParseName("www.example.")) && x.Question().Type == wire.TypeMX:
		return soa()
	case name.HasSuffix(wire.MustParseName("star.example.")):
		x.Wildcard = wire.MustParseName("star.example.").Len()
		return x.Reply.Raw(name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 1})
	case name.Equal(wire.MustParseName("www.example.")), name.HasSuffix(wire.MustParseName("wild.example.")):
		return x.Reply.Raw(name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 1})
	}
	x.RCode = wire.RCodeNXDomain
	return soa()
})

type tryFunc func(x *names.Exchange) error

func (f tryFunc) TryResolve(x *names.Exchange) error                 { return f(x) }
func (f tryFunc) Resolve(_ context.Context, x *names.Exchange) error { return f(x) }

// flood is a server that is asked many times.
type flood struct {
	t     testing.TB
	edge  *listener.Edge
	x     names.Exchange
	space [4096]byte
}

func newFlood(t testing.TB, c listener.Config) *flood {
	t.Helper()
	if c.Resolver == nil {
		c.Resolver = zone
	}
	e, err := listener.NewEdge(c)
	if err != nil {
		t.Fatal(err)
	}
	return &flood{t: t, edge: e}
}

// count is what became of queries.
type count struct{ full, truncated, none int }

// ask asks n questions: a # in the name is the number of the question.
func (f *flood) ask(n int, name string, kind wire.Type, from netip.AddrPort, transport names.Transport) (c count) {
	for i := range n {
		q := wire.Question{Name: wire.MustParseName(strings.ReplaceAll(name, "#", fmt.Sprint(i))), Type: kind, Class: wire.ClassIN}
		reply := f.edge.Answer(context.Background(), &f.x, wire.AppendQuery(nil, 1, 0, q, nil), names.Peer{Transport: transport, Remote: from}, f.space[:0])
		switch {
		case reply == nil:
			c.none++
		case reply[2]&2 != 0:
			c.truncated++
		default:
			c.full++
		}
	}
	return c
}

func TestReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReplies(ReplyConfig{Same: 100, All: 1000, Slip: 2}, nil)
		f := newFlood(t, listener.Config{Gates: []listener.Gate{r.Gate()}})
		for _, c := range []struct {
			what      string
			n         int
			name      string
			kind      wire.Type
			from      netip.AddrPort
			transport names.Transport
			want      count
		}{
			{"one name", 300, "www.example.", wire.TypeA, victim, names.UDP, count{100, 100, 100}},
			{"its neighbour in the network", 10, "WWW.example.", wire.TypeA, neighbor, names.UDP, count{0, 5, 5}},
			{"over TCP", 300, "www.example.", wire.TypeA, victim, names.TCP, count{300, 0, 0}},
			{"another network", 100, "www.example.", wire.TypeA, other, names.UDP, count{100, 0, 0}},
			{"names that do not exist are one", 120, "x#.example.", wire.TypeA, victim, names.UDP, count{100, 10, 10}},
			{"NODATA of the zone", 102, "www.example.", wire.TypeMX, victim, names.UDP, count{100, 1, 1}},
			{"referrals to one zone are one", 102, "x#.sub.example.", wire.TypeA, victim, names.UDP, count{100, 1, 1}},
			{"errors are one", 102, "x#.test.", wire.TypeA, victim, names.UDP, count{100, 1, 1}},
			{"answers from a wildcard are one", 102, "x#.star.example.", wire.TypeA, other, names.UDP, count{100, 1, 1}},
			{"answers to many names", 400, "x#.wild.example.", wire.TypeA, victim, names.UDP, count{400, 0, 0}},
			{"as many as are left of all", 400, "y#.wild.example.", wire.TypeA, victim, names.UDP, count{100, 150, 150}},
			{"loopback", 300, "www.example.", wire.TypeA, netip.MustParseAddrPort("127.0.0.1:5353"), names.UDP, count{300, 0, 0}},
		} {
			got := f.ask(c.n, c.name, c.kind, c.from, c.transport)
			if got != c.want {
				t.Errorf("%s: %+v, want %+v", c.what, got, c.want)
			}
		}
		if s := r.Stats(); s.Dropped == 0 || s.Truncated == 0 || s.Begun == 0 {
			t.Errorf("counted %+v", s)
		}
		time.Sleep(time.Second)
		if got := f.ask(100, "www.example.", wire.TypeA, victim, names.UDP); got.full != 100 {
			t.Errorf("a second later: %+v", got)
		}
		time.Sleep(100 * time.Millisecond)
		if got := f.ask(20, "www.example.", wire.TypeA, victim, names.UDP); got.full < 10 || got.full > 11 {
			t.Errorf("a tenth of a second later: %+v", got)
		}
	})
}

// A rate of all replies holds back what wildcards are good for.
func TestRepliesInAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReplies(ReplyConfig{All: 100, Slip: 1}, nil)
		f := newFlood(t, listener.Config{Gates: []listener.Gate{r.Gate()}})
		if got := f.ask(300, "x#.wild.example.", wire.TypeA, victim, names.UDP); got != (count{100, 200, 0}) {
			t.Errorf("%+v", got)
		}
	})
}

// Clients of a view have the rates of the first that matches, and take nothing from others.
func TestRepliesOfViews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, _ := names.ParsePeerSet("any")
		set, _ := names.ParsePeerSet(neighbor.Addr().String())
		r := NewReplies(ReplyConfig{Same: 100, Views: []ReplyView{{Clients: set, Same: 50}, {Clients: set, Same: 1}}}, nil)
		defer r.Close()
		f := newFlood(t, listener.Config{Gates: []listener.Gate{r.Gate()}})
		for _, c := range []struct {
			from netip.AddrPort
			want count
		}{{victim, count{full: 100, none: 50}}, {neighbor, count{full: 50, none: 100}}} {
			if got := f.ask(150, "www.example.", wire.TypeA, c.from, names.UDP); got != c.want {
				t.Errorf("%v: %+v, want %+v", c.from, got, c.want)
			}
		}
		r.Set(ReplyConfig{Same: 100, Views: []ReplyView{{Clients: all}}})
		if got := f.ask(150, "www.example.", wire.TypeA, victim, names.UDP); got.full != 150 {
			t.Errorf("in a view without limits: %+v", got)
		}
	})
}

func TestRepliesExempt(t *testing.T) {
	own, _ := names.ParsePeerSet("192.0.2.0/24")
	resolver := tryFunc(func(x *names.Exchange) error {
		x.Reply.Flags |= wire.FlagRA
		return zone(x)
	})
	for what, c := range map[string]struct {
		config   ReplyConfig
		resolver names.Resolver
		want     count
	}{
		"exempt":            {ReplyConfig{Same: 1, Slip: 0, Exempt: own}, zone, count{full: 10}},
		"log only":          {ReplyConfig{Same: 1, Slip: 0, LogOnly: true}, zone, count{full: 10}},
		"off":               {ReplyConfig{}, zone, count{full: 10}},
		"slip 0":            {ReplyConfig{Same: 1}, zone, count{full: 1, none: 9}},
		"recursion offered": {ReplyConfig{Same: 1}, resolver, count{full: 10}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := NewReplies(c.config, nil)
			f := newFlood(t, listener.Config{Resolver: c.resolver, Gates: []listener.Gate{r.Gate()}})
			if got := f.ask(10, "www.example.", wire.TypeA, victim, names.UDP); got != c.want {
				t.Errorf("%s: %+v, want %+v", what, got, c.want)
			}
		})
	}
}

// A client that has shown by a cookie that it is at its address has no limit.
func TestRepliesToClientsWithCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReplies(ReplyConfig{Same: 1}, nil)
		f := newFlood(t, listener.Config{Gates: []listener.Gate{r.Gate()}})
		cookie := []byte("12345678")
		q := wire.Question{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN}
		for i := range 10 {
			e := &wire.EDNS{UDPSize: 1232}
			e.Options = e.Options.AppendOption(wire.OptionCookie, cookie)
			reply := f.edge.Answer(t.Context(), &f.x, wire.AppendQuery(nil, 1, 0, q, e), names.Peer{Remote: victim}, f.space[:0])
			if reply == nil {
				t.Fatalf("query %d with a cookie has no reply", i)
			}
			var m wire.Query
			m.Parse(reply)
			got, _ := m.EDNS.Options.Find(wire.OptionCookie)
			cookie = bytes.Clone(got)
		}
	})
}

// The log has a line when a limit begins to be reached, and one when that is over.
func TestRepliesAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := NewReplies(ReplyConfig{Same: 10, Slip: 2}, slog.New(slog.NewTextHandler(&out, nil)))
		defer r.Close()
		f := newFlood(t, listener.Config{Gates: []listener.Gate{r.Gate()}})
		f.ask(1000, "www.example.", wire.TypeA, victim, names.UDP)
		time.Sleep(20 * time.Second)
		f.ask(20, "www.example.", wire.TypeA, victim, names.UDP)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		text := out.String()
		for _, line := range []string{`msg="rate limit reached" network=192.0.2.0/24 replies=answers name=www.example.`,
			`msg="rate limit no longer reached" network=192.0.2.0/24 replies=answers name=www.example. held_back=990`, "held_back=10"} {
			if !strings.Contains(text, line) {
				t.Errorf("no line with %s in\n%s", line, text)
			}
		}
		if n := strings.Count(text, "\n"); n != 4 {
			t.Errorf("%d lines:\n%s", n, text)
		}
	})
}

// A flood that comes from everywhere does not keep others from their replies, and
// its lines in the log are few.
func TestRepliesToManyNetworks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		r := NewReplies(ReplyConfig{Same: 50, Slip: 2}, slog.New(slog.NewTextHandler(&out, nil)))
		defer r.Close()
		f := newFlood(t, listener.Config{Gates: []listener.Gate{r.Gate()}})
		for i := range 300 {
			from := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 8), byte(i), 1}), 5353)
			f.ask(60, "www.example.", wire.TypeA, from, names.UDP)
		}
		if got := f.ask(1, "www.example.", wire.TypeA, victim, names.UDP); got.full != 1 {
			t.Errorf("a client that has asked once: %+v", got)
		}
		if n := strings.Count(out.String(), "\n"); n == 0 || n > 64 {
			t.Errorf("%d lines", n)
		}
	})
}

func TestRepliesAllocateNothing(t *testing.T) {
	r := NewReplies(ReplyConfig{Same: 1e9, All: 1e9, Slip: 2}, nil)
	x := exchange(t, "www.example.")
	if n := testing.AllocsPerRun(100, func() { r.pass(x) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// exchange is one with the answer of the zone.
func exchange(t testing.TB, name string) *names.Exchange {
	x := new(names.Exchange)
	x.Read(wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil), names.Peer{Remote: victim})
	x.Begin(make([]byte, 0, 1500), 1232)
	if err := zone(x); err != nil {
		t.Fatal(err)
	}
	return x
}

func BenchmarkReplies(b *testing.B) {
	for _, name := range []string{"www.example.", "nx.example."} {
		b.Run(name, func(b *testing.B) {
			r := NewReplies(ReplyConfig{Same: 1e9, All: 1e9, Slip: 2}, nil)
			x := exchange(b, name)
			b.ReportAllocs()
			for b.Loop() {
				r.pass(x)
			}
		})
	}
	b.Run("held back", func(b *testing.B) {
		r := NewReplies(ReplyConfig{Same: 1}, nil)
		x := exchange(b, "www.example.")
		for b.Loop() {
			r.pass(x)
		}
	})
}

// In a flood, a client that knows cookies gets one in place of TC, and with it what it
// asked for, over UDP.
func TestRepliesGiveCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewReplies(ReplyConfig{Same: 100, Slip: 1}, nil)
		f := newFlood(t, listener.Config{Gates: []listener.Gate{r.Gate()}})
		f.ask(200, "www.example.", wire.TypeA, victim, names.UDP)
		ask := func(cookie []byte) (wire.RCode, int, []byte) {
			t.Helper()
			q := wire.Question{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN}
			query := wire.AppendQuery(nil, 1, 0, q, &wire.EDNS{UDPSize: 1232, Options: wire.Options(nil).AppendOption(wire.OptionCookie, cookie)})
			m, err := wire.ParseMessage(f.edge.Answer(t.Context(), &f.x, query, names.Peer{Transport: names.UDP, Remote: victim}, f.space[:0]))
			if err != nil {
				t.Fatal(err)
			}
			got, _ := m.EDNS.Options.Find(wire.OptionCookie)
			return m.RCode, len(m.Answers), bytes.Clone(got)
		}
		rcode, answers, cookie := ask([]byte("12345678"))
		if rcode != wire.RCodeBadCookie || answers != 0 || len(cookie) != 24 {
			t.Fatalf("without a server cookie: %v, %d answers, cookie %x", rcode, answers, cookie)
		}
		if rcode, answers, _ := ask(cookie); rcode != wire.RCodeNoError || answers != 1 {
			t.Errorf("with the cookie of the reply: %v, %d answers", rcode, answers)
		}
	})
}
