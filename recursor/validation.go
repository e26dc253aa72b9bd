package recursor

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// A validateFunc judges v.part before it is stored and passed on. It sets the
// security of the part, that of each of its RRsets that counts, and maxTTL.
//
// An error is a *Failure with the extended error for clients. If the part is
// Bogus, other servers of the zone are tried. Otherwise it could not be found out, because records or budget
// are missing: that is never taken for insecure, and nothing is stored.
type validateFunc func(v *validation) error

// validation is what a validateFunc works with.
type validation struct {
	part *part
	// isReferral: the part is what the parent's servers say of the DS records of a
	// zone, and needs no SOA record.
	isReferral bool
	// cut is the zone whose server sent the part, with what is known of its security;
	// nil for a part from the cache.
	cut *delegation
	// fetch returns what servers have of type DS or DNSKEY, not validated, from the
	// cache if it is there. It costs what the query may still cost.
	fetch func(name wire.Name, t wire.Type) (*part, error)
	// fetchAgain returns what another server has, after a part from fetch that
	// turned out bogus.
	fetchAgain func(bad *part) (*part, error)
	// wait waits until another validation, by, is done with something that this one
	// needs as well. It is false, at once, if that waits for this.
	wait   func(by *validation, done <-chan struct{}) bool
	by     *fetch
	budget *budget
	reason string              // for the trace: why the part is not secure
	link   func(validate.Link) // for the trace; may be nil
}

// maxDistrusted is from how many servers bogus data is taken before a client
// gets SERVFAIL: one server may have an old copy of the zone, or an attacker in
// its way.
const maxDistrusted = 3

// isValidated reports whether t validates what it gets.
func (t *resolution) isValidated() bool { return t.r.validate != nil && !t.fetch.key.unchecked }

// bogusZone is the failure of names whose zone is known to be bogus, or to take too
// much to validate; nil if it is not.
func (t *resolution) bogusZone() error {
	if !t.isValidated() || t.fetch.key.again != "" {
		return nil
	}
	if failure := t.r.zoneFailure(t.serversOf()); failure != nil {
		t.record(StepValidate, t.question(), netip.AddrPort{}, failure.Text, nil, 0)
		return failure
	}
	return nil
}

// zoneFailure is that failure for the zone of name.
func (r *Recursor) zoneFailure(name wire.Name) *Failure {
	if r.prover == nil || r.prover.passOn != nil {
		return nil
	}
	if verdict, why := r.prover.validator.ZoneFailure(name); verdict != validate.Unchecked {
		return &Failure{Code: why.Code, Text: why.Text}
	}
	return nil
}

// supply has v fetch what it needs at the cost of t.
func (t *resolution) supply(v *validation) {
	v.budget, v.by = t.fetch.budget, t.fetch
	v.fetch = func(name wire.Name, kind wire.Type) (*part, error) {
		q := wire.Question{Name: name, Type: kind, Class: wire.ClassIN}
		if q.Type == v.part.question.Type && q.Name.Equal(v.part.question.Name) {
			return v.part, nil
		}
		return t.fetchPart(q, nil)
	}
	v.fetchAgain = func(bad *part) (*part, error) {
		if bad == v.part {
			return nil, errBogus // the resolution tries others
		}
		return t.fetchPart(bad.question, append([]netip.AddrPort{}, bad.servers...))
	}
	v.wait = func(by *validation, done <-chan struct{}) bool {
		t.r.mu.Lock()
		isWaiting := t.fetch.waitFor(by.by)
		t.r.mu.Unlock()
		if isWaiting {
			t.await(by.by, done)
		}
		return isWaiting
	}
}

// check validates a part.
func (t *resolution) check(v *validation) error {
	t.supply(v)
	if t.trace != nil {
		v.link = func(l validate.Link) { t.record(StepLink, v.part.question, netip.AddrPort{}, l.String(), nil, 0) }
	}
	err := t.r.validate(v)
	if err != nil {
		t.record(StepValidate, v.part.question, netip.AddrPort{}, err.Error(), nil, 0)
		return err
	}
	text := v.part.security.String()
	if v.reason != "" {
		text += ": " + v.reason
	}
	t.record(StepValidate, v.part.question, netip.AddrPort{}, text, nil, 0)
	return nil
}

// fetchPart fetches DS or DNSKEY records, from servers other than those of
// before unless that is nil.
func (t *resolution) fetchPart(q wire.Question, before []netip.AddrPort) (*part, error) {
	key := fetchKeyOf(q)
	key.unchecked = true
	if before != nil {
		key.again = textOf(before)
	}
	a, err := t.r.fetchByKey(t.fetch, key, q, nil)
	if err != nil {
		return nil, err
	}
	p := partOf(q, a)
	p.servers = before
	if a.server.IsValid() {
		p.servers = append(p.servers, a.server)
	}
	return &p, nil
}

// textOf is what fetchKey.again has for servers. It is not empty.
func textOf(servers []netip.AddrPort) string {
	text := []byte{' '}
	for _, s := range servers {
		text = append(s.AppendTo(text), ' ')
	}
	return string(text)
}

// parseServers is the inverse of textOf.
func parseServers(text string) (servers []netip.AddrPort) {
	for field := range strings.FieldsSeq(text) {
		if a, err := netip.ParseAddrPort(field); err == nil {
			servers = append(servers, a)
		}
	}
	return servers
}

