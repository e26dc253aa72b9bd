package validate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"testing"
	"time"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// BenchmarkCheck is what a reply costs whose zone is known: toy signatures show
// what is spent next to cryptography, ECDSA P-256 the whole.
func BenchmarkCheck(b *testing.B) {
	for _, c := range []struct{ name, question string }{
		{"positive", "a.nsec. A"}, {"wildcard", "q.w.nsec. A"}, {"NXDOMAIN", "nothing.nsec. A"}, {"NXDOMAIN-NSEC3", "nothing.nsec3. A"},
	} {
		w := family(b)
		benchCheck(b, "toy/"+c.name, w, c.question)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		b.Fatal(err)
	}
	k, err := algorithms.NewSigningKey(wire.AlgorithmECDSAP256SHA256, 257, private)
	if err != nil {
		b.Fatal(err)
	}
	o := options(b, ".", signedtree.NSEC)
	o.Keys = []*dnssec.SigningKey{k}
	w := newWorld(b, signZone(b, ".", o, a("a.", 1)))
	w.v.anchors.Remove(wire.Root)
	if err := w.v.anchors.AddDNSKEY(wire.Root, &k.Record); err != nil {
		b.Fatal(err)
	}
	benchCheck(b, "P-256/positive", w, "a. A")
}

func benchCheck(b *testing.B, name string, w *world, text string) {
	w.config.Now = func() time.Time { return now }
	w.want(text, Secure, "")
	m := w.ask(question(b, text), false)
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if r := w.v.Check(b.Context(), mustReply(b, m), nil); r.Verdict != Secure {
				b.Fatal(r)
			}
		}
	})
}
