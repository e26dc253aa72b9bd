package cache

import "github.com/names-dns/names/wire"

// Security is what DNSSEC says about a part (RFC 4033 5): the recursor that
// keeps it has found that out.
type Security uint8

const (
	// Unchecked: it was not validated. It says nothing for or against the data.
	Unchecked Security = iota
	// Insecure: it is proved that there are no signatures to check.
	Insecure
	// Secure: the signatures hold, from a trust anchor down.
	Secure
	// Bogus: there should be signatures that hold, and there are none. Such
	// data is for clients that set CD only.
	Bogus
)

var securityTexts = [...]string{"unchecked", "insecure", "secure", "bogus"}

func (s Security) String() string { return securityTexts[s&3] }

// rank says how far data is to be trusted: higher is more (RFC 2181 5.4.1). Of
// the ranks there, only those of whole answers can occur: authority and
// additional data is kept as part of the answer it came in, and never given out
// as an answer of its own. What DNSSEC says counts more than any of them.
// An odd rank is that of data with AA set.
type rank uint8

const (
	rankFailure       rank = 0 // that there was no answer
	rankBogus         rank = 2
	rankAnswer        rank = 4 // from a server that is not authoritative: another cache
	rankAuthoritative rank = rankAnswer | rankAA
	rankSecure        rank = 6
	rankAA            rank = 1
)

// rankOf is the rank of data with these flags and that security status.
func rankOf(flags wire.Flags, s Security) rank {
	r := rankAnswer
	switch s {
	case Bogus:
		r = rankBogus
	case Secure:
		r = rankSecure
	}
	if flags.Has(wire.FlagAA) {
		r |= rankAA
	}
	return r
}

func (r rank) isAuthoritative() bool { return r&rankAA != 0 }

// mayReplace reports whether data of rank r takes the place of other data.
// Expired data has no rank: it may always be replaced.
func (r rank) mayReplace(other rank, otherIsFresh bool) bool {
	return !otherIsFresh || r >= other
}
