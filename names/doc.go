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
// may be a [BatchPreparer], too. Programs that ask have a [Client], which can do
// what a net.Resolver can and look up every type of record ([Lookup]); a
// [Dialer] and a [Service] connect.
// [NetResolver] turns it round: what was written for package net asks a chain.
//
// Everything reached through an exchange is lent until the resolver returns;
// [Exchange.Detach] makes the one copy there is. Built with the tag
// invariants, borrowed memory is overwritten when the loan ends. Only
// a client and a dialer start goroutines; they end with the call that
// needs them.
//
// Locks: none is held while another is taken, while a server is asked, or while a
// connection is closed. The exception is a conversation of [NetResolver], whose lock is
// held while a query is answered: it has one user.
//
// Read next: exchange.go, then resolver.go; client.go for programs that look names up;
// package namestest helps to test resolvers.
package names
