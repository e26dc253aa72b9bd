package cache

import "github.com/names-dns/names/wire"

// rank says how far an answer is to be trusted, higher is more (RFC 2181
// 5.4.1). Of the ranks there only those of whole answers can occur: authority
// and additional data is kept as part of the answer it came in, and never
// given out as an answer of its own.
type rank uint8

const (
	rankFailure       rank = iota // that there was no answer
	rankAnswer                    // from somebody who is not authoritative: another cache
	rankAuthoritative             // with AA set
)

// rankOf is the rank of an answer with these flags.
func rankOf(flags wire.Flags) rank {
	if flags.Has(wire.FlagAA) {
		return rankAuthoritative
	}
	return rankAnswer
}

// mayReplace reports whether data of rank r takes the place of other data. What
// is too old for use stands in nobody's way.
func (r rank) mayReplace(other rank, otherIsFresh bool) bool {
	return !otherIsFresh || r >= other
}
