// Package dnstap writes what a server receives and sends as dnstap messages:
// protocol buffers (dnstap.proto) in Frame Streams, to a Unix socket, a TCP
// address or a file.
//
// [AppendFrame] encodes one [Message]. An [Output] takes messages from any
// number of goroutines and never makes one wait: they are copied into a buffer of
// fixed size, which a goroutine of its own writes out. Messages for which there
// is no room, because the reader is slow or gone, are dropped and counted.
//
// The encoding is by hand: it is two nested messages of scalars, and a library
// would allocate for each of them.
package dnstap
