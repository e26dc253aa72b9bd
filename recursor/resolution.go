package recursor

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/wire"
)

// resolution finds the answer to one question as RFC 1034 5.3.3 says, state by
// state:
//
//	lookInCache --> findServers --> askServers --> understand --> done
//	     ^               ^              ^              |
//	     |               |              '-- referral --+
//	     |               '-- all of them have failed --+
//	     '------------------- alias -------------------'
type resolution struct {
	r     *Recursor
	in    *inquiry
	trace *tracer

	name wire.Name   // what is looked for: the name asked for, or what aliases led to
	seen []wire.Name // names looked for before: the links of the chain
	out  answer      // what was found so far

	cut       delegation // the servers to ask
	cutKey    string     // its zone in lower case
	referrals int
	known     int  // labels of name that belong to the zone of cut, as far as is known
	asked     int  // questions sent with a shortened name
	whole     bool // the name is not shortened any more

	useless wire.Name // the zone whose servers, as the cache has them, were of no use

	claimed   claim    // what is being asked, and nobody else needs to ask
	waitedFor claimKey // what somebody else has asked

	response *response
	denial   *response // to a question with a shortened name: to be confirmed
}

// state is one of the states of a resolution. It returns the next one; nil at
// the end.
type state func(t *resolution) (state, error)

func newResolution(r *Recursor, in *inquiry) *resolution {
	return &resolution{r: r, in: in, trace: in.trace, name: in.question.Name}
}

// run returns the answer.
func (t *resolution) run() (*answer, error) {
	t.note(StepStart, t.in.question, netip.AddrPort{}, "", nil, 0)
	defer t.release()
	var err error
	for s := state(lookInCache); s != nil; {
		if s, err = s(t); err != nil {
			var failure *Failure
			if !errors.As(err, &failure) {
				err = &Failure{Code: wire.ExtendedErrorOther, Text: err.Error(), Err: err}
			}
			t.note(StepFailure, t.in.question, netip.AddrPort{}, err.Error(), nil, 0)
			return nil, err
		}
	}
	t.note(StepAnswer, t.in.question, netip.AddrPort{}, t.out.rcode.String(), nil, 0)
	return &t.out, nil
}

// question is what is looked for now.
func (t *resolution) question() wire.Question {
	return wire.Question{Name: t.name, Type: t.in.question.Type, Class: wire.ClassIN}
}

// lookInCache is step 1: what was found before.
func lookInCache(t *resolution) (state, error) {
	for {
		q := t.question()
		if a, ok := t.r.known(q); ok {
			t.note(StepCache, q, netip.AddrPort{}, "answer", nil, 0)
			t.finish(a)
			return nil, nil
		}
		if q.Type != wire.TypeANY && q.Type != wire.TypeCNAME {
			if a, ok := t.r.known(wire.Question{Name: q.Name, Type: wire.TypeCNAME, Class: wire.ClassIN}); ok {
				if target, ok := aliasIn(a, q.Name); ok {
					t.note(StepCache, q, netip.AddrPort{}, "alias", nil, 0)
					t.out.answers = append(t.out.answers, a.answers...)
					if err := t.follow(target); err != nil {
						return nil, err
					}
					continue
				}
			}
		}
		if _, m, ok := t.r.cache.FindDenied(q.Name, q.Class, nil); ok {
			if a, err := readKept(m); err == nil {
				t.note(StepCache, q, netip.AddrPort{}, "no such name", nil, 0) // RFC 8020 2
				t.finish(a)
				return nil, nil
			}
		}
		return findServers, nil
	}
}

// aliasIn returns what a says that name is an alias of.
func aliasIn(a *answer, name wire.Name) (target wire.Name, ok bool) {
	for i := range a.answers {
		if record := &a.answers[i]; record.Type == wire.TypeCNAME && record.Name.Equal(name) {
			target, _, err := wire.NameFromWire(record.Data)
			return target, err == nil
		}
	}
	return wire.Name{}, false
}

// finish takes a for the end of the answer.
func (t *resolution) finish(a *answer) {
	t.out.rcode = a.rcode
	t.out.answers = append(t.out.answers, a.answers...)
	t.out.authority = a.authority
	t.out.extended = a.extended
}

// follow goes on to the name that an alias leads to (step 4c).
func (t *resolution) follow(target wire.Name) error {
	t.seen = append(t.seen, t.name)
	for _, name := range t.seen {
		if name.Equal(target) {
			return errAliasCircle
		}
	}
	if len(t.seen) > maxLinks {
		return errAliases
	}
	t.name = target
	t.note(StepAlias, t.question(), netip.AddrPort{}, "", nil, 0)
	return nil
}

