package authority

import (
	"fmt"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// BenchmarkReferral asks for names in zones below one that is like the root:
// six servers a delegation, each with two addresses.
func BenchmarkReferral(b *testing.B) {
	var text strings.Builder
	text.WriteString("$TTL 1d\n. SOA a.nic.tld0. hostmaster.nic.tld0. 1 1 1 1 1\n. NS a.nic.tld0.\n")
	const zones = 1024
	for zone := range zones {
		for server := range 6 {
			fmt.Fprintf(&text, "tld%d. NS %c.nic.tld%d.\n", zone, 'a'+server, zone)
			fmt.Fprintf(&text, "%c.nic.tld%d. A 192.0.2.%d\n", 'a'+server, zone, server)
			fmt.Fprintf(&text, "%c.nic.tld%d. AAAA 2001:db8::%d\n", 'a'+server, zone, server)
		}
	}
	set := new(Set)
	if err := set.SetZones([]*Zone{NewZone(mustZone(b, ".", text.String()))}); err != nil {
		b.Fatal(err)
	}
	var queries [zones][]byte
	for i := range queries {
		queries[i] = exchange(b, fmt.Sprintf("www.example.tld%d.", i*7919%zones), "A").Query.Message
	}
	x := new(names.Exchange)
	buf := make([]byte, 0, 1232+wire.WriterSlack)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		x.Read(queries[i%zones], names.Peer{})
		x.Begin(buf, 1232)
		if err := set.TryResolve(x); err != nil {
			b.Fatal(err)
		}
		x.Finish()
	}
}
