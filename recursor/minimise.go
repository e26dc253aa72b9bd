package recursor

import "github.com/names-dns/names/wire"

// QNAME minimisation (RFC 9156): a server gets only as much of a name as it
// needs to refer to the next servers.

const (
	// maxMinimised is how many questions with a shortened name one resolution
	// sends at most, oneByOne how many of them have just one label more
	// than what is known (RFC 9156 2.3: MAX_MINIMISE_COUNT, MINIMISE_ONE_LAB).
	maxMinimised = 10
	oneByOne     = 4
)

// minimised returns how many labels of name to show next to a server of whose
// zone known labels of the name are: all of them if there is nothing to
// hide. asked is how many questions with a shortened name were sent before.
func minimised(name wire.Name, known, asked int) (labels int) {
	all := name.LabelCount()
	if asked >= maxMinimised {
		return all
	}
	step := 1
	if asked >= oneByOne {
		left := maxMinimised - asked
		step = (all - known + left - 1) / left
	}
	labels = min(known+max(step, 1), all)
	// No zone begins at a label like _tcp, as a rule (RFC 8552): the question
	// would find out nothing else.
	for labels < all && name.Ancestor(labels).FirstLabel()[0] == '_' {
		labels++
	}
	return labels
}

// minimisedType is what is asked for where only the name matters. An address
// is what nearly everybody asks for, which servers know how to answer (RFC
// 9156 2.1).
const minimisedType = wire.TypeA
