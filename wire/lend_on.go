//go:build invariants

package wire

// lend scribbles over memory whose loan is over, so that whoever kept it
// finds out at once.
func lend(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
