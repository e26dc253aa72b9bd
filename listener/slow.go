package listener

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/sharedtimeout"
	"github.com/names-dns/names/internal/shares"
	"github.com/names-dns/names/internal/workers"
	"github.com/names-dns/names/names"
)

// slowPool resolves detached exchanges, each on a goroutine of its own and no
// more than a limit at once. There is no queue: a query that would have to
// wait for others to stop waiting is better told so.
type slowPool struct {
	edge    *Edge
	context context.Context // over when the server has waited long enough

	timeouts atomic.Pointer[sharedtimeout.Timeout]
	workers  *workers.Pool[*slowQuery]
	free     sync.Pool // of *slowQuery
}

// slowQuery is a query on its own.
type slowQuery struct {
	x       names.Exchange
	context context.Context
	began   int64 // when it began to wait
	from    path
	back    replier
	share   shares.Key    // of its client
	sender  messageSender // if back can carry many messages
	counts  counts
}

func newSlowPool(edge *Edge) (p *slowPool, giveUp context.CancelFunc) {
	p = &slowPool{edge: edge}
	p.workers = workers.New(p.answer)
	p.context, giveUp = context.WithCancel(context.Background())
	p.setTimeout(edge.rules.Load().timeout)
	return p, giveUp
}

// setTimeout changes how long queries may wait that begin to wait from now on.
func (p *slowPool) setTimeout(d time.Duration) {
	p.timeouts.Store(sharedtimeout.New(p.context, d))
}

// replier sends replies that come later, whatever the transport. It is called
// once for each query, with nil if there is nothing to say, and borrows the
// reply until it returns. Any goroutine may call it.
type replier interface {
	sendOne(reply []byte, to path) error
}

// resolve answers x asynchronously, and sends the reply back. It returns false, and
// does nothing, if too many queries are waiting already, or too many of this
// client.
func (p *slowPool) resolve(ctx context.Context, x *names.Exchange, back replier, from path) bool {
	share, ok := p.edge.waiting.take(x.Peer.Remote.Addr())
	if !ok {
		return false
	}
	q, _ := p.free.Get().(*slowQuery)
	if q == nil {
		q = &slowQuery{}
	}
	x.DetachInto(&q.x)
	q.began = monotonic()
	q.context, q.from, q.back, q.share = ctx, from, back, share
	if next, ok := back.(moreSender); ok {
		q.sender = messageSender{edge: p.edge, counts: &q.counts, next: next}
		q.x.SetSender(&q.sender)
	}
	p.workers.Do(q)
	return true
}

// answer answers q and sends the reply back.
func (p *slowPool) answer(q *slowQuery) {
	reply := p.wait(q, &q.counts)
	q.sender.end()
	if err := q.back.sendOne(reply, q.from); err != nil {
		q.counts[sendErrors]++
	}
	q.counts.timed(time.Duration(monotonic() - q.began))
	p.edge.sharedCounts.take(&q.counts)
	p.edge.waiting.giveBack(q.share)
	q.back, q.context, q.sender = nil, nil, messageSender{}
	if len(q.x.Reply.Buffer()) <= keptReply {
		p.free.Put(q)
	}
}

// wait answers q, however long it takes, up to the query timeout.
func (p *slowPool) wait(q *slowQuery, t *counts) []byte {
	if q.context == p.context {
		return p.edge.wait(p.timeouts.Load().Context(), &q.x, t)
	}
	ctx, cancel := context.WithTimeout(q.context, p.edge.rules.Load().timeout)
	defer cancel()
	return p.edge.wait(ctx, &q.x, t)
}

// keptReply is the longest reply, in octets, whose buffer is used again.
const keptReply = 4096
