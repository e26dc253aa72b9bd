package listener

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/names-dns/names/names"
)

// slowPool resolves detached exchanges, each on a goroutine of its own and no
// more than a limit at once. There is no queue: a query that would have to
// wait for others to stop waiting is better told so.
type slowPool struct {
	edge    *Edge
	limit   int64
	ledger  *ledger
	context context.Context // over when the server has waited long enough

	waiting  atomic.Int64 // queries that are being resolved
	timeouts *names.SharedTimeout
	workers  *names.Workers[*slowQuery]
	free     sync.Pool // of *slowQuery
}

// slowQuery is a query on its own.
type slowQuery struct {
	x       names.Exchange
	context context.Context
	from    path
	back    replier
}

func newSlowPool(edge *Edge, limit int, ledger *ledger) (p *slowPool, giveUp context.CancelFunc) {
	p = &slowPool{edge: edge, limit: int64(limit), ledger: ledger}
	p.workers = names.NewWorkers(p.answer)
	p.context, giveUp = context.WithCancel(context.Background())
	p.timeouts = names.NewSharedTimeout(p.context, edge.timeout)
	return p, giveUp
}

// replier sends replies that come later, whatever the transport. It is called
// once for each query, with nil where there is nothing to say, and borrows the
// reply until it returns. Any goroutine may call it.
type replier interface {
	sendOne(reply []byte, to path) error
}

// resolve answers x by and by, and sends the reply back. It returns false, and
// does nothing, where too many queries are waiting already.
func (p *slowPool) resolve(ctx context.Context, x *names.Exchange, back replier, from path) bool {
	if p.waiting.Add(1) > p.limit {
		p.waiting.Add(-1)
		return false
	}
	q, _ := p.free.Get().(*slowQuery)
	if q == nil {
		q = &slowQuery{}
	}
	x.DetachInto(&q.x)
	q.context, q.from, q.back = ctx, from, back
	p.workers.Do(q)
	return true
}

// answer answers q and sends the reply back.
func (p *slowPool) answer(q *slowQuery) {
	var t tally
	reply := p.wait(q, &t)
	if err := q.back.sendOne(reply, q.from); err != nil {
		t[sendErrors]++
	}
	p.ledger.take(&t)
	p.waiting.Add(-1)
	q.back, q.context = nil, nil
	if len(q.x.Reply.Buffer()) <= keptReply {
		p.free.Put(q)
	}
}

// wait answers q, however long it takes, up to the query timeout.
func (p *slowPool) wait(q *slowQuery, t *tally) []byte {
	if q.context == p.context {
		return p.edge.wait(p.timeouts.Context(), &q.x, t)
	}
	ctx, cancel := context.WithTimeout(q.context, p.edge.timeout)
	defer cancel()
	return p.edge.wait(ctx, &q.x, t)
}

// keptReply is the longest reply, in octets, whose buffer is used again.
const keptReply = 4096
