// Package recursor answers the question "who else knows?": it asks other
// servers what nobody here has.
//
// A [Forwarder] hands questions to other resolvers and passes their answers
// on. [Access] stands in front of it and says who may use it, [LocalNames]
// answers what should not leave this machine or network. All three are
// names.Resolver; how a server is talked to is in package upstream.
//
// Nothing is believed that does not answer the question that was sent, to the
// socket it was sent from; nothing is passed on that does not belong to the
// answer; no failure becomes an answer. Whatever a question may cost -
// datagrams, octets, time, memory while it waits - has a limit. Any number of
// goroutines may use each type; [Forwarder.Close] ends those it has started.
//
// Read next: forward.go, then flight.go (equal questions are asked once),
// ask.go (which server next, and when), select.go (what is known of servers),
// scrub.go (what of a reply is passed on).
package recursor
