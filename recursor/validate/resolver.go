package validate

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/ranges"
	"github.com/names-dns/names/wire"
)

// Resolver is a link of a chain that validates what the next one says: a
// recursor, a forwarder, a client. It belongs between a cache and that, so that
// answers are proved once. Clients that set CD get what the next one says as it
// is (RFC 4035 3.2.2).
//
// The next resolver is asked with DO. The DS and DNSKEY records on the way are
// asked of it as well, unless the configuration has a Fetcher.
type Resolver struct {
	next        names.Resolver
	elsewhere   Elsewhere // next, if it is that
	validator   *Validator
	passOn      func(*Error)
	ranges      *ranges.Store // nil: nothing is answered from other proofs
	wildcards   wildcards
	synthesised atomic.Uint64
	renewed     atomic.Uint64
	renewing    atomic.Int64
}

// NewResolver returns a resolver that validates what next says.
func NewResolver(next names.Resolver, c Config) *Resolver {
	r := &Resolver{next: next, passOn: c.PassOn}
	r.elsewhere, _ = next.(Elsewhere)
	if c.RangeSize > 0 {
		r.ranges = ranges.New(c.RangeSize)
	}
	if c.Fetcher == nil {
		c.Fetcher = nextFetcher{r}
	}
	if c.Renew == nil {
		c.Renew = r.renewLater
	}
	r.validator = New(c)
	return r
}

// Validator is what the resolver validates with.
func (r *Resolver) Validator() *Validator { return r.validator }

// Error is why a reply is not passed on. Servers answer SERVFAIL, with the
// reason as the extended error (RFC 8914).
type Error struct {
	Question wire.Question
	Verdict  Verdict // bogus or indeterminate
	Reason   Reason
}

// newError is an error about a question that is lent: it outlives the exchange.
func newError(q wire.Question, v Verdict, why Reason) *Error {
	q.Name = q.Name.Clone()
	return &Error{q, v, why}
}

func (e *Error) Error() string {
	return fmt.Sprintf("reply for %s %v is %v: %s", plain(e.Question.Name), e.Question.Type, e.Verdict, e.Reason)
}

// ExtendedError is what the client learns.
func (e *Error) ExtendedError() (code uint16, text string) {
	return uint16(e.Reason.Code), e.Reason.Text
}

// Resolve answers x with what is proved, or proved to be insecure. The error is
// that of the next resolver, or an [*Error].
func (r *Resolver) Resolve(ctx context.Context, x *names.Exchange) error {
	q := x.Question()
	if q.Class != wire.ClassIN || x.Query.Header.Flags.Has(wire.FlagCD) {
		return r.next.Resolve(ctx, x)
	}
	from := &source{trustsAD: r.elsewhere != nil && r.elsewhere.TrustsAD(q)}
	if verdict, why := r.validator.ZoneFailure(parentOfDS(q)); verdict != Unchecked && r.passOn == nil && !from.trustsAD {
		return newError(q, verdict, why)
	}
	if r.expand(x, q) {
		return nil
	}
	reply, err := r.ask(ctx, q, x.Peer, from)
	if err != nil {
		return err
	}
	if !reply.isAnswer() {
		x.RCode = reply.RCode
		return nil // REFUSED and other words of the next resolver
	}
	budget := r.validator.NewBudget()
	result := r.judge(ctx, reply, from, budget)
	for range maxRefetches {
		if result.Verdict != Bogus {
			break
		}
		other, err := r.askAgain(ctx, q, x.Peer, from)
		if err != nil || !other.isAnswer() {
			break
		}
		if again := r.judge(ctx, other, from, budget); again.Verdict != Indeterminate {
			reply, result = other, again
		}
	}
	x.RCode, x.LeadsOn = reply.RCode, reply.Partial
	if result.Verdict < Insecure {
		err := newError(q, result.Verdict, result.Reason)
		if r.passOn == nil {
			return err
		}
		r.passOn(err)
	}
	if result.Verdict == Secure && !from.isAuthentic {
		if r.ranges != nil {
			KeepRanges(r.ranges, reply)
			r.wildcards.keep(reply, time.Now())
		}
		if err := r.validator.Sentinel(q); err != nil {
			return newError(q, Indeterminate, Reason{wire.ExtendedErrorOther, err.Error()})
		}
	}
	return write(x, reply, result)
}

// parentOfDS is the name whose zone has the answer to q.
func parentOfDS(q wire.Question) wire.Name {
	if q.Type == wire.TypeDS && !q.Name.IsRoot() {
		return q.Name.Parent()
	}
	return q.Name
}

