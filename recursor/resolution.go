package recursor

import (
	"cmp"
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
	fetch *fetch
	trace *tracer

	name wire.Name   // what is looked for: the name asked for, or what aliases led to
	seen []wire.Name // names looked for before: the links of the chain
	out  answer      // what was found so far

	cut          delegation // the servers to ask
	cutKey       string     // its zone in lower case
	referrals    int
	knownLabels  int  // labels of name that belong to the zone of cut, as far as is known
	minimised    int  // questions sent with a shortened name
	sendFullName bool // names are not shortened from here on

	badZone wire.Name // the zone whose servers in the cache were useless

	distrusted []netip.AddrPort // servers of cut that have sent something bogus
	avoided    []netip.AddrPort // servers that are not asked at all
	// isLastTry: cut is configured to forward to, and what its servers pass on unchecked is
	// bogus. They are asked without CD.
	isLastTry bool

	inflight  inflight    // the query that is being sent, once for all fetches
	waitedFor inflightKey // the query of another fetch that was waited for

	response *response
	bogus    *response // of several servers: if none has better
	denial   *response // to a question with a shortened name: to be confirmed
}

// state is one of the states of a resolution. It returns the next one; nil at
// the end.
type state func(t *resolution) (state, error)

func newResolution(r *Recursor, f *fetch) *resolution {
	return &resolution{r: r, fetch: f, trace: f.trace, name: f.question.Name, out: answer{isSecure: true}}
}

// run returns the answer.
func (t *resolution) run() (*answer, error) {
	t.record(StepStart, t.fetch.question, netip.AddrPort{}, "", nil, 0)
	defer t.release()
	var err error
	first := lookInCache
	switch {
	case t.fetch.key.glueOf != "":
		first = askParent
	case t.fetch.key.again != "":
		t.avoided = parseServers(t.fetch.key.again)
		first = findServers
	}
	for s := state(first); s != nil; {
		if s, err = s(t); err != nil {
			var failure *Failure
			if !errors.As(err, &failure) {
				err = &Failure{Code: wire.ExtendedErrorOther, Text: err.Error(), Err: err}
			}
			t.record(StepFailure, t.fetch.question, netip.AddrPort{}, err.Error(), nil, 0)
			return nil, err
		}
	}
	t.record(StepAnswer, t.fetch.question, netip.AddrPort{}, t.out.rcode.String(), nil, 0)
	return &t.out, nil
}

// question is what is looked for now.
func (t *resolution) question() wire.Question {
	return wire.Question{Name: t.name, Type: t.fetch.question.Type, Class: wire.ClassIN}
}

