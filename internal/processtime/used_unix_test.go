//go:build unix

package processtime

import "testing"

// It grows with what the process does.
func TestUsed(t *testing.T) {
	before := Used()
	for i := 0; Used() <= before; i++ {
		if i > 1e9 {
			t.Fatalf("it stays %v", before)
		}
	}
}
