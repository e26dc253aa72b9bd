package transfer_test

import (
	"fmt"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// A server that sends its zones to clients that may have them.
func ExampleSender() {
	zone := authority.NewEmptyZone(wire.MustParseName("example.com."), wire.ClassIN)
	zones := new(authority.Set)
	if err := zones.Add(zone); err != nil {
		panic(err)
	}

	history := new(transfer.History)
	zone.SetPipeline(&authority.Pipeline{Tell: []authority.Subscriber{history.Receive}})
	access, err := names.ParseAccess("192.0.2.0/24", "key:secondary")
	if err != nil {
		panic(err)
	}
	resolver := names.Chain{&transfer.Sender{Zones: zones, Access: access, History: history}, zones}
	fmt.Println(len(resolver))
	// Output: 2
}
