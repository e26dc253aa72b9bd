package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
	"unsafe"

	"github.com/names-dns/names/internal/shares"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// call is one question that the next resolver works on, and all clients that wait
// for the answer. It goes on when they have given up: the answer is stored for
// the next client. When it is done and no client waits any longer it is used
// again for another question.
type call struct {
	key        key
	started    time.Time
	isPrefetch bool // started without a client; others may have joined
	waiting    int  // guarded by Resolver.mu, as is isDone
	isDone     bool
	shares     []shares.Key // whose place it takes: the first client's
	query      []byte
	reader     wire.Reader

	done     chan struct{} // closed when what follows may be read
	x        names.Exchange
	err      error
	givenUp  bool // the client whose context it had has gone: others have to ask anew
	sections [3]records
}

// name is what the call is found by while it runs: the key.
func (l *call) name() string { return unsafe.String(&l.key.octets[0], l.key.len) }

// errBusy is returned to a client that would be one too many.
var errBusy = &busyError{}

type busyError struct{}

func (*busyError) Error() string { return "cache: too many queries are waiting for an answer" }

func (*busyError) Unwrap() error { return names.ErrBusy }

// ExtendedError is what the client may know.
func (*busyError) ExtendedError() (code uint16, text string) {
	return uint16(wire.ExtendedErrorOther), "too many queries are waiting"
}

var errClosed = errors.New("cache: it is closed")

// errGivenUp is returned for a call that has ended with the client that made it.
var errGivenUp = errors.New("cache: the client that asked has gone")

