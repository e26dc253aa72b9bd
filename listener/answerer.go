package listener

import (
	"context"
	"time"

	"github.com/names-dns/names/names"
)

// Answerer has queries answered for one goroutine which sends the replies to several of
// them together. It is for transports of other packages whose clients keep their connections. It keeps nothing while
// nothing is asked, and is not safe for concurrent use.
type Answerer struct {
	edge   *Edge
	counts *counts // nil: nothing was asked
	began  int64   // when the first query came whose reply is not sent
}

// NewAnswerer returns one that asks e.
func NewAnswerer(e *Edge) *Answerer { return &Answerer{edge: e} }

// Try is [Edge.Answer] for queries that can be answered without waiting. If this one
// cannot, isSlow is true, and x, or the exchange that it is detached into, is for [Edge.AnswerSlow].
func (a *Answerer) Try(x *names.Exchange, query []byte, peer names.Peer, buf []byte) (reply []byte, isSlow bool) {
	if a.counts == nil {
		a.counts, a.began = spareCounts.Get().(*counts), monotonic()
	}
	a.counts[queriesBy[peer.Transport%transports]]++
	x.Peer = peer
	x.Query.Parse(query)
	return a.edge.try(x, buf, a.counts)
}

// Sent says that the replies are sent: they are counted, and how long they took.
func (a *Answerer) Sent() {
	if a.counts == nil {
		return
	}
	a.counts.timed(time.Duration(monotonic() - a.began))
	a.edge.sharedCounts.take(a.counts) // leaves nothing in it
	spareCounts.Put(a.counts)
	a.counts = nil
}

// AnswerSlow answers a query that [Answerer.Try] could not answer at once, as [Edge.Answer]
// does.
func (e *Edge) AnswerSlow(ctx context.Context, x *names.Exchange) []byte {
	t := spareCounts.Get().(*counts)
	began := monotonic()
	defer e.count(t, began)
	return e.answerSlow(ctx, x, t, nil)
}

// count adds what a query was to what is counted of all.
func (e *Edge) count(t *counts, began int64) {
	t.timed(time.Duration(monotonic() - began))
	e.sharedCounts.take(t) // leaves nothing in it
	spareCounts.Put(t)
}
