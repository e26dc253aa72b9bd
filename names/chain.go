package names

import (
	"context"
	"slices"

	"github.com/names-dns/names/wire"
)

// Chain asks resolvers in order until one does not pass. A chain that is
// empty, or in which all pass, passes itself.
type Chain []Resolver

// Resolve asks one resolver after the other.
func (c Chain) Resolve(ctx context.Context, x *Exchange) error {
	for _, r := range c {
		if err := r.Resolve(ctx, x); err != ErrPass {
			return err
		}
	}
	return ErrPass
}

// TryResolve asks one resolver after the other as long as none has to wait.
// After [ErrSlow] the whole chain is asked again with Resolve: the resolvers
// before the slow one pass a second time.
func (c Chain) TryResolve(x *Exchange) error {
	for _, r := range c {
		if err := Try(r, x); err != ErrPass {
			return err
		}
	}
	return ErrPass
}

// WantsBatches reports whether a resolver of the chain wants batches.
func (c Chain) WantsBatches() bool {
	return slices.ContainsFunc(c, func(r Resolver) bool { return BatchPreparerOf(r) != nil })
}

// PrepareBatch passes the queries to each resolver that wants batches.
func (c Chain) PrepareBatch(queries []wire.Query) {
	for _, r := range c {
		if p := BatchPreparerOf(r); p != nil {
			p.PrepareBatch(queries)
		}
	}
}
