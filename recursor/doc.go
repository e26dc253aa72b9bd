// Package recursor finds answers that this server does not have itself, by asking
// other servers.
//
// A [Recursor] asks authoritative servers, from the root down; a [Forwarder]
// asks other resolvers and passes their answers on. [Access] comes before either
// and decides which clients may use it; [LocalNames] answers queries that should
// not leave this machine or network. All four are names.Resolver. Package upstream
// exchanges messages with a server.
//
// A reply is used only if it matches the query and came to the socket that sent
// it. Only records that belong to the answer are passed on, and a failure never
// becomes an answer. Everything that a query may cost has a limit: packets,
// octets, time, memory while it waits. Each type may be used by any number of
// goroutines; [Recursor.Close] and [Forwarder.Close] end those they have started.
//
// Lock order: that of a fetch, then that of the forwarder or of a server. The
// locks of the recursor, of the infra cache and of a server are not held together.
// With any of them held, [upstream.Request.Start] may be called and channels may be
// closed; nothing blocks, no socket or connection is closed, and with those of the
// forwarder and the recursor held nothing is logged. Replies are received on the
// goroutine that reads all sockets: functions called there may lock but must not
// block.
//
// Read next: resolution.go (the states of a resolution, as in RFC 1034 5.3.3),
// zone_query.go (a query to the servers of a zone), response.go (what a reply
// says), rrset.go (what goes from a reply to the cache), validation.go (where
// DNSSEC validation goes in), delegation.go (the servers that a referral names),
// fetch.go (equal queries are resolved once), inflight.go (what different
// resolutions have in common is sent once), limits.go (what a query may cost). Or
// forward.go, forward_fetch.go (equal queries are sent once) and forward_attempt.go
// (when each server is asked). Both use choice.go (which server is next), server.go
// (what is known of a server) and scrub.go (which records are passed on).
package recursor
