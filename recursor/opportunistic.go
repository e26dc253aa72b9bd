package recursor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// Authoritative servers do not say whether they can be asked over TLS or QUIC. RFC 9539
// has a resolver try: it sends a query in the clear, as ever, and the same over each
// encrypted transport next to it. While a server is heard over one of them, it is asked
// by that. Nothing is proved about it: a listener on the way learns less, an attacker on
// the way does not.
//
// No query waits for such an attempt. One that goes over an encrypted transport to a
// server that has ceased to answer there is asked again in the clear, after the time that any server
// is given.

const (
	// The times of RFC 9539 4.3.
	encryptionPersistence = 3 * 24 * time.Hour // how long it is remembered that an attempt succeeded
	encryptionDamping     = 24 * time.Hour     // how long none is made after one that failed
	encryptionTimeout     = 4 * time.Second    // how long an attempt may take

	// encryptedSession is how long after a reply a connection is taken to be open still:
	// most servers keep one as long (RFC 7766 6.2.3). After it, a query goes in the clear
	// rather than wait for a handshake, while the connection is opened once more.
	encryptedSession = 10 * time.Second
	// encryptedPatience is how long a query may be without a reply for others to be sent
	// after it.
	encryptedPatience = 300 * time.Millisecond

	maxEncryptionTrials   = 64  // attempts at once
	maxEncryptedSessions  = 256 // servers that connections are kept to
	encryptedSessionLimit = 40 * time.Second
)

// opportunist tries encrypted transports of servers that nothing is known of.
type opportunist struct {
	transports func(netip.Addr) []*upstream.Transport
	client     *upstream.Client
	context    context.Context // of attempts
	end        context.CancelFunc
	crowded    func() // called if there are too many
	trials     atomic.Int32

	mu       sync.Mutex               // nothing is called under it but what has a lock of its own
	sessions map[*encryption]struct{} // that may have connections
	full     time.Time                // until when none of them makes room

	queries, fallbacks, succeeded, failed, timedOut atomic.Uint64
}

// newOpportunist returns nil if there are no such transports.
func newOpportunist(transports func(netip.Addr) []*upstream.Transport, client *upstream.Client, crowded func()) *opportunist {
	if transports == nil {
		return nil
	}
	o := &opportunist{transports: transports, client: client, crowded: crowded, sessions: map[*encryption]struct{}{}}
	o.context, o.end = context.WithCancel(context.Background())
	return o
}

// EncryptionState is what is known of a server's encrypted transports.
type EncryptionState uint8

// The states (RFC 9539 4.5).
const (
	EncryptionUnknown EncryptionState = iota
	EncryptionWorks
	EncryptionFails
	EncryptionTimesOut
)

var encryptionTexts = [...]string{"unknown", "works", "fails", "times out"}

func (s EncryptionState) String() string { return encryptionTexts[s] }

// encryption is what is known of the encrypted transports of one server.
type encryption struct {
	mu        sync.Mutex // guards what follows; only transports are made under it
	isTrying  bool
	isClosed  bool
	state     EncryptionState
	completed time.Time          // when the attempt ended that state is from
	lastReply time.Time          // over an encrypted transport
	unheard   time.Time          // when a query was sent since which there was no reply; zero: there is none
	lastUse   time.Time          // when a query was sent
	sides     []*upstream.Server // one for each transport, once there was an attempt
	used      *upstream.Server   // that which works
}

// EncryptionStats counts what came of trying encrypted transports of authoritative
// servers.
type EncryptionStats struct {
	Queries   uint64 // sent over encrypted transports only
	Fallbacks uint64 // of these, asked again in the clear

	Succeeded uint64 // attempts to find out whether a server has one, by result
	Failed    uint64
	TimedOut  uint64
}

func (o *opportunist) stats() (s EncryptionStats) {
	if o == nil {
		return s
	}
	return EncryptionStats{o.queries.Load(), o.fallbacks.Load(), o.succeeded.Load(), o.failed.Load(), o.timedOut.Load()}
}

