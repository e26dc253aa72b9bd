package authority

import (
	"fmt"
	"strings"
	"testing"
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
	queries := make([][]byte, zones)
	for i := range queries {
		queries[i] = exchange(b, fmt.Sprintf("www.example.tld%d.", i*7919%zones), "A").Query.Message
	}
	benchmarkAnswers(b, set, queries)
}
