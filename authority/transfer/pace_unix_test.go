//go:build unix

package transfer

import "testing"

// TestProcessTime: it grows with what the process does.
func TestProcessTime(t *testing.T) {
	before := processTime()
	for i := 0; processTime() <= before; i++ {
		if i > 1e9 {
			t.Fatalf("it stays %v", before)
		}
	}
}
