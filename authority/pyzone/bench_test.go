package pyzone

import (
	"fmt"
	"strings"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
)

// BenchmarkRead reads a pyzone of 10,000 addresses; ns/op by 10,000 is the
// time of a record.
func BenchmarkRead(b *testing.B) {
	var text strings.Builder
	text.WriteString("zone = [\n    SOA('example.com', 'ns1.example.com', 'root.example.com'),\n")
	for i := range 10000 {
		fmt.Fprintf(&text, "    A('host-%d.example.com', '192.0.2.%d', ttl='1H'),\n", i, i%256)
	}
	text.WriteString("]\n")
	b.SetBytes(int64(text.Len()))
	b.ReportAllocs()
	for b.Loop() {
		var problems diagnostic.List
		if _, err := Read([]byte(text.String()), "x", &problems, func(*Record) error { return nil }); err != nil || problems.Errors > 0 {
			b.Fatal(err, problems.Err())
		}
	}
}
