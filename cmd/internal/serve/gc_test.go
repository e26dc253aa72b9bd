package serve

import "testing"

func TestCollectorPercent(t *testing.T) {
	for _, test := range []struct {
		cacheSize int64
		want      int
	}{
		{0, 100},
		{1 << 20, 100},
		{16 << 20, 100},
		{64 << 20, 25},
		{1 << 30, 1},
		{1 << 40, 1},
	} {
		if got := collectorPercent(test.cacheSize); got != test.want {
			t.Errorf("a cache of %d octets: %d %%, not %d", test.cacheSize, got, test.want)
		}
	}
}
