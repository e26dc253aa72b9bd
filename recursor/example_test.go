package recursor_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// What a forwarding server is made of: recursion for those nearby, names of
// this machine answered here, all else asked of two resolvers, and one zone of
// a server in the office.
func ExampleAccess() {
	forwarder, err := recursor.NewForwarder(recursor.ForwardConfig{
		Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.53:53"), netip.MustParseAddrPort("[2001:db8::53]:53")},
		Zones: []recursor.ForwardZone{
			{Zone: wire.MustParseName("corp.example."), Servers: []netip.AddrPort{netip.MustParseAddrPort("10.0.0.53:53")}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer forwarder.Close()
	local, err := recursor.NewLocalNames()
	if err != nil {
		fmt.Println(err)
		return
	}
	server := &recursor.Access{
		Allow: names.PrivatePeers(),
		Next:  names.Chain{local, forwarder},
		IsOwn: forwarder.IsOwn,
	}

	query := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName("localhost."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	for _, client := range []string{"192.168.1.7:4242", "198.51.100.7:4242"} {
		var x names.Exchange
		x.Read(query, names.Peer{Remote: netip.MustParseAddrPort(client)})
		x.Begin(nil, 512)
		if err := server.Resolve(context.Background(), &x); err != nil {
			fmt.Println(err)
			return
		}
		reply, err := wire.ParseMessage(x.Finish())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(client, reply.RCode, reply.Answers)
	}
	// Output:
	// 192.168.1.7:4242 NOERROR [localhost.	10800	IN	A	127.0.0.1]
	// 198.51.100.7:4242 REFUSED []
}
