// Package cache answers the question "what have we seen?": answers borrowed
// from other resolvers, for as long as their owners said.
//
// A [Cache] keeps whole answers in wire form. [Cache.Front] puts it in front
// of another resolver: the [Front] answers what the cache has, asks the other
// for the rest, once for all who ask the same at the same time, and keeps what
// it said.
//
// A recursor keeps in it, beside the answers, what it makes answers of: [Part].
// Clients never get these as they are.
//
// The memory of a cache is one piece without pointers, taken in [New] and never
// exceeded. Any number of goroutines may use it. A hit takes no lock, waits for
// nobody and allocates nothing; whoever stores holds the lock of one shard for
// as long as it takes to write one answer. An answer is never served past its
// time, unless [Config.ServeStale] says so.
//
// Read next: resolver.go, the way of a question; entry.go, what an answer looks
// like in memory; shard.go, where it lies, how it is found without a lock and
// what has to go when there is no room; ttl.go for how long it may stay; part.go
// for what a recursor keeps.
package cache
