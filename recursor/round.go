package recursor

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"syscall"
	"time"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// round is one question to the servers of one zone, one after the other and,
// where one takes longer than it should, beside each other, until a reply can
// be used (RFC 1034 5.3.3 step 3).
type round struct {
	t        *resolution
	zone     *delegation
	question wire.Question
	query    upstream.Query
	deny     bool // the zone is not configured: some addresses are not asked

	servers []*server // those whose addresses are known
	unknown []wire.Name
	tries   []*roundTry
	open    int // tries that have no result yet
	lookups int // name servers that are being looked up
	events  chan roundEvent
	timer   *time.Timer
	stop    chan struct{} // closed at the end, if there are lookups
	blame   blame

	noteProgress func() // for upstream.Query.Progress
}

// roundTry is a server asked once, and what came of it.
type roundTry struct {
	upstream.Asking
	round   *round
	server  *server
	sent    time.Time
	isTrial bool
	over    bool

	reply upstream.Reply
	err   error
}

// roundEvent is what a round waits for: the result of a try, the addresses of a
// name server that was looked up, or, with neither, that a server was heard and
// its answer takes longer.
type roundEvent struct {
	try    *roundTry
	lookup *lookup
}

// lookup is what came of looking for a name server.
type lookup struct{ addresses []netip.AddrPort }

// leastPatience is how long a server is waited for at the least before another
// is asked, however near it is: that costs traffic, and where this machine is
// what is slow, it makes things worse.
const leastPatience = 75 * time.Millisecond

// lookupsAtOnce is how many name servers are looked up beside each other, where
// not one address is known.
const lookupsAtOnce = 2

// ask asks the servers of the present zone cut a question. It returns the first
// reply that can be used.
func (t *resolution) ask(q wire.Question) (*response, error) {
	if err := t.r.enter(t.cutKey); err != nil {
		return nil, err
	}
	defer t.r.leaveZone(t.cutKey)
	r := t.r.takeRound()
	r.t, r.zone, r.question, r.deny = t, &t.cut, q, !t.cut.isConfigured()
	r.query = upstream.Query{Question: q, DO: true, Budget: &t.in.budget.Budget, Progress: r.noteProgress}
	if t.cut.source == fromForward {
		r.query.Flags = wire.FlagRD
	}
	for i := range t.cut.servers {
		s := &t.cut.servers[i]
		r.add(s.addresses)
		if r.deny && s.isLookedUp(t.cut.zone) {
			r.unknown = append(r.unknown, s.name)
		}
	}
	if len(r.unknown) > 1 {
		rand.Shuffle(len(r.unknown), func(i, j int) { r.unknown[i], r.unknown[j] = r.unknown[j], r.unknown[i] })
	}
	return r.run()
}

// takeRound returns a round that nothing is known of. Those that have ended
// well are used again.
func (r *Recursor) takeRound() *round {
	if used, ok := r.rounds.Get().(*round); ok {
		return used
	}
	n := &round{events: make(chan roundEvent, maxTries+maxNameServers+1), timer: time.NewTimer(time.Hour)}
	n.noteProgress = func() {
		select {
		case n.events <- roundEvent{}:
		default:
		}
	}
	return n
}

// add makes the servers at addresses such that can be asked.
func (r *round) add(addresses []netip.AddrPort) {
	var usable [maxNameServers * maxAddresses]netip.AddrPort
	list := usable[:0]
	for _, a := range addresses {
		if len(list) == cap(list) {
			break
		}
		if r.deny && !r.t.r.mayAsk(a) || !r.t.r.isReachable(a.Addr()) {
			continue
		}
		list = append(list, a)
	}
	usableServers, lame := r.t.r.servers.appendFor(nil, r.t.cutKey, list)
	if lame {
		r.blame.add(nil, errLame, rankRCode, wire.ExtendedErrorNoReachableAuthority, "the name servers of the zone do not serve it")
	}
	for _, s := range usableServers {
		if !slices.Contains(r.servers, s) {
			r.servers = append(r.servers, s)
		}
	}
}

