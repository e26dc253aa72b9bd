// Package doq answers DNS queries that come by QUIC: DNS over QUIC (RFC 9250), and DNS
// over HTTP/3 (RFC 8484, RFC 9114) by a handler of listener/doh.
//
// Programs that do not import it build no QUIC. What it receives goes through the edge
// of a listener, with its gates, limits and counters. There is no early data (0-RTT),
// which others could repeat.
package doq
