//go:build !invariants

package invariants

// Enabled says that the tag is set.
const Enabled = false

// Poison overwrites memory whose loan is over. Without the tag it does nothing.
func Poison([]byte) {}
