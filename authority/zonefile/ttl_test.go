package zonefile

import (
	"testing"
)

func TestParseTTL(t *testing.T) {
	for _, test := range []struct {
		text string
		want uint32
		ok   bool
	}{
		{"0", 0, true}, {"3600", 3600, true}, {"1s", 1, true}, {"1S2M3H4D5W", 1 + 2*60 + 3*3600 + 4*86400 + 5*604800, true},
		{"1h1h", 7200, true}, {"007", 7, true}, {"4294967295", 4294967295, true}, {"4294967296", 0, false},
		{"7101w", 4294684800, true}, {"7102w", 0, false}, {"7101w1w", 0, false}, {"99999999999999999999999w", 0, false},
		{"", 0, false}, {"h", 0, false}, {"1h30", 0, false}, {"1hh", 0, false}, {"1 h", 0, false}, {"-1", 0, false}, {"1y", 0, false}, {"0x1", 0, false},
	} {
		got, err := parseTTL([]byte(test.text))
		if got != test.want || (err == nil) != test.ok {
			t.Errorf("%q: %d, %v", test.text, got, err)
		}
	}
}
