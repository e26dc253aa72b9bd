package cache

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
	"unsafe"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// flight is one question on its way to the resolver behind, and all who wait
// for the answer. It flies on when they have given up: the answer is kept for
// those who ask next. When it has landed and nobody waits any more it is used
// again for another question.
type flight struct {
	key        key
	started    time.Time
	isPrefetch bool // begun for nobody; others may have joined
	waiting    int  // guarded by Front.mu, as is hasLanded
	hasLanded  bool
	query      []byte
	reader     wire.Reader

	done     chan struct{} // closed when what follows may be read
	x        names.Exchange
	err      error
	sections [3]records
}

// name is what the flight is found by, as long as it flies: the key.
func (l *flight) name() string { return unsafe.String(&l.key.octets[0], l.key.len) }

// errBusy is what those are told who would be one too many.
var errBusy = &busyError{}

type busyError struct{}

func (*busyError) Error() string { return "cache: too many questions are waiting for an answer" }

// ExtendedError is what the asker may hear of it.
func (*busyError) ExtendedError() (code uint16, text string) {
	return uint16(wire.ExtendedErrorOther), "too many queries are waiting"
}

var errClosed = errors.New("cache: it is closed")

// join waits for the answer to x, of key k, that is on its way, or sends for
// it. With isStale the wait is over when there is an expired answer to give.
func (f *Front) join(ctx context.Context, x *names.Exchange, k *key, isStale bool) error {
	f.mu.Lock()
	l, isNew, err := f.launch(x, k, false)
	if err == nil && l.waiting >= f.cache.config.MaxWaiting {
		err = errBusy
	}
	if err == nil {
		l.waiting++
	}
	f.mu.Unlock()
	if err == nil && !isNew {
		f.cache.count(unsafe.Pointer(x), joined)
	}
	if err != nil {
		if isStale && f.cache.answerStale(x, k, f.cache.now()) {
			return nil
		}
		f.cache.count(unsafe.Pointer(x), refused)
		return err
	}
	defer f.leave(l)
	if isStale {
		l.waitPatiently(ctx)
		if !l.hasAnswer() && f.cache.answerStale(x, k, f.cache.now()) {
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

// leave is for those who have joined l.
func (f *Front) leave(l *flight) {
	f.mu.Lock()
	l.waiting--
	isLast := l.hasLanded && l.waiting == 0
	f.mu.Unlock()
	if isLast {
		f.putAway(l)
	}
}

// putAway leaves a flight that nobody refers to for another question.
func (f *Front) putAway(l *flight) {
	if cap(l.x.Reply.Buffer()) > keptReply {
		return
	}
	l.done, l.err, l.sections = nil, nil, [3]records{}
	f.landed.Put(l)
}

// keptReply is the room for a reply, in octets, that is kept.
const keptReply = 4096

// launch returns the flight of k, a new one if there is none. f.mu is held.
func (f *Front) launch(x *names.Exchange, k *key, isPrefetch bool) (l *flight, isNew bool, err error) {
	if l := f.flights[string(k.octets[:k.len])]; l != nil {
		return l, false, nil
	}
	if f.ending {
		return nil, false, errClosed
	}
	if len(f.flights) >= f.cache.config.MaxFlights {
		return nil, false, errBusy
	}
	l, _ = f.landed.Get().(*flight)
	if l == nil {
		l = &flight{query: make([]byte, 0, 512)}
	}
	l.key, l.started, l.isPrefetch, l.hasLanded, l.done = *k, time.Now(), isPrefetch, false, make(chan struct{})
	l.prepare(x)
	f.flights[l.name()] = l
	f.workers.Do(l)
	return l, true, nil
}

// flightRoom is how many octets of reply there is room for at first.
const flightRoom = 1232

// prepare makes the flight's exchange: the question of x and the bits that
// split answers, and nothing else that x's asker has sent, for the answer is
// for others too.
func (l *flight) prepare(x *names.Exchange) {
	flags := wire.FlagRD | wire.FlagAD | x.Query.Header.Flags&wire.FlagCD
	edns := wire.EDNS{UDPSize: flightRoom, Flags: x.Query.EDNS.Flags & (wire.FlagDO | wire.FlagCO)}
	l.query = wire.AppendQuery(l.query[:0], x.Query.Header.ID, flags, x.Question(), &edns)
	l.x.Read(l.query, x.Peer) // it was read once
	reply := l.x.Reply.Buffer()
	if reply == nil {
		reply = make([]byte, 0, flightRoom+wire.WriterSlack)
	}
	l.x.Begin(reply, 65535)
}

// fly asks the resolver behind.
func (f *Front) fly(l *flight) {
	flushes := f.cache.flushes.Load()
	l.err = f.ask(f.timeouts.Context(), &l.x)
	if l.err == nil {
		l.sections, l.err = sectionsOf(l.x.Reply.Finish(), &l.reader)
	}
	if f.context.Err() == nil { // otherwise it failed because of us
		f.keep(&l.x, &l.key, l.err, flushes)
	}
	if l.isPrefetch {
		f.prefetching.Add(-1)
	}
	f.mu.Lock()
	delete(f.flights, l.name())
	l.hasLanded = true
	close(l.done)
	isLast := l.waiting == 0
	f.mu.Unlock()
	if isLast {
		f.putAway(l)
	}
}

// ask is the resolver behind, whose panics become errors: on this goroutine
// there is nobody else to catch them.
func (f *Front) ask(ctx context.Context, x *names.Exchange) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("cache: resolver panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return f.next.Resolve(ctx, x)
}

// deliver copies the answer of l to x.
func (l *flight) deliver(x *names.Exchange) error {
	if l.err != nil {
		return l.err
	}
	from := &l.x
	x.RCode = from.RCode
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
