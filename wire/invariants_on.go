//go:build invariants

package wire

// poison scribbles over memory whose loan is over, so that a caller that kept it
// finds out at once.
func poison(b []byte) {
	for i := range b {
		b[i] = 0xDB
	}
}

// checkStored finds octets that are not a name.
func checkStored(b []byte) {
	if n, err := wireNameLen(b); err != nil || n != len(b) {
		panic("stored octets are not a name")
	}
}