// join waits for the answer to x, of key k, that is on its way, or sends for
// it. With isStale the wait is over when there is an expired answer to give.
func (f *Resolver) join(ctx context.Context, x *names.Exchange, k *key, isStale bool) error {
	for {
		err := f.joinOnce(ctx, x, k, isStale)
		if err != errGivenUp {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

func (f *Resolver) joinOnce(ctx context.Context, x *names.Exchange, k *key, isStale bool) error {
	isOwn := !isStale && f.mayWork(ctx, x)
	f.mu.Lock()
	l, isNew, err := f.start(x, k, false)
	if err == nil && l.waiting >= f.cache.config.MaxWaiting {
		err = errBusy
	}
	if err == nil {
		l.waiting++
		if isNew && !isOwn {
			f.workers.Do(l)
		}
	}
	f.mu.Unlock()
	if err == nil && !isNew {
		f.cache.count(unsafe.Pointer(x), joined)
	}
	if err != nil {
		if isStale && f.cache.answerStale(x, k, f.cache.now(), staleMisses) {
			return nil
		}
		f.cache.count(unsafe.Pointer(x), refused)
		if busy := f.cache.config.Events.Busy; busy != nil && err == errBusy {
			busy(x.Query.Question)
		}
		return err
	}
	defer f.leave(l)
	if isNew && isOwn {
		f.work(ctx, l)
		return l.deliver(x)
	}
	if isStale {
		l.waitPatiently(ctx)
		if !l.hasAnswer() && f.cache.answerStale(x, k, f.cache.now(), staleMisses) {
			return nil
		}
	}
	select {
	case <-l.done:
		return l.deliver(x)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// mayWork reports whether the client of x may do the work of a call itself, on its
// goroutine, rather than wait for another that does: that saves waking two. It has to
// have about the time of a call. And it is not one that may hang up: over UDP a
// context ends with its time, or with the server.
func (f *Resolver) mayWork(ctx context.Context, x *names.Exchange) bool {
	if x.Peer.Transport != names.UDP {
		return false
	}
	deadline, ok := ctx.Deadline()
	timeout := f.cache.config.Timeout
	left := time.Until(deadline)
	return ok && left <= timeout && left >= timeout-timeout/32
}

// leave ends the wait of a client that has joined l.
func (f *Resolver) leave(l *call) {
	f.mu.Lock()
	l.waiting--
	isLast := l.isDone && l.waiting == 0
	f.mu.Unlock()
	if isLast {
		f.recycle(l)
	}
}

// recycle keeps a call that nothing refers to for another question.
func (f *Resolver) recycle(l *call) {
	if cap(l.x.Reply.Buffer()) > keptReply {
		return
	}
	l.done, l.err, l.givenUp, l.sections = nil, nil, false, [3]records{}
	f.idle.Put(l)
}

// keptReply is the room for a reply, in octets, that is kept.
const keptReply = 4096

// start returns the call of k, a new one if there is none: the caller has it worked on.
// f.mu is held.
func (f *Resolver) start(x *names.Exchange, k *key, isPrefetch bool) (l *call, isNew bool, err error) {
	if l := f.calls[string(k.octets[:k.len])]; l != nil {
		return l, false, nil
	}
	if f.ending {
		return nil, false, errClosed
	}
	l, _ = f.idle.Get().(*call)
	if l == nil {
		l = &call{query: make([]byte, 0, 512)}
	}
	l.shares = l.shares[:0]
	if !isPrefetch {
		l.shares = append(l.shares, shares.OfClient(f.cache.seed, x.Peer.Remote.Addr()))
	}
	if !f.places.Take(l.shares...) {
		f.idle.Put(l)
		return nil, false, errBusy
	}
	l.key, l.started, l.isPrefetch, l.isDone, l.done = *k, time.Now(), isPrefetch, false, make(chan struct{})
	l.prepare(x)
	f.calls[l.name()] = l
	return l, true, nil
}

// callRoom is how many octets of reply there is room for at first.
const callRoom = 1232

// prepare makes the call's exchange: the question of x and the bits that
// answers depend on, and nothing else that x's client has sent: the answer is
// for others too.
func (l *call) prepare(x *names.Exchange) {
	flags := wire.FlagRD | wire.FlagAD | x.Query.Header.Flags&wire.FlagCD
	edns := wire.EDNS{UDPSize: callRoom, Flags: x.Query.EDNS.Flags & (wire.FlagDO | wire.FlagCO)}
	l.query = wire.AppendQuery(l.query[:0], x.Query.Header.ID, flags, x.Question(), &edns)
	l.x.Read(l.query, x.Peer) // it was read once
	reply := l.x.Reply.Buffer()
	if reply == nil {
		reply = make([]byte, 0, callRoom+wire.WriterSlack)
	}
	l.x.Begin(reply, 65535)
}

// run does the work of a call on a goroutine of its own.
func (f *Resolver) run(l *call) { f.work(f.timeouts.Context(), l) }

// work asks the next resolver.
func (f *Resolver) work(ctx context.Context, l *call) {
	flushes := f.cache.flushes.Load()
	l.err = f.ask(ctx, &l.x)
	if l.err == nil {
		l.sections, l.err = sectionsOf(l.x.Reply.Finish(), &l.reader)
	}
	l.givenUp = l.err != nil && ctx.Err() == context.Canceled && f.context.Err() == nil
	if f.context.Err() == nil && !l.givenUp { // otherwise it failed because of us
		f.storeReply(&l.x, &l.key, l.err, flushes)
	}
	if l.isPrefetch {
		f.prefetching.Add(-1)
	}
	f.mu.Lock()
	delete(f.calls, l.name())
	f.places.Leave(l.shares...)
	l.isDone = true
	close(l.done)
	isLast := l.waiting == 0
	f.mu.Unlock()
	if isLast {
		f.recycle(l)
	}
}

// ask calls the next resolver. Its panics become errors: on this goroutine
// no caller would catch them.
func (f *Resolver) ask(ctx context.Context, x *names.Exchange) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cache: resolver panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return f.next.Resolve(ctx, x)
}

// deliver copies the answer of l to x.
func (l *call) deliver(x *names.Exchange) error {
	from := &l.x
	if l.givenUp {
		return errGivenUp
	}
	x.MarkAnswered(from.AnsweredBy)
	if l.err != nil {
		return l.err
	}
	x.RCode, x.LeadsOn = from.RCode, from.LeadsOn
	x.Reply.Flags |= from.Reply.Flags & (wire.FlagAA | wire.FlagRA | wire.FlagTC)
	if wantsAD(x) {
		x.Reply.Flags |= from.Reply.Flags & wire.FlagAD
	}
	appendSections(x, l.sections)
	for options := from.ReplyEDNS.Options; ; {
		code, data, rest, ok := options.Next()
		if !ok {
			return nil
		}
		x.AddOption(code, data)
		options = rest
	}
}

// sectionsOf takes a message apart.
func sectionsOf(message []byte, r *wire.Reader) (sections [3]records, err error) {
	if err := r.Reset(message); err != nil {
		return sections, err
	}
	if err := r.SkipQuestions(); err != nil {
		return sections, err
	}
	for i := range sections {
		from := r.Offset()
		sections[i].count = int(r.Header().Counts[wire.SectionAnswer+wire.Section(i)])
		if err := r.NextSection(); err != nil {
			return sections, err
		}
		sections[i].octets = message[from:r.Offset()]
	}
	return sections, r.Close()
}
