package upstream

import (
	"context"
	"sync"
	"time"

	"github.com/names-dns/names/wire"
)

// Request is one question on its way to one server, without a goroutine that
// waits for it. [Request.Start] sends it, Done hears what came of it. A Request
// may be used again when that has happened, or [Request.Cancel] has seen to it
// that it will not.
type Request struct {
	// Query is what is asked; its Buffer is not used. Done is called once, with
	// what [Server.Ask] would return. Both are set before Start. Done is called
	// where replies are received and must not wait; the reply is lent until it
	// returns.
	Query Query
	Done  func(r *Reply, err error)

	server *Server
	reply  Reply

	mu     sync.Mutex // see doc.go for what may be called under it
	turn   uint       // how often it was started
	isOver bool
	socket socket // what the answer is to come from, nil if that is not over UDP
	stream *stream
	// What is to be done when the lock is released: close a socket that is not
	// used now, and report why a packet is not the reply.
	left socket
	why  string
	out  outgoing
	key  outstandingQuery
	sent time.Time
	// foreign counts packets that were waited past.
	foreign int
	message wire.Query // the packet that is looked at
	packet  [maxQuery]byte

	// What was found out on the way.
	began       time.Time
	first, form queryForm // the one tried first, and the present one
	overTCP     bool
	badCookie   bool // the server has said so once
	wrongCase   bool // it repeats the case of a question wrong, or the reply is forged
	steps       int
}

// outcome is what a packet means for the request.
type outcome uint8

const (
	waits outcome = iota // nothing: the answer is still to come
	again                // the server is to be asked once more, in another form
	over                 // it is the answer, or the end
)

// Start sends the question to s. If that fails Start returns the error, and
// Done is not called.
func (r *Request) Start(s *Server) error {
	r.mu.Lock()
	defer r.unlock()
	now := time.Now()
	r.turn++
	r.server, r.began = s, now
	r.first, r.overTCP = s.initialForm(now)
	r.form = r.first
	r.isOver, r.badCookie, r.wrongCase, r.steps = false, false, false, 0
	r.reply = Reply{}
	if r.overTCP {
		r.steps++
		r.openStream()
		return nil
	}
	err := r.send(now)
	r.isOver = err != nil
	return err
}

// Cancel drops the question, because of why. It reports whether Done will
// not be called: if not, it has been or is being called.
func (r *Request) Cancel(why error) bool {
	r.mu.Lock()
	if r.isOver {
		r.mu.Unlock()
		return false
	}
	r.isOver = true
	r.hangUp()
	stream := r.stream
	r.stream = nil
	r.unlock()
	if stream != nil {
		stream.cancel(why)
	}
	return true
}

// unlock releases the lock, and then does what was left for that.
func (r *Request) unlock() {
	server, left, why := r.server, r.left, r.why
	r.left, r.why = nil, ""
	r.mu.Unlock()
	if left != nil {
		left.close()
	}
	if why != "" {
		server.client.unexpected(server.addr, why)
	}
}

// send sends the question over UDP.
func (r *Request) send(now time.Time) error {
	r.steps++
	if err := r.Query.Budget.send(); err != nil {
		return err
	}
	s := r.server
	socket, err := s.client.sockets.open(r, s.addr)
	if err != nil {
		return &NotSentError{err}
	}
	local := socket.local()
	r.out = outgoing{Query: &r.Query, form: r.form}
	r.out.draw()
	r.out.compose(r.packet[:0], s.client.udpSize, s.cookieFor(local.Addr(), &r.out))
	r.key = outstandingQuery{local, r.out.id}
	s.client.own.add(r.key)
	r.socket, r.foreign, r.sent = socket, 0, now
	if err := socket.send(r.out.packet); err != nil {
		r.hangUp()
		return &NotSentError{err}
	}
	if s.client.packet != nil {
		s.tap(&r.out, Packet{Local: local, Message: r.out.packet, Sent: now})
	}
	return nil
}

// hangUp drops the socket, if there is one.
func (r *Request) hangUp() {
	if r.socket == nil {
		return
	}
	r.server.client.own.remove(r.key)
	r.socket, r.left = nil, r.socket
}

// ready takes what has come for a socket.
func (r *Request) ready(s socket, space []byte) {
	for r.take(s, space) {
	}
}

// take takes one packet that has come for a socket. It reports whether the
// reply may come after it.
func (r *Request) take(s socket, space []byte) bool {
	r.mu.Lock()
	if r.socket != s {
		r.mu.Unlock()
		return false
	}
	n, err := s.read(space)
	if err == errNothing {
		r.mu.Unlock()
		return false
	}
	next, err := r.receive(space[:n], err)
	r.goOn(next, err)
	return next == waits
}

// goOn does what is to be done next, and releases the lock. No caller is
// called back under it.
func (r *Request) goOn(next outcome, err error) {
	turn := r.turn
	for next == again {
		progress := r.Query.Progress
		r.unlock()
		if progress != nil {
			progress()
		}
		r.mu.Lock()
		if r.isOver || r.turn != turn { // cancelled meanwhile, and perhaps on its way with another question
			r.mu.Unlock()
			return
		}
		next, err = r.askAgain()
	}
	r.unlock()
	if next == over {
		r.Done(&r.reply, err)
	}
}

