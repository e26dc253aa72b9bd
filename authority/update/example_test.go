package update_test

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/wire"
)

// What a DHCP server sends for a new client: the name gets an address unless it is
// in use.
func ExampleRequest() {
	r := update.NewRequest(wire.MustParseName("example.com."))
	name := wire.MustParseName("laptop.example.com.")
	address := &wire.A{Addr: netip.MustParseAddr("192.0.2.7")}
	r.RequireNoName(name)
	r.Add(wire.Record{Name: name, Type: wire.TypeA, TTL: 300, Data: address.AppendTo(nil, nil)})

	client := update.Client{Server: netip.MustParseAddrPort("192.0.2.53:53")}
	_ = func(ctx context.Context) {
		reply, err := client.Send(ctx, r)
		fmt.Println(reply, err)
	}
	fmt.Println(r.Prerequisites[0])
	fmt.Println(r.Updates[0])
	// Output:
	// laptop.example.com.	0	NONE	ANY
	// laptop.example.com.	300	IN	A	192.0.2.7
}

// A server that lets ACME clients put their challenges into a zone, and no other
// record. The receiver goes into listener.Config.Opcodes for wire.OpcodeUpdate.
func ExampleReceiver() {
	zone := authority.NewEmptyZone(wire.MustParseName("example.com."), wire.ClassIN)
	challenge, err := update.ParsePattern("_acme-challenge.*.example.com")
	if err != nil {
		panic(err)
	}
	config := &update.ZoneConfig{
		Policy: update.Policy{{
			Keys:  []wire.Name{wire.MustParseName("acme.")},
			Names: []update.Pattern{challenge}, Match: update.MatchPattern,
			Types: []update.TypeLimit{{Type: wire.TypeTXT, Most: 4}},
		}},
		Serial: authority.SerialUnixTime,
	}
	receiver := update.NewReceiver(update.ReceiverConfig{
		Zone: func(name wire.Name, class wire.Class) (*authority.Zone, *update.ZoneConfig) {
			if name.Equal(zone.Origin()) && class == zone.Class() {
				return zone, config
			}
			return nil, nil
		},
	})
	fmt.Println(receiver.Stats().Applied)
	// Output: 0
}
