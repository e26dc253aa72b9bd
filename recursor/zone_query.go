package recursor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// zoneQuery is one question to the servers of one zone, one after the other and,
// if one takes longer than it should, at the same time, until a reply can be
// used (RFC 1034 5.3.3 step 3).
type zoneQuery struct {
	t        *resolution
	zone     *delegation
	question wire.Question
	query    upstream.Query
	inZone   int  // how many others wait for servers of the zone
	deny     bool // the zone is not configured: some addresses are not asked

	servers  []*server   // those whose addresses are known
	unknown  []wire.Name // name servers without an address that can be asked
	leads    []lead      // where more addresses may be had if these fail
	attempts []*zoneAttempt
	open     int            // attempts that have no result yet
	lookups  int            // name servers that are being looked up
	lookedUp int            // and how many were in all: no more than a zone may have
	events   chan zoneEvent // has room for every result: reporting one never waits
	longer   chan struct{}  // a server was heard, and its answer takes longer
	alarm    alarm          // of the patience with those that were asked
	stop     chan struct{}  // closed at the end, if there are lookups
	blame    blame
	weak     *response // counts if no server says more

	recordProgress func() // for upstream.Query.Progress
}

// zoneAttempt is a server asked once, and what came of it.
type zoneAttempt struct {
	upstream.Request
	attempt
	zoneQuery *zoneQuery

	by *upstream.Server // the server, or an encrypted transport of it

	reply upstream.Reply
	err   error
}

// zoneEvent is what a zone query waits for: the result of an attempt, or the addresses
// of a name server that was looked up.
type zoneEvent struct {
	try    *zoneAttempt
	lookup *lookup
}

// leastPatience is how long a server is waited for before another
// is asked, however near it is: that costs traffic, and if this machine is
// what is slow, it makes things worse.
const leastPatience = 75 * time.Millisecond

// lateness is how late a timer is when this machine has more to do than it can:
// then what waits for it is waited for once more.
const lateness = 5 * time.Millisecond

// ask asks the servers of the present zone cut a question. It returns the first
// reply that can be used.
func (t *resolution) ask(q wire.Question) (*response, error) {
	if response := t.askLocalRoot(q); response != nil {
		return response, nil
	}
	inZone, err := t.r.enter(t.cutKey)
	if err != nil {
		return nil, err
	}
	defer t.r.leaveZone(t.cutKey)
	r := t.r.takeZoneQuery()
	r.t, r.zone, r.question, r.deny, r.inZone = t, &t.cut, q, !t.cut.isConfigured(), inZone
	r.query = upstream.Query{Question: q, DO: true, Budget: &t.fetch.budget.Budget, Progress: r.recordProgress}
	if t.cut.source == fromForward {
		r.query.Flags = wire.FlagRD
		if t.r.validate != nil && !t.isLastTry {
			r.query.Flags |= wire.FlagCD // RFC 6840 5.9
		}
	}
	for i := range t.cut.servers {
		s := &t.cut.servers[i]
		usable := r.add(s.addresses)
		if r.deny {
			r.recordLead(s, usable)
		}
	}
	r.shuffleLeads()
	return r.run()
}

// takeZoneQuery returns a zone query that nothing is known of. Those that have ended
// well are used again.
func (r *Recursor) takeZoneQuery() *zoneQuery {
	if used, ok := r.zoneQueries.Get().(*zoneQuery); ok {
		return used
	}
	n := &zoneQuery{events: make(chan zoneEvent, maxTries+maxNameServers), longer: make(chan struct{}, 1), alarm: newAlarm()}
	n.recordProgress = func() {
		select {
		case n.longer <- struct{}{}:
		default:
		}
	}
	return n
}

