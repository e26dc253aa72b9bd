package recursor

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// Stats is what a [Recursor] or a [Forwarder] has done since it was made.
//
// These counters sum to others, exactly when nothing is in progress. Otherwise
// the sums on the right are lower by what is:
//
//	Queries      = Answered + Refused + Failures.Total()
//	UpstreamSent = Usable + Declined + Invalid + Unreachable + TimedOut + Unused
//
// Queries that were passed on to the next resolver are in none of them.
type Stats struct {
	Queries  uint64 // that clients sent, without what a cache has answered
	Answered uint64
	Refused  uint64 // for a type that is not looked up
	Failures Failures
	Waiting  int64 // clients that wait now
	// Synthesised counts answers, those for ourselves included, that were made from
	// proofs of other ones, so that no server was asked (RFC 8198).
	Synthesised uint64
	// Renewed counts zones whose keys were fetched again before they expired.
	Renewed uint64

	// UpstreamSent counts queries to servers, each once, however many packets
	// it took (EDNS, cookies, TCP).
	UpstreamSent uint64
	Usable       uint64 // the reply was used
	Declined     uint64 // the RCODE was another than NOERROR, NXDOMAIN and YXDOMAIN
	Invalid      uint64 // the reply was no answer to the question
	Unreachable  uint64 // the network, or this machine, had an error
	TimedOut     uint64 // the deadline or the budget was over
	Unused       uint64 // the answer came from another server first, or no client waited any longer

	// RTT is the sum of the round-trip times of RTTCount replies. RTTs has them by
	// length: those up to RTTBounds[i] and longer than the one before, and at the end
	// those longer than all.
	RTT      time.Duration
	RTTCount uint64
	RTTs     [len(RTTBounds) + 1]uint64

	Limits Limits

	Encryption EncryptionStats // zeros for a [Forwarder]
}

// RTTBounds are the upper limits of [Stats].RTTs.
var RTTBounds = [...]time.Duration{
	time.Millisecond, 2500 * time.Microsecond, 5 * time.Millisecond, 10 * time.Millisecond, 25 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 250 * time.Millisecond, 500 * time.Millisecond, time.Second, 2500 * time.Millisecond,
}

// Failures counts queries without an answer by reason.
type Failures struct {
	Bogus       uint64 // DNSSEC validation failed
	Limited     uint64 // the query cost all it may
	Overloaded  uint64 // too many waited
	Unreachable uint64 // no server answered
	Invalid     uint64 // no server had a valid answer
	Loop        uint64 // the query came back to its sender, or has aliases without end
	Cancelled   uint64 // no client waited any longer, or the server was stopped
	Other       uint64
}

// Total returns the number of all of them.
func (f *Failures) Total() uint64 {
	return f.Bogus + f.Limited + f.Overloaded + f.Unreachable + f.Invalid + f.Loop + f.Cancelled + f.Other
}

// Limits counts how often each limit was reached. One query may reach several.
type Limits struct {
	Waiting   uint64 // clients that wait at once
	Share     uint64 // queries of one client; with a forwarder also of a zone or of its servers
	PerServer uint64 // queries that wait for one server
	PerZone   uint64 // queries that wait for the servers of one zone
	// ServerRate counts servers left out because they are sent enough queries a second.
	ServerRate uint64
	Budget     uint64 // packets and octets of one query
	Depth      uint64 // queries that wait for one another
	Referrals  uint64 // zone cuts of one name
	Aliases    uint64 // aliases of one name
	Lookups    uint64 // name servers that are looked up for one query

	// What validation takes for one query.
	Verifications    uint64 // signatures verified
	FailedSignatures uint64 // signatures that do not hold
	Comparisons      uint64 // keys compared
	Hashes           uint64 // names hashed for NSEC3
	Proofs           uint64 // NSEC and NSEC3 RRsets
	Chains           uint64 // DS and DNSKEY RRsets fetched
	SignedOctets     uint64 // octets that signatures are over

	// Encryption counts servers that were not tried over encrypted transports, since many
	// were at the time, or had connections.
	Encryption uint64
}

