package namestest

import (
	"context"
	"net/netip"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

func TestAskAsAServerDoes(t *testing.T) {
	from := netip.MustParseAddrPort("[2001:db8::1]:99")
	for _, c := range []struct {
		name    string
		options []Option
		limit   int
		check   func(x *names.Exchange) bool
	}{
		{"plain", nil, 512, func(x *names.Exchange) bool { return !x.Query.HasEDNS && x.Question().Class == wire.ClassIN }},
		{"TCP", []Option{OverTCP()}, 65535, func(x *names.Exchange) bool { return x.Peer.Transport == names.TCP }},
		{"DO", []Option{WithDO()}, 1232, (*names.Exchange).DO},
		{"EDNS", []Option{WithEDNS(wire.EDNS{UDPSize: 700})}, 700, func(x *names.Exchange) bool { return x.Query.HasEDNS && !x.DO() }},
		{"small EDNS", []Option{WithEDNS(wire.EDNS{UDPSize: 1})}, 512, func(x *names.Exchange) bool { return x.Query.HasEDNS }},
		{"large EDNS", []Option{WithEDNS(wire.EDNS{UDPSize: 9999})}, 1232, func(x *names.Exchange) bool { return x.Query.HasEDNS }},
		{"class", []Option{InClass(wire.ClassCH)}, 512, func(x *names.Exchange) bool { return x.Question().Class == wire.ClassCH }},
		{"flags", []Option{WithFlags(wire.FlagRD)}, 512, func(x *names.Exchange) bool { return x.Query.Header.Flags.Has(wire.FlagRD) }},
		{"client", []Option{From(from)}, 512, func(x *names.Exchange) bool { return x.Peer.Remote == from }},
	} {
		seen := false
		r := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
			seen = true
			if !c.check(x) || x.Reply.Limit() != c.limit {
				t.Errorf("%s: limit %d, %+v", c.name, x.Reply.Limit(), x.Query)
			}
			x.RCode = wire.RCodeNXDomain
			return nil
		})
		m := Ask(t, r, "www.example.", wire.TypeA, c.options...)
		if !seen || m.RCode != wire.RCodeNXDomain || len(m.Questions) != 1 {
			t.Errorf("%s: reply is %+v", c.name, m)
		}
	}
	if m, err := Try(t, names.Chain{}, "www.example.", wire.TypeA); m != nil || err != names.ErrPass {
		t.Errorf("%v, %v", m, err)
	}
}
