package names

import (
	"context"
	"slices"

	"github.com/names-dns/names/wire"
)

// Chain asks resolvers in order until one does not pass. A chain that is
// empty, or in which everybody passes, passes itself.
type Chain []Resolver

// Resolve asks each resolver in turn.
func (c Chain) Resolve(ctx context.Context, x *Exchange) error {
	for _, r := range c {
		if err := r.Resolve(ctx, x); err != ErrPass {
			return err
		}
	}
	return ErrPass
}

// TryResolve asks each resolver in turn as long as they need not wait. After
// [ErrSlow] the whole chain is asked again with Resolve: those in front of the
// slow one pass a second time.
func (c Chain) TryResolve(x *Exchange) error {
	for _, r := range c {
		if err := Try(r, x); err != ErrPass {
			return err
		}
	}
	return ErrPass
}

// Anticipates reports whether one of the chain wants to be told of queries.
func (c Chain) Anticipates() bool { return slices.ContainsFunc(c, Anticipates) }

// Anticipate tells those that do.
func (c Chain) Anticipate(queries []wire.Query) {
	for _, r := range c {
		Anticipate(r, queries)
	}
}
