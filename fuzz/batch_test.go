package fuzz

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// largeSet serves a zone that is large enough for batches to be announced.
func largeSet(t *testing.T) *authority.Set {
	t.Helper()
	origin := wire.MustParseName("example.")
	b := authority.NewBuilder(origin, wire.ClassIN, &diagnostic.List{})
	add := func(owner string, data wire.Rdata) {
		b.Add(wire.Record{Name: wire.MustParseName(owner), Type: data.Type(), Class: wire.ClassIN, TTL: 3600, Data: data.AppendTo(nil, nil)}, diagnostic.Position{})
	}
	name := wire.MustParseName
	add("example.", &wire.SOA{Primary: name("ns.example."), Mailbox: name("host.example."), Serial: 1, Refresh: 1, Retry: 1, Expire: 1, Minimum: 60})
	add("example.", &wire.NS{Host: name("ns.example.")})
	add("ns.example.", &wire.A{Addr: netip.MustParseAddr("192.0.2.1")})
	for i := range 30_000 {
		owner := fmt.Sprintf("n%d.example.", i)
		switch {
		case i%10 == 0:
			add(owner, &wire.NS{Host: name("ns." + owner)})
			add("ns."+owner, &wire.A{Addr: netip.MustParseAddr("192.0.2.2")})
		case i%10 == 1:
			add(owner, &wire.MX{Preference: 10, Exchange: name(fmt.Sprintf("n%d.example.", i+1))})
			fallthrough
		default:
			add(owner, &wire.A{Addr: netip.MustParseAddr("192.0.2.3")})
			add(owner, &wire.AAAA{Addr: netip.MustParseAddr("2001:db8::3")})
		}
	}
	snapshot, err := b.Freeze()
	if err != nil {
		t.Fatal(err)
	}
	set := new(authority.Set)
	if err := set.SetZones([]*authority.Zone{authority.NewZone(snapshot)}); err != nil {
		t.Fatal(err)
	}
	if !set.WantsBatches() {
		t.Fatal("the zone is too small for batches to be announced")
	}
	return set
}

// TestBatchesOfALargeZone asks a server for many things at once, and compares
// each reply with that to the same query on its own.
func TestBatchesOfALargeZone(t *testing.T) {
	set := largeSet(t)
	for _, dedicated := range []bool{false, true} {
		t.Run(fmt.Sprintf("dedicated=%v", dedicated), func(t *testing.T) {
			config := listener.Config{
				Resolver: set, Workers: 1, ErrorsPerSecond: -1, DedicatedThreads: dedicated,
				Endpoints: listener.Plain(netip.MustParseAddrPort("127.0.0.1:0")),
			}
			server, err := listener.Listen(config)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- server.Serve(ctx) }()
			defer func() {
				stop()
				if err := <-ended; err != nil {
					t.Error(err)
				}
			}()
			edge, err := listener.NewEdge(config)
			if err != nil {
				t.Fatal(err)
			}
			conn, err := net.Dial("udp", server.Addresses()[0].String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(time.Minute)) // a reply that is lost fails, and does not hang
			askInBursts(t, conn, edge)
		})
	}
}

func askInBursts(t *testing.T, conn net.Conn, edge *listener.Edge) {
	random := rand.New(rand.NewPCG(7, 8))
	peer := names.Peer{Transport: names.UDP, Remote: conn.LocalAddr().(*net.UDPAddr).AddrPort()}
	asks := []string{"n%d.example.", "www.n%d.example.", "a.b.n%d.example.", "m%d.example.", "N%d.EXAMPLE.", "n%d.example.net."}
	types := []wire.Type{wire.TypeA, wire.TypeAAAA, wire.TypeMX, wire.TypeNS, wire.TypeTXT, wire.TypeDS, wire.TypeANY}
	const burst = 64
	buf := make([]byte, 4096)
	for range 50 {
		var x names.Exchange
		want := map[uint16][]byte{}
		for i := range burst {
			q := wire.Question{
				Name: wire.MustParseName(fmt.Sprintf(asks[random.IntN(len(asks))], random.IntN(30_000))),
				Type: types[random.IntN(len(types))], Class: wire.ClassIN,
			}
			var edns *wire.EDNS
			if i%3 > 0 {
				edns = &wire.EDNS{UDPSize: 1232, Flags: wire.EDNSFlags(i%2) << 15}
			}
			query := wire.AppendQuery(nil, uint16(i), 0, q, edns)
			if i%16 == 0 {
				query = query[:len(query)-1] // FORMERR
			}
			want[uint16(i)] = bytes.Clone(edge.Answer(t.Context(), &x, query, peer, nil))
			if _, err := conn.Write(query); err != nil {
				t.Fatal(err)
			}
		}
		for range burst {
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatal(err)
			}
			h, err := wire.ParseHeader(buf[:n])
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(buf[:n], want[h.ID]) {
				t.Fatalf("in a batch the reply is\n%x, alone\n%x", buf[:n], want[h.ID])
			}
			delete(want, h.ID)
		}
	}
}
