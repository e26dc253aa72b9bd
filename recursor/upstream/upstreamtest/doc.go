// Package upstreamtest answers the question "what if a server did that?": it
// has servers that do whatever a test wants, good or bad.
//
// A [Handler] is what a server does with a [Query]. A [Network] has servers in
// memory, and with it time may be that of testing/synctest; [Listen] starts one
// on a socket of loopback.
//
// Every query is handled on a goroutine of its own. [Network.Wait] waits for
// those of a network, the end of the test for those of a listener.
//
// Read next: package upstream, which is what this is for.
package upstreamtest