// Limit is one of the limits that [Limits] counts.
type Limit uint8

// The limits, in the order of the fields of [Limits].
const (
	LimitWaiting Limit = iota
	LimitShare
	LimitPerServer
	LimitPerZone
	LimitServerRate
	LimitBudget
	LimitDepth
	LimitReferrals
	LimitAliases
	LimitLookups
	LimitVerifications
	LimitFailedSignatures
	LimitComparisons
	LimitHashes
	LimitProofs
	LimitChains
	LimitSignedOctets
	LimitEncryption
	limitCount
)

var limitTexts = [...]string{
	"waiting", "share", "per server", "per zone", "server rate", "budget", "depth", "referrals", "aliases", "lookups",
	"verifications", "failed signatures", "comparisons", "hashes", "proofs", "chains", "signed octets", "encryption",
}

func (l Limit) String() string { return limitTexts[l] }

// Events are functions that are called when something happens. Each may be nil.
// They are called from many goroutines, by the one that resolves the query, and
// must not wait. What they are given is lent.
type Events struct {
	// Sent: a query goes to a server.
	Sent func(server netip.AddrPort, q wire.Question)
	// Received: a server has answered. reply is in wire form.
	Received func(server netip.AddrPort, q wire.Question, reply []byte, rtt time.Duration)
	// Failed: a client's query has no answer.
	Failed func(q wire.Question, err error)
	// Limited: a limit was reached.
	Limited func(l Limit)
	// Packet: a message goes to a server, or has come from one.
	Packet func(p upstream.Packet)
}

// queryOutcome is what came of a query to a server.
type queryOutcome uint8

const (
	usable queryOutcome = iota
	declined
	invalid
	unreachable
	timedOut
	unused
	outcomeCount
)

// outcomeOf returns the queryOutcome of a query that has failed with err.
func outcomeOf(err error) queryOutcome {
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, errAbandoned):
		return unused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, upstream.ErrBudget):
		return timedOut
	}
	return unreachable
}

// counters is what [Stats] is made of.
type counters struct {
	events Events

	queries, answered, refused atomic.Uint64
	synthesised                atomic.Uint64
	synthesisedAtOnce          atomic.Uint64 // which are in none of the above
	renewed                    atomic.Uint64
	failures                   [failureCount]atomic.Uint64

	sent     atomic.Uint64
	outcomes [outcomeCount]atomic.Uint64
	rtt      atomic.Int64 // nanoseconds
	rttCount atomic.Uint64
	rtts     [len(RTTBounds) + 1]atomic.Uint64
	limits   [limitCount]atomic.Uint64
}

// ended counts a client's query that has ended, and returns err.
func (c *counters) ended(q wire.Question, err error) error {
	c.queries.Add(1)
	if err == nil {
		c.answered.Add(1)
		return nil
	}
	c.failures[failureOf(err)].Add(1)
	if errors.Is(err, error(errTooMany)) {
		c.hit(LimitWaiting)
	}
	if errors.Is(err, error(errShare)) {
		c.hit(LimitShare)
	}
	if c.events.Failed != nil {
		c.events.Failed(q, err)
	}
	return err
}

// asked counts a query to a server.
func (c *counters) asked(s *server, q wire.Question) {
	c.sent.Add(1)
	if c.events.Sent != nil {
		c.events.Sent(s.Addr(), q)
	}
}

// came counts what came of a query to a server.
func (c *counters) came(o queryOutcome) { c.outcomes[o].Add(1) }

// probed counts what came of a query that was sent to see how a server fares.
func (c *counters) probed(s *server, q wire.Question, reply *upstream.Reply, err error) {
	switch {
	case err != nil:
		c.came(outcomeOf(err))
		return
	case isAnswer(reply.RCode):
		c.came(usable)
	default:
		c.came(declined)
	}
	c.received(s, q, reply)
}

// received counts the reply of a server, whatever it says.
func (c *counters) received(s *server, q wire.Question, reply *upstream.Reply) {
	if reply.RTT > 0 {
		c.rtt.Add(int64(reply.RTT))
		c.rttCount.Add(1)
		c.rtts[rttBucket(reply.RTT)].Add(1)
	}
	if c.events.Received != nil {
		c.events.Received(s.Addr(), q, reply.Message, reply.RTT)
	}
}

