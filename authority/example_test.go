package authority_test

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// exampleZone is a zone that is served.
func exampleZone() *authority.Zone {
	origin := wire.MustParseName("example.com.")
	text := "$TTL 1h\n@ SOA ns1 hostmaster 7 2h 1h 2w 5m\n@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.2\n"
	var problems diagnostic.List
	b := authority.NewBuilder(origin, wire.ClassIN, &problems)
	err := zonefile.Read([]byte(text), "example.zone", zonefile.Options{Origin: origin}, &problems, func(r *zonefile.Record) error {
		b.Add(r.Record, r.Position)
		return nil
	})
	if err != nil {
		panic(err)
	}
	snapshot, err := b.Freeze()
	if err != nil {
		panic(err)
	}
	return authority.NewZone(snapshot)
}

func ExampleZone_Update() {
	zone := exampleZone()
	www := wire.MustParseName("www.example.com.")
	address := &wire.A{Addr: netip.MustParseAddr("192.0.2.99")}
	changes, err := zone.Update(authority.FromControl, func(t *authority.Txn) error {
		if len(t.RRset(www, wire.TypeA)) == 0 {
			return errors.New("www has no address")
		}
		return t.Replace(wire.Record{
			Name: www, Type: wire.TypeA, Class: wire.ClassIN, TTL: 300,
			Data: address.AppendTo(nil, nil),
		})
	})
	if err != nil {
		fmt.Println(err) // the zone is as it was
		return
	}
	fmt.Println("serial", changes.From, "to", changes.To)
	for _, r := range changes.Removed {
		fmt.Println("-", strings.ReplaceAll(r.String(), "\t", " "))
	}
	for _, r := range changes.Added {
		fmt.Println("+", strings.ReplaceAll(r.String(), "\t", " "))
	}
	// Output:
	// serial 7 to 8
	// - example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 7 7200 3600 1209600 300
	// - www.example.com. 3600 IN A 192.0.2.2
	// + example.com. 3600 IN SOA ns1.example.com. hostmaster.example.com. 8 7200 3600 1209600 300
	// + www.example.com. 300 IN A 192.0.2.99
}

func ExampleStage() {
	zone := exampleZone()
	neverMoved := func(t *authority.Txn) error {
		for _, r := range t.Changes().Removed {
			if r.Type == wire.TypeA && r.Name.FirstLabel() == "ns1" {
				return errors.New("the name server keeps its address")
			}
		}
		return nil
	}
	notify := func(p authority.Publication) {
		fmt.Println("tell the secondaries:", p.Zone.Origin(), "has serial", p.After.Serial())
	}
	zone.SetPipeline(&authority.Pipeline{
		Check: []authority.Stage{neverMoved},
		Tell:  []authority.Subscriber{notify},
	})
	for _, name := range []string{"ns1.example.com.", "www.example.com."} {
		_, err := zone.Update(authority.FromControl, func(t *authority.Txn) error {
			t.RemoveName(wire.MustParseName(name))
			return nil
		})
		fmt.Println(name, err)
	}
	// Output:
	// ns1.example.com. zone example.com.: change from control refused by stage check: the name server keeps its address
	// tell the secondaries: example.com. has serial 8
	// www.example.com. <nil>
}
