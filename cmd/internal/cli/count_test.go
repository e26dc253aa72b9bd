package cli

import "testing"

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"0 zones": Count(0, "zone"), "1 zone": Count(1, "zone"), "2 valid signatures": Count(2, "valid signature"),
		"1 entry": Count(1, "entry"), "3 entries": Count(3, "entry"), "2 keys": Count(2, "key"),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