// rttBucket is the place of a round-trip time in Stats.RTTs.
func rttBucket(d time.Duration) int {
	for i, most := range RTTBounds {
		if d <= most {
			return i
		}
	}
	return len(RTTBounds)
}

// hit counts that a limit was reached.
func (c *counters) hit(l Limit) {
	c.limits[l].Add(1)
	if c.events.Limited != nil {
		c.events.Limited(l)
	}
}

// stats returns the figures of now. What ends meanwhile may be in one and not
// yet in another.
func (c *counters) stats(waiting int64) Stats {
	s := Stats{
		Queries: c.queries.Load(), Answered: c.answered.Load(), Refused: c.refused.Load(), Waiting: waiting,
		UpstreamSent: c.sent.Load(), RTT: time.Duration(c.rtt.Load()), RTTCount: c.rttCount.Load(),
	}
	for i := range c.rtts {
		s.RTTs[i] = c.rtts[i].Load()
	}
	atOnce := c.synthesisedAtOnce.Load()
	s.Queries += atOnce
	s.Answered += atOnce
	s.Synthesised, s.Renewed = c.synthesised.Load()+atOnce, c.renewed.Load()
	f := &s.Failures
	for i, to := range [failureCount]*uint64{
		failedBogus: &f.Bogus, failedLimited: &f.Limited, failedOverloaded: &f.Overloaded, failedUnreachable: &f.Unreachable,
		failedInvalid: &f.Invalid, failedLoop: &f.Loop, failedCancelled: &f.Cancelled, failedOther: &f.Other,
	} {
		*to = c.failures[i].Load()
	}
	for i, to := range [outcomeCount]*uint64{
		usable: &s.Usable, declined: &s.Declined, invalid: &s.Invalid, unreachable: &s.Unreachable, timedOut: &s.TimedOut, unused: &s.Unused,
	} {
		*to = c.outcomes[i].Load()
	}
	l := &s.Limits
	for i, to := range [limitCount]*uint64{
		&l.Waiting, &l.Share, &l.PerServer, &l.PerZone, &l.ServerRate, &l.Budget, &l.Depth, &l.Referrals, &l.Aliases, &l.Lookups,
		&l.Verifications, &l.FailedSignatures, &l.Comparisons, &l.Hashes, &l.Proofs, &l.Chains, &l.SignedOctets, &l.Encryption,
	} {
		*to = c.limits[i].Load()
	}
	return s
}

// failureReason is why a client's query has no answer.
type failureReason uint8

const (
	failedBogus failureReason = iota
	failedLimited
	failedOverloaded
	failedUnreachable
	failedInvalid
	failedLoop
	failedCancelled
	failedOther
	failureCount
)

func failureOf(err error) failureReason {
	failure, _ := errors.AsType[*Failure](err)
	switch {
	case errors.Is(err, errAbandoned), errors.Is(err, context.Canceled), failure == errClosed:
		return failedCancelled
	case errors.Is(err, errExhausted):
		return failedLimited
	case failure == errTooMany, failure == errShare, failure != nil && failure.Code == wire.ExtendedErrorRateLimited:
		return failedOverloaded
	case failure == errLoop, failure == errAliasCircle, failure == errAliases, errors.Is(err, errCircle):
		return failedLoop
	case errors.Is(err, context.DeadlineExceeded):
		return failedUnreachable
	case failure == nil:
		return failedOther
	}
	switch failure.Code {
	case wire.ExtendedErrorNoReachableAuthority, wire.ExtendedErrorNetworkError:
		return failedUnreachable
	case wire.ExtendedErrorInvalidData:
		return failedInvalid
	}
	if failure.Code == wire.ExtendedErrorIndeterminate || failure.Code >= wire.ExtendedErrorBogus && failure.Code <= wire.ExtendedErrorNSECMissing {
		return failedBogus
	}
	return failedOther
}
