// Package upstream answers the question "what does that server say?": one
// question to one server, over UDP and, where it must be, TCP.
//
// A [Client] holds what all servers have in common, a [Server] is one of them
// with what was learned of it: whether it understands EDNS, repeats the case of
// a question, gives cookies. [Server.Ask] asks it a [Query].
//
// Each question by UDP leaves from a socket of its own, connected to the
// server, whose port the operating system picks at random, with an ID and a
// mix of upper and lower case from crypto/rand (RFC 5452). A reply counts if
// it matches in address, port, ID, question, case and cookie; others are waited
// past, and after a few the question goes over TCP, where nobody can guess.
// Connections are shared by questions and used again; each has a goroutine that
// reads, which ends with the connection. Any number of goroutines may ask.
//
// Read next: server.go, then match.go.
package upstream
