package cache

import (
	"context"
	"time"
	"unsafe"

	"github.com/names-dns/names/names"
)

// What RFC 8767 5 proposes.
const (
	staleTTL      = 30                      // of stale answers, in seconds
	stalePatience = 1800 * time.Millisecond // client response timer
	staleCooldown = 30 * time.Second        // failure recheck timer
)

// answerStale answers x, of key k, from what is past its time, and counts that as e.
func (c *Cache) answerStale(x *names.Exchange, k *key, now int64, e event) bool {
	found, _ := c.shard(k).serve(x, k, now, true)
	if found != answered {
		other := *k
		other.retarget(c.seed, typeAny, variantOf(&x.Query))
		found, _ = c.shard(&other).serve(x, &other, now, true)
	}
	if found == answered {
		x.AnsweredBy = "cache" // whatever has failed before
		c.count(unsafe.Pointer(x), e)
	}
	return found == answered
}

// isStale reports whether there is an answer for k that only
// [Config.ServeStale] may serve.
func (c *Cache) isStale(k *key, now int64) bool {
	h, ok := c.peek(k)
	return ok && now >= h.expiry() && c.shard(k).isOfUse(&h, now)
}

// waitPatiently waits for as long as a client should that could have a stale
// answer. It counts from when the question was sent: a client that comes later waits for
// less.
func (l *call) waitPatiently(ctx context.Context) {
	enough := time.NewTimer(time.Until(l.started.Add(stalePatience)))
	defer enough.Stop()
	select {
	case <-l.done:
	case <-ctx.Done():
	case <-enough.C:
	}
}

// hasAnswer reports whether l is back with an answer.
func (l *call) hasAnswer() bool {
	select {
	case <-l.done:
		return !hasFailed(&l.x, l.err)
	default:
		return false
	}
}