func (r *round) run() (*response, error) {
	defer r.end()
	patience, ok := r.next()
	for {
		left := time.Until(r.t.in.deadline)
		switch {
		case r.open == 0 && r.lookups == 0:
			return nil, r.failure()
		case ok:
			r.timer.Reset(min(patience, left))
		case r.open > 0:
			r.timer.Reset(min(recheck, left))
		default:
			r.timer.Reset(left)
		}
		select {
		case e := <-r.events:
			switch {
			case e.try != nil:
				response, err := r.take(e.try)
				if response != nil || err != nil {
					return response, err
				}
				if r.isHopeless() {
					return nil, r.failure()
				}
				patience, ok = r.next()
			case e.lookup != nil:
				r.lookups--
				r.add(e.lookup.addresses)
				if r.open == 0 || !ok {
					patience, ok = r.next()
				}
			default:
				patience, ok = maxPatience, true
			}
		case <-r.timer.C:
			r.noteSilence()
			if !time.Now().Before(r.t.in.deadline) {
				r.blame.add(nil, errLate, rankSilence, wire.ExtendedErrorNoReachableAuthority, "no name server answered in time")
				return nil, r.failure()
			}
			if r.isHopeless() {
				return nil, r.failure()
			}
			patience, ok = r.next()
		case <-r.t.in.abandoned:
			r.noteSilence()
			return nil, errAbandoned
		}
	}
}

// isHopeless reports whether it is better to show the whole name than to go on
// with a shortened one: every server has been asked, and one had nothing useful
// to say or all are silent for the second time (RFC 9156 2.3).
func (r *round) isHopeless() bool {
	if !r.t.isShortened(r.question) || len(r.unknown) > 0 || r.lookups > 0 {
		return false
	}
	enough := 2
	if r.blame.rank > rankNetwork {
		enough = 1
	}
	now := time.Now()
	for _, s := range r.servers {
		if tries, hasFailed := r.triesOf(s); tries < enough && !hasFailed && s.condition(now) == isAlive {
			return false
		}
	}
	return true
}

var errLate = errors.New("there is no time left")

// next asks the server that is likely to answer first, those before those that
// were asked already. It returns how long to wait before the next one; ok is
// false if there is nobody to ask now.
func (r *round) next() (patience time.Duration, ok bool) {
	if len(r.tries) == maxTries {
		return 0, false
	}
	now := time.Now()
	var best, due *server
	var bestTries int
	var bestScore time.Duration
	fresh := 0 // live ones not asked yet, the best included
	for _, s := range r.servers {
		tries, hasFailed := r.triesOf(s)
		if hasFailed {
			continue
		}
		switch s.condition(now) {
		case isDue:
			due = s
		case isAlive:
			if s.isBusy() {
				r.blame.add(s, errBusy, rankSilence, wire.ExtendedErrorNoReachableAuthority, "the zone's name servers have too many questions to answer")
				continue
			}
			score := s.score()
			if tries == 0 {
				fresh++
				if len(r.tries) == 0 && rand.IntN(explorations) == 0 {
					score = 0 // to see how it fares: things change
				}
			}
			if best == nil || tries < bestTries || tries == bestTries && (score < bestScore || score == bestScore && rand.IntN(fresh+1) == 0) {
				best, bestTries, bestScore = s, tries, score
			}
		}
	}
	switch {
	case best != nil && (bestTries == 0 || len(r.unknown) == 0):
		r.launch(best, now, false)
		patience = max(best.patience(), leastPatience)
		if fresh <= 1 { // all have been asked now: it is the best one's turn again, unless it answers
			patience = max(patience, repeatPatience)
		}
		return patience << bestTries, true
	case due != nil && due.mayProbe(now): // nobody probes it in the background
		r.launch(due, now, true)
		return due.trial, true
	}
	r.lookUp()
	return 0, false
}

// isBusy reports whether as many questions wait for s as may.
func (s *server) isBusy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting >= maxPerServer
}

var errBusy = errors.New("too many questions wait for it")

func (r *round) triesOf(s *server) (count int, hasFailed bool) {
	for i := range r.tries {
		if r.tries[i].server == s {
			count++
			hasFailed = hasFailed || r.tries[i].over
		}
	}
	return count, hasFailed
}

// launch asks s.
func (r *round) launch(s *server, now time.Time, isTrial bool) {
	try := r.newTry()
	try.server, try.sent, try.isTrial, try.over, try.Query = s, now, isTrial, false, r.query
	r.open++
	s.asked()
	r.t.note(StepAsk, r.question, s.Addr(), "", nil, 0)
	if err := try.Start(s.Server); err != nil {
		try.finish(&upstream.Reply{}, err)
	}
}

// newTry adds a try, one of an earlier round if there is one left.
func (r *round) newTry() *roundTry {
	n := len(r.tries)
	if n < cap(r.tries) {
		r.tries = r.tries[:n+1]
	} else {
		r.tries = append(r.tries, nil)
	}
	if r.tries[n] == nil {
		try := &roundTry{round: r}
		try.Done = try.finish
		r.tries[n] = try
	}
	return r.tries[n]
}

