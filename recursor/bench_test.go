package recursor

import (
	"context"
	"net/netip"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// One question after the other, there and back over loopback.
func BenchmarkForward(b *testing.B) {
	f, x := benchmarkForwarder(b, upstreamtest.ListenPlain(b))
	b.ReportAllocs()
	for b.Loop() {
		x.Restart()
		if err := f.Resolve(context.Background(), x); err != nil {
			b.Fatal(err)
		}
	}
}

// What a question costs that no server is there for.
func BenchmarkForwardAllDead(b *testing.B) {
	f, x := benchmarkForwarder(b, netip.MustParseAddrPort("127.0.0.1:1"))
	for _, s := range f.servers {
		s.failures, s.probing = 1, true
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := f.Resolve(context.Background(), x); err != errAllDead {
			b.Fatal(err)
		}
	}
}

func benchmarkForwarder(b testing.TB, server netip.AddrPort) (*Forwarder, *names.Exchange) {
	f, err := NewForwarder(ForwardConfig{Servers: []netip.AddrPort{server}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { f.Close() })
	return f, newExchange(wire.Question{Name: wire.MustParseName("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}, nil, 512)
}
