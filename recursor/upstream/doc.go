// Package upstream answers the question "what does that server say?": one
// question to one server, over UDP and, if necessary, TCP.
//
// A [Client] holds what all servers have in common, a [Server] is one of them
// with what was learned of it: whether it understands EDNS, repeats the case of
// a question, gives cookies. [Server.Ask] asks it a [Query] and waits for the
// reply; a [Request] needs no goroutine that waits.
//
// Each question by UDP leaves from a port of its own, which the operating
// system picks at random, on a socket connected to the server, with an ID and a
// mix of upper and lower case from crypto/rand (RFC 5452). A reply counts if
// it matches in address, port, ID, question, case and cookie; others are waited
// past, and after a few the question goes over TCP, where guessing is useless. On
// Linux the sockets are used again, each time with another port.
//
// Connections are shared by questions and used again; each has a goroutine that
// reads, which ends with the connection. Any number of goroutines may ask. A
// question over UDP allocates nothing if memory is lent for the reply.
//
// Locks: [Request.Start] and [Request.Cancel] neither wait nor call their caller
// back, so they may be called under any lock. A Request's lock may be held when
// that of its Server is taken, that of a Server when that of one of its
// connections is; the sets of own queries and the sockets of the system are
// locked last. While a lock is held no goroutine is waited for, no descriptor is
// closed, and neither Done, Progress nor Unexpected is called. A descriptor that a
// goroutine reads is closed by that goroutine.
//
// Read next: request.go, then match.go and server.go; ports_linux.go for how
// sockets get their ports.
package upstream
