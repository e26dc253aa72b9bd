package bench

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations in buckets of which each is at most 1/128 wider
// than where it begins, whatever their size: 128 for each power of two, and one
// for each nanosecond below. It takes 36 KiB.
type histogram struct {
	buckets    [histogramSize]uint64
	count      int64
	sum        time.Duration
	least, max time.Duration
}

const (
	bucketBits    = 7
	longestBits   = 41 // durations from 36 minutes on share the last bucket
	histogramSize = (longestBits - bucketBits + 1) << bucketBits
)

// bucketOf is the bucket of a duration that is not negative.
func bucketOf(d time.Duration) int {
	shift := max(bits.Len64(uint64(d))-bucketBits-1, 0)
	return min(shift<<bucketBits+int(d>>shift), histogramSize-1)
}

// bucketEnd is the longest duration in a bucket.
func bucketEnd(bucket int) time.Duration {
	shift := max(bucket>>bucketBits-1, 0)
	return time.Duration(bucket-shift<<bucketBits+1)<<shift - 1
}

// add counts a duration; a negative one is none at all.
func (h *histogram) add(d time.Duration) {
	d = max(d, 0)
	if h.count == 0 || d < h.least {
		h.least = d
	}
	h.max = max(h.max, d)
	h.buckets[bucketOf(d)]++
	h.count++
	h.sum += d
}

// merge adds what other has counted.
func (h *histogram) merge(other *histogram) {
	if other.count == 0 {
		return
	}
	if h.count == 0 || other.least < h.least {
		h.least = other.least
	}
	h.max = max(h.max, other.max)
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
	h.sum += other.sum
}

// quantile returns a duration that the share q of all, between 0 and 1, does
// not exceed: exact below 128 ns, and otherwise up to 1/128 too long. Without
// durations it is 0.
func (h *histogram) quantile(q float64) time.Duration {
	rank := uint64(max(math.Ceil(q*float64(h.count)), 1))
	var seen uint64
	for i, n := range h.buckets {
		if seen += n; seen >= rank {
			if i == histogramSize-1 {
				break // it has no end
			}
			return max(min(bucketEnd(i), h.max), h.least)
		}
	}
	return h.max
}

// mean is 0 without durations.
func (h *histogram) mean() time.Duration {
	return h.sum / time.Duration(max(h.count, 1))
}