// session returns what s is asked by now, nil if that is UDP and TCP.
func (e *encryption) session(now time.Time) *upstream.Server {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.state != EncryptionWorks || now.Sub(e.lastReply) >= encryptedSession {
		return nil
	}
	if e.unheard.IsZero() {
		e.unheard = now
	} else if now.Sub(e.unheard) >= encryptedPatience {
		e.overtakenLocked()
		return nil
	}
	e.lastUse = now
	return e.used
}

// heard records a reply.
func (e *encryption) heard(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lastReply, e.unheard = now, time.Time{}
}

// overtaken records that a query was answered sooner in the clear, or had no answer: the
// next one shows in addition how the server fares.
func (e *encryption) overtaken() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.overtakenLocked()
}

func (e *encryption) overtakenLocked() { e.lastReply, e.unheard = time.Time{}, time.Time{} }

// begin reports whether there is to be an attempt now.
func (e *encryption) begin(now time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.isTrying || e.isClosed {
		return false
	}
	hasFailed := e.state == EncryptionFails || e.state == EncryptionTimesOut
	if hasFailed && now.Sub(e.completed) < encryptionDamping {
		return false
	}
	e.isTrying, e.lastUse = true, now
	return true
}

// ended records what came of an attempt. used is nil if nothing did.
func (e *encryption) ended(used *upstream.Server, state EncryptionState, now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.isTrying, e.state, e.completed = false, state, now
	if used != nil {
		e.used, e.lastReply, e.unheard = used, now, time.Time{}
	}
}

// interrupted records that an attempt said nothing.
func (e *encryption) interrupted() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.isTrying = false
}

// close ends the connections.
func (e *encryption) close() {
	e.mu.Lock()
	e.isClosed = true
	sides := e.sides
	e.mu.Unlock()
	for _, s := range sides {
		s.Close()
	}
}

// status is what is known now. What succeeded too long ago is forgotten.
func (e *encryption) status(now time.Time) (state EncryptionState, by names.Transport) {
	e.mu.Lock()
	defer e.mu.Unlock()
	switch {
	case e.state == EncryptionWorks && now.Sub(e.completed) >= encryptionPersistence && now.Sub(e.lastReply) >= encryptionPersistence:
		return EncryptionUnknown, 0
	case e.state == EncryptionWorks:
		by = e.used.Transport()
	}
	return e.state, by
}

// sidesOf returns the server by each transport.
func (o *opportunist) sidesOf(s *server) []*upstream.Server {
	e := s.encryption
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.sides == nil && !e.isClosed {
		for _, t := range o.transports(s.Addr().Addr()) {
			e.sides = append(e.sides, o.client.ServerOver(s.Addr(), t))
		}
	}
	return e.sides
}

// try finds out in the background whether s can be asked over an encrypted transport, by
// the question that it is asked in the clear at the same time.
func (o *opportunist) try(s *server, q wire.Question, now time.Time, do func(func())) {
	e := s.encryption
	if !e.begin(now) {
		return
	}
	if o.trials.Add(1) > maxEncryptionTrials || !o.keep(e, now) {
		o.trials.Add(-1)
		o.crowded()
		e.interrupted()
		return
	}
	do(func() {
		defer o.trials.Add(-1)
		state := EncryptionFails
		for _, side := range o.sidesOf(s) {
			ctx, cancel := context.WithTimeout(o.context, encryptionTimeout)
			reply, err := side.Ask(ctx, &upstream.Query{Question: q, DO: true, Budget: upstream.NewBudget(4, 1<<17)})
			isLate := ctx.Err() == context.DeadlineExceeded
			cancel()
			switch {
			case err == nil && isOfAuthority(&reply):
				o.succeeded.Add(1)
				e.ended(side, EncryptionWorks, time.Now())
				return
			case o.context.Err() != nil:
				e.interrupted()
				return
			case isLate:
				state = EncryptionTimesOut
			}
		}
		if state == EncryptionTimesOut {
			o.timedOut.Add(1)
		} else {
			o.failed.Add(1)
		}
		o.forget(e)
		e.ended(nil, state, time.Now())
	})
}

