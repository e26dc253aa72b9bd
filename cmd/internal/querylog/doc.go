// Package querylog writes a line for each query, or for those that are wanted: to
// the log of the server, to a file of its own, or to the journal of systemd.
//
// A query never waits for its line: lines wait in a buffer of fixed size, which a
// goroutine writes out, and are lost and counted if it is full.
package querylog
