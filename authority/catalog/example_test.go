package catalog_test

import (
	"fmt"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/catalog"
	"github.com/names-dns/names/wire"
)

// A producer keeps a catalog, and a consumer of the same program follows it: usually
// the catalog goes from one server to the other by zone transfer.
func Example() {
	zone := authority.NewEmptyZone(wire.MustParseName("catalog.example."), wire.ClassIN)
	producer, err := catalog.NewProducer(zone)
	if err != nil {
		panic(err)
	}
	consumer := catalog.NewConsumer(catalog.ConsumerConfig{})
	if _, err := consumer.Load(zone.Snapshot()); err != nil {
		panic(err)
	}
	zone.SetPipeline(&authority.Pipeline{Tell: []authority.Subscriber{func(p authority.Publication) {
		changes, err := consumer.Apply(p.Zone.Origin(), p.Changes)
		fmt.Println("serial", p.After.Serial(), err)
		for _, c := range changes {
			fmt.Println(c.Zone, "is in", c.To, "with groups", c.Member.Groups)
		}
	}}})
	if _, err := producer.Put(catalog.Member{Zone: wire.MustParseName("customer.example."), Groups: []string{"signed"}}); err != nil {
		panic(err)
	}
	// Output:
	// serial 2 <nil>
	// customer.example. is in catalog.example. with groups [signed]
}
