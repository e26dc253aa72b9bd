package names

import "github.com/names-dns/names/wire"

// BatchPreparer is a [Resolver] that answers faster if it sees several queries
// before it has to answer the first: the memory that it will read for one can be
// on its way to the processor together with the memory for the others.
//
// A server that receives several queries at once passes them to PrepareBatch
// before it resolves each. It does not have to, and queries that were passed
// may not be resolved after all.
type BatchPreparer interface {
	Resolver

	// WantsBatches reports whether PrepareBatch is worth calling at present.
	WantsBatches() bool

	// PrepareBatch receives queries, some of which may be malformed and have no
	// question. They are lent until it returns. It must not wait, and should
	// not allocate.
	PrepareBatch(queries []wire.Query)
}

// BatchPreparerOf returns r if it is a [BatchPreparer] that wants batches at
// present, and nil otherwise. Resolvers that wrap others use it to pass batches
// on.
func BatchPreparerOf(r Resolver) BatchPreparer {
	if p, ok := r.(BatchPreparer); ok && p.WantsBatches() {
		return p
	}
	return nil
}
