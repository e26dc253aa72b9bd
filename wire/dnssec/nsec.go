package dnssec

import "github.com/names-dns/names/wire"

// Covers reports whether name lies between the owner and the next name of an
// NSEC record in canonical order, neither included, case ignored. The last one
// of a zone leads back to the apex (RFC 4034 4.1.1); all three names have to
// be in the zone.
func Covers(owner, next, name wire.Name) bool {
	if owner.Compare(name) >= 0 {
		return false
	}
	// A next name at or before the owner can only be the apex.
	return name.Compare(next) < 0 || next.Compare(owner) <= 0
}
