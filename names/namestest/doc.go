// Package namestest answers the question "does this resolver keep its word?".
//
// [Ask] asks a resolver as a server would and returns the reply as a message.
// [CheckResolver] runs what [names.Resolver] promises against any resolver.
//
// No sockets and no server are involved. CheckResolver starts goroutines, all
// of which have ended when it returns unless the resolver hangs; run it with
// -race to have concurrent use looked into.
//
// Read next: ask.go, then check.go.
package namestest
