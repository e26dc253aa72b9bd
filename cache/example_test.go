package cache_test

import (
	"context"
	"fmt"
	"log"
	"net/netip"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// A cache in front of a resolver, which has to be asked once.
func ExampleCache_Resolver() {
	slow := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		fmt.Println("asked for", x.Question().Name)
		return x.Reply.Record(x.Question().Name, wire.ClassIN, 300, &wire.A{Addr: netip.MustParseAddr("192.0.2.1")})
	})
	c, err := cache.New(cache.Config{Size: 1 << 20})
	if err != nil {
		log.Fatal(err)
	}
	resolver := c.Resolver(slow)
	defer resolver.Close()

	question := wire.Question{Name: wire.MustParseName("example.com."), Type: wire.TypeA, Class: wire.ClassIN}
	query := wire.AppendQuery(nil, 1, wire.FlagRD, question, nil)
	for range 2 {
		var x names.Exchange
		if _, err := x.Read(query, names.Peer{}); err != nil {
			log.Fatal(err)
		}
		x.Begin(nil, 512)
		if err := resolver.Resolve(context.Background(), &x); err != nil {
			log.Fatal(err)
		}
		fmt.Println(x.Reply.Count(wire.SectionAnswer), "record")
	}
	fmt.Println(c.Stats().Hits, "hit")
	// Output:
	// asked for example.com.
	// 1 record
	// 1 record
	// 1 hit
}
