// Package mmsg answers the question "how do many datagrams cross into the
// kernel, and out of it, with one call?".
//
// Receive and Send are recvmmsg and sendmmsg for callers that lay out headers,
// addresses and control messages themselves. Batch does that for connected
// sockets, where a datagram is only its octets.
//
// No call but Wait waits, and none allocates: an empty socket, or a full one, is EAGAIN. A
// socket is used by one goroutine at a time in each direction, a Batch by one
// goroutine. Only Linux has these calls; elsewhere the package is empty.
//
// The listener receives queries this way, and names bench sends them.
package mmsg