// lookInCache is step 1: what was found before.
func lookInCache(t *resolution) (state, error) {
	for {
		if t.lookInOwn() {
			return nil, nil
		}
		q := t.question()
		if a, ok := t.r.known(q); ok {
			t.record(StepCache, q, netip.AddrPort{}, "answer", nil, 0)
			if isUsable, err := t.checkCached(q, a); !isUsable {
				return findServers, err
			}
			t.finish(a)
			return nil, nil
		}
		if q.Type != wire.TypeANY && q.Type != wire.TypeCNAME {
			alias := wire.Question{Name: q.Name, Type: wire.TypeCNAME, Class: wire.ClassIN}
			if a, ok := t.r.known(alias); ok {
				if target, ok := aliasIn(a, q.Name); ok {
					t.record(StepCache, q, netip.AddrPort{}, "alias", nil, 0)
					if isUsable, err := t.checkCached(alias, a); !isUsable {
						return findServers, err
					}
					t.addLink(a)
					if err := t.follow(target); err != nil {
						return nil, err
					}
					continue
				}
			}
		}
		if q.Type == wire.TypeDS {
			if a, ok := t.r.delegatedDS(q.Name, t.fetch.key.unchecked); ok {
				t.record(StepCache, q, netip.AddrPort{}, "the referral to the zone", nil, 0)
				if isUsable, err := t.checkCached(q, a); !isUsable {
					return findServers, err
				}
				t.finish(a)
				return nil, nil
			}
		}
		if denied, a, ok := t.r.deniedAbove(q.Name); ok {
			t.record(StepCache, q, netip.AddrPort{}, "no such name", nil, 0) // RFC 8020 2
			if isUsable, err := t.checkCached(wire.Question{Name: denied, Type: q.Type, Class: wire.ClassIN}, a); !isUsable {
				return findServers, err
			}
			t.finish(a)
			return nil, nil
		}
		if a, ok := t.synthesise(q); ok {
			return t.takeSynthesised(q, a)
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
	t.take(a)
	t.out.rcode = a.rcode
	t.out.answers = append(t.out.answers, a.answers...)
	if len(t.out.authority) == 0 {
		t.out.authority = a.authority
	} else {
		for i := range a.authority {
			t.addProof(&a.authority[i])
		}
	}
}

// addLink takes a for an alias on the way.
func (t *resolution) addLink(a *answer) {
	t.take(a)
	for i := range a.answers {
		isSame := func(o wire.Record) bool { return isSameRecord(&o, &a.answers[i]) }
		if !slices.ContainsFunc(t.out.answers, isSame) { // a DNAME record may count twice
			t.out.answers = append(t.out.answers, a.answers[i])
		}
	}
	t.addProofs(a)
}

// take notes where a is from, which is a part of the answer, and what DNSSEC says
// of it: the whole is as secure as the least of its parts.
func (t *resolution) take(a *answer) {
	t.out.isSecure = t.out.isSecure && a.isSecure
	t.out.server = a.server
	t.out.extended = cmp.Or(a.extended, t.out.extended)
}

// follow goes on to the target of an alias (step 4c).
func (t *resolution) follow(target wire.Name) error {
	t.seen = append(t.seen, t.name)
	for _, name := range t.seen {
		if name.Equal(target) {
			return errAliasCircle
		}
	}
	if len(t.seen) > maxLinks {
		t.r.counts.hit(LimitAliases)
		return errAliases
	}
	t.name = target
	t.record(StepAlias, t.question(), netip.AddrPort{}, "", nil, 0)
	return nil
}

// findServers is step 2: the servers of the nearest zone above the name, as far
// as is known.
func findServers(t *resolution) (state, error) {
	if err := t.bogusZone(); err != nil {
		return nil, err
	}
	d, err := t.r.delegationOf(t.serversOf())
	switch {
	case err != nil:
		return nil, err
	case d.source == fromHints && !t.r.localRoot.have(primingQuestion):
		return findRootServers, nil
	}
	t.descend(d)
	return askServers, nil
}

// delegationOf returns the servers of the nearest zone above name that are
// known without asking: configured, from the cache, or the hints.
func (r *Recursor) delegationOf(name wire.Name) (delegation, error) {
	configured := r.configuredFor(name)
	zone, m, security, ok := r.cache.FindDelegation(name, wire.ClassIN, nil)
	switch {
	case configured != nil && (!ok || configured.source == fromForward || configured.zone.Len() >= zone.Len()):
		return *configured, nil
	case !ok:
		return r.hints, nil
	}
	d, err := readDelegation(new(wire.Reader), m, zone, wire.Root, wire.SectionAuthority)
	d.source, d.security = fromCache, security
	return d, err
}

// serversOf is the name whose nearest zone has the answer.
func (t *resolution) serversOf() wire.Name {
	name := t.name
	if t.fetch.question.Type == wire.TypeDS && !name.IsRoot() {
		name = name.Parent() // a zone's parent has it (RFC 4035 3.1.4.1)
	}
	if !t.badZone.IsZero() && name.HasSuffix(t.badZone) {
		name = t.badZone.Parent()
	}
	return name
}

// configuredFor returns the servers that were given for the zone that name is
// in, if any were: by the configuration, or by a zone of our own.
func (r *Recursor) configuredFor(name wire.Name) *delegation {
	configured, own := r.configuredZone(name), r.own.delegation(name)
	if own == nil || configured != nil && configured.zone.Len() > own.zone.Len() {
		return configured
	}
	return own
}

func (r *Recursor) configuredZone(name wire.Name) *delegation {
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
// 8109), and uses the hints if they do not say.
func findRootServers(t *resolution) (state, error) {
	if t.fetch.question.Name.IsRoot() && t.fetch.question.Type == wire.TypeNS {
		t.descend(t.r.hints)
		return askServers, nil
	}
	if _, err := t.r.fetchFor(t.fetch, primingQuestion, nil); err == nil {
		d, err := t.r.delegationOf(wire.Root)
		if err != nil {
			return nil, err
		}
		if d.source != fromHints {
			t.descend(d)
			return askServers, nil
		}
		// They have answered, and not what was asked: not the next time either.
		t.r.mu.Lock()
		t.r.rememberFailure(fetchKeyOf(primingQuestion))
		t.r.mu.Unlock()
	}
	t.descend(t.r.hints)
	return askServers, nil
}

// descend makes d the servers to ask.
func (t *resolution) descend(d delegation) {
	t.cut = d
	t.distrusted, t.bogus, t.isLastTry = t.distrusted[:0], nil, false
	if d.source == fromForward && t.r.validate != nil && d.areAll(t.avoided) {
		t.avoided, t.isLastTry = nil, true
	}
	t.cutKey = d.zone.Fold().Wire()
	t.knownLabels, t.sendFullName, t.denial = d.zone.LabelCount(), t.r.config.WholeNames || d.source == fromForward, nil
	if t.trace != nil {
		t.trace.emit(Step{Depth: t.fetch.depth, Kind: StepServers, Question: t.question(), Zone: d.zone, Text: d.describe()})
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
		t.knownLabels = q.Name.LabelCount() // it is there, and no zone of its own
		q = t.nextQuestion()
	}
	if t.waitOrRegister(q) {
		if t.isOver() {
			return nil, &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "no name server answered in time", Err: errLate}
		}
		return lookAgain, nil
	}
	if t.isShortened(q) {
		t.minimised++
	}
	var err error
	t.response, err = t.ask(q)
	if err == nil {
		return understand, nil
	}
	t.release()
	if t.bogus != nil {
		return t.endBogus()
	}
	switch {
	case t.isOver(), errors.Is(err, errExhausted), errors.Is(err, errUnsent):
	case t.isShortened(q):
		t.sendFullName = true // RFC 9156 3: there are servers that cannot cope with it
		return askServers, nil
	case t.cut.source == fromCache && t.badZone.IsZero() && !t.cut.zone.IsRoot() && t.r.mayRenew(t.cutKey):
		// The zone may have moved on. Its parent knows.
		t.badZone = t.cut.zone.Clone()
		return findServers, nil
	}
	return nil, err
}

// isOver reports whether deadline exceeded, or no caller that waits.
func (t *resolution) isOver() bool {
	select {
	case <-t.fetch.abandoned:
		return true
	default:
		return !time.Now().Before(t.fetch.deadline)
	}
}

// nextQuestion is what to ask the servers of the cut.
func (t *resolution) nextQuestion() wire.Question {
	q := t.question()
	if t.sendFullName {
		return q
	}
	if labels := minimised(t.name, t.knownLabels, t.minimised); labels < t.name.LabelCount() {
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
	p.said = p.parts()
	if p.kind != responseReferral && t.isShortened(p.question) {
		return t.learn(p)
	}
	if err := t.checkResponse(p); err != nil {
		if p.isBogus() {
			return t.distrust(p, err)
		}
		if t.bogus != nil {
			return nil, t.takeBogus() // its reason says more than that of a limit
		}
		return nil, err
	}
	t.bogus = nil
	p.setSecurity()
	if p.kind == responseReferral {
		return t.refer(p)
	}
	t.store(p)
	return t.proceed(p)
}

// learn takes what the response to a shortened name says about the whole one.
func (t *resolution) learn(p *response) (state, error) {
	switch p.kind {
	case responseNXDomain:
		if t.deniesAll(p) {
			if err := t.checkResponse(p); err != nil {
				t.sendFullName = true // the whole name shows whether it is that server's fault
				return askServers, nil
			}
			p.setSecurity()
			t.r.storeResponse(p)
			t.finish(&p.scrubber.out)
			return nil, nil
		}
		// Servers say so of names that have only others below them, which is
		// wrong (RFC 8020 1). So they are asked for the whole name.
		t.denial, t.sendFullName = p, true
	case responseCNAME:
		t.sendFullName = true // what is below an alias is for the servers to say
	default:
		t.knownLabels = p.question.Name.LabelCount()
		t.r.storeResponse(p)
	}
	return askServers, nil
}

// store keeps what the response says, and what it confirms.
func (t *resolution) store(p *response) {
	t.r.storeResponse(p)
	if p.kind == responseNXDomain && t.denial != nil {
		t.r.storeResponse(t.denial)
	}
	if p.question == primingQuestion {
		// Without addresses it is useless, and the hints have to do.
		d, err := readDelegation(new(wire.Reader), p.message, wire.Root, wire.Root, wire.SectionAnswer)
		if err == nil && slices.ContainsFunc(d.servers, func(s nameServer) bool { return len(s.addresses) > 0 }) {
			t.r.storeDelegation(&d, p.message, wire.Root, wire.SectionAnswer)
		}
	}
}

// proceed ends the resolution with the response, or goes on to the name that its
// aliases refer to (step 4c).
func (t *resolution) proceed(p *response) (state, error) {
	s := &p.scrubber
	if p.kind != responseCNAME {
		t.finish(&s.out)
		return nil, nil
	}
	t.addLink(&s.out)
	for i := range s.links - 1 {
		if err := t.follow(s.names[i+1]); err != nil {
			return nil, err
		}
	}
	return lookInCache, nil
}

// deniesAll reports whether p, which denies a shortened name, denies all names
// below it.
func (t *resolution) deniesAll(p *response) bool {
	s := &p.scrubber
	return deniesBelow(t.cut.zone, false) && t.cut.source < fromStub &&
		s.out.rcode == wire.RCodeNXDomain && s.links == 1 && !s.soa.IsZero()
}

// refer goes on to the servers of a zone below (step 4b).
func (t *resolution) refer(p *response) (state, error) {
	if t.referrals++; t.referrals > maxReferrals {
		t.r.counts.hit(LimitReferrals)
		return nil, exhausted("more zone cuts than one name may have")
	}
	d, err := readDelegation(&p.scrubber.reader, p.message, p.child, t.cut.zone, wire.SectionAuthority)
	if err != nil {
		return nil, err
	}
	d.expireBy(t.cut.expires)
	d.security = p.said[0].security
	t.record(StepReferral, t.question(), netip.AddrPort{}, p.child.String(), nil, 0)
	t.r.storeDelegation(&d, p.message, t.cut.zone, wire.SectionAuthority)
	if configured := t.r.configuredFor(t.name); configured != nil && configured.zone.Len() > t.cut.zone.Len() {
		d = *configured
	}
	t.descend(d)
	return askServers, nil
}

// Why a name cannot be resolved, whatever the servers reply.
var (
	errAliasCircle = &Failure{Code: wire.ExtendedErrorInvalidData, Text: "CNAME loop"}
	errAliases     = &Failure{Code: wire.ExtendedErrorInvalidData, Text: "CNAME chain too long"}
	errDepth       = &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "name servers nested too deeply", Err: errExhausted}
)

// exhausted is the failure of a question that has cost all it may.
func exhausted(what string) *Failure {
	return &Failure{Code: wire.ExtendedErrorOther, Text: what, Err: errExhausted}
}

// record adds a step to the trace, if there is one.
func (t *resolution) record(kind StepKind, q wire.Question, server netip.AddrPort, text string, reply []byte, rtt time.Duration) {
	if t.trace == nil {
		return
	}
	t.trace.emit(Step{Depth: t.fetch.depth, Kind: kind, Question: q, Zone: t.cut.zone, Server: server, Text: text, Reply: reply, RTT: rtt})
}

// describe tells where the servers are known from, and which they are, for people.
func (d *delegation) describe() string {
	text := [...]string{"from the referral", "from the cache", "from a zone of our own", "from the root hints", "as configured", "as configured, to forward to"}[d.source]
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
