// Package doh answers DNS queries that come by HTTPS (RFC 8484).
//
// [Handler] is an HTTP handler: what it receives goes through the edge of a listener,
// with its gates, limits and counters, and it can be put into an HTTP server of
// one's own. [Server] is such a server for HTTP/1.1 and HTTP/2, with bounds on all that
// a stranger can make it keep; listener/doq has one for HTTP/3.
package doh
