package cache

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"unsafe"

	"github.com/names-dns/names/internal/race"
)

// TestSizeIsWhatTheCacheTakes weighs caches of several sizes, to the byte.
func TestSizeIsWhatTheCacheTakes(t *testing.T) {
	for _, config := range []Config{
		{Size: 64 << 10}, {Size: 100_000, Shards: 1}, {Size: 1 << 20, Shards: 16}, {Size: 64 << 20}, {},
	} {
		c := newCache(t, config)
		size := config.Size
		if size == 0 {
			size = 64 << 20
		}
		taken := int64(unsafe.Sizeof(*c)) + int64(len(c.shards))*int64(unsafe.Sizeof(c.shards[0]))
		for i := range c.shards {
			s := &c.shards[i]
			taken += 8 * int64(len(s.index)+len(s.ghosts)+len(s.arena))
			if s.largest < 100 {
				t.Errorf("%+v: entries may have %d words", config, s.largest)
			}
		}
		if taken > size || taken < size-2*8192 {
			t.Errorf("%+v: %d octets taken of %d", config, taken, size)
		}
		if got := c.Stats().Size; got != size {
			t.Errorf("%+v: Stats says %d", config, got)
		}
	}
}

// TestMemoryStaysWithinTheBudget stores ten million different answers in a
// cache of 64 MiB, and says how long the collector held everything up.
func TestMemoryStaysWithinTheBudget(t *testing.T) {
	count := 10_000_000
	switch {
	case race.Enabled:
		count = 100_000
	case testing.Short():
		count = 700_000 // more than there is room for
	}
	packet := numbered(t)
	before := inUse()
	c := newCache(t, Config{})
	var peak uint64
	for n := range count {
		number(packet, n)
		if err := c.Put(packet); err != nil {
			t.Fatal(err)
		}
		if n%(count/20) == 0 {
			peak = max(peak, inUse())
		}
	}
	peak = max(peak, inUse())
	s := c.Stats()
	budget := uint64(64 << 20)
	if taken := peak - before; taken > budget+budget/10 {
		t.Errorf("%d octets taken, of a budget of %d", taken, budget)
	}
	if s.Stored != uint64(count) || s.Used > s.Size || s.Entries*64 > s.Size {
		t.Errorf("%+v", s)
	}
	t.Logf("%d answers stored, %d kept, %.1f MiB more in use than before, longest pause %v",
		count, s.Entries, float64(peak-before)/(1<<20), longestPause())
	runtime.KeepAlive(c)
}

// inUse is how many octets the heap has, garbage taken off.
func inUse() uint64 {
	for range 3 { // what pools of the tests before keep goes with the second and third
		runtime.GC()
	}
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// longestPause is that of the last collections.
func longestPause() string {
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	longest := stats.Pause[0]
	for _, p := range stats.Pause {
		longest = max(longest, p)
	}
	return fmt.Sprint(longest)
}

// BenchmarkFill stores ever new answers in a cache of 64 MiB while the
// collector runs, and reports how long that held everything up at most.
func BenchmarkFill(b *testing.B) {
	c := newCache(b, Config{})
	packet := numbered(b)
	n := 0
	for b.Loop() {
		number(packet, n)
		if err := c.Put(packet); err != nil {
			b.Fatal(err)
		}
		if n++; n%500_000 == 0 {
			runtime.GC()
		}
	}
	runtime.GC()
	var stats debug.GCStats
	debug.ReadGCStats(&stats)
	longest := stats.Pause[0]
	for _, p := range stats.Pause {
		longest = max(longest, p)
	}
	b.ReportMetric(float64(longest.Microseconds()), "µs-longest-pause")
}
