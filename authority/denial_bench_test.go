package authority

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/wire"
)

// chainedZone is a zone of a million names with an NSEC chain. Only the SOA
// record has a signature: what it takes to find a proof is all the same.
var chainedZone = sync.OnceValue(func() *Snapshot {
	var problems diagnostic.List
	b := NewBuilder(wire.MustParseName("example."), wire.ClassIN, &problems)
	add := func(owner wire.Name, t wire.Type, data []byte) {
		b.Add(wire.Record{Name: owner, Type: t, Class: wire.ClassIN, TTL: 3600, Data: data}, diagnostic.Position{})
	}
	owners := make([]wire.Name, 0, largeNames+1)
	owners = append(owners, wire.MustParseName("example."))
	for i := range largeNames {
		// Labels as people choose them: of many lengths, and many alike at the start.
		text := [...]string{"host%d", "www-%d", "%d", "mail.shop%d", "customer-number-%d"}[i%5]
		owners = append(owners, wire.MustParseName(fmt.Sprintf(text, uint32(i)*2654435761)+".example."))
	}
	slices.SortFunc(owners, wire.Name.Compare)
	soa := wire.SOA{Primary: wire.Root, Mailbox: wire.Root, Serial: 1, Refresh: 1, Retry: 1, Expire: 1, Minimum: 1}
	add(owners[0], wire.TypeSOA, soa.AppendTo(nil, nil))
	add(owners[0], wire.TypeNS, []byte{0})
	signature := wire.RRSIG{Covered: wire.TypeSOA, Algorithm: 13, Labels: 1, OriginalTTL: 3600, Signer: owners[0], Signature: make([]byte, 64)}
	add(owners[0], wire.TypeRRSIG, signature.AppendTo(nil, nil))
	for i, owner := range owners {
		if i > 0 {
			add(owner, wire.TypeA, binary.BigEndian.AppendUint32(nil, uint32(i)))
		}
		next := owners[(i+1)%len(owners)]
		add(owner, wire.TypeNSEC, append(next.AppendTo(nil), 0, 1, 0x40)) // A
	}
	s, err := b.Freeze()
	if err != nil {
		panic(err)
	}
	return s
})

// BenchmarkNameErrorNSEC asks a signed zone of a million names for names that
// are not there, with DO.
func BenchmarkNameErrorNSEC(b *testing.B) {
	set := new(Set)
	if err := set.SetZones([]*Zone{NewZone(chainedZone())}); err != nil {
		b.Fatal(err)
	}
	queries := make([][]byte, 8192)
	for i := range queries {
		queries[i] = exchange(b, strings.Fields(fmt.Sprintf("no%dx.example. A do", uint32(i)*2654435761))...).Query.Message
	}
	benchmarkAnswers(b, set, queries)
}
