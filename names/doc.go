// Package names answers the question "who knows the answer?".
//
// One query is one [Exchange]. A [Resolver] answers it or passes; a [Chain]
// asks resolvers in order. Zones (package authority), caches and recursors are
// resolvers, and so is anything with a method
//
//	Resolve(ctx context.Context, x *names.Exchange) error
//
// A resolver that can answer without waiting also has TryResolve and is then
// called right on the loop that receives packets.
//
// Everything reached through an exchange is lent until the resolver returns;
// [Exchange.Detach] makes the one copy there is. Nothing here starts a
// goroutine. Built with the tag invariants, what was lent is scribbled over
// when the loan is over.
//
// Read next: exchange.go, then resolver.go; package namestest has what is
// needed to test a resolver of one's own.
package names
