package upstream

import (
	"context"
	"sync"
	"time"

	"github.com/names-dns/names/wire"
)

// Asking is one question on its way to one server, without a goroutine that
// waits for it. [Asking.Start] sends it, Done hears what came of it. An Asking
// may be used again when that has happened, or [Asking.Cancel] has seen to it
// that it will not.
type Asking struct {
	// Query is what is asked; its Buffer is not used. Done is called once, with
	// what [Server.Ask] would return. Both are set before Start. Done is called
	// where replies are received and must not wait; the reply is lent until it
	// returns.
	Query Query
	Done  func(r *Reply, err error)

	server *Server
	reply  Reply

	mu     sync.Mutex
	isOver bool
	socket socket // what the answer is to come from, nil where that is not over UDP
	stream *stream
	out    outgoing
	key    ownQuery
	sent   time.Time
	// foreign counts packets that were waited past.
	foreign int
	message wire.Query // the packet that is looked at
	packet  [maxQuery]byte

	// What was found out on the way.
	began       time.Time
	first, form form // the one tried first, and the present one
	overTCP     bool
	badCookie   bool // the server has said so once
	wrongCase   bool // it repeats the case of a question wrong, or somebody forges
	steps       int
}

// outcome is what a packet means for the asking.
type outcome uint8

const (
	waits outcome = iota // nothing: the answer is still to come
	again                // the server is to be asked once more, in another form
	over                 // it is the answer, or the end
)

// Start sends the question to s. Where that fails Start returns the error, and
// Done is not called.
func (a *Asking) Start(s *Server) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := time.Now()
	a.server, a.began = s, now
	a.first = s.usual(now)
	a.form = a.first
	a.isOver, a.overTCP, a.badCookie, a.wrongCase, a.steps = false, false, false, false, 0
	a.reply = Reply{}
	err := a.send(now)
	a.isOver = err != nil
	return err
}

// Cancel lets go of the question, because of why. It reports whether Done will
// not be called: if not, it has been or is being called.
func (a *Asking) Cancel(why error) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.isOver {
		return false
	}
	a.isOver = true
	a.hangUp()
	if a.stream != nil {
		a.stream.cancel(why)
		a.stream = nil
	}
	return true
}

// send sends the question over UDP.
func (a *Asking) send(now time.Time) error {
	a.steps++
	if err := a.Query.Budget.send(); err != nil {
		return err
	}
	s := a.server
	socket, err := s.client.sockets.open(a, s.addr)
	if err != nil {
		return &NotSentError{err}
	}
	local := socket.local()
	a.out = outgoing{Query: &a.Query, form: a.form}
	a.out.draw()
	a.out.compose(a.packet[:0], s.client.udpSize, s.cookieFor(local.Addr(), &a.out))
	a.key = ownQuery{local, a.out.id}
	s.client.own.add(a.key)
	a.socket, a.foreign, a.sent = socket, 0, now
	if err := socket.send(a.out.packet); err != nil {
		a.hangUp()
		return &NotSentError{err}
	}
	return nil
}

// hangUp lets go of the socket, if there is one.
func (a *Asking) hangUp() {
	if a.socket == nil {
		return
	}
	a.server.client.own.remove(a.key)
	a.socket.close()
	a.socket = nil
}

// ready takes what has come for a socket.
func (a *Asking) ready(s socket, space []byte) {
	a.mu.Lock()
	next := waits
	var err error
	for next == waits && a.socket == s {
		var n int
		if n, err = s.read(space); err == errNothing {
			break
		}
		next, err = a.receive(space[:n], err)
	}
	a.mu.Unlock()
	a.goOn(next, err)
}

// goOn does what is to be done next, without the lock.
func (a *Asking) goOn(next outcome, err error) {
	for {
		switch next {
		case waits:
			return
		case over:
			a.Done(&a.reply, err)
			return
		}
		if a.Query.Progress != nil {
			a.Query.Progress()
		}
		next, err = a.askAgain()
	}
}

// askAgain asks in the present form.
func (a *Asking) askAgain() (outcome, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.isOver: // cancelled meanwhile
		return waits, nil
	case a.steps == maxSteps:
		return a.end(ErrMismatch)
	case a.overTCP:
		a.steps++
		a.openStream()
		return waits, nil
	}
	if err := a.send(time.Now()); err != nil {
		return a.end(err)
	}
	return waits, nil
}

// end ends the asking with the error err, or none.
func (a *Asking) end(err error) (outcome, error) {
	a.isOver = true
	return over, err
}

