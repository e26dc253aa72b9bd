package cache

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// telling is the reply to a question for n00000000.example.com with texts that
// say which number it is for, more of them for some numbers than for others.
func telling(t testing.TB, n int) []byte {
	x := ask{name: "n00000000.example.com.", kind: wire.TypeTXT}.exchange(t)
	var a answer
	for i := range 1 + n%13 {
		a.answers = append(a.answers, fmt.Sprintf("n00000000.example.com. %d TXT %d-%d", 1000+n%1000, n, i))
	}
	if err := a.to(x); err != nil {
		t.Fatal(err)
	}
	packet := x.Finish()
	number(packet, n)
	return packet
}

// checkTelling reports what is wrong with a reply for number n.
func checkTelling(x *names.Exchange, n int) error {
	packet := x.Finish()
	var r wire.Reader
	if err := r.Reset(packet); err != nil {
		return err
	}
	if err := r.SkipQuestions(); err != nil {
		return err
	}
	for i := range 1 + n%13 {
		h, err := r.Next()
		if err != nil {
			return err
		}
		want := fmt.Sprintf("%d-%d", n, i)
		if got := string(r.Raw()[1:]); got != want {
			return fmt.Errorf("text %d is %q, not %q", i, got, want)
		}
		if !h.Name.Equal(x.Question().Name) || h.TTL > uint32(1000+n%1000) || h.TTL < uint32(900+n%1000) {
			return fmt.Errorf("record %d is %v", i, h)
		}
	}
	if _, err := r.Next(); err != wire.ErrSectionDone {
		return fmt.Errorf("more than %d records: %v", 1+n%13, err)
	}
	return r.Close()
}

// TestReadersNeverSeeTornEntries has readers look at entries that are written
// over, moved and flushed all the time.
func TestReadersNeverSeeTornEntries(t *testing.T) {
	c := newCache(t, Config{Size: 64 << 10, Shards: 1})
	const numbers = 600
	packets := make([][]byte, numbers)
	for n := range packets {
		packets[n] = telling(t, n)
	}
	var writers, readers sync.WaitGroup
	var stop atomic.Bool
	var hits atomic.Int64
	const enough = 300
	rounds := 30_000
	if testing.Short() || race.Enabled {
		rounds = 5000
	}
	for w := range 2 {
		writers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 5))
			// Readers may get no processor for as long as the rounds take.
			for i := 0; i < rounds || hits.Load() < enough && i < 1000*rounds; i++ {
				if err := c.Put(packets[int(float64(numbers)*random.Float64()*random.Float64())]); err != nil && err != errFlushed {
					t.Error(err)
					return
				}
				switch {
				case i%1000 == 999:
					c.FlushSubtree(wire.MustParseName("example.com."))
				case i%100 == 0:
					c.Stats()
				}
			}
		})
	}
	for r := range 3 {
		x := ask{name: "n00000000.example.com.", kind: wire.TypeTXT}.exchange(t)
		readers.Go(func() {
			random := rand.New(rand.NewPCG(uint64(r), 6))
			for !stop.Load() {
				n := int(float64(numbers) * random.Float64() * random.Float64())
				number(x.Query.Message, n)
				x.Begin(x.Reply.Buffer(), 4096)
				if !c.Get(x) {
					runtime.Gosched()
					continue
				}
				hits.Add(1)
				if err := checkTelling(x, n); err != nil {
					t.Errorf("number %d: %v", n, err)
					return
				}
			}
		})
	}
	writers.Wait()
	stop.Store(true)
	readers.Wait()
	if s := c.Stats(); hits.Load() < enough || s.Evicted == 0 {
		t.Errorf("too little happened: %d hits, %+v", hits.Load(), s)
	}
	checkIndex(t, c)
}

// checkIndex reports slots that lead nowhere.
func checkIndex(t *testing.T, c *Cache) {
	t.Helper()
	for i := range c.shards {
		s := &c.shards[i]
		live := 0
		for j, v := range s.index {
			if v == 0 {
				continue
			}
			live++
			h, ok := s.load(v)
			if !ok {
				t.Errorf("slot %d points to no entry", j)
				continue
			}
			var k key
			at := int(v>>slotPlace) + headerWords
			for w := range h.keyWords() {
				binary.LittleEndian.PutUint64(k.octets[8*w:], s.arena[at+w])
			}
			k.len, k.hash = h.keyLen(), h[1]
			if found, _ := s.find(&k); found != &s.index[j] {
				t.Errorf("slot %d is not where its entry is looked for", j)
			}
		}
		if live != s.entries {
			t.Errorf("%d slots are taken, %d entries counted", live, s.entries)
		}
	}
}
