package bench

import (
	"fmt"
	"runtime"
	"syscall"
	"time"

	"github.com/names-dns/names/listener/mmsg"
)

// worker is one thread of a run: it sends the queries of its clients, waits
// for whatever comes first, a reply or the time of the next query, and
// receives. Nothing in its loop allocates.
type worker struct {
	*load
	peer     syscall.Sockaddr // the server
	tally    tally
	clients  []client
	polls    []pollFD // one for each client
	schedule schedule // where the rate is fixed
	shown    shownProgress
	turn     int           // the client that is asked first to take the next query
	heardAt  time.Duration // when the last reply came
	finished bool          // no query is sent again, but some may be waited for

	in     *mmsg.Batch // datagrams, of which the beginnings are kept
	heads  [udpBatch][replyHead]byte
	octets [64 << 10]byte // of a connection
}

// patience is how many timeouts in a row, without any reply, a run without a
// time waits for a server.
const patience = 10

// client is one socket, or one connection after the other.
type client struct {
	outstanding *outstanding
	link        link
}

// link sends and receives for one client.
type link interface {
	// upkeep does what is due whether or not there is something to send.
	upkeep(now time.Duration)
	// room is how many queries can be put before the next flush.
	room() int
	// put takes a question of the file and returns the length of its query.
	put(id uint16, question int) (octets int)
	// flush sends what was put, as far as the socket takes it.
	flush(now time.Duration)
	// waitsFor is the descriptor, or -1, and the events to wait for.
	waitsFor() (fd int32, events int16)
	// ready does what the events make possible.
	ready(events int16)
	close()
}

func newWorker(l *load, thread int) (*worker, error) {
	peer, err := sockaddr(l.address)
	if err != nil {
		return nil, fmt.Errorf("cannot ask %v: %w", l.address, err)
	}
	w := &worker{load: l, peer: peer, in: mmsg.NewBatch(udpBatch)}
	for i := range w.heads {
		w.in.SetData(i, w.heads[i][:])
	}
	slots := l.window
	if l.rate > 0 {
		w.schedule = newSchedule(l.rate, thread, l.threads)
		// Room for all that can be waited for, and half as much again.
		slots = int(min(1.5*l.rate*l.timeout.Seconds()/float64(l.clients), maxOutstanding))
	}
	for n := thread; n < l.clients; n += l.threads {
		c := client{outstanding: newOutstanding(slots)}
		if l.tcp {
			c.link = newTCPLink(w, c.outstanding)
		} else {
			u, err := newUDPLink(w, c.outstanding)
			if err != nil {
				w.close()
				return nil, err
			}
			c.link = u
		}
		w.clients = append(w.clients, c)
	}
	w.polls = make([]pollFD, len(w.clients))
	return w, nil
}

func (w *worker) close() {
	for i := range w.clients {
		w.clients[i].link.close()
	}
}

func (w *worker) state() (*tally, *shownProgress) { return &w.tally, &w.shown }

func (w *worker) run() {
	runtime.LockOSThread() // for good: the thread, and how it waits, end with the run
	waitPrecisely()
	for !w.isOver() {
		w.wait(w.send(w.now()))
		w.shown.show(&w.tally)
	}
}

// isOver reports whether nothing is left to send or to wait for. When the run
// is interrupted nothing is waited for.
func (w *worker) isOver() bool {
	if w.interrupted.Load() {
		for i := range w.clients {
			w.tally.unfinished += w.clients[i].outstanding.expire(forever, w.countFrom)
		}
		return true
	}
	if !w.finished {
		return false
	}
	for i := range w.clients {
		if w.clients[i].outstanding.used > 0 {
			return false
		}
	}
	return true
}

