// Package update answers the question "who may change which records of a zone,
// and how?": dynamic update (RFC 2136, RFC 3007).
//
// A [Request] is an update message taken apart, or one that is being written.
// [Request.Check] and [Request.Apply] are the prerequisites and the updates of
// the RFC, made in a transaction of the zone. A [Policy] says which clients may
// do what. A [Receiver] is the resolver of the opcode UPDATE: it puts these
// together and replies once the change is durable. A [Forwarder] passes requests
// for a secondary zone on to its primary.
//
// Read next: request.go for the message, prerequisite.go and apply.go for what it
// does, policy.go for who may, receiver.go for the order of all that.
package update
