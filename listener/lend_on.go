//go:build invariants

package listener

// lend scribbles over memory whose loan is over, so that a resolver that kept
// a piece of a query finds out at once.
func lend(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}
