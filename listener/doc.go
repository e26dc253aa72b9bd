// Package listener answers the question "how do questions arrive, and replies
// leave?".
//
// [Listen] opens UDP and TCP sockets as [Config] says, and [Server.Serve]
// answers what arrives there through a [names.Resolver]. [Edge] is the part
// between a packet and the resolver, for transports of other packages.
//
// On Linux each address has one UDP socket and one goroutine per core, and
// datagrams move in batches; as many goroutines more serve all TCP connections.
// Elsewhere datagrams move one at a time, and a connection has a goroutine. A
// query that a resolver can answer at once ([names.TryResolver]) is answered
// where it was received, without an allocation or a lock; others go, detached,
// to a bounded number of goroutines. Nothing a stranger sends crashes the
// server, blocks it, or makes it grow without bound: connections, queries in
// flight, memory and time each have a limit in Config. Replies leave from the
// address that was asked.
//
// Read next: worker.go, where the walk of a query begins and ends; then
// edge.go, what every server must refuse first; stream.go for TCP, and
// stream_loop_linux.go for how Linux serves it.
package listener
