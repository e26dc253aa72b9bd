package listener

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/names-dns/names/internal/invariants"
	"github.com/names-dns/names/internal/throttledlog"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// worker is the loop in which nearly every query's walk begins and ends:
// receive a batch, answer each, send the batch. Everything in it belongs to
// its goroutine alone, so that nothing on the way takes a lock or allocates.
type worker struct {
	edge         *Edge
	pool         *slowPool
	io           packetIO
	slots        []slot
	local        netip.AddrPort // the socket's; its address is unspecified if it takes what is sent to any
	x            names.Exchange
	counts       counts
	sharedCounts sharedCounts

	space   int            // octets of reply that the slots have room for
	waiting sync.WaitGroup // queries whose replies come later

	queries [batchSize]wire.Query // in the slots, if the resolver prepared the batch
	headers []header              // of what is in the slots, if there are proxies

	failures int // of the socket, in a row
	stopping <-chan struct{}
	broken   *throttledlog.Log // of sockets
}

// run answers until the server stops.
func (w *worker) run() {
	for {
		for n := range w.io.receive {
			began := monotonic()
			w.serve(n)
			w.counts[sendErrors] += uint64(w.io.send(n))
			w.counts.timed(time.Duration(monotonic() - began))
			w.end(n)
		}
		err := w.io.failure()
		if w.isStopping() {
			w.drain()
			return
		}
		if errors.Is(err, net.ErrClosed) {
			return
		}
		w.sharedCounts.add(receiveErrors)
		w.broken.Say(func() []any { return []any{"address", w.local.String(), "error", err} })
		w.failures++
		pause(w.failures, w.stopping)
	}
}

// maxDrain is how many batches are answered that have come before a worker stops.
const maxDrain = 64

// drain answers what has come and was not received yet.
func (w *worker) drain() {
	batches := 0
	for n := range w.io.rest {
		w.serve(n)
		w.counts[sendErrors] += uint64(w.io.send(n))
		w.end(n)
		if batches++; batches == maxDrain {
			return
		}
	}
}

// resize gives the slots room for replies of another size.
func (w *worker) resize(limit int) {
	w.space = limit
	for i := range w.slots {
		w.slots[i].space = newSpace(limit)
	}
}

// sendOne sends a reply that comes later.
func (w *worker) sendOne(reply []byte, to path) error {
	defer w.waiting.Done()
	return w.io.sendOne(reply, to)
}

// serve answers what is in the first n slots.
func (w *worker) serve(n int) {
	w.failures = 0
	r := w.edge.rules.Load()
	if r.maxUDP != w.space {
		w.resize(r.maxUDP)
	}
	w.counts[udpQueries] += uint64(n)
	if r.proxies != nil {
		w.unwrap(n, r.proxies)
	} else if w.headers != nil {
		w.headers, w.x.Peer = nil, names.Peer{}
	}
	isParsed := n > 1 && w.prepare(n)
	for i := 0; i < n; {
		i = w.answerFrom(i, n, isParsed)
	}
}

// end is done with the first n slots.
func (w *worker) end(n int) {
	for i := range w.slots[:n] {
		invariants.Poison(w.slots[i].data)
	}
	w.sharedCounts.take(&w.counts)
}

// unwrap takes the headers of proxies off what is in the first n slots.
func (w *worker) unwrap(n int, proxies *names.PeerSet) {
	if w.headers == nil {
		w.headers = make([]header, len(w.slots))
	}
	for i := range w.slots[:n] {
		s, h := &w.slots[i], &w.headers[i]
		if s.data = h.takeOff(s.data, withoutZone(s.from.remote).Addr(), proxies); h.wrong != nil {
			w.edge.headers.say(s.from.remote, names.UDP, h.wrong)
		}
	}
}

// prepare passes the batch to the resolver, if that wants batches, and reports
// whether the queries were parsed for it.
func (w *worker) prepare(n int) (isParsed bool) {
	preparer := w.edge.rules.Load().preparer
	if preparer == nil {
		return false
	}
	defer func() {
		if p := recover(); p != nil {
			w.edge.caughtInBatch(p, &w.counts)
		}
	}()
	if !preparer.WantsBatches() {
		return false
	}
	for i := range w.slots[:n] {
		w.queries[i].Parse(w.slots[i].data)
	}
	isParsed = true
	preparer.PrepareBatch(w.queries[:n])
	return isParsed
}

// answerFrom answers the datagrams in the slots from i to end-1 and returns the
// slot to go on with. That is end, unless a resolver panics: to catch that costs
// less once a batch than once a query.
func (w *worker) answerFrom(i, end int, isParsed bool) (next int) {
	next = i
	defer func() {
		if w.counts[asking] != 0 {
			w.slots[next].reply = w.edge.panicked(recover(), &w.x, &w.counts)
			next++
		}
	}()
	for ; next < end; next++ {
		w.answer(next, isParsed)
	}
	return next
}

// answer puts the reply to the datagram in slot i there, or sends the query off
// to the goroutines that wait.
func (w *worker) answer(i int, isParsed bool) {
	s, x := &w.slots[i], &w.x
	if s.from.toMany || !canAsk(s.from.remote) {
		w.counts[strays]++
		s.reply = nil
		return
	}
	x.Peer.Transport = names.UDP
	x.Peer.Remote, x.Peer.Local = withoutZone(s.from.remote), w.local
	if s.from.local.IsValid() {
		x.Peer.Local = netip.AddrPortFrom(s.from.local, w.local.Port())
	}
	if w.headers != nil && !w.headers[i].apply(&x.Peer) {
		w.counts[headersRefused]++
		return
	}
	if isParsed {
		x.Query = w.queries[i]
	} else {
		x.Query.Parse(s.data)
	}
	reply, isSlow := w.edge.tryUnguarded(x, s.space, &w.counts)
	if isSlow {
		w.waiting.Add(1)
		if !w.pool.resolve(w.pool.context, x, w, s.from) {
			w.waiting.Done()
			reply = w.edge.shed(x, &w.counts)
		}
	}
	s.reply = reply
}

// canAsk reports whether an address and port can be those of a client. Nothing
// is sent to others: a datagram that comes from them is forged, and what would
// receive the reply are many machines, or a service that answers everything and
// is itself answered.
func canAsk(a netip.AddrPort) bool {
	if port := a.Port(); port < 64 && silentPorts>>port&1 != 0 {
		return false
	}
	addr := a.Addr()
	octets := addr.As16()
	if addr.Is4() {
		n := binary.BigEndian.Uint32(octets[12:])
		return n>>24 != 0 && n>>28 != 0xE && n != broadcast // RFC 1122 3.2.1.3
	}
	return addr.IsValid() && octets[0] != 0xFF && !addr.IsUnspecified() // RFC 4291 2.7, 2.5.2
}

// silentPorts are those that no program receives at, and those of services that
// answer whatever they get: echo, systat, daytime, quote of the day, chargen,
// time.
const silentPorts = 1<<0 | 1<<7 | 1<<11 | 1<<13 | 1<<17 | 1<<19 | 1<<37

const broadcast = 0xFFFFFFFF

func (w *worker) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}
