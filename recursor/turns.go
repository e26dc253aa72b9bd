package recursor

import (
	"container/list"
	"hash/maphash"
	"net/netip"

	"github.com/names-dns/names/internal/shares"
	"github.com/names-dns/names/wire"
)

// A client that asks much, or for what takes long, leaves room for others: it has
// a share of the questions that are worked on at once, and of those that wait
// for that.

// turn is what a question of a client has of turns. What it belongs to embeds it.
type turn struct {
	keys     []shares.Key // whose places it takes
	keySpace [maxKeys]shares.Key
	queue    *queue        // where it waits, until its turn comes
	place    *list.Element // in there
}

// maxKeys is how many keys a question has.
const maxKeys = 5

func (t *turn) ofTurns() *turn { return t }

// turns are the questions that are in flight and those that wait for that, and
// whose they are. All of it is under the lock of what has the turns.
//
// There are many queues, and they are served one after the other: a question
// waits in one of the key that has most, for it is because of that one that
// it has to wait. Others do not wait for those that came before it.
type turns[Q interface{ ofTurns() *turn }] struct {
	running, queued shares.Shares
	queues          [queues]queue
	busy            list.List // of *queue: those in which questions wait, the next one first
}

type queue struct {
	waiting list.List     // of Q
	place   *list.Element // in busy, if any wait
}

const (
	queues = 512 // by hash of the key
	// maxPassedOver is how many queues are looked at to find a question that may
	// begin.
	maxPassedOver = 32
)

func (t *turns[Q]) init(maxRunning, maxQueued int) {
	t.running.Limit, t.queued.Limit = maxRunning, maxQueued
}

// enter reports whether q may begin now, or else whether it may wait. The
// newest are refused, not those that wait.
func (t *turns[Q]) enter(q Q) (now, later bool) {
	turn := q.ofTurns()
	switch {
	case t.running.Take(turn.keys...):
		return true, false
	case t.queued.Take(turn.keys...):
		turn.queue = t.queueOf(t.running.Greediest(turn.keys...))
		turn.place = turn.queue.waiting.PushBack(q)
		if turn.queue.place == nil {
			turn.queue.place = t.busy.PushBack(turn.queue)
		}
		return false, true
	}
	return false, false
}

// queueOf is the shorter of the two queues of a key: that which it has in common
// with a key under attack it leaves to that one.
func (t *turns[Q]) queueOf(k shares.Key) *queue {
	one, other := &t.queues[k.Hash%queues], &t.queues[k.Hash>>32%queues]
	if other.waiting.Len() < one.waiting.Len() {
		return other
	}
	return one
}

// leave takes q, which waits, out of the queue; it reports whether it was in
// there.
func (t *turns[Q]) leave(q Q) bool {
	turn := q.ofTurns()
	queue := turn.queue
	if queue == nil {
		return false
	}
	queue.waiting.Remove(turn.place)
	turn.queue, turn.place = nil, nil
	if queue.waiting.Len() == 0 {
		t.busy.Remove(queue.place)
		queue.place = nil
	}
	t.queued.Leave(turn.keys...)
	return true
}

// end gives back the place of q, and returns the question whose turn has come,
// if there is one.
func (t *turns[Q]) end(q Q) (next Q, ok bool) {
	t.running.Leave(q.ofTurns().keys...)
	for range min(t.busy.Len(), maxPassedOver) {
		e := t.busy.Front()
		t.busy.MoveToBack(e)
		first := e.Value.(*queue).waiting.Front().Value.(Q)
		if t.running.Take(first.ofTurns().keys...) {
			t.leave(first)
			return first, true
		}
	}
	return next, false
}

// How much of what is free a key may have, in halves. A client has its own.
const (
	ofZone     = 2 // a zone that is forwarded, and each name of two labels
	ofSubzone  = 1 // each name of three labels: a zone below co.uk leaves room for others
	ofUpstream = 2 // the upstream servers of a zone, if there are others
)

// keysOf returns the keys of the question of ff, which client asks.
func (f *Forwarder) keysOf(ff *forwardFetch, client netip.Addr) []shares.Key {
	keys := ff.keySpace[:0]
	name := ff.names[0][:ff.question.Name.Len()] // in lower case
	if routes := f.routes.Load(); len(routes.zones) > 0 {
		zone, servers := routes.find(ff.question.Type, name)
		if zone != nil {
			keys = append(keys, shares.Key{Hash: ^maphash.Bytes(f.seed, zone), Halves: ofZone})
		}
		if len(servers) > 0 {
			address := servers[0].Addr().Addr().As16() // those for several zones are given alike
			keys = append(keys, shares.Key{Hash: maphash.Bytes(f.seed, address[:]) ^ 1, Halves: ofUpstream})
		}
	}
	var starts [wire.MaxNameLen/2 + 1]uint8
	labels := 0
	for at := 0; name[at] != 0; at += 1 + int(name[at]) {
		starts[labels] = uint8(at)
		labels++
	}
	if labels >= 2 {
		keys = append(keys, shares.Key{Hash: maphash.Bytes(f.seed, name[starts[labels-2]:]), Halves: ofZone})
	}
	if labels >= 3 {
		keys = append(keys, shares.Key{Hash: maphash.Bytes(f.seed, name[starts[labels-3]:]), Halves: ofSubzone})
	}
	if client.IsValid() {
		keys = append(keys, shares.OfClient(f.seed, client))
	}
	return keys
}
