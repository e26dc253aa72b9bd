package listener

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// from is a resolver that says where it has its answers from.
type from string

func (f from) TryResolve(x *names.Exchange) error {
	x.MarkAnswered(string(f))
	return Echo{}.TryResolve(x)
}

func (f from) Resolve(_ context.Context, x *names.Exchange) error { return f.TryResolve(x) }

// TestBreakdown: each query and reply is in every place where it belongs, and the
// sums are those of the counters.
func TestBreakdown(t *testing.T) {
	queries := everyKind()
	queries = append(queries, Question(1, "www.example.", nil))
	_, counted := serveBatch(t, Config{Resolver: from("zone"), ErrorsPerSecond: -1}, queries)
	c, b := counted.stats(), counted.breakdown()
	var clients, types, flags, rcodes, timed uint64
	for _, n := range b.Clients {
		if n.Transport != names.UDP || n.IPv6 {
			t.Errorf("client %+v", n)
		}
		clients += n.Queries
	}
	for _, n := range b.Types {
		types += n.Queries
	}
	for _, n := range b.Flags {
		flags += n.Queries
	}
	for _, n := range b.RCodes {
		rcodes += n.Replies
	}
	for _, l := range b.Latencies {
		for _, n := range l.Buckets {
			timed += n
		}
	}
	if want := c.UDPQueries - c.Strays - c.NotQueries; clients != want || types != want || flags != want {
		t.Errorf("%d clients, %d types, %d flags of %d queries", clients, types, flags, want)
	}
	if rcodes != c.Replies || timed != c.Replies {
		t.Errorf("%d RCODEs and %d times of %d replies", rcodes, timed, c.Replies)
	}
	if got := c.Strays + c.ErrorsLimited + c.NotQueries + c.GateDrops + c.ResolverDrops; got != c.Silent {
		t.Errorf("reasons for %d of %d queries without a reply", got, c.Silent)
	}
	zone := b.Latencies[slices.IndexFunc(b.Latencies, func(l Latency) bool { return l.Source == "zone" })]
	if zone.Sum <= 0 {
		t.Error("replies from zones took no time")
	}
}

// TestBreakdownOfOneQuery: what is counted of single queries.
func TestBreakdownOfOneQuery(t *testing.T) {
	query := func(qtype wire.Type, flags wire.Flags, edns *wire.EDNS) []byte {
		return wire.AppendQuery(nil, 1, flags, wire.Question{Name: wire.MustParseName("www.example."), Type: qtype, Class: wire.ClassIN}, edns)
	}
	v6 := names.Peer{Transport: names.TLS, Remote: netip.MustParseAddrPort("[2001:db8::1]:4000")}
	for _, test := range []struct {
		name   string
		query  []byte
		peer   names.Peer
		client ClientCount
		asked  wire.Type
		flags  FlagCount
	}{
		{"plain", query(wire.TypeMX, 0, nil), client, ClientCount{names.UDP, false, 1}, wire.TypeMX, FlagCount{Queries: 1}},
		{"all flags", query(wire.TypeHTTPS, wire.FlagRD|wire.FlagCD|wire.FlagAD, &wire.EDNS{Flags: wire.FlagDO}), v6, ClientCount{names.TLS, true, 1}, wire.TypeHTTPS,
			FlagCount{RD: true, AD: true, CD: true, DO: true, EDNS: true, Queries: 1}},
		{"AD alone", query(wire.TypeCAA, wire.FlagAD, &wire.EDNS{}), client, ClientCount{names.UDP, false, 1}, wire.TypeCAA, FlagCount{AD: true, EDNS: true, Queries: 1}},
		{"a rare type", query(65400, wire.FlagRD, nil), client, ClientCount{names.UDP, false, 1}, wire.TypeNone, FlagCount{RD: true, Queries: 1}},
	} {
		p := newPure(t, Config{})
		p.try(test.query, test.peer)
		b := p.counts.breakdown()
		if !slices.Equal(b.Clients, []ClientCount{test.client}) || !slices.Equal(b.Types, []TypeCount{{test.asked, 1}}) || !slices.Equal(b.Flags, []FlagCount{test.flags}) {
			t.Errorf("%s: %+v", test.name, b)
		}
	}
}

func TestLatencyBuckets(t *testing.T) {
	for _, test := range []struct {
		took time.Duration
		want count
	}{{-1, 0}, {0, 0}, {10 * time.Microsecond, 0}, {10*time.Microsecond + 1, 1}, {10 * time.Second, buckets - 2}, {time.Hour, buckets - 1}} {
		if got := bucketOf(test.took); got != test.want {
			t.Errorf("%v is in bucket %d", test.took, got)
		}
	}
	for name, want := range map[string]count{"zone": fromZone, "cache": fromCache, "recursor": fromUpstream, "forwarder": fromUpstream, "": fromOther, "mine": fromOther} {
		if got := sourceOf(name); got != want {
			t.Errorf("%q is %s", name, sourceNames[got])
		}
	}
}