// receive finds out what the packet b is that came over UDP, or the failure to
// receive one.
func (a *Asking) receive(b []byte, err error) (outcome, error) {
	if err == nil {
		err = a.Query.Budget.receive(len(b))
	}
	if err != nil {
		a.hangUp()
		return a.end(err)
	}
	v, why := a.out.match(&a.message, b, false)
	if why != "" {
		a.server.client.unexpected(a.server.addr, why)
	}
	if v == isForeign {
		if a.foreign++; a.foreign < maxForeign {
			return waits, nil
		}
		v = isDoubtful
	} else {
		a.reply.RTT = max(a.reply.RTT, time.Since(a.sent))
	}
	a.hangUp()
	found := answer{verdict: v}
	if v == isReply {
		found.repeats = a.out.repeatsCase(b)
		a.out.restoreCase(&a.message)
		a.server.learnCookie(&a.out, &a.message)
		found.message = &a.message
	}
	return a.conclude(&found)
}

// stream is a question over TCP.
type stream struct{ cancel context.CancelCauseFunc }

// openStream asks over TCP, on a goroutine that waits.
func (a *Asking) openStream() {
	ctx, cancel := context.WithCancelCause(context.Background())
	st := &stream{cancel}
	a.stream = st
	server, query, form := a.server, a.Query, a.form // a may be another asking before this is over
	query.Question.Name = query.Question.Name.Clone()
	server.client.readers.Go(func() {
		defer cancel(nil)
		found, err := server.overTCP(ctx, &query, form)
		a.mu.Lock()
		if a.stream != st {
			a.mu.Unlock()
			return
		}
		a.stream = nil
		next := waits
		if err != nil {
			next, err = a.failOverTCP(err)
		} else {
			next, err = a.conclude(&found)
		}
		a.mu.Unlock()
		a.goOn(next, err)
	})
}

func (a *Asking) failOverTCP(err error) (outcome, error) {
	if a.wrongCase && a.form.mixed {
		a.form.mixed, a.overTCP = false, false // it cannot be asked over TCP: then with less to guess
		return again, nil
	}
	return a.end(&TCPError{err})
}

// conclude decides what an answer means: the end, or that the server is asked
// in another form. It comes back over TCP where the answer is truncated or may
// be forged, without EDNS where the server does not understand it, with the
// right cookie where it had a wrong one.
func (a *Asking) conclude(found *answer) (outcome, error) {
	a.reply.Heard = a.reply.Heard || found.verdict != isDoubtful
	switch found.verdict {
	case isTruncated, isWrongCase, isDoubtful:
		if a.overTCP {
			return a.end(ErrTruncated)
		}
		a.overTCP = true
		a.wrongCase = a.wrongCase || found.verdict == isWrongCase
		return again, nil
	case isMalformed:
		return a.end(ErrMalformed)
	}
	rcode := found.rcode()
	lesser, isLess := a.form.less(found.message, rcode)
	switch {
	case isLess:
		a.form = lesser
		return again, nil
	case rcode == wire.RCodeBadCookie && !a.overTCP:
		a.overTCP = a.badCookie // RFC 7873 5.3: once more, then over TCP
		a.badCookie = true
		return again, nil
	}
	a.server.learn(a.began, a.first, a.form, found, a.overTCP)
	a.reply.Message, a.reply.RCode, a.reply.Options = found.message.Message, rcode, found.message.EDNS.Options
	return a.end(nil)
}

// answer is a packet that answers a query.
type answer struct {
	verdict verdict
	message *wire.Query // if it is a reply
	repeats bool        // it has the question as it was sent
}

// rcode is the whole RCODE of a reply.
func (a *answer) rcode() wire.RCode {
	if a.message.HasEDNS {
		return a.message.EDNS.RCode(a.message.Header.Flags)
	}
	return a.message.Header.Flags.RCode()
}

// waiting is an asking that a goroutine waits for.
type waiting struct {
	Asking
	done chan struct{} // has one when it is over
	kept Reply
	err  error
}

func newWaiting() any {
	w := &waiting{done: make(chan struct{}, 1)}
	w.Done = func(r *Reply, err error) {
		w.kept, w.err = *r, err
		if err == nil {
			var m wire.Query
			m.Parse(append(w.Query.Buffer[len(w.Query.Buffer):], r.Message...)) // it was read once
			w.kept.Message, w.kept.Options = m.Message, m.EDNS.Options
		}
		w.done <- struct{}{}
	}
	return w
}

// Ask asks the server and returns its answer, whatever the RCODE. It returns
// when ctx is done, at the latest.
func (s *Server) Ask(ctx context.Context, q *Query) (Reply, error) {
	w := s.client.waiting.Get().(*waiting)
	w.Query = *q
	reply, err := w.ask(ctx, s)
	w.Query, w.kept, w.err = Query{}, Reply{}, nil
	s.client.waiting.Put(w)
	return reply, err
}

func (w *waiting) ask(ctx context.Context, s *Server) (Reply, error) {
	if err := w.Start(s); err != nil {
		return Reply{}, err
	}
	select {
	case <-w.done:
	case <-ctx.Done():
		if w.Cancel(ctx.Err()) {
			return Reply{Heard: w.reply.Heard, RTT: w.reply.RTT}, context.Cause(ctx)
		}
		<-w.done
	}
	return w.kept, w.err
}