// add makes the servers at addresses such that can be asked. It reports whether
// there are any.
func (z *zoneQuery) add(addresses []netip.AddrPort) (usable bool) {
	var room [maxNameServers * maxAddresses]netip.AddrPort
	list := room[:0]
	for _, a := range addresses {
		if len(list) == cap(list) {
			break
		}
		if slices.Contains(z.t.distrusted, a) || slices.Contains(z.t.avoided, a) || z.deny && !z.t.r.mayAsk(a) || !z.t.r.isReachable(a.Addr()) && z.t.r.config.Transports[a] == nil {
			continue
		}
		list = append(list, a)
	}
	usableServers, lame := z.t.r.servers.appendFor(nil, z.t.cutKey, list)
	if lame {
		why := errLame
		if z.t.cut.zone.IsRoot() {
			why = errRootLame
		}
		z.blame.add(nil, why, rankRCode, wire.ExtendedErrorNoReachableAuthority, "the name servers of the zone do not serve it")
	}
	for _, s := range usableServers {
		if !slices.Contains(z.servers, s) {
			z.servers = append(z.servers, s)
		}
	}
	return len(usableServers) > 0
}

func (z *zoneQuery) run() (*response, error) {
	defer z.end()
	patience, ok := z.next()
	wasLate := false
	for {
		now := time.Now()
		wait := z.t.fetch.deadline.Sub(now)
		switch {
		case z.open == 0 && z.lookups == 0:
			return z.lastResort()
		case ok:
			wait = min(patience, wait)
		case z.open > 0:
			wait = min(recheck, wait)
		}
		z.t.r.alarms.ring(&z.alarm, now.Add(wait))
		select {
		case e := <-z.events:
			if e.try == nil {
				z.lookups--
				z.takeLookup(e.lookup)
				if z.open == 0 || !ok {
					patience, ok = z.next()
				}
				continue
			}
			if z.fallBack(e.try) {
				patience, ok = max(e.try.server.patience(), leastPatience), true
				continue
			}
			response, err := z.take(e.try)
			if response != nil || err != nil {
				return response, err
			}
			if z.isHopeless() {
				return z.lastResort()
			}
			patience, ok = z.next()
		case <-z.longer:
			patience, ok = maxPatience, true
		case <-z.alarm.rings:
			if late := time.Since(now) - wait; !wasLate && late >= lateness && ok && now.Add(wait).Before(z.t.fetch.deadline) {
				// This machine is what is slow: the reply may be here already.
				wasLate, patience = true, max(late, leastPatience)
				continue
			}
			wasLate = false
			recordSilence(z.attempts, time.Now())
			if !time.Now().Before(z.t.fetch.deadline) {
				z.blame.add(nil, errLate, rankSilence, wire.ExtendedErrorNoReachableAuthority, "no name server answered in time")
				return z.lastResort()
			}
			if z.isHopeless() || z.weak != nil && z.isSpent() {
				return z.lastResort()
			}
			patience, ok = z.next()
		case <-z.t.fetch.abandoned:
			recordSilence(z.attempts, time.Now())
			return nil, errAbandoned
		}
	}
}

// isHopeless reports whether it is better to show the whole name than to go on
// with a shortened one: every server has been asked, and one had nothing useful
// to say or all are silent for the second time (RFC 9156 2.3).
func (z *zoneQuery) isHopeless() bool {
	if !z.t.isShortened(z.question) || len(z.unknown) > 0 || z.lookups > 0 {
		return false
	}
	enough := 2
	if z.blame.rank > rankNetwork {
		enough = 1
	}
	return z.haveHad(enough)
}

// haveHad reports whether every server was asked so many times, or has failed.
func (z *zoneQuery) haveHad(tries int) bool {
	now := time.Now()
	for _, s := range z.servers {
		if had, hasFailed := triesOf(z.attempts, s); had < tries && !hasFailed && s.condition(now) == isAlive {
			return false
		}
	}
	return true
}

// isSpent reports whether there is no server left that was not asked.
func (z *zoneQuery) isSpent() bool { return len(z.unknown) == 0 && z.lookups == 0 && z.haveHad(1) }

var errLate = errors.New("deadline exceeded")

// next asks the server that is likely to answer first, those before those that
// were asked already. It returns how long to wait before the next one; ok is
// false if there is no server to ask now.
func (z *zoneQuery) next() (patience time.Duration, ok bool) {
	if len(z.attempts) == maxTries {
		return 0, false
	}
	now := time.Now()
	c := choose(z.servers, z.attempts, now, chooser{strangers: true, inZone: z.inZone, blame: &z.blame, counts: &z.t.r.counts})
	if c.tries > 0 || c.best == nil {
		if z.dig() {
			return z.next()
		}
	}
	switch {
	case c.best != nil && (c.tries == 0 || len(z.unknown) == 0 && z.weak == nil):
		z.launch(c.best, now, false)
		return c.patience(leastPatience), true
	case c.due != nil && c.due.mayProbe(now): // it is not probed in the background
		z.launch(c.due, now, true)
		return c.due.trial, true
	}
	return 0, false
}