// findServers is step 2: the servers of the nearest zone above the name, as far
// as is known.
func findServers(t *resolution) (state, error) {
	name := t.serversOf()
	configured := t.r.configuredFor(name)
	zone, m, ok := t.r.cache.FindDelegation(name, wire.ClassIN, nil)
	switch {
	case configured != nil && (!ok || configured.source == fromForward || configured.zone.Len() >= zone.Len()):
		t.descend(*configured)
	case ok:
		d, err := readDelegation(new(wire.Reader), m, zone, wire.Root, wire.SectionAuthority)
		if err != nil {
			return nil, err
		}
		d.source = fromCache
		t.descend(d)
	default:
		return findRootServers, nil
	}
	return askServers, nil
}

// serversOf is the name whose nearest zone has the answer.
func (t *resolution) serversOf() wire.Name {
	name := t.name
	if t.in.question.Type == wire.TypeDS && !name.IsRoot() {
		name = name.Parent() // a zone's parent has it (RFC 4035 3.1.4.1)
	}
	if !t.useless.IsZero() && name.HasSuffix(t.useless) {
		name = t.useless.Parent()
	}
	return name
}

// configuredFor returns the servers that were given for the zone that name is
// in, if any were.
func (r *Recursor) configuredFor(name wire.Name) *delegation {
	if len(r.zones) == 0 {
		return nil
	}
	var buf [wire.MaxNameLen]byte
	folded := name.AppendFolded(buf[:0])
	for at := 0; ; at += 1 + int(folded[at]) {
		if d := r.zones[string(folded[at:])]; d != nil {
			return d
		}
		if folded[at] == 0 {
			return nil
		}
	}
}

// findRootServers asks the servers of the hints which ones there are now (RFC
// 8109), and is content with the hints where they do not say.
func findRootServers(t *resolution) (state, error) {
	if t.in.question.Name.IsRoot() && t.in.question.Type == wire.TypeNS {
		t.descend(t.r.hints)
		return askServers, nil
	}
	if _, err := t.r.inquireFor(t.in, primingQuestion, t.in.abandoned); err == nil {
		if _, m, ok := t.r.cache.FindDelegation(wire.Root, wire.ClassIN, nil); ok {
			d, err := readDelegation(new(wire.Reader), m, wire.Root, wire.Root, wire.SectionAuthority)
			if err != nil {
				return nil, err
			}
			d.source = fromCache
			t.descend(d)
			return askServers, nil
		}
		// They have answered, and not what was asked: not the next time either.
		t.r.mu.Lock()
		t.r.rememberFailure(inquiryKeyOf(primingQuestion))
		t.r.mu.Unlock()
	}
	t.descend(t.r.hints)
	return askServers, nil
}

// descend makes d the servers to ask.
func (t *resolution) descend(d delegation) {
	t.cut = d
	t.cutKey = d.zone.Fold().Wire()
	t.known, t.whole, t.denial = d.zone.LabelCount(), t.r.config.WholeNames || d.source == fromForward, nil
	if t.trace != nil {
		t.trace.say(Step{Depth: t.in.depth, Kind: StepServers, Question: t.question(), Zone: d.zone, Text: d.describe()})
	}
}

// askServers is step 3: the servers are asked, for as much of the name as they
// need to know.
func askServers(t *resolution) (state, error) {
	q := t.nextQuestion()
	for t.isShortened(q) {
		if _, ok := t.r.known(q); !ok {
			break
		}
		t.known = q.Name.LabelCount() // it is there, and no zone of its own
		q = t.nextQuestion()
	}
	if t.claim(q) {
		if t.isOver() {
			return nil, &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "no name server answered in time", Err: errLate}
		}
		return lookAgain, nil
	}
	if t.isShortened(q) {
		t.asked++
	}
	var err error
	t.response, err = t.ask(q)
	if err == nil {
		return understand, nil
	}
	t.release()
	switch {
	case t.isOver(), errors.Is(err, errExhausted):
	case t.isShortened(q):
		t.whole = true // RFC 9156 3: there are servers that cannot cope with it
		return askServers, nil
	case t.cut.source == fromCache && t.useless.IsZero() && !t.cut.zone.IsRoot() && t.r.mayRenew(t.cutKey):
		// The zone may have moved on. Its parent knows.
		t.useless = t.cut.zone.Clone()
		return findServers, nil
	}
	return nil, err
}

// isOver reports whether there is no time left, or nobody who waits.
func (t *resolution) isOver() bool {
	select {
	case <-t.in.abandoned:
		return true
	default:
		return !time.Now().Before(t.in.deadline)
	}
}

// nextQuestion is what to ask the servers of the cut.
func (t *resolution) nextQuestion() wire.Question {
	q := t.question()
	if t.whole {
		return q
	}
	if labels := minimised(t.name, t.known, t.asked); labels < t.name.LabelCount() {
		q.Name, q.Type = t.name.Ancestor(labels), minimisedType
	}
	return q
}

