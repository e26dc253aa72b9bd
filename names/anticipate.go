package names

import "github.com/names-dns/names/wire"

// Anticipator is a [Resolver] that is quicker where it hears of several queries
// before it is asked the first of them: the memory that it will look at for one
// can be on its way to the processor together with that for all others.
//
// Servers that receive several queries at once tell it of them. It need not be
// told, and what it is told need not come true.
type Anticipator interface {
	Resolver

	// Anticipates reports whether being told is of use at present.
	Anticipates() bool

	// Anticipate is told of queries, of which some may be malformed and without
	// a question. They are lent until it returns. It must not wait, and should
	// not allocate.
	Anticipate(queries []wire.Query)
}

// Anticipates reports whether it is of use to tell r of queries.
func Anticipates(r Resolver) bool {
	a, ok := r.(Anticipator)
	return ok && a.Anticipates()
}

// Anticipate tells r of queries if that is of use.
func Anticipate(r Resolver, queries []wire.Query) {
	if a, ok := r.(Anticipator); ok && a.Anticipates() {
		a.Anticipate(queries)
	}
}
