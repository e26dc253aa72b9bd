// Package transfer answers the question "how does a zone get from one server to
// another?".
//
// A [Sender] is the resolver of AXFR and IXFR: it comes before the zones, and
// refuses clients that its access list does not match. It sends a snapshot as it
// is, without a copy. A [History] keeps what changed lately, for IXFR.
//
// A [Secondary] keeps one zone as its primaries have it: it asks for the serial
// number when the zone's timers or a NOTIFY say so, transfers the whole zone if
// that is newer, and replaces its own in one transaction once all of it has
// come and been checked. Until then, and after any failure, the zone is as it was.
//
// Locks: that of a schedule is taken under that of [Secondaries], and no other while
// one is held. Under that of a schedule goroutines are started; under
// that of a [Pool] timers are started. Nothing is closed, waited for or called back
// under any. [Notifier.Receive] and [History.Receive] are subscribers
// of zones and do not wait.
//
// Read next: sender.go for zones that go out, receive.go for one that comes in,
// secondary.go for what it does when it is due, schedule.go for how many zones take
// turns.
package transfer
