package transfer

import (
	"container/heap"
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/names-dns/names/internal/workers"
	"github.com/names-dns/names/names"
)

// schedule gives zones their turns when they are due. A zone that waits, for its time or
// for a place at its primary, has no goroutine: there may be a million of them.
type schedule struct {
	mu     sync.Mutex // guards the following, and where each turn is
	turns  placeHeap
	queues map[netip.AddrPort]*queue // by the primary that is asked first
	ctx    context.Context           // nil unless run runs
	work   *workers.Pool[*place]
	wake   chan struct{} // the first turn has become another
}

// place is where a zone is in a schedule.
type place struct {
	secondary *Secondary
	notifiers names.PeerMatcher
	schedule  *schedule

	addedIn context.Context // of the schedule, when it was given turns; nil: it was not

	due    time.Time
	index  int                // in turns; -1: it is in a queue, at work, or gone
	cancel context.CancelFunc // ends the work; nil: it is not at work
	ended  chan struct{}      // made by remove: closed when the work has ended
	isGone bool
}

// queue is zones that are due, and ask the same primary first.
type queue struct {
	working int
	waiting []*place // in the order in which they became due
}

// leastWorking is how many zones may be at work at once for each primary: more than have
// connections to it ([Pool]), so that others become durable meanwhile, with one write
// to the disk.
const leastWorking = 64

func mostWorking(p *Pool) int { return max(leastWorking, 2*p.PerPrimary) }

// begin makes all turns of zones possible, until ctx is done.
func (c *schedule) begin(ctx context.Context) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ctx, c.wake, c.queues = ctx, make(chan struct{}, 1), map[netip.AddrPort]*queue{}
	c.work = workers.New(c.do)
}

// add gives a zone turns.
func (c *schedule) add(t *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx == nil || t.addedIn == c.ctx {
		return // all are added when it begins: also one that has come since
	}
	t.addedIn = c.ctx
	t.secondary.next = t.secondary.begin()
	c.put(t)
}

// put notes when a turn is due. The caller holds c.mu.
func (c *schedule) put(t *place) {
	t.due = t.secondary.due()
	heap.Push(&c.turns, t)
	c.noteFirst(t)
}

// noteFirst wakes run if t is the first turn. The caller holds c.mu.
func (c *schedule) noteFirst(t *place) {
	if t.index == 0 {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// hasten makes the turn of a zone earlier that is to be checked. One that is at work
// sees so when it ends.
func (c *schedule) hasten(t *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t.index < 0 {
		return
	}
	if due := t.secondary.due(); due.Before(t.due) {
		t.due = due
		heap.Fix(&c.turns, t.index)
		c.noteFirst(t)
	}
}

// remove ends the turns of a zone. It returns when it is no longer at work.
func (c *schedule) remove(t *place) {
	c.mu.Lock()
	t.isGone = true
	if t.index >= 0 {
		heap.Remove(&c.turns, t.index)
	}
	if t.cancel == nil {
		c.mu.Unlock()
		return
	}
	t.cancel()
	if t.ended == nil {
		t.ended = make(chan struct{})
	}
	ended := t.ended
	c.mu.Unlock()
	<-ended
}

// run starts the turns that are due until the context of begin is done, and waits for
// those that are at work.
func (c *schedule) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-c.ctx.Done():
			c.work.End()
			c.mu.Lock()
			for _, t := range c.turns {
				t.index = -1
			}
			c.turns, c.ctx = nil, nil
			c.mu.Unlock()
			return
		case <-timer.C:
		case <-c.wake:
		}
		c.mu.Lock()
		now := time.Now()
		for len(c.turns) > 0 && !now.Before(c.turns[0].due) {
			c.start(heap.Pop(&c.turns).(*place))
		}
		if len(c.turns) > 0 {
			timer.Reset(c.turns[0].due.Sub(now))
		}
		c.mu.Unlock()
	}
}

// start gives a zone its turn, or a place in a queue. The caller holds c.mu.
func (c *schedule) start(t *place) {
	q := c.queueOf(t)
	if q.working >= mostWorking(t.secondary.config.Pool) {
		q.waiting = append(q.waiting, t)
		return
	}
	q.working++
	c.work.Do(t)
}

// queueOf is the queue of a zone. The caller holds c.mu.
func (c *schedule) queueOf(t *place) *queue {
	first := t.secondary.config.first()
	q := c.queues[first]
	if q == nil {
		q = new(queue)
		c.queues[first] = q
	}
	return q
}

// do does the turn of a zone, and then those of others that wait for the same primary.
func (c *schedule) do(t *place) {
	for t != nil {
		c.mu.Lock()
		ctx, cancel := context.WithCancel(c.ctx)
		isGone := t.isGone
		if !isGone {
			t.cancel = cancel
		}
		c.mu.Unlock()
		isOver := isGone || !t.secondary.turn(ctx)
		cancel()
		t = c.end(t, isOver)
	}
}

// end notes when a zone is due next, unless that is over, and returns one that waits.
func (c *schedule) end(t *place, isOver bool) (next *place) {
	c.mu.Lock()
	defer c.mu.Unlock()
	t.cancel = nil
	if t.ended != nil {
		close(t.ended)
		t.ended = nil
	}
	if !t.isGone && !isOver {
		c.put(t)
	}
	q := c.queueOf(t)
	if len(q.waiting) > 0 && c.ctx.Err() == nil {
		next, q.waiting = q.waiting[0], q.waiting[1:]
		return next
	}
	if q.working--; q.working == 0 {
		delete(c.queues, t.secondary.config.first())
	}
	return nil
}

// placeHeap is a heap of turns, the first that is due on top.
type placeHeap []*place

func (h placeHeap) Len() int           { return len(h) }
func (h placeHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h placeHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *placeHeap) Push(t any) {
	t.(*place).index = len(*h)
	*h = append(*h, t.(*place))
}

func (h *placeHeap) Pop() any {
	n := len(*h) - 1
	t := (*h)[n]
	(*h)[n], *h = nil, (*h)[:n]
	t.index = -1
	return t
}
