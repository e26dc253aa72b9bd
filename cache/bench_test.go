package cache

import (
	"bytes"
	"encoding/binary"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// filled returns a cache that knows www.example.com, and asks
// no other resolver.
func filled(b testing.TB) *Resolver {
	next := &tableResolver{table: map[string]*answer{"www.example.com. A": {answers: []string{"www.example.com. 86400 A 192.0.2.1"}}}}
	f := newCache(b, Config{}).Resolver(next)
	if err := f.TryResolve(ask{name: "www.example.com."}.exchange(b)); err != nil {
		b.Fatal(err)
	}
	return f
}

func BenchmarkHit(b *testing.B) {
	f := filled(b)
	x := ask{name: "www.example.com.", limit: 1232}.exchange(b)
	b.ReportAllocs()
	for b.Loop() {
		x.Restart()
		if err := f.TryResolve(x); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHitParallel is of many who ask for the same.
func BenchmarkHitParallel(b *testing.B) {
	f := filled(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		x := ask{name: "www.example.com.", limit: 1232}.exchange(b)
		for pb.Next() {
			x.Restart()
			if err := f.TryResolve(x); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkMiss(b *testing.B) {
	f := filled(b)
	x := ask{name: "missing.example.com.", limit: 1232}.exchange(b)
	b.ReportAllocs()
	for b.Loop() {
		if f.cache.Get(x) {
			b.Fatal("hit")
		}
	}
}

// BenchmarkPut stores ever new answers, in a cache that is full after a while.
func BenchmarkPut(b *testing.B) {
	c := newCache(b, Config{Size: 8 << 20})
	packet := numbered(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		number(packet, i)
		i++
		if err := c.Put(packet); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHitLarge is of names that are not in the processor's cache.
func BenchmarkHitLarge(b *testing.B) {
	c := newCache(b, Config{})
	const count = 400_000
	if err := putNumbered(c, numbered(b), count); err != nil {
		b.Fatal(err)
	}
	x := ask{name: "n00000000.example.com.", limit: 1232}.exchange(b)
	b.ReportAllocs()
	i, found := 0, 0
	for b.Loop() {
		i = (i + 7919) % count
		number(x.Query.Message, i)
		x.Restart()
		if c.Get(x) {
			found++
		}
	}
	b.ReportMetric(float64(found)/float64(b.N), "hits/op")
}

// BenchmarkKeepPart is [BenchmarkPut] for delegations, and for answers of the
// same size as there.
func BenchmarkKeepPart(b *testing.B) {
	for _, kind := range []struct {
		what   string
		part   Part
		packet []byte
	}{
		{"answer", PartAnswer, numbered(b)},
		{"delegation", PartDelegation, numberedDelegation(b)},
	} {
		b.Run(kind.what, func(b *testing.B) {
			c := newCache(b, Config{Size: 8 << 20})
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				number(kind.packet, i)
				i++
				if err := c.KeepPart(kind.part, kind.packet, Unchecked); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkFindPart(b *testing.B) {
	c := newCache(b, Config{})
	packet := numbered(b)
	if err := c.KeepPart(PartAnswer, packet, Unchecked); err != nil {
		b.Fatal(err)
	}
	q := questionOf(packet)
	buf := make([]byte, 0, 512+PartSlack)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := c.FindPart(PartAnswer, q, buf); !ok {
			b.Fatal("not found")
		}
	}
}

// BenchmarkFindDelegation is of names some labels below the zone that is found.
func BenchmarkFindDelegation(b *testing.B) {
	for _, below := range []int{0, 1, 2, 8} {
		b.Run(strconv.Itoa(below), func(b *testing.B) {
			c := newCache(b, Config{})
			packet := numberedDelegation(b)
			if err := c.KeepPart(PartDelegation, packet, Unchecked); err != nil {
				b.Fatal(err)
			}
			name := wire.MustParseName(strings.Repeat("label.", below) + "n00000000.example.com.")
			buf := make([]byte, 0, 512+PartSlack)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, _, ok := c.FindDelegation(name, wire.ClassIN, buf); !ok {
					b.Fatal("not found")
				}
			}
		})
	}
}

// BenchmarkSaveAndLoad is of a full cache; the figures are for each entry.
func BenchmarkSaveAndLoad(b *testing.B) {
	c := newCache(b, Config{Size: 16 << 20})
	packet := numbered(b)
	for i := range 200_000 {
		number(packet, i)
		if err := c.Put(packet); err != nil {
			b.Fatal(err)
		}
	}
	var dump bytes.Buffer
	entries, err := c.Save(&dump, "")
	if err != nil {
		b.Fatal(err)
	}
	perEntry := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(entries), "ns/entry")
		b.ReportMetric(float64(dump.Len())/float64(entries), "octets/entry")
	}
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			if _, err := c.Save(io.Discard, ""); err != nil {
				b.Fatal(err)
			}
		}
		perEntry(b)
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			if n, err := newCache(b, Config{Size: 16 << 20}).Load(bytes.NewReader(dump.Bytes()), ""); n != entries || err != nil {
				b.Fatal(n, err)
			}
		}
		perEntry(b)
	})
}

// numbered is the reply to a question for n00000000.example.com.
func numbered(t testing.TB) []byte {
	x := ask{name: "n00000000.example.com."}.exchange(t)
	if err := (&answer{answers: []string{"n00000000.example.com. 3600 A 192.0.2.1"}}).to(x); err != nil {
		t.Fatal(err)
	}
	return x.Finish()
}

// putNumbered puts the first count of the answers that packet, from numbered, can
// be made.
func putNumbered(c *Cache, packet []byte, count int) error {
	for i := range count {
		number(packet, i)
		if err := c.Put(packet); err != nil {
			return err
		}
	}
	return nil
}

// number makes the question of a message that of another number.
func number(message []byte, n int) {
	const hex = "0123456789abcdef"
	digits := message[wire.HeaderLen+2:][:8]
	var octets [4]byte
	binary.BigEndian.PutUint32(octets[:], uint32(n))
	for i, o := range octets {
		digits[2*i], digits[2*i+1] = hex[o>>4], hex[o&15]
	}
}

var _ names.Resolver = (*tableResolver)(nil)