// launch asks s.
func (z *zoneQuery) launch(s *server, now time.Time, isTrial bool) {
	slot := nextSlot(&z.attempts)
	if *slot == nil {
		*slot = &zoneAttempt{zoneQuery: z}
		(*slot).Done = (*slot).finish
	}
	try := *slot
	try.attempt, try.Query = attempt{server: s, sent: now, isTrial: isTrial}, z.query
	z.open++
	try.by, try.isEncrypted = z.encrypt(s, now)
	z.send(try, now)
}

// send sends the query of a try.
func (z *zoneQuery) send(try *zoneAttempt, now time.Time) {
	s := try.server
	s.asked(now)
	z.t.r.counts.asked(s, z.question)
	how := ""
	if try.isEncrypted {
		how = try.by.String()
	}
	z.t.record(StepAsk, z.question, s.Addr(), how, nil, 0)
	if err := try.Start(try.by); err != nil {
		try.finish(&upstream.Reply{}, err)
	}
}

// finish hands over what came of a try. It is called where replies are
// received; reply is lent.
func (try *zoneAttempt) finish(reply *upstream.Reply, err error) {
	try.err = err
	if err == nil {
		try.reply = reply.Clone()
	} else {
		try.reply.Heard, try.reply.RTT = reply.Heard, reply.RTT
	}
	now := time.Now()
	if reply.Heard && try.server.Transport() == names.UDP { // what has a transport may be elsewhere
		try.zoneQuery.t.r.families.setReached(try.server.Addr().Addr(), now)
	}
	if try.isEncrypted {
		try.finishEncrypted(now)
	} else {
		try.server.report(&try.reply, err, now)
	}
	try.server.dropped()
	try.zoneQuery.events <- zoneEvent{try: try} // has room for all
}

// take looks at the result of an attempt. It returns the response if the reply can
// be used, an error if no other server is to be asked either.
func (z *zoneQuery) take(try *zoneAttempt) (*response, error) {
	try.isOver = true
	z.open--
	s, counts := try.server, &z.t.r.counts
	if err := try.err; err != nil {
		counts.came(outcomeOf(err))
		var notSent *upstream.NotSentError
		switch {
		case errors.Is(err, upstream.ErrBudget):
			if z.weak != nil {
				return z.weak, nil
			}
			z.t.r.counts.hit(LimitBudget)
			return nil, exhausted("more packets or octets than one query may cost")
		case errors.As(err, &notSent) && isWithoutRoute(err):
			z.t.r.families.setUnreachable(s.Addr().Addr(), time.Now())
		case errors.Is(err, context.DeadlineExceeded):
			z.ignore(s, &try.reply, err, rankSilence, wire.ExtendedErrorNoReachableAuthority, "no name server answered in time")
			return nil, nil
		}
		z.ignore(s, &try.reply, err, rankNetwork, wire.ExtendedErrorNetworkError, "a name server of the zone cannot be reached")
		return nil, nil
	}
	counts.received(s, z.question, &try.reply)
	if !isAnswer(try.reply.RCode) {
		counts.came(declined)
		s.declined()
		// It may be the short name that it refuses, and an error without a question
		// is not worth remembering: it takes less guessing than any other.
		if try.reply.RCode == wire.RCodeRefused && try.reply.HasQuestion && !z.t.isShortened(z.question) {
			z.t.r.servers.setLame(s.Addr(), z.zone.zone)
		}
		z.ignore(s, &try.reply, fmt.Errorf("answered %v", try.reply.RCode), rankRCode, wire.ExtendedErrorNoReachableAuthority,
			"a name server of the zone answers "+try.reply.RCode.String())
		return nil, nil
	}
	response, err := z.read(&try.reply)
	if err == nil && response.scrubber.stopAtOwn(&z.t.r.own) {
		response.kind = responseCNAME
	}
	if err != nil {
		counts.came(invalid)
		s.declined()
		if err == errLame || err == errUpward {
			z.t.r.servers.setLame(s.Addr(), z.zone.zone)
		}
		text := "a name server's reply is not an answer"
		if err == errMalformed {
			text = err.Error()
		}
		z.ignore(s, &try.reply, err, rankInvalid, wire.ExtendedErrorInvalidData, text)
		return nil, nil
	}
	counts.came(usable)
	s.answered()
	response.server, response.agent = s.Addr(), z.t.r.agentIn(&try.reply)
	if response.isWeak && !z.t.isShortened(z.question) {
		if z.weak == nil {
			z.weak = response
		}
		z.t.record(StepReply, z.question, s.Addr(), response.kind.String()+", without an SOA record: counts if no server says more", try.reply.Message, try.reply.RTT)
		return nil, nil
	}
	z.t.record(StepReply, z.question, s.Addr(), response.kind.String(), try.reply.Message, try.reply.RTT)
	return response, nil
}

