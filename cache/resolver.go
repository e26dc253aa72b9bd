package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Front is a cache in front of another resolver. It answers what the cache has,
// asks the other for the rest and keeps what it says.
//
// The resolver behind is asked on behalf of everybody: its answers must not
// depend on who asks. Who may ask at all has to be decided in front.
type Front struct {
	cache *Cache
	next  names.Resolver

	mu      sync.Mutex
	flights map[string]*flight // by key, whose octets are the flight's
	landed  sync.Pool          // of *flight, to be used again
	ending  bool

	context     context.Context
	cancel      context.CancelFunc
	timeouts    *names.SharedTimeout
	workers     *names.Workers[*flight]
	prefetching atomic.Int64
}

// Front puts the cache in front of next.
func (c *Cache) Front(next names.Resolver) *Front {
	f := &Front{cache: c, next: next, flights: map[string]*flight{}}
	f.context, f.cancel = context.WithCancel(context.Background())
	f.workers = names.NewWorkers(f.fly)
	f.timeouts = names.NewSharedTimeout(f.context, c.config.Timeout)
	return f
}

// Close ends what is on its way and waits for it. Questions asked afterwards
// are answered from the cache or not at all.
func (f *Front) Close() {
	f.mu.Lock()
	isFirst := !f.ending
	f.ending = true
	f.mu.Unlock()
	if isFirst {
		f.cancel()
		f.workers.End()
	}
}

// TryResolve answers x from the cache, or from a resolver behind it that need
// not wait either.
func (f *Front) TryResolve(x *names.Exchange) error {
	c := f.cache
	var k key
	if !c.setKey(&k, x) {
		return names.Try(f.next, x)
	}
	found, due := c.answer(x, &k, c.now())
	if found == answered {
		if due {
			f.prefetch(x, &k)
		}
		c.tell(c.config.Events.Hit, x)
		return nil
	}
	flushes := c.flushes.Load()
	err := names.Try(f.next, x)
	if err == names.ErrSlow || err == names.ErrPass {
		return err
	}
	c.count(unsafe.Pointer(x), misses)
	c.tell(c.config.Events.Miss, x)
	if isForAll(x) {
		f.keep(x, &k, err, flushes)
	}
	if found == expired && hasFailed(x, err) {
		x.Restart()
		if c.answerStale(x, &k, c.now()) {
			return nil
		}
	}
	return err
}

// Resolve answers x from the cache, or asks the resolver behind, together with
// all who ask the same meanwhile.
func (f *Front) Resolve(ctx context.Context, x *names.Exchange) error {
	c := f.cache
	var k key
	if !c.setKey(&k, x) {
		return f.next.Resolve(ctx, x)
	}
	found, due := c.answer(x, &k, c.now())
	if found == answered {
		if due {
			f.prefetch(x, &k)
		}
		c.tell(c.config.Events.Hit, x)
		return nil
	}
	c.count(unsafe.Pointer(x), misses)
	c.tell(c.config.Events.Miss, x)
	if !isForAll(x) {
		return f.next.Resolve(ctx, x)
	}
	return f.join(ctx, x, &k, found == expired)
}

// isForAll reports whether the answer to x may serve others: not where x does
// not want us to ask anybody (RFC 1035 4.1.1), for what is then said depends on
// what happened to be known.
func isForAll(x *names.Exchange) bool { return x.Query.Header.Flags.Has(wire.FlagRD) }

// hasFailed reports whether x, of which the resolver behind said err, got no
// answer: an error rather than one of the words that say who is to answer, or
// SERVFAIL. That there was no room in a reply says nothing about the answer.
func hasFailed(x *names.Exchange, err error) bool {
	if err == nil {
		return x.RCode == wire.RCodeServFail
	}
	return err != names.ErrPass && err != names.ErrDrop && !errors.Is(err, wire.ErrNoSpace)
}

// keep stores what the resolver behind said about x, of key k.
func (f *Front) keep(x *names.Exchange, k *key, err error, flushes uint64) {
	c := f.cache
	switch {
	case err == nil:
		err = c.keep(x, k, flushes)
	case hasFailed(x, err):
		err = c.keepFailure(x.Question(), k, splitOf(&x.Query), extendedCode(err), flushes)
	}
	if err != nil {
		c.count(unsafe.Pointer(x), notKept)
	}
}

// extendedCode is the extended error that goes with err plus one, 0 if there is
// none.
func extendedCode(err error) uint16 {
	var extended interface {
		ExtendedError() (code uint16, text string)
	}
	if errors.As(err, &extended) {
		code, _ := extended.ExtendedError()
		return code + 1
	}
	return 0
}

func (c *Cache) tell(event func(wire.Question), x *names.Exchange) {
	if event != nil {
		event(x.Query.Question)
	}
}
