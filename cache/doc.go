// Package cache answers the question "what have we seen?": answers borrowed
// from other resolvers, for as long as their owners said.
//
// A [Cache] keeps whole answers in wire form. [Cache.Resolver] puts it in front
// of another resolver: the [Resolver] answers what the cache has, asks the other
// for the rest, once for all clients that ask the same at the same time, and keeps what
// it said.
//
// A recursor also keeps in it what it makes answers of: [Part], an RRset cache.
// Clients never get these as they are.
//
// The memory of a cache is one piece without pointers, taken in [New] and never
// exceeded. Any number of goroutines may use it. A hit takes no lock, never waits
// and allocates nothing; a writer holds the lock of one shard for
// as long as it takes to write one answer. An answer is never served past its
// time, unless [Config.ServeStale] says so.
//
// Locks: that of the resolver and that of a shard are not held together. Under neither
// is another resolver called or a query waited for; a worker may be started under
// that of the resolver.
//
// Read next: resolver.go, the way of a question; entry.go, what an answer looks
// like in memory; shard.go, where it lies, how it is found without a lock and
// what has to go when there is no room; ttl.go for how long it may stay; part.go
// for what a recursor keeps.
package cache