// finish hands over what came of a try. It is called where replies are
// received; reply is lent.
func (try *roundTry) finish(reply *upstream.Reply, err error) {
	try.err = err
	if err == nil {
		try.reply = reply.Clone()
	} else {
		try.reply.Heard, try.reply.RTT = reply.Heard, reply.RTT
	}
	try.server.report(&try.reply, err, time.Now())
	try.server.dropped()
	try.round.events <- roundEvent{try: try} // has room for all
}

// take looks at the result of a try. It returns the response if the reply can
// be used, an error if no other server is to be asked either.
func (r *round) take(try *roundTry) (*response, error) {
	try.over = true
	r.open--
	s := try.server
	if err := try.err; err != nil {
		var notSent *upstream.NotSentError
		switch {
		case errors.Is(err, upstream.ErrBudget):
			return nil, exhausted("more questions than one may cost")
		case errors.As(err, &notSent) && isUnreachable(err):
			r.t.r.setUnreachable(s.Addr().Addr())
		case errors.Is(err, context.DeadlineExceeded):
			r.ignore(s, &try.reply, err, rankSilence, wire.ExtendedErrorNoReachableAuthority, "no name server answered in time")
			return nil, nil
		}
		r.ignore(s, &try.reply, err, rankNetwork, wire.ExtendedErrorNetworkError, "a name server of the zone cannot be reached")
		return nil, nil
	}
	if !isAnswer(try.reply.RCode) {
		s.declined()
		if try.reply.RCode == wire.RCodeRefused && !r.t.isShortened(r.question) { // it may be the short name that it refuses
			r.t.r.servers.setLame(s.Addr(), r.zone.zone)
		}
		r.ignore(s, &try.reply, fmt.Errorf("it answers %v", try.reply.RCode), rankRCode, wire.ExtendedErrorNoReachableAuthority,
			"a name server of the zone answers "+try.reply.RCode.String())
		return nil, nil
	}
	response, err := r.read(&try.reply)
	if err != nil {
		s.declined()
		if err == errLame || err == errUpward {
			r.t.r.servers.setLame(s.Addr(), r.zone.zone)
		}
		r.ignore(s, &try.reply, err, rankInvalid, wire.ExtendedErrorInvalidData, "a name server's reply is no answer")
		return nil, nil
	}
	s.answered()
	r.t.note(StepReply, r.question, s.Addr(), response.kind.String(), try.reply.Message, try.reply.RTT)
	return response, nil
}

// read finds out what a reply says.
func (r *round) read(reply *upstream.Reply) (*response, error) {
	if r.zone.source != fromForward {
		return classify(reply, r.question, r.zone.zone)
	}
	response := &response{question: r.question, message: reply.Message}
	s := &response.scrubber
	s.question, s.zone, s.do = r.question, wire.Root, true
	if err := s.read(reply); err != nil {
		return nil, err
	}
	switch {
	case s.found:
		response.kind = saysAnswer
	case reply.RCode == wire.RCodeNXDomain || reply.RCode == wire.RCodeYXDomain:
		response.kind = saysNoName
	case s.links == 1 && s.soa.IsZero() && s.hasNS && !s.reader.Header().Flags.Has(wire.FlagAA):
		return nil, errReferral
	default:
		response.kind = saysNoData
	}
	return response, nil
}

// ignore notes that a reply is of no use.
func (r *round) ignore(s *server, reply *upstream.Reply, err error, rank int, code wire.ExtendedErrorCode, text string) {
	r.blame.add(s, err, rank, code, text)
	r.t.note(StepIgnored, r.question, s.Addr(), err.Error(), reply.Message, reply.RTT)
}

// noteSilence tells servers that have not answered that they should have.
func (r *round) noteSilence() {
	now := time.Now()
	for i := range r.tries {
		if try := r.tries[i]; !try.over {
			try.server.silent(try.sent, now, try.isTrial)
		}
	}
}

// lookUp looks for the addresses of some of the name servers that have none.
func (r *round) lookUp() {
	b := r.t.in.budget
	for r.lookups < lookupsAtOnce && len(r.unknown) > 0 {
		name := r.unknown[0]
		r.unknown = r.unknown[1:]
		if b.lookups.Add(-1) < 0 || b.missing.Load() < 0 {
			r.blame.add(nil, errLookups, rankSilence, wire.ExtendedErrorNoReachableAuthority, "the zone's name servers are too costly to find")
			r.unknown = nil
			return
		}
		if r.stop == nil {
			r.stop = make(chan struct{})
		}
		r.lookups++
		r.t.note(StepLookUp, wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN}, netip.AddrPort{}, "", nil, 0)
		r.t.r.workers.Do(func() {
			r.events <- roundEvent{lookup: &lookup{r.t.r.addressesOf(r.t.in, name, r.stop)}} // has room for all
		})
	}
}

