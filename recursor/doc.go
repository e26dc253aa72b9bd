// Package recursor answers the question "who else knows?": it asks other
// servers what nobody here has.
//
// A [Recursor] asks authoritative servers, from the root down; a [Forwarder]
// hands questions to other resolvers and passes their answers on. [Access]
// stands in front of either and says who may use it, [LocalNames] answers what
// should not leave this machine or network. All four are names.Resolver; how a
// server is talked to is in package upstream.
//
// Nothing is believed that does not answer the question that was sent, to the
// socket it was sent from; nothing is passed on that does not belong to the
// answer; no failure becomes an answer. Whatever a question may cost -
// datagrams, octets, time, memory while it waits - has a limit. Any number of
// goroutines may use each type; [Recursor.Close] and [Forwarder.Close] end those
// they have started.
//
// Read next: resolution.go (the states of a resolution, as in RFC 1034 5.3.3),
// round.go (the servers of a zone are asked), response.go (what a reply comes
// to), delegation.go (whom a referral names), inquiry.go (equal questions are
// resolved once), claim.go (what different ones have in common is asked once),
// limits.go (what that may cost). Or forward.go, then flight.go (equal questions
// are asked once) and ask.go (which server next, and when). Both use select.go
// (what is known of servers) and scrub.go (what of a reply is passed on).
package recursor
