package zonefile_test

import (
	"fmt"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

func ExampleRead() {
	text := []byte(`$TTL 1h
@    SOA ns1 hostmaster ( 1 2h 1h 2w 5m )
     NS  ns1
ns1  A   192.0.2.1
www  A   192.0.2.256
`)
	var problems diagnostic.List
	var line []byte
	o := zonefile.Options{Origin: wire.MustParseName("example.com.")}
	err := zonefile.Read(text, "example.zone", o, &problems, func(r *zonefile.Record) error {
		line = zonefile.AppendRecord(line[:0], &r.Record)
		fmt.Print(string(line))
		return nil
	})
	if err == nil {
		err = problems.Err()
	}
	fmt.Println(err)
	// Output:
	// example.com.	3600	IN	SOA	ns1.example.com. hostmaster.example.com. 1 7200 3600 1209600 300
	// example.com.	3600	IN	NS	ns1.example.com.
	// ns1.example.com.	3600	IN	A	192.0.2.1
	// example.zone:5:10: A data: expected an IPv4 address, found "192.0.2.256"
}