// checkResponse validates all that a response says. Of a chain of aliases the
// first bogus part ends it.
func (t *resolution) checkResponse(p *response) error {
	if !t.isValidated() {
		return nil
	}
	for i := range p.said {
		v := validation{part: &p.said[i], isReferral: p.kind == responseReferral, cut: &t.cut}
		if err := t.check(&v); err != nil {
			return err
		}
	}
	p.isChecked = true
	return nil
}

// checkCached validates a, which the cache has on q, if it is unchecked, and
// stores what came of it. isUsable is false if servers are to be asked instead.
func (t *resolution) checkCached(q wire.Question, a *answer) (isUsable bool, err error) {
	if !t.isValidated() {
		return true, nil
	}
	switch a.security {
	case cache.Bogus:
		return false, t.r.reasons.of(q)
	case cache.Unchecked:
	default:
		return true, nil
	}
	p := partOf(q, a)
	if err := t.check(&validation{part: &p}); err != nil {
		if p.security != cache.Bogus {
			return false, err
		}
		t.r.cache.ForgetPart(cache.PartAnswer, q)
		return false, nil
	}
	a.answers, a.authority = recordsIn(p.answer), recordsIn(p.authority)
	a.security, a.isSecure, a.extended = p.security, p.security == cache.Secure, p.why
	t.r.storePart(&p)
	return true, nil
}

// errBogus is the failure for what has turned out bogus a short time ago.
var errBogus = &Failure{Code: wire.ExtendedErrorBogus, Text: "DNSSEC validation of the answer has failed"}

func asFailure(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Code: wire.ExtendedErrorBogus, Text: errBogus.Text, Err: err}
}

// isBogus reports whether a part of the response is.
func (p *response) isBogus() bool {
	return slices.ContainsFunc(p.said, func(s part) bool { return s.security == cache.Bogus })
}

// distrust goes on after a bogus response: with other servers, if there may be
// any (RFC 4035 4.9.3).
func (t *resolution) distrust(p *response, why error) (state, error) {
	p.failure = asFailure(why)
	t.bogus = p
	t.distrusted = append(t.distrusted, p.server)
	if len(t.distrusted) < maxDistrusted && !t.isLastTry && !t.isOver() {
		return askServers, nil
	}
	return t.endBogus()
}

// endBogus is for when no server is left that may have better than the bogus response
// there is. Those that are forwarded to are asked once more, without CD: one that validates
// may have found better itself (RFC 6840 5.9, 8).
func (t *resolution) endBogus() (state, error) {
	if t.cut.source != fromForward || t.isLastTry || t.isOver() {
		return nil, t.takeBogus()
	}
	t.isLastTry, t.distrusted = true, nil
	return askServers, nil
}

// areAll reports whether servers are those of d, each once: who has been asked without CD
// is among them twice.
func (d *delegation) areAll(servers []netip.AddrPort) bool {
	for i, s := range servers {
		if slices.Contains(servers[:i], s) {
			return false
		}
	}
	return !slices.ContainsFunc(d.servers, func(s nameServer) bool {
		return !slices.ContainsFunc(s.addresses, func(a netip.AddrPort) bool { return slices.Contains(servers, a) })
	})
}

// takeBogus ends the resolution with a bogus response: no server has better. It
// is kept, so that the next query does not ask them all again.
func (t *resolution) takeBogus() error {
	p := t.bogus
	t.bogus = nil
	t.report(p)
	if p.kind != responseReferral {
		for i := range p.said {
			if s := &p.said[i]; s.security == cache.Bogus {
				t.r.reasons.keep(s.question, p.failure)
			}
		}
		t.r.storeResponse(p)
	}
	return p.failure
}

// setSecurity makes the answer of the response what is proved of it, and marks it
// as secure if that is all.
func (p *response) setSecurity() {
	out := &p.scrubber.out
	out.isSecure = len(p.said) > 0 && !slices.ContainsFunc(p.said, func(s part) bool { return s.security != cache.Secure })
	out.server = p.server
	if !p.isChecked {
		return
	}
	if i := slices.IndexFunc(p.said, func(s part) bool { return s.why != nil }); i >= 0 {
		out.extended = p.said[i].why
	}
	out.answers, out.authority = nil, nil
	for i := range p.said {
		out.answers = append(out.answers, recordsIn(p.said[i].answer)...)
		for _, r := range recordsIn(p.said[i].authority) {
			if !slices.ContainsFunc(out.authority, func(o wire.Record) bool { return isSameRecord(&o, &r) }) {
				out.authority = append(out.authority, r)
			}
		}
	}
}

// reasons says why data is bogus that the cache has: it keeps only that it is.
type reasons struct {
	mu    sync.Mutex
	known map[fetchKey]*Failure
}

// maxReasons is how many of them are kept.
const maxReasons = 1024

func (r *reasons) keep(q wire.Question, why *Failure) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil {
		r.known = map[fetchKey]*Failure{}
	}
	if len(r.known) >= maxReasons {
		for other := range r.known { // any: they come in random order
			delete(r.known, other)
			break
		}
	}
	r.known[fetchKeyOf(q)] = why
}

func (r *reasons) of(q wire.Question) *Failure {
	r.mu.Lock()
	defer r.mu.Unlock()
	if why := r.known[fetchKeyOf(q)]; why != nil {
		return why
	}
	return errBogus
}