var errLookups = errors.New("too many of its name servers have to be looked up")

// end lets go of what the round holds, and of the round itself unless something
// is still to come for it.
func (r *round) end() {
	if r.stop != nil {
		close(r.stop)
	}
	r.timer.Stop()
	isOver := r.lookups == 0
	for _, try := range r.tries {
		if try.isTrial {
			try.server.probed()
		}
		switch {
		case try.over:
		case try.Cancel(errAbandoned):
			try.server.dropped()
		default:
			isOver = false // its result comes now
			continue
		}
		try.reply, try.err = upstream.Reply{}, nil
	}
	if !isOver {
		return
	}
	for len(r.events) > 0 {
		<-r.events
	}
	rounds := &r.t.r.rounds
	r.t, r.zone, r.question, r.query = nil, nil, wire.Question{}, upstream.Query{}
	r.servers, r.tries, r.unknown, r.stop, r.blame = r.servers[:0], r.tries[:0], nil, nil, blame{}
	r.open = 0
	rounds.Put(r)
}

func (r *round) failure() error {
	if err := r.blame.failure(); err != nil {
		return err
	}
	return &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "no name server of the zone can be reached",
		Err: fmt.Errorf("zone %v", r.zone.zone)}
}

// addressesOf looks for the addresses of a name server. What an alias leads to
// is not one (RFC 2181 10.3).
func (r *Recursor) addressesOf(parent *inquiry, name wire.Name, stop <-chan struct{}) []netip.AddrPort {
	types := [2]wire.Type{wire.TypeA, wire.TypeAAAA}
	if !r.isReachable(netip.IPv4Unspecified()) {
		types[0], types[1] = types[1], types[0]
	}
	var s nameServer
	for _, t := range types {
		q := wire.Question{Name: name, Type: t, Class: wire.ClassIN}
		a, ok := r.known(q)
		if !ok {
			var err error
			if a, err = r.inquireFor(parent, q, stop); err != nil {
				if errors.Is(err, errExhausted) || err == errAbandoned {
					return nil
				}
				continue
			}
		}
		for i := range a.answers {
			record := &a.answers[i]
			if !record.Name.Equal(name) {
				continue
			}
			if address, ok := addressOf(record.Type, record.Data); ok {
				s.add(netip.AddrPortFrom(address, dnsPort))
			}
		}
		if len(s.addresses) > 0 {
			return s.addresses
		}
		if a.rcode == wire.RCodeNXDomain || !r.isReachable(netip.IPv6Unspecified()) {
			break
		}
	}
	parent.budget.missing.Add(-1)
	return nil
}

// mayAsk reports whether a can be the address of a server of strangers.
func (r *Recursor) mayAsk(a netip.AddrPort) bool {
	addr := a.Addr()
	switch {
	case addr.IsUnspecified(), addr.IsMulticast(), addr.IsLinkLocalUnicast(), addr.Is4() && addr.As4()[0] >= 240, addr.Is4() && addr.As4()[0] == 0:
		return false
	case addr.IsLoopback() && !r.config.QueryLoopback, r.config.DoNotQuery.Contains(addr):
		return false
	}
	return !r.own.has(a)
}

// unreachableTime is how long a family of addresses is not tried after the
// system has said that there is no way there.
const unreachableTime = time.Minute

// isReachable reports whether there is a way to addresses of a's family, as far
// as is known.
func (r *Recursor) isReachable(a netip.Addr) bool {
	until := r.unreachable[familyOf(a)].Load()
	return until == 0 || time.Now().UnixNano() >= until
}

func (r *Recursor) setUnreachable(a netip.Addr) {
	if r.unreachable[1-familyOf(a)].Load() > time.Now().UnixNano() {
		return // neither: then it is better to try
	}
	r.unreachable[familyOf(a)].Store(time.Now().Add(unreachableTime).UnixNano())
}

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// isUnreachable reports whether the system knows no way to an address.
func isUnreachable(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// enter notes that a question goes to the servers of a zone, unless too many do.
func (r *Recursor) enter(zone string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[zone] >= maxPerZone {
		return &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "too many questions wait for the servers of the zone"}
	}
	r.busy[zone]++
	return nil
}

func (r *Recursor) leaveZone(zone string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[zone]--; r.busy[zone] == 0 {
		delete(r.busy, zone)
	}
}

const (
	// maxPerServer and maxPerZone are how many questions may wait for one
	// server and for the servers of one zone: one that answers in time never
	// gets there, one that does not holds no more than that up.
	maxPerServer = 1024
	maxPerZone   = 2048
)
