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

	waiting atomic.Int64 // queries that are being resolved
	done    sync.WaitGroup
	free    sync.Pool // of *slowQuery
}

// slowQuery is a query on its own.
type slowQuery struct {
	x    names.Exchange
	from path
	back replier
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
	q.from, q.back = from, back
	p.done.Add(1)
	go p.run(ctx, q)
	return true
}

func (p *slowPool) run(ctx context.Context, q *slowQuery) {
	defer p.done.Done()
	var t tally
	reply := p.edge.wait(ctx, &q.x, &t)
	if err := q.back.sendOne(reply, q.from); err != nil {
		t[sendErrors]++
	}
	p.ledger.take(&t)
	p.waiting.Add(-1)
	q.back = nil
	if len(q.x.Reply.Buffer()) <= keptReply {
		p.free.Put(q)
	}
}

// keptReply is the longest reply, in octets, whose buffer is used again.
const keptReply = 4096
