package encrypted_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/doq"
	"github.com/names-dns/names/recursor/upstream/encrypted"
)

// A forwarder that asks a server over TLS.
func Example() {
	server, err := encrypted.Parse("tls://9.9.9.9#dns.quad9.net")
	if err != nil {
		panic(err)
	}
	client, err := encrypted.New(server, encrypted.Config{QUIC: doq.New, HTTP3: doq.NewHTTP3})
	if err != nil {
		panic(err)
	}
	known := netip.AddrPortFrom(server.Address, server.Port)
	forwarder, err := recursor.NewForwarder(recursor.ForwardConfig{
		Servers:    []netip.AddrPort{known},
		Transports: map[netip.AddrPort]*upstream.Transport{known: client.Transport()},
	})
	if err != nil {
		panic(err)
	}
	defer forwarder.Close()
	fmt.Println(forwarder.Servers()[0].Name)
	// Output: tls://9.9.9.9#dns.quad9.net
}

// To find the address of a server that has only a name, another is asked.
func ExampleConfig() {
	server, _ := encrypted.Parse("https://dns.example/dns-query")
	_, err := encrypted.New(server, encrypted.Config{Lookup: func(ctx context.Context, host string) ([]netip.Addr, error) {
		return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
	}})
	fmt.Println(err)
	// Output: <nil>
}
