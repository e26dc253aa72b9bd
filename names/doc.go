// Package names answers the question "who knows the answer?".
//
// One query is one [Exchange]. A [Resolver] answers it or passes; a [Chain]
// asks resolvers in order. Zones (package authority), caches and recursors are
// resolvers, and so is anything with a method
//
//	Resolve(ctx context.Context, x *names.Exchange) error
//
// A resolver that can answer without waiting also has TryResolve and is then
// called right on the loop that receives packets; one with much memory to look in
// may be an [Anticipator], too. Programs that ask have a [Client], which can do
// what a net.Resolver can and look up every type of record ([Lookup]); a
// [Dialer] and a [Service] connect.
// [NetResolver] turns it round: what was written for package net asks a chain.
//
// Everything reached through an exchange is lent until the resolver returns;
// [Exchange.Detach] makes the one copy there is. Built with the tag
// invariants, what was lent is scribbled over when the loan is over. Nothing
// but a client and a dialer starts goroutines; they end with the call that
// needs them.
//
// Read next: exchange.go, then resolver.go; client.go for those who ask;
// package namestest has what is needed to test a resolver of one's own.
package names
