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
// # Gates, endpoints, streams
//
// Config.Endpoints says where queries come in and by which transport. Every query
// passes the same gates ([Gate]), whatever its transport, and so does its reply.
// A reply of many messages ([names.Exchange.NextMessage]) goes out as the client
// takes it.
//
// # Locks
//
// In this order: connections.mu, then that of one connection: loopConn.mu, or
// stream.writing and then stream.mu. While connections.mu is held nothing is
// closed, and nothing is waited for. While loopConn.mu is held the loop answers
// what has come, so resolvers are called under it that do not wait
// ([names.TryResolver]) and may not call back; system calls under it do not wait
// either. stream.writing is held while a client takes octets: a
// goroutine that waits for it waits at most for Config.WriteTimeout, and serves
// the same connection.
// Messages of a long reply are waited for with drained, which gives loopConn.mu
// back meanwhile. No lock is held while a resolver is called that may wait.
//
// Read next: worker.go, where the walk of a query begins and ends; then
// edge.go, what every server must refuse first; stream.go for TCP, and
// stream_loop_linux.go for how Linux serves it.
package listener
