package listener

import (
	"errors"
	"net"
	"net/netip"

	"github.com/names-dns/names/names"
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
	for i := range w.slots[:n] {
		w.answer(&w.slots[i])
	}
	w.tally[sendErrors] += uint64(w.io.send(n))
	for i := range w.slots[:n] {
		lend(w.slots[i].data)
	}
	w.ledger.take(&w.tally)
}

// answer puts the reply to the datagram in s into s, or sends the query off to
// those who wait.
func (w *worker) answer(s *slot) {
	s.reply = nil
	if s.from.remote.Port() == 0 {
		w.tally[silent]++ // nobody can receive there
		return
	}
	peer := &w.x.Peer
	peer.Transport, peer.CookieValid = names.UDP, false
	peer.Remote, peer.Local = withoutZone(s.from.remote), w.local
	if s.from.local.IsValid() {
		peer.Local = netip.AddrPortFrom(s.from.local, w.local.Port())
	}
	reply, isSlow := w.edge.try(&w.x, s.data, s.space, &w.tally)
	if isSlow && !w.pool.resolve(w.pool.context, &w.x, w.io, s.from) {
		reply = w.edge.shed(&w.x, &w.tally)
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
