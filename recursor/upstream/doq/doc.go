// Package doq asks servers over QUIC (RFC 9250) and HTTP/3 (RFC 9114) for package
// encrypted. Programs that do not import it build no QUIC.
//
// There is no early data (0-RTT), which others could repeat.
package doq