// read finds out what a reply says.
func (z *zoneQuery) read(reply *upstream.Reply) (*response, error) {
	if z.zone.source != fromForward {
		return classify(reply, z.question, z.zone.zone)
	}
	response := &response{question: z.question, message: reply.Message}
	s := &response.scrubber
	s.question, s.zone, s.do = z.question, wire.Root, true
	if err := s.read(reply); err != nil {
		return nil, err
	}
	switch {
	case s.stopAtEnd(z.zone.zone):
		response.kind = responseCNAME // what its target has is for others to say
	case s.found:
		response.kind = responseAnswer
	case s.out.rcode == wire.RCodeNXDomain || s.out.rcode == wire.RCodeYXDomain:
		response.kind = responseNXDomain
	case s.isReferral(reply.RCode):
		return nil, errReferral
	case s.out.leadsOn:
		response.kind = responseCNAME // it has not followed it
	default:
		response.kind = responseNoData
	}
	return response, nil
}

// ignore records that a reply is not an answer.
func (z *zoneQuery) ignore(s *server, reply *upstream.Reply, err error, rank int, code wire.ExtendedErrorCode, text string) {
	z.blame.add(s, err, rank, code, text)
	z.t.record(StepIgnored, z.question, s.Addr(), err.Error(), reply.Message, reply.RTT)
}

// end drops what the zone query holds, and the zone query itself unless something
// is still to come for it.
func (z *zoneQuery) end() {
	if z.stop != nil {
		close(z.stop)
	}
	z.t.r.alarms.stop(&z.alarm)
	isOver := z.lookups == 0
	for _, try := range z.attempts {
		if try.isTrial {
			try.server.probed()
		}
		if !try.isOver {
			z.t.r.counts.came(unused)
		}
		switch {
		case try.isOver:
		case try.Cancel(errAbandoned):
			try.server.dropped()
			if try.isEncrypted {
				try.server.encryption.overtaken()
			}
		default:
			isOver = false // its result comes now
			continue
		}
		try.reply, try.err, try.by = upstream.Reply{}, nil, nil
	}
	if !isOver {
		return
	}
	for len(z.events) > 0 {
		<-z.events
	}
	select {
	case <-z.longer:
	default:
	}
	zoneQueries := &z.t.r.zoneQueries
	z.t, z.zone, z.question, z.query = nil, nil, wire.Question{}, upstream.Query{}
	clear(z.leads)
	z.servers, z.attempts, z.unknown, z.leads, z.stop, z.blame = z.servers[:0], z.attempts[:0], nil, z.leads[:0], nil, blame{}
	z.open, z.lookedUp, z.weak = 0, 0, nil
	zoneQueries.Put(z)
}

// lastResort is the end of a zone query in which no server has given a full answer:
// a weak one, if there is one, or why there is none.
func (z *zoneQuery) lastResort() (*response, error) {
	if z.weak != nil {
		z.t.record(StepReply, z.question, z.weak.server, "taken: no server says more", nil, 0)
		return z.weak, nil
	}
	return nil, z.failure()
}

func (z *zoneQuery) failure() error {
	if err := z.blame.failure(); err != nil {
		return err
	}
	return &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "no name server of the zone can be reached",
		Err: fmt.Errorf("zone %v", z.zone.zone)}
}
