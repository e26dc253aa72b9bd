// Package upstream answers the question "what does that server say?": one
// question to one server, over UDP and, where it must be, TCP.
//
// A [Client] holds what all servers have in common, a [Server] is one of them
// with what was learned of it: whether it understands EDNS, repeats the case of
// a question, gives cookies. [Server.Ask] asks it a [Query] and waits for the
// reply; an [Asking] needs no goroutine that waits.
//
// Each question by UDP leaves from a port of its own, which the operating
// system picks at random, on a socket connected to the server, with an ID and a
// mix of upper and lower case from crypto/rand (RFC 5452). A reply counts if
// it matches in address, port, ID, question, case and cookie; others are waited
// past, and after a few the question goes over TCP, where nobody can guess. On
// Linux the sockets are used again, each time with another port.
//
// Connections are shared by questions and used again; each has a goroutine that
// reads, which ends with the connection. Any number of goroutines may ask. A
// question over UDP allocates nothing if memory is lent for the reply.
//
// Read next: asking.go, then match.go and server.go; ports_linux.go for how
// sockets get their ports.
package upstream
