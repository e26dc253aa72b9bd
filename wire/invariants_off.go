//go:build !invariants

package wire

// poison is called with memory whose loan is over. Built with the tag
// invariants it scribbles over it.
func poison([]byte) {}

// checkStored is called with octets that have to be a name. With the tag it finds out.
func checkStored([]byte) {}
