package authority

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// largeNames is how many names millionZone has below its apex.
const largeNames = 1_000_000

// millionZone is a zone of a million names: hosts with an A and an AAAA record,
// every tenth name a delegation with a server below it, every hundredth a
// mail domain, and a wildcard.
var millionZone = sync.OnceValue(func() *Snapshot {
	var problems diagnostic.List
	origin := wire.MustParseName("example.")
	b := NewBuilder(origin, wire.ClassIN, &problems)
	add := func(owner string, t wire.Type, data []byte) {
		b.Add(wire.Record{Name: wire.MustParseName(owner), Type: t, Class: wire.ClassIN, TTL: 3600, Data: data}, diagnostic.Position{})
	}
	address := func(i int) []byte { return binary.BigEndian.AppendUint32(nil, 10<<24|uint32(i)) }
	long := func(i int) []byte {
		a := netip.MustParseAddr("2001:db8::").As16()
		binary.BigEndian.PutUint32(a[12:], uint32(i))
		return a[:]
	}
	target := func(name string) []byte { return wire.MustParseName(name).AppendTo(nil) }
	soa := wire.SOA{Primary: wire.MustParseName("ns.example."), Mailbox: wire.Root, Serial: 1, Refresh: 1, Retry: 1, Expire: 1, Minimum: 1}
	add("example.", wire.TypeSOA, soa.AppendTo(nil, nil))
	add("example.", wire.TypeNS, target("ns.example."))
	add("ns.example.", wire.TypeA, address(1))
	add("*.wild.example.", wire.TypeA, address(2))
	for i := range largeNames {
		owner := "host" + strconv.Itoa(i) + ".example."
		switch {
		case i%10 == 0:
			add(owner, wire.TypeNS, target("ns."+owner))
			add("ns."+owner, wire.TypeA, address(i))
		case i%100 == 1:
			add(owner, wire.TypeMX, append([]byte{0, 10}, target("host"+strconv.Itoa(i+1)+".example.")...))
			fallthrough
		default:
			add(owner, wire.TypeA, address(i))
			add(owner, wire.TypeAAAA, long(i))
		}
	}
	s, err := b.Freeze()
	if err != nil {
		panic(err)
	}
	return s
})

// BenchmarkAnswerMillion asks for another name of a large zone each time.
func BenchmarkAnswerMillion(b *testing.B) {
	set := new(Set)
	if err := set.SetZones([]*Zone{NewZone(millionZone())}); err != nil {
		b.Fatal(err)
	}
	for _, test := range []struct{ name, ask string }{
		{"positive", "host%d5.example. A"}, {"noData", "host%d5.example. TXT"}, {"nameError", "nothing%d.example. A"},
		{"referral", "www.host%d0.example. A"}, {"mail", "host%d01.example. MX"},
	} {
		b.Run(test.name, func(b *testing.B) {
			const questions = 8192
			var queries [questions][]byte
			for i := range queries {
				n := i * 7919 % (largeNames / 100)
				queries[i] = exchange(b, strings.Fields(fmt.Sprintf(test.ask, n))...).Query.Message
			}
			x := new(names.Exchange)
			buf := make([]byte, 0, 1232+wire.WriterSlack)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				x.Read(queries[i%questions], names.Peer{})
				x.Begin(buf, 1232)
				if err := set.TryResolve(x); err != nil {
					b.Fatal(err)
				}
				x.Finish()
			}
		})
	}
}