// isOfAuthority reports whether a reply is what an authoritative server sends, not a
// resolver at the same address.
func isOfAuthority(reply *upstream.Reply) bool {
	const aa, answers = 2, 6 // octets of the header
	return isAnswer(reply.RCode) && (reply.Message[aa]&4 != 0 || reply.Message[answers]|reply.Message[answers+1] == 0)
}

// keep makes room for the connections of a server, if there is any.
func (o *opportunist) keep(e *encryption, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if _, ok := o.sessions[e]; ok {
		return true
	}
	if len(o.sessions) >= maxEncryptedSessions && !o.makeRoomLocked(now) {
		return false
	}
	o.sessions[e] = struct{}{}
	return true
}

// makeRoomLocked forgets servers whose connections have ended by themselves, and reports
// whether there were such. It looks at them no more often than one can have become idle:
// a busy resolver comes here with each query.
func (o *opportunist) makeRoomLocked(now time.Time) bool {
	if now.Before(o.full) {
		return false
	}
	o.full = now.Add(encryptedSessionLimit)
	for e := range o.sessions {
		if at := e.idleAt(); !now.Before(at) {
			delete(o.sessions, e)
		} else if at.Before(o.full) {
			o.full = at
		}
	}
	return len(o.sessions) < maxEncryptedSessions
}

func (o *opportunist) forget(e *encryption) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.sessions, e)
}

// idleAt is when the connections will have ended by themselves, if they are not used
// until then. An attempt does not take that long.
func (e *encryption) idleAt() time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.isClosed {
		return time.Time{}
	}
	return e.lastUse.Add(encryptedSessionLimit)
}

// encrypt returns what a query to s goes by: s itself, or an encrypted transport of it. If
// it is s, whether there is such a transport is tried at the same time.
func (z *zoneQuery) encrypt(s *server, now time.Time) (by *upstream.Server, isEncrypted bool) {
	o := z.t.r.opportunist
	if o == nil || s.encryption == nil || z.t.cut.source == fromForward {
		return s.Server, false
	}
	for _, try := range z.attempts[:len(z.attempts)-1] {
		if try.server == s {
			return s.Server, false // this is what it is asked again for
		}
	}
	if by := s.encryption.session(now); by != nil {
		o.queries.Add(1)
		return by, true
	}
	o.try(s, z.question, now, z.t.r.workers.Do)
	return s.Server, false
}

// fallBack asks a server in the clear that has failed to answer over an encrypted
// transport, or has not said there what can be used. It reports whether it does.
func (z *zoneQuery) fallBack(try *zoneAttempt) bool {
	if !try.isEncrypted || errors.Is(try.err, upstream.ErrBudget) {
		return false
	}
	now := time.Now()
	if try.err == nil {
		if try.err = z.isUseless(&try.reply); try.err == nil {
			return false
		}
		try.server.encryption.ended(nil, EncryptionFails, now)
	}
	z.t.r.opportunist.fallbacks.Add(1)
	z.t.r.counts.came(outcomeOf(try.err))
	z.t.record(StepIgnored, z.question, try.server.Addr(), "over "+try.by.Transport().String()+": "+try.err.Error(), nil, 0)
	try.isEncrypted, try.by, try.sent, try.err = false, try.server.Server, now, nil
	z.send(try, now)
	return true
}

// isUseless returns why a reply is not an answer, nil if it is.
func (z *zoneQuery) isUseless(reply *upstream.Reply) error {
	if !isAnswer(reply.RCode) {
		return fmt.Errorf("answered %v", reply.RCode)
	}
	_, err := z.read(reply)
	return err
}

// finishEncrypted is report for an attempt over an encrypted transport, whose failure
// says nothing of the server.
func (try *zoneAttempt) finishEncrypted(now time.Time) {
	if try.err == nil {
		try.server.encryption.heard(now)
		try.server.heard(now, 0)
		return
	}
	try.server.encryption.overtaken()
}
