// Package control is how a running server is asked and told things: HTTP and JSON
// over a Unix socket, and names ctl, the command that speaks it.
//
// The package knows no verbs. The parts of the server register theirs, and the
// command gets the list from the server.
package control
