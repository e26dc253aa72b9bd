package recursor

import (
	"context"
	"net/netip"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
)

// own is a zone of one's own with one name.
var own = tryFunc(func(x *names.Exchange) error {
	if !x.Question().Name.Equal(ownName) {
		return names.ErrPass
	}
	x.Reply.Flags |= wire.FlagAA
	return nil
})

var ownName = wire.MustParseName("own.example.")

// tryFunc is a resolver that never waits.
type tryFunc func(x *names.Exchange) error

func (f tryFunc) Resolve(_ context.Context, x *names.Exchange) error { return f(x) }
func (f tryFunc) TryResolve(x *names.Exchange) error                 { return f(x) }

func TestAccess(t *testing.T) {
	asked := 0
	next := tryFunc(func(x *names.Exchange) error {
		asked++
		switch x.Question().Name.FirstLabel() {
		case "none":
			return names.ErrPass
		case "gone":
			x.RCode = wire.RCodeNXDomain
		}
		return nil
	})
	a := &Access{Allow: names.PrivatePeers(), Public: own, Next: next}
	inside, outside := "192.168.1.7:4242", "198.51.100.7:4242"
	for _, c := range []struct {
		from  string
		name  string
		flags wire.Flags
		rcode wire.RCode
		ra    bool
		asked int
		why   wire.ExtendedErrorCode // of a refusal
	}{
		{inside, "www.example.", wire.FlagRD, wire.RCodeNoError, true, 1, 0},
		{inside, "gone.example.", wire.FlagRD, wire.RCodeNXDomain, true, 1, 0},
		{inside, "own.example.", wire.FlagRD, wire.RCodeNoError, true, 0, 0},
		{inside, "own.example.", 0, wire.RCodeNoError, true, 0, 0},
		{inside, "www.example.", 0, wire.RCodeRefused, true, 0, wire.ExtendedErrorNotAuthoritative},
		{outside, "www.example.", wire.FlagRD, wire.RCodeRefused, false, 0, wire.ExtendedErrorProhibited},
		{outside, "www.example.", 0, wire.RCodeRefused, false, 0, wire.ExtendedErrorProhibited},
		{outside, "own.example.", wire.FlagRD, wire.RCodeNoError, false, 0, 0},
		{"[::1]:4242", "www.example.", wire.FlagRD, wire.RCodeNoError, true, 1, 0},
		{"[2001:db8::1]:4242", "www.example.", wire.FlagRD, wire.RCodeRefused, false, 0, wire.ExtendedErrorProhibited},
	} {
		asked = 0
		m := namestest.Ask(t, a, c.name, wire.TypeA, namestest.From(netip.MustParseAddrPort(c.from)), namestest.WithFlags(c.flags),
			namestest.WithEDNS(wire.EDNS{UDPSize: 1232}))
		if m.RCode != c.rcode || m.Flags.Has(wire.FlagRA) != c.ra || asked != c.asked {
			t.Errorf("%+v: asked %d times, got\n%v", c, asked, m)
		}
		e := extendedError(m.EDNS.Options)
		if c.rcode == wire.RCodeRefused && (e == nil || e.Code != c.why || e.Text == "") || c.rcode != wire.RCodeRefused && e != nil {
			t.Errorf("%+v: got extended error %+v", c, e)
		}
	}
	if _, err := namestest.Try(t, a, "none.example.", wire.TypeA, namestest.From(netip.MustParseAddrPort(inside)), namestest.WithFlags(wire.FlagRD)); err != names.ErrPass {
		t.Errorf("not in any zone: got %v", err)
	}
	nobody := &Access{Next: next}
	if m := namestest.Ask(t, nobody, "www.example.", wire.TypeA, namestest.From(netip.MustParseAddrPort("127.0.0.1:1")), namestest.WithFlags(wire.FlagRD)); m.RCode != wire.RCodeRefused {
		t.Errorf("without a set everybody is let in:\n%v", m)
	}
	circle := &Access{Allow: names.PrivatePeers(), Next: next, IsOwn: func(x *names.Exchange) bool { return x.Peer.Remote.Port() == 1 }}
	if _, err := namestest.Try(t, circle, "www.example.", wire.TypeA, namestest.From(netip.MustParseAddrPort("127.0.0.1:1")), namestest.WithFlags(wire.FlagRD)); err != errLoop {
		t.Errorf("own query: got %v", err)
	}
	if m := namestest.Ask(t, circle, "www.example.", wire.TypeA, namestest.From(netip.MustParseAddrPort("127.0.0.1:2")), namestest.WithFlags(wire.FlagRD)); m.RCode != wire.RCodeNoError {
		t.Errorf("another server's query:\n%v", m)
	}
}

func TestAccessKeepsTheContract(t *testing.T) {
	any, err := names.ParsePeerSet("any")
	if err != nil {
		t.Fatal(err)
	}
	slow := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		if x.Question().Type == wire.TypeMX {
			return names.ErrPass
		}
		x.RCode = wire.RCodeNXDomain
		return nil
	})
	var questions []wire.Question
	for _, name := range []string{"own.example.", "www.example."} {
		for _, kind := range []wire.Type{wire.TypeA, wire.TypeMX} {
			questions = append(questions, wire.Question{Name: wire.MustParseName(name), Type: kind, Class: wire.ClassIN})
		}
	}
	for _, set := range []*names.PeerSet{any, nil} {
		namestest.CheckResolver(t, &Access{Allow: set, Public: own, Next: slow}, questions...)
	}
}

func TestAccessAllocatesNothing(t *testing.T) {
	q := wire.Question{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN}
	for _, set := range []*names.PeerSet{names.PrivatePeers(), nil} {
		a := &Access{Allow: set, Public: own, Next: tryFunc(func(*names.Exchange) error { return nil })}
		x := newExchange(q, &wire.EDNS{UDPSize: 1232}, 1232)
		x.Peer.Remote = netip.MustParseAddrPort("192.168.1.7:53")
		if n := testing.AllocsPerRun(100, func() {
			a.TryResolve(x)
			x.Restart()
			x.ReplyEDNS.Options = x.ReplyEDNS.Options[:0]
		}); n != 0 {
			t.Errorf("%v: %v allocations", set, n)
		}
	}
}
