package recursor

import (
	"context"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// flightKey is what makes two questions one: what a server is asked.
type flightKey struct {
	name   string // wire form in lower case
	kind   wire.Type
	do, cd bool
}

// flight is a question on its way, and all who wait for its answer.
type flight struct {
	key      flightKey
	question wire.Question
	cancel   context.CancelFunc
	askers   int // under the forwarder's lock

	landed chan struct{} // closed once there is an answer or an error
	answer *answer
	err    error
}

// join returns the flight with the question of x: one that is on its way, or a
// new one. Whoever joins has to leave.
func (f *Forwarder) join(x *names.Exchange) (*flight, error) {
	q := x.Query.Question
	key := flightKey{q.Name.Fold().Wire(), q.Type, x.DO(), x.Query.Header.Flags.Has(wire.FlagCD)}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil, errClosed
	}
	if fl := f.flights[key]; fl != nil {
		fl.askers++
		return fl, nil
	}
	q.Name = q.Name.Clone()
	key.name = q.Name.Fold().Wire()
	ctx, cancel := context.WithTimeout(f.context, f.config.Timeout)
	fl := &flight{key: key, question: q, cancel: cancel, askers: 1, landed: make(chan struct{})}
	f.flights[key] = fl
	f.done.Go(func() { f.fly(ctx, fl) })
	return fl, nil
}

// leave ends the flight where nobody waits for it any more.
func (f *Forwarder) leave(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl.askers--; fl.askers == 0 {
		f.forget(fl)
		fl.cancel()
	}
}

// forget takes a flight out of those that can be joined.
func (f *Forwarder) forget(fl *flight) {
	if f.flights[fl.key] == fl {
		delete(f.flights, fl.key)
	}
}

// fly asks the question when its turn comes.
func (f *Forwarder) fly(ctx context.Context, fl *flight) {
	defer fl.cancel()
	select {
	case f.slots <- struct{}{}:
		fl.answer, fl.err = f.ask(ctx, fl)
		<-f.slots
	case <-ctx.Done():
		fl.err = errTooMany
	}
	if fl.err != nil && f.context.Err() != nil {
		fl.err = errClosed
	}
	f.mu.Lock()
	f.forget(fl)
	f.mu.Unlock()
	close(fl.landed)
}

// unexpected logs replies that do not match, at most one a second, and counts
// the others.
type unexpected struct {
	log  *slog.Logger
	next atomic.Int64 // when one may be logged again, in nanoseconds since 1970
	held atomic.Int64
}

func (u *unexpected) say(server netip.AddrPort, why string) {
	now := time.Now()
	next := u.next.Load()
	if now.UnixNano() < next || !u.next.CompareAndSwap(next, now.Add(time.Second).UnixNano()) {
		u.held.Add(1)
		return
	}
	u.log.Debug("reply does not match", "server", server, "why", why, "held_back", u.held.Swap(0))
}