// send sends what may be sent now, and returns until when to wait if nothing
// comes.
func (w *worker) send(now time.Duration) (until time.Duration) {
	until = now + hearing
	for i := range w.clients {
		c := &w.clients[i]
		w.tally.lost += c.outstanding.expire(now-w.timeout, w.countFrom)
		c.link.upkeep(now)
	}
	switch {
	case w.finished:
	case w.stopAt == forever && now-w.heardAt > patience*w.timeout:
		w.finished = true
		w.gaveUp.Store(true)
	case w.stopAt != forever && now-w.timeout >= w.stopAt:
		w.finished = true // what is due and found no room in all that time
	case w.rate > 0:
		until = min(until, w.keepPace(now))
	default:
		w.fillWindows(now)
	}
	for i := range w.clients {
		if oldest := w.clients[i].outstanding.oldest(); oldest != forever {
			until = min(until, oldest+w.timeout)
		}
	}
	return until
}

// fillWindows is the closed loop: each client has as many queries outstanding
// as it may.
func (w *worker) fillWindows(now time.Duration) {
	for i := range w.clients {
		c := &w.clients[i]
		for now < w.stopAt && !w.finished {
			n := min(c.link.room(), w.window-c.outstanding.used)
			if n <= 0 {
				break
			}
			first, count, more := w.claim(now, n)
			w.finished = !more
			for k := range count {
				w.put(c, first+int64(k), now, now)
			}
			c.link.flush(now)
			now = w.now()
		}
	}
	if now >= w.stopAt {
		w.finished = true
	}
}

// keepPace is the open loop: it sends what is due, a batch at most before replies
// are looked for, and returns when something else is due. What finds no room
// stays due.
func (w *worker) keepPace(now time.Duration) (next time.Duration) {
	next = forever
	for n := 0; ; n++ {
		if n == udpBatch {
			next = now
			break
		}
		due := w.schedule.due()
		if due >= w.stopAt {
			w.finished = true
			break
		}
		if due > now {
			next = due
			break
		}
		c := w.clientWithRoom(now)
		if c == nil {
			break
		}
		question, count, more := w.claim(due, 1)
		if count > 0 {
			w.put(c, question, due, now)
			w.schedule.advance()
		}
		if !more {
			w.finished = true
			break
		}
	}
	for i := range w.clients {
		w.clients[i].link.flush(now)
	}
	return next
}

// clientWithRoom is the next that can take a query, or nil.
func (w *worker) clientWithRoom(now time.Duration) *client {
	for range w.clients {
		c := &w.clients[w.turn]
		w.turn = (w.turn + 1) % len(w.clients)
		if c.outstanding.full() {
			continue
		}
		if c.link.room() == 0 {
			c.link.flush(now)
		}
		if c.link.room() > 0 {
			return c
		}
	}
	return nil
}

// put takes a query that was due, and is sent, at a time: the nth of all
// passes through the file.
func (w *worker) put(c *client, n int64, due, now time.Duration) {
	question := int(n % int64(w.questions.len()))
	octets := c.link.put(c.outstanding.add(due, now, question), question)
	if due < w.countFrom {
		return
	}
	w.tally.sent++
	w.tally.sentOctets += int64(octets)
	if w.rate > 0 {
		w.tally.late.add(now - due)
	}
}

// wait waits for replies, and for sockets that take more, and attends to them.
func (w *worker) wait(until time.Duration) {
	for i := range w.clients {
		p := &w.polls[i]
		p.fd, p.events = w.clients[i].link.waitsFor()
	}
	if poll(w.polls, max(until-w.now(), 0)) == 0 {
		return
	}
	for i := range w.polls {
		if events := w.polls[i].revents; events != 0 {
			w.clients[i].link.ready(events)
		}
	}
}

// received counts a message of some length, of which it sees the beginning.
func (w *worker) received(f *outstanding, head []byte, length int, now time.Duration) {
	r := replyTo(head)
	asked := f.find(r.id)
	if asked == nil || !r.answers(w.questions.at(int(asked.question))) {
		if now >= w.countFrom {
			w.tally.unexpected++
		}
		return
	}
	w.heardAt = now
	due := asked.due
	f.end(asked)
	if due < w.countFrom {
		return
	}
	t := &w.tally
	t.answered++
	t.octets += int64(length)
	t.rcodes[r.rcode]++
	if r.truncated {
		t.truncated++
	}
	t.latency.add(now - due)
	t.lastReply = now
}
