// Package h2 serves connections of HTTP/2 (RFC 9113) whose requests and replies are short
// and many. One goroutine reads the frames of a connection, has a [Direct] answer what
// can be answered at once, and sends all replies to what has arrived together
// before it waits. Everything else is answered by an [http.Handler] on goroutines of its own.
//
// Frames are read by golang.org/x/net/http2, header fields by its hpack. What is
// here is what they leave open: streams, windows, limits and times. A client has no more
// memory of a connection than [Limits] say, whatever it sends and does not read.
package h2