// write appends what was judged, without what x has not asked for (RFC 4035
// 3.2.1).
func write(x *names.Exchange, reply *Reply, result Result) error {
	isSecure := result.Verdict == Secure
	if result.Verdict == Insecure && result.Reason.ForInsecure() {
		x.AddExtendedError(result.Reason.Code, result.Reason.Text)
	}
	if isSecure && (x.DO() || x.Query.Header.Flags.Has(wire.FlagAD)) {
		x.Reply.Flags |= wire.FlagAD // RFC 6840 5.8
	}
	for _, set := range reply.Answer {
		if isSecure && set.Verdict != Secure {
			continue // not a part of the answer
		}
		if err := writeSet(x, set, set.TTL); err != nil {
			return err
		}
	}
	x.Reply.SetSection(wire.SectionAuthority)
	for _, set := range reply.Authority {
		isProof := set.Type == wire.TypeNSEC || set.Type == wire.TypeNSEC3
		if isSecure && set.Verdict != Secure || isProof && !x.DO() || set.Type != wire.TypeSOA && !isProof {
			continue
		}
		ttl := set.TTL
		if set.Type == wire.TypeSOA {
			ttl = min(ttl, result.TTL) // what a cache takes the reply's life from (RFC 2308 5)
		}
		if err := writeSet(x, set, ttl); err != nil {
			return err
		}
	}
	return nil
}

func writeSet(x *names.Exchange, set *RRset, ttl uint32) error {
	for _, data := range set.Data {
		if err := x.Reply.Raw(set.Name, set.Type, set.Class, ttl, data); err != nil {
			return err
		}
	}
	if !x.DO() {
		return nil
	}
	for _, sig := range set.Signatures {
		if err := x.Reply.Raw(set.Name, wire.TypeRRSIG, set.Class, ttl, sig.AppendTo(nil, nil)); err != nil {
			return err
		}
	}
	return nil
}

// Ask returns the reply of a resolver to a question with DO: AD is set if it is
// secure.
func Ask(ctx context.Context, r names.Resolver, q wire.Question) (*wire.Message, error) {
	query := Query(q)
	query.Flags = wire.FlagRD | wire.FlagAD
	m, _, err := exchange(ctx, r, query, itself)
	return m, err
}

func exchange(ctx context.Context, r names.Resolver, m *wire.Message, peer names.Peer) (*wire.Message, bool, error) {
	query, err := m.AppendTo(nil)
	if err != nil {
		return nil, false, err
	}
	var x names.Exchange
	if _, err := x.Read(query, peer); err != nil {
		return nil, false, err
	}
	x.Begin(nil, 65535)
	if err := r.Resolve(ctx, &x); err != nil {
		return nil, false, err
	}
	reply, err := wire.ParseMessage(x.Finish())
	return reply, x.LeadsOn, err
}

// CarriesDNSSEC reports whether the next resolver passes on signatures: it is
// asked for those of the root's keys.
func (r *Resolver) CarriesDNSSEC(ctx context.Context) (bool, error) {
	m, _, err := exchange(ctx, r.next, Query(wire.Question{Name: wire.Root, Type: wire.TypeDNSKEY, Class: wire.ClassIN}), itself)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(m.Answers, func(record wire.Record) bool { return record.Type == wire.TypeRRSIG }), nil
}

// nextFetcher asks the next resolver for the records of the chain of trust.
type nextFetcher struct{ *Resolver }

// itself asks for them.
var itself = names.Peer{Transport: names.TCP, Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), 53)}

func (f nextFetcher) Fetch(ctx context.Context, name wire.Name, t wire.Type) (*Reply, error) {
	reply, err := f.ask(ctx, wire.Question{Name: name, Type: t, Class: wire.ClassIN}, itself, new(source))
	if errors.Is(err, names.ErrPass) || errors.Is(err, names.ErrDrop) {
		return nil, fmt.Errorf("the next resolver does not answer: %w", err)
	}
	return reply, err
}

// FetchAgain asks elsewhere, or anew if it is not known what to avoid.
func (f nextFetcher) FetchAgain(ctx context.Context, bad *Reply) (*Reply, error) {
	from, ok := bad.Source.(*source)
	if !ok {
		return f.Fetch(ctx, bad.Question.Name, bad.Question.Type)
	}
	return f.askAgain(ctx, bad.Question, itself, from)
}
