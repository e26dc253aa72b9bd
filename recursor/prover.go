package recursor

import (
	"context"
	"errors"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// prover judges parts with package validate. It is the validateFunc of
// recursors.
type prover struct {
	validator *validate.Validator
	passOn    func(*validate.Error)
	r         *Recursor
}

// maxBogusTTL is for how long bogus data is kept, in seconds, so that it is not
// fetched for each query (RFC 4035 4.7).
const maxBogusTTL = 60

func newProver(c validate.Config, r *Recursor) *prover {
	p := &prover{passOn: c.PassOn, r: r}
	c.Fetcher = partFetcher{}
	if c.Renew == nil {
		c.Renew = r.renew
	}
	p.validator = validate.New(c)
	return p
}

// Validator is what the recursor validates with; nil if it does not.
func (r *Recursor) Validator() *validate.Validator {
	if r.prover == nil {
		return nil
	}
	return r.prover.validator
}

// prove is the validateFunc.
func (p *prover) prove(v *validation) error {
	reply := replyWith(v.part)
	budget := v.budget.proofsOf(p.validator)
	ctx := context.WithValue(context.Background(), validationKey{}, v)
	if v.link != nil {
		ctx = validate.WithLinks(ctx, v.link)
	}
	result := p.validator.Check(ctx, reply, budget)
	v.part.security = [...]cache.Security{
		validate.Unchecked: cache.Unchecked, validate.Indeterminate: cache.Unchecked, validate.Bogus: cache.Bogus,
		validate.Insecure: cache.Insecure, validate.Secure: cache.Secure,
	}[result.Verdict]
	v.reason = result.Reason.Text
	switch result.Verdict {
	case validate.Secure:
		v.part.keepProved(reply, result.TTL)
		p.r.keepRanges(reply)
		return nil
	case validate.Insecure:
		if result.Reason.ForInsecure() {
			v.part.why = &wire.ExtendedError{Code: result.Reason.Code, Text: result.Reason.Text}
		}
		return nil
	}
	if p.passOn != nil {
		p.passOn(&validate.Error{Question: v.part.question, Verdict: result.Verdict, Reason: result.Reason})
		v.part.security = cache.Insecure
		return nil
	}
	v.part.maxTTL = maxBogusTTL
	failure := &Failure{Code: result.Reason.Code, Text: result.Reason.Text}
	if work, ok := budget.Exhausted(); ok {
		failure.Err = errExhausted
		p.r.counts.hit(proofLimits[work])
	}
	return failure
}

// proofLimits are the limits of a validate.Budget as [Limits] counts them.
var proofLimits = [...]Limit{
	validate.Verifications: LimitVerifications, validate.Failures: LimitFailedSignatures, validate.Comparisons: LimitComparisons,
	validate.Hashes: LimitHashes, validate.Proofs: LimitProofs, validate.Fetches: LimitChains, validate.Octets: LimitSignedOctets,
}

// replyWith makes of a part what package validate works with.
func replyWith(p *part) *validate.Reply {
	return &validate.Reply{
		Question: p.question, RCode: p.rcode,
		Answer:    validate.Group(recordsIn(p.answer), p.question),
		Authority: validate.Group(recordsIn(p.authority), p.question),
		Source:    p,
	}
}

func recordsIn(sets []rrset) []wire.Record {
	n := 0
	for i := range sets {
		n += len(sets[i].records) + len(sets[i].signatures)
	}
	records := make([]wire.Record, 0, n)
	for i := range sets {
		records = append(append(records, sets[i].records...), sets[i].signatures...)
	}
	return records
}

// keepProved makes p what of it was proved, and nothing more: with the TTLs that
// the signatures allow.
func (p *part) keepProved(reply *validate.Reply, maxTTL uint32) {
	p.answer, p.authority = provedIn(reply.Answer), provedIn(reply.Authority)
	if len(p.answer) > 0 {
		return
	}
	for i := range p.authority {
		p.authority[i].cap(maxTTL)
	}
}

func provedIn(sets []*validate.RRset) (proved []rrset) {
	for _, set := range sets {
		if set.Verdict != validate.Secure {
			continue
		}
		s := rrset{owner: set.Name, kind: set.Type}
		for _, data := range set.Data {
			s.records = append(s.records, wire.Record{Name: set.Name, Type: set.Type, Class: set.Class, TTL: set.TTL, Data: data})
		}
		for _, sig := range set.Signatures {
			s.signatures = append(s.signatures, wire.Record{Name: set.Name, Type: wire.TypeRRSIG, Class: set.Class, TTL: set.TTL, Data: sig.AppendTo(nil, nil)})
		}
		proved = append(proved, s)
	}
	return proved
}

// cap lowers the TTLs of an RRset.
func (s *rrset) cap(ttl uint32) {
	for i := range s.records {
		s.records[i].TTL = min(s.records[i].TTL, ttl)
	}
	for i := range s.signatures {
		s.signatures[i].TTL = min(s.signatures[i].TTL, ttl)
	}
}

// partFetcher gets DS and DNSKEY records by way of the validation that needs
// them.
type partFetcher struct{}

type validationKey struct{}

func (partFetcher) Fetch(ctx context.Context, name wire.Name, t wire.Type) (*validate.Reply, error) {
	p, err := ctx.Value(validationKey{}).(*validation).fetch(name, t)
	if err != nil {
		return nil, publicError(err)
	}
	return replyWith(p), nil
}

func (partFetcher) FetchAgain(ctx context.Context, bad *validate.Reply) (*validate.Reply, error) {
	before, ok := bad.Source.(*part)
	if !ok {
		before = &part{question: bad.Question}
	}
	p, err := ctx.Value(validationKey{}).(*validation).fetchAgain(before)
	if err != nil {
		return nil, err
	}
	return replyWith(p), nil
}

func (partFetcher) Wait(ctx, by context.Context, done <-chan struct{}) bool {
	return ctx.Value(validationKey{}).(*validation).wait(by.Value(validationKey{}).(*validation), done)
}

// publicError is err without what clients do not learn: which servers were
// asked.
func publicError(err error) error {
	if f, ok := errors.AsType[*Failure](err); ok && f.Text != "" {
		return errors.New(f.Text)
	}
	return err
}
