package sign

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// BenchmarkCryptoOfSigning is what the library's part in a signature costs: to make
// it and to verify it.
func BenchmarkCryptoOfSigning(b *testing.B) {
	k := csk(b)[0]
	v, err := algorithms.ParseKey(k.Data())
	if err != nil {
		b.Fatal(err)
	}
	set := &dnssec.RRset{Name: wire.MustParseName("www.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 300, Data: [][]byte{{192, 0, 2, 1}}}
	var c dnssec.Canonical
	c.Set(set)
	for b.Loop() {
		sig, err := k.SignCanonical(&c, set, wire.MustParseName("example."), 1, 2)
		if err != nil {
			b.Fatal(err)
		}
		message, err := c.AppendSigned(nil, sig)
		if err != nil || !v.Verify(message, sig.Signature) {
			b.Fatal(err)
		}
	}
}

// large is a zone of many names.
func large(b *testing.B, names int) *authority.Snapshot {
	var text strings.Builder
	text.WriteString("@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300\n@ 3600 NS ns\nns 3600 A 192.0.2.1\n")
	for i := range names {
		fmt.Fprintf(&text, "host%d 300 A 10.%d.%d.%d\n", i, i>>16&255, i>>8&255, i&255)
	}
	return parse(b, text.String())
}

// BenchmarkSignedUpdate is an update that adds a name to a signed zone and one that
// removes it again.
func BenchmarkSignedUpdate(b *testing.B) {
	for name, policy := range map[string]Policy{"NSEC": {}, "NSEC3": {NSEC3: true}} {
		for _, names := range []int{1000, 20000} {
			b.Run(fmt.Sprintf("%s/%d", name, names), func(b *testing.B) {
				s, err := New(policy, csk(b), func() time.Time { return start })
				if err != nil {
					b.Fatal(err)
				}
				z := signed(b, s, large(b, names))
				r := wire.Record{Name: wire.MustParseName("new.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 300, Data: []byte{192, 0, 2, 1}}
				records := 0
				for b.Loop() {
					for _, edit := range []func(*authority.Txn) error{
						func(t *authority.Txn) error { return t.Add(r) },
						func(t *authority.Txn) error { t.Remove(r); return nil },
					} {
						changes, err := z.Update(authority.FromUpdate, edit)
						if err != nil {
							b.Fatal(err)
						}
						records += len(changes.Added) + len(changes.Removed)
					}
				}
				b.ReportMetric(float64(records)/float64(2*b.N), "records/update")
			})
		}
	}
}
