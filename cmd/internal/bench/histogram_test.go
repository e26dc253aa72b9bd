package bench

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// slowHistogram keeps every duration.
type slowHistogram []time.Duration

func (h slowHistogram) quantile(q float64) time.Duration {
	slices.Sort(h)
	return h[int(max(math.Ceil(q*float64(len(h))), 1))-1]
}

func TestHistogramAgreesWithASortedList(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, draw := range map[string]func() time.Duration{
		"few nanoseconds": func() time.Duration { return time.Duration(random.IntN(200)) },
		"microseconds":    func() time.Duration { return time.Duration(random.IntN(1e6)) },
		"any size":        func() time.Duration { return time.Duration(random.Uint64() >> (24 + random.IntN(40))) },
		"exponential":     func() time.Duration { return time.Duration(random.ExpFloat64() * 1e6) },
		"always the same": func() time.Duration { return 12345 },
	} {
		for _, n := range []int{1, 2, 10, 1000, 20000} {
			var slow slowHistogram
			var whole, half histogram
			for i := range n {
				d := draw()
				slow = append(slow, d)
				if i%2 == 0 {
					whole.add(d)
				} else {
					half.add(d)
				}
			}
			whole.merge(&half)
			var sum time.Duration
			for _, d := range slow {
				sum += d
			}
			if whole.count != int64(n) || whole.mean() != sum/time.Duration(n) || whole.least != slices.Min(slow) || whole.max != slices.Max(slow) {
				t.Errorf("%s, %d: count %d, mean %v, least %v, max %v", name, n, whole.count, whole.mean(), whole.least, whole.max)
			}
			for _, q := range []float64{0, 0.001, 0.5, 0.9, 0.99, 0.999, 1} {
				want, got := slow.quantile(q), whole.quantile(q)
				if got < want || got-want > want/128 {
					t.Errorf("%s, %d: quantile %v is %v, want %v or up to 1/128 more", name, n, q, got, want)
				}
			}
		}
	}
}

func TestHistogramEnds(t *testing.T) {
	var h histogram
	if h.quantile(0.5) != 0 || h.mean() != 0 {
		t.Errorf("without durations: median %v, mean %v", h.quantile(0.5), h.mean())
	}
	h.merge(new(histogram))
	h.add(-5)
	if h.least != 0 || h.max != 0 || h.count != 1 {
		t.Errorf("a negative duration: %v to %v, %d of them", h.least, h.max, h.count)
	}
	for _, d := range []time.Duration{time.Hour, 1000 * time.Hour} {
		h.add(d)
		if got := h.quantile(1); got != d {
			t.Errorf("the longest is %v, want %v", got, d)
		}
	}
}

// TestBuckets: they cover all durations without a gap, none wider than it may
// be.
func TestBuckets(t *testing.T) {
	begin := time.Duration(0)
	for b := range histogramSize - 1 {
		end := bucketEnd(b)
		if bucketOf(begin) != b || bucketOf(end) != b || bucketOf(end+1) != b+1 {
			t.Fatalf("bucket %d is %d to %d, which are in %d, %d; after it %d", b, begin, end, bucketOf(begin), bucketOf(end), bucketOf(end+1))
		}
		if end-begin > begin/128 {
			t.Fatalf("bucket %d, %v to %v, is too wide", b, begin, end)
		}
		begin = end + 1
	}
	if got := fmt.Sprint(begin.Round(time.Minute)); got != "37m0s" {
		t.Errorf("the last bucket begins at %s", got)
	}
}
