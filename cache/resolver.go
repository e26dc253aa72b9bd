package cache

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/names-dns/names/internal/sharedtimeout"
	"github.com/names-dns/names/internal/shares"
	"github.com/names-dns/names/internal/workers"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Resolver is a cache in front of another resolver. It answers what the cache has,
// asks the other for the rest and keeps what it says.
//
// The next resolver is asked on behalf of all clients: its answers must not
// depend on the client. Which clients may ask at all has to be decided before the cache.
type Resolver struct {
	cache *Cache
	next  names.Resolver

	mu     sync.Mutex       // a worker may be started under it, nothing else is called or waited for
	calls  map[string]*call // by key, whose octets are the call's
	places shares.Shares    // of calls
	idle   sync.Pool        // of *call, to be used again
	ending bool

	context     context.Context
	cancel      context.CancelFunc
	timeouts    *sharedtimeout.Timeout
	workers     *workers.Pool[*call]
	prefetching atomic.Int64
}

// Resolver puts the cache in front of next.
func (c *Cache) Resolver(next names.Resolver) *Resolver {
	f := &Resolver{cache: c, next: next, calls: map[string]*call{}, places: shares.Shares{Limit: c.config.MaxInFlight}}
	f.context, f.cancel = context.WithCancel(context.Background())
	f.workers = workers.New(f.run)
	f.timeouts = sharedtimeout.New(f.context, c.config.Timeout)
	return f
}

// Close ends what is on its way and waits for it. Questions asked afterwards
// are answered from the cache or not at all. What a caller of Resolve works on itself ends
// with its context, or when the next resolver does.
func (f *Resolver) Close() {
	f.mu.Lock()
	isFirst := !f.ending
	f.ending = true
	f.mu.Unlock()
	if isFirst {
		f.cancel()
		f.workers.End()
	}
}

// TryResolve answers x from the cache, or from a next resolver that need
// not wait either.
func (f *Resolver) TryResolve(x *names.Exchange) error {
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
		x.MarkAnswered("cache")
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
		f.storeReply(x, &k, err, flushes)
	}
	if found == expired && hasFailed(x, err) {
		x.Restart()
		if c.answerStale(x, &k, c.now(), staleMisses) {
			return nil
		}
	}
	return err
}

// Resolve answers x from the cache, or asks the next resolver, together with
// all clients that ask the same meanwhile.
func (f *Resolver) Resolve(ctx context.Context, x *names.Exchange) error {
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
		x.MarkAnswered("cache")
		c.tell(c.config.Events.Hit, x)
		return nil
	}
	c.count(unsafe.Pointer(x), misses)
	c.tell(c.config.Events.Miss, x)
	if !isForAll(x) {
		return f.next.Resolve(ctx, x)
	}
	err := f.join(ctx, x, &k, found == expired)
	if err != names.ErrPass {
		x.MarkAnswered("cache")
	}
	return err
}

// isForAll reports whether the answer to x may serve others: not where x does
// not want us to ask anybody (RFC 1035 4.1.1), for what is then said depends on
// what happened to be known.
func isForAll(x *names.Exchange) bool { return x.Query.Header.Flags.Has(wire.FlagRD) }

// hasFailed reports whether x, for which the next resolver returned err, got no
// answer: an error rather than one of the words that say who is to answer, or
// SERVFAIL. That there was no room in a reply says nothing about the answer.
func hasFailed(x *names.Exchange, err error) bool {
	if err == nil {
		return x.RCode == wire.RCodeServFail
	}
	return err != names.ErrPass && err != names.ErrDrop && !errors.Is(err, wire.ErrNoSpace)
}

// storeReply stores what the next resolver said about x, of key k.
func (f *Resolver) storeReply(x *names.Exchange, k *key, err error, flushes uint64) {
	c := f.cache
	switch {
	case err == nil && x.Derived:
		return
	case err == nil:
		err = c.storeReply(x, k, flushes)
	case hasFailed(x, err) && !errors.Is(err, names.ErrBusy):
		extended, text := extendedError(err)
		err = c.storeFailure(x.Question(), k, variantOf(&x.Query), extended, text, flushes)
	}
	if err != nil {
		c.count(unsafe.Pointer(x), notKept)
	}
}

// extendedError is the extended error that goes with err, its code plus one: 0 if there
// is none.
func extendedError(err error) (codePlusOne uint16, text string) {
	var extended names.ExtendedErrorer
	if errors.As(err, &extended) {
		code, text := extended.ExtendedError()
		return code + 1, text
	}
	return 0, ""
}

func (c *Cache) tell(event func(wire.Question), x *names.Exchange) {
	if event != nil {
		event(x.Query.Question)
	}
}