// isShortened reports whether q is not the question itself but one to find out
// who can be asked it.
func (t *resolution) isShortened(q wire.Question) bool { return q.Name.Len() != t.name.Len() }

// understand is step 4: what the response says.
func understand(t *resolution) (state, error) {
	defer t.release()
	p := t.response
	if p.kind == saysReferral {
		return t.refer(p)
	}
	if t.isShortened(p.question) {
		switch p.kind {
		case saysNoName:
			if t.deniesAll(p) {
				t.r.keep(p)
				t.finish(&p.scrubber.out)
				return nil, nil
			}
			// Servers say so of names that have nothing but others below them,
			// which is wrong (RFC 8020 1). So they are asked for the whole name.
			t.denial, t.whole = p, true
		case saysAlias:
			t.whole = true // what is below an alias is for the servers to say
		default:
			t.known = p.question.Name.LabelCount()
			t.r.keep(p)
		}
		return askServers, nil
	}
	t.r.keep(p)
	if p.kind == saysNoName && t.denial != nil {
		t.r.keep(t.denial)
	}
	if p.question == primingQuestion {
		// Without addresses it leads nowhere, and the hints have to do.
		d, err := readDelegation(new(wire.Reader), p.message, wire.Root, wire.Root, wire.SectionAnswer)
		if err == nil && slices.ContainsFunc(d.servers, func(s nameServer) bool { return len(s.addresses) > 0 }) {
			t.r.keepDelegation(&d, p.message, wire.Root, wire.SectionAnswer)
		}
	}
	a := &p.scrubber.out
	if p.kind != saysAlias {
		t.finish(a)
		return nil, nil
	}
	t.out.answers = append(t.out.answers, a.answers...)
	s := &p.scrubber
	for i := range s.links - 1 {
		if err := t.follow(s.names[i+1]); err != nil {
			return nil, err
		}
	}
	return lookInCache, nil
}

// deniesAll reports whether p, which denies a shortened name, denies all names
// below it (RFC 8020 2): the servers of the root and of top-level domains know
// what they are saying.
func (t *resolution) deniesAll(p *response) bool {
	s := &p.scrubber
	return t.cut.zone.LabelCount() <= 1 && t.cut.source < fromStub &&
		s.out.rcode == wire.RCodeNXDomain && s.links == 1 && !s.soa.IsZero()
}

// refer goes on to the servers of a zone below (step 4b).
func (t *resolution) refer(p *response) (state, error) {
	if t.referrals++; t.referrals > maxReferrals {
		return nil, exhausted("more zone cuts than one name may have")
	}
	d, err := readDelegation(&p.scrubber.reader, p.message, p.child, t.cut.zone, wire.SectionAuthority)
	if err != nil {
		return nil, err
	}
	d.expireBy(t.cut.expires)
	t.note(StepReferral, t.question(), netip.AddrPort{}, p.child.String(), nil, 0)
	t.r.keepDelegation(&d, p.message, t.cut.zone, wire.SectionAuthority)
	if configured := t.r.configuredFor(t.name); configured != nil && configured.zone.Len() > t.cut.zone.Len() {
		d = *configured
	}
	t.descend(d)
	return askServers, nil
}

// Why a name cannot be resolved, whoever is asked.
var (
	errAliasCircle = &Failure{Code: wire.ExtendedErrorInvalidData, Text: "the name is an alias of itself"}
	errAliases     = &Failure{Code: wire.ExtendedErrorInvalidData, Text: "the name leads through too many aliases"}
	errDepth       = &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "too many name servers have to be found one for another", Err: errExhausted}
)

// exhausted is the failure of a question that has cost all it may.
func exhausted(what string) *Failure {
	return &Failure{Code: wire.ExtendedErrorOther, Text: what, Err: errExhausted}
}

// note tells a step to whoever traces the question.
func (t *resolution) note(kind StepKind, q wire.Question, server netip.AddrPort, text string, reply []byte, rtt time.Duration) {
	if t.trace == nil {
		return
	}
	t.trace.say(Step{Depth: t.in.depth, Kind: kind, Question: q, Zone: t.cut.zone, Server: server, Text: text, Reply: reply, RTT: rtt})
}

// describe tells where the servers are known from, and which they are, for people.
func (d *delegation) describe() string {
	text := [...]string{"from the referral", "from the cache", "from the root hints", "as configured", "as configured, to forward to"}[d.source]
	var servers []string
	for i := range d.servers {
		s := &d.servers[i]
		var words []string
		if !s.name.IsZero() {
			words = append(words, s.name.String())
		}
		for _, a := range s.addresses {
			words = append(words, a.String())
		}
		servers = append(servers, strings.Join(words, " "))
	}
	return text + ": " + strings.Join(servers, ", ")
}
