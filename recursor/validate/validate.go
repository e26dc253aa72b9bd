package validate

import (
	"context"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Fetcher gets the records that chains of trust are made of.
type Fetcher interface {
	// Fetch returns the reply to a question for the DS or DNSKEY records of
	// name, signatures and proofs included, not validated. DS records are
	// asked of the parent zone. An error means that no server gave a usable
	// reply; it ends up in reasons.
	Fetch(ctx context.Context, name wire.Name, t wire.Type) (*Reply, error)
}

// Refetcher is a [Fetcher] that can ask another server.
type Refetcher interface {
	Fetcher
	// FetchAgain returns what another server says to the question of bad, a
	// reply of Fetch or FetchAgain that does not hold (RFC 4035 4.9.3). An error
	// means that no other server has a usable reply: bad is what there is.
	FetchAgain(ctx context.Context, bad *Reply) (*Reply, error)
}

// Waiter is a [Fetcher] whose callers may wait for one another. With it no two checks find
// out what a zone is at the same time: a zone that is dear to validate is validated once,
// however many names in it are asked for meanwhile.
type Waiter interface {
	Fetcher
	// Wait waits until done is closed, which the check with the context by does, or until the
	// check with ctx has to end. It returns false at once if the other waits for that one.
	Wait(ctx, by context.Context, done <-chan struct{}) bool
}

// Config says how a [Validator] works. Fetcher has to be set.
type Config struct {
	Fetcher Fetcher
	// Anchors are where chains of trust start. Nil means the root's.
	Anchors *Anchors
	// Algorithms are those that count. Nil means the default policy.
	Algorithms *dnssec.Algorithms
	// Now is the clock, the only one that is looked at. Nil means [time.Now].
	Now func() time.Time
	// A signature is valid for a tenth of its validity before and after, but
	// for no less than MinSkew and no more than MaxSkew. Zero means an hour
	// and a day.
	MinSkew, MaxSkew time.Duration
	// BogusTTL is how long a zone that turned out bogus is not tried again.
	// Zero means a minute.
	BogusTTL time.Duration
	// MaxTTL is the longest that a zone's keys are remembered. Zero means a
	// day.
	MaxTTL time.Duration
	// MaxZones is how many zones and names without a zone are remembered, at 8 KiB on
	// the average at the most. Zero means 10,000.
	MaxZones int
	// MaxSignatures is how many signatures are remembered as verified, at 17
	// octets each. Zero means 16,384.
	MaxSignatures int
	Limits        Limits
	// RangeSize is how many octets the NSEC and NSEC3 records may take from which a
	// [Resolver] answers for other names (RFC 8198). Zero is none.
	RangeSize int64
	// PassOn makes a [Resolver] pass on replies that are bogus or
	// indeterminate, without AD, after a call: for trying out what validation
	// would do. It is called by many goroutines. Nil means that such replies
	// are errors.
	PassOn func(*Error)
	// Renew is called when the keys of a zone in use are in the last tenth of their life,
	// once, with a name that it may keep. It must not wait: [Validator.Renew] gets them
	// anew on another goroutine. Nil means that a query does, once they have expired. A
	// [Resolver] has one of its own.
	Renew func(zone wire.Name)
}

// Validator judges replies. It may be used by several goroutines.
type Validator struct {
	fetcher          Fetcher
	anchors          *Anchors
	algorithms       *dnssec.Algorithms
	now              func() time.Time
	minSkew, maxSkew time.Duration
	bogusTTL, maxTTL time.Duration
	limits           Limits
	renew            func(zone wire.Name)
	memory           memory
	verified         verified
}

// New returns a validator.
func New(c Config) *Validator {
	v := &Validator{
		fetcher: c.Fetcher, anchors: c.Anchors, algorithms: c.Algorithms, now: c.Now,
		minSkew: c.MinSkew, maxSkew: c.MaxSkew, bogusTTL: c.BogusTTL, maxTTL: c.MaxTTL,
		limits: c.Limits.withDefaults(), renew: c.Renew, memory: memory{most: c.MaxZones},
	}
	if v.anchors == nil {
		v.anchors = RootAnchors()
	}
	if v.algorithms == nil {
		v.algorithms = dnssec.NewAlgorithms(dnssec.Policy{})
	}
	if v.now == nil {
		v.now = time.Now
	}
	setDefault(&v.minSkew, time.Hour)
	setDefault(&v.maxSkew, 24*time.Hour)
	setDefault(&v.bogusTTL, time.Minute)
	setDefault(&v.maxTTL, 24*time.Hour)
	if v.memory.most <= 0 {
		v.memory.most = 10000
	}
	if c.MaxSignatures <= 0 {
		c.MaxSignatures = 16384
	}
	v.verified.begin(c.MaxSignatures)
	return v
}

func setDefault(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}

// Result is the judgement about a whole reply.
type Result struct {
	// Verdict is secure if everything that the answer is made of is: each
	// alias, the records asked for, and the proofs that wildcards and negative
	// answers need. Other RRsets of the authority section do not count; those
	// without a verdict of their own are to be left out.
	Verdict Verdict
	Reason  Reason
	// TTL is the longest that the reply may be kept, in seconds.
	TTL uint32
	// NoName: a secure NOERROR reply says that the name does not exist
	// (compact denial, RFC 9824 3).
	NoName bool
}

// Check judges reply and each of its RRsets that matters. Everything it does is
// taken from budget, which belongs to the client's query; nil is a budget of
// its own.
func (v *Validator) Check(ctx context.Context, reply *Reply, budget *Budget) Result {
	if budget == nil {
		budget = v.NewBudget()
	}
	c := &check{Validator: v, ctx: ctx, budget: budget, time: v.now(), epoch: v.memory.epoch.Load(), reply: reply, ttl: maxReplyTTL}
	c.links, _ = ctx.Value(linksKey{}).(func(Link))
	j := c.whole()
	if exhausted, ok := budget.exhausted(); ok && j.verdict != Secure {
		j = exhausted // whatever was missing may have been affordable
	}
	return Result{Verdict: j.verdict, Reason: j.reason, TTL: c.ttl, NoName: c.noName && j.verdict == Secure}
}

// maxReplyTTL bounds replies without records (RFC 2308 5).
const maxReplyTTL = 3 * 60 * 60

// check is one call of Check.
type check struct {
	*Validator
	ctx    context.Context
	budget *Budget
	time   time.Time
	epoch  uint64 // of the memory, at the beginning
	reply  *Reply
	ttl    uint32
	noName bool
	links  func(Link)       // nil: no caller wants them
	form   dnssec.Canonical // reused for each RRset
	signed []byte
}

// Reaches reports whether proofs of zone, which is secure, count for name, which is
// below it: there is no trust anchor and no negative one between the two.
func (v *Validator) Reaches(zone, name wire.Name) bool { return v.anchors.reach(zone, name) }
