package listener

import (
	"errors"
	"net"
	"net/netip"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// worker is the loop in which nearly every query's walk begins and ends:
// receive a batch, answer each, send the batch. Everything in it belongs to
// its goroutine alone, so that nothing on the way takes a lock or allocates.
type worker struct {
	edge   *Edge
	pool   *slowPool
	io     packetIO
	slots  []slot
	local  netip.AddrPort // the socket's; its address is unspecified where it takes what is sent to any
	x      names.Exchange
	tally  tally
	ledger ledger

	queries [batchSize]wire.Query // in the slots, where the resolver was told of them
	errs    [batchSize]error      // of parsing them

	failures int // of the socket, in a row
	stopping <-chan struct{}
	broken   *complaint // of sockets
}

// run answers until the server stops.
func (w *worker) run() {
	for {
		err := w.io.receive(w)
		if w.isStopping() || errors.Is(err, net.ErrClosed) {
			return
		}
		w.ledger.add(receiveErrors)
		w.broken.say(func() []any { return []any{"address", w.local.String(), "error", err} })
		w.failures++
		pause(w.failures, w.stopping)
	}
}

// serve answers what is in the first n slots.
func (w *worker) serve(n int) {
	w.failures = 0
	w.tally[udpQueries] += uint64(n)
	isParsed := n > 1 && w.anticipate(n)
	for i := range w.slots[:n] {
		w.answer(i, isParsed)
	}
	w.tally[sendErrors] += uint64(w.io.send(n))
	for i := range w.slots[:n] {
		lend(w.slots[i].data)
	}
	w.ledger.take(&w.tally)
}

// anticipate tells the resolver of a batch, if it wants to know, and reports
// whether the queries were parsed for that.
func (w *worker) anticipate(n int) (isParsed bool) {
	ahead := w.edge.ahead
	if ahead == nil {
		return false
	}
	defer func() {
		if p := recover(); p != nil {
			w.edge.caughtAhead(p, &w.tally)
		}
	}()
	if !ahead.Anticipates() {
		return false
	}
	for i := range w.slots[:n] {
		w.errs[i] = w.queries[i].Parse(w.slots[i].data)
	}
	isParsed = true
	ahead.Anticipate(w.queries[:n])
	return isParsed
}

// answer puts the reply to the datagram in slot i there, or sends the query off
// to those who wait.
func (w *worker) answer(i int, isParsed bool) {
	s, x := &w.slots[i], &w.x
	s.reply = nil
	if s.from.remote.Port() == 0 {
		w.tally[silent]++ // nobody can receive there
		return
	}
	x.Peer.Transport, x.Peer.CookieValid = names.UDP, false
	x.Peer.Remote, x.Peer.Local = withoutZone(s.from.remote), w.local
	if s.from.local.IsValid() {
		x.Peer.Local = netip.AddrPortFrom(s.from.local, w.local.Port())
	}
	var rcode wire.RCode
	var err error
	if isParsed {
		rcode, err = x.ReadParsed(&w.queries[i], w.errs[i])
	} else {
		rcode, err = x.ReadQuery(s.data)
	}
	reply, isSlow := w.edge.tryRead(x, rcode, err, s.space, &w.tally)
	if isSlow && !w.pool.resolve(w.pool.context, x, w.io, s.from) {
		reply = w.edge.shed(x, &w.tally)
	}
	s.reply = reply
}

func (w *worker) isStopping() bool {
	select {
	case <-w.stopping:
		return true
	default:
		return false
	}
}
