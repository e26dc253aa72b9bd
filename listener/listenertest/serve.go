package listenertest

import (
	"context"
	"net/netip"
	"testing"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
)

// Serve answers with r until the test ends, over UDP and TCP at a port of
// 127.0.0.1 that it returns: for clients that need a socket, as other programs
// do.
func Serve(t testing.TB, r names.Resolver) netip.AddrPort {
	t.Helper()
	server, err := listener.Listen(listener.Config{Endpoints: listener.Plain(netip.MustParseAddrPort("127.0.0.1:0")), Resolver: r, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return server.Addresses()[0]
}