// askAgain asks in the present form.
func (r *Request) askAgain() (outcome, error) {
	switch {
	case r.steps == maxSteps:
		return r.end(ErrMismatch)
	case r.overTCP:
		r.steps++
		r.openStream()
		return waits, nil
	}
	if err := r.send(time.Now()); err != nil {
		return r.end(err)
	}
	return waits, nil
}

// end ends the request with the error err, or none.
func (r *Request) end(err error) (outcome, error) {
	r.isOver = true
	return over, err
}

// receive finds out what the packet b is that came over UDP, or the failure to
// receive one.
func (r *Request) receive(b []byte, err error) (outcome, error) {
	if err == nil {
		err = r.Query.Budget.receive(len(b))
	}
	if err != nil {
		r.hangUp()
		return r.end(err)
	}
	now := time.Now()
	v, why := r.out.match(&r.message, b, false)
	r.why = why
	if v == isForeign {
		if r.foreign++; r.foreign < maxForeign {
			return waits, nil
		}
		v = isDoubtful
	} else {
		r.reply.RTT = max(r.reply.RTT, now.Sub(r.sent))
	}
	r.hangUp()
	found := answer{verdict: v}
	if r.server.client.packet != nil && v != isDoubtful {
		r.server.tap(&r.out, Packet{Local: r.key.from, IsReply: true, Message: b, Sent: r.sent, Received: now})
	}
	if v == isReply {
		found.wrongCase = !r.message.Question.Name.IsZero() && !r.out.repeatsCase(b)
		r.out.restoreCase(&r.message)
		r.server.learnCookie(now, &r.out, &r.message)
		found.message = &r.message
	}
	return r.conclude(&found)
}

// stream is a question that does not go over UDP.
type stream struct{ cancel context.CancelCauseFunc }

// openStream asks over TCP or another transport, on a goroutine that waits.
func (r *Request) openStream() {
	ctx, cancel := context.WithCancelCause(context.Background())
	st := &stream{cancel}
	r.stream = st
	server, query, form := r.server, r.Query, r.form // a may be another request before this is over
	query.Question.Name = query.Question.Name.Clone()
	server.client.readers.Go(func() {
		defer cancel(nil)
		found, err := server.overStream(ctx, &query, form)
		r.mu.Lock()
		if r.stream != st {
			r.mu.Unlock()
			return
		}
		r.stream = nil
		next := waits
		if err != nil {
			next, err = r.failOverTCP(err)
		} else {
			next, err = r.conclude(&found)
		}
		r.goOn(next, err)
	})
}

func (r *Request) failOverTCP(err error) (outcome, error) {
	if r.wrongCase && r.form.mixed {
		r.form.mixed, r.overTCP = false, false // it cannot be asked over TCP: then with less to guess
		return again, nil
	}
	if r.server.transport != nil {
		return r.end(transportError(err))
	}
	return r.end(&TCPError{err})
}

// conclude decides what an answer means: the end, or that the server is asked
// in another form. It comes back over TCP if the answer is truncated or may
// be forged, without EDNS if the server does not understand it, with the
// right cookie if it had a wrong one.
func (r *Request) conclude(found *answer) (outcome, error) {
	r.reply.Heard = r.reply.Heard || found.verdict != isDoubtful
	r.reply.RTT = max(r.reply.RTT, found.rtt)
	switch found.verdict {
	case isTruncated, isWrongCase, isDoubtful, isMalformed:
		switch {
		case !r.overTCP:
			r.overTCP = true
			r.wrongCase = r.wrongCase || found.verdict == isWrongCase
			return again, nil
		case found.verdict == isMalformed:
			return r.end(ErrMalformed)
		}
		return r.end(ErrTruncated)
	}
	rcode := rcodeOf(found.message)
	lesser, isLess := r.form.less(found.message, rcode, r.overTCP)
	switch {
	case isLess:
		r.form = lesser
		return again, nil
	case rcode == wire.RCodeBadCookie && !r.overTCP:
		r.overTCP = r.badCookie // RFC 7873 5.3: once more, then over TCP
		r.badCookie = true
		return again, nil
	}
	r.server.learn(r.began, r.first, r.form, found, r.overTCP)
	r.reply.Message, r.reply.RCode, r.reply.Options = found.message.Message, rcode, found.message.EDNS.Options
	r.reply.HasQuestion = !found.message.Question.Name.IsZero()
	return r.end(nil)
}

// answer is a packet that answers a query.
type answer struct {
	verdict verdict
	message *wire.Query // if it is a reply
	// wrongCase: it has the question in another case than it was sent.
	wrongCase bool
	rtt       time.Duration // over a transport that is neither UDP nor TCP
}

// waiting is a request that a goroutine waits for.
type waiting struct {
	Request
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
