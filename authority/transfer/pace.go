package transfer

import (
	"time"

	"github.com/names-dns/names/internal/processtime"
)

// pace decides when a transfer pauses, and how long. As long as the client takes
// messages at once, nothing else lets goroutines run that wait for packets: the scheduler
// polls the network when a goroutine sleeps. On a core that queries keep busy a transfer
// would take as much of it as they do, so it then takes a sixteenth.
type pace struct {
	last       time.Time     // when the last message was made, or sent
	make, send time.Duration // that a message takes at the least: waiting for the core or the client is not in it
	messages   int           // since the last pause
	took       time.Duration // that they took
	used       time.Duration // processor time of the process when the last pause began
}

const (
	turn       = 250 * time.Microsecond // between two pauses
	shortPause = 10 * time.Microsecond
	longPause  = 50 * time.Millisecond // at the most
	idleShare  = 15                    // of the time of a turn, if others need the core
)

// begin begins the first message.
func (p *pace) begin() { p.last, p.used = time.Now(), processtime.Used() }

// made notes that a message was made.
func (p *pace) made() { p.note(&p.make) }

// sent notes that the message was sent.
func (p *pace) sent() {
	p.note(&p.send)
	p.messages++
}

func (p *pace) note(least *time.Duration) {
	now := time.Now()
	took := now.Sub(p.last)
	p.last = now
	p.took += took
	if *least == 0 || took < *least {
		*least = took
	}
}

// pause waits, if its turn is over.
func (p *pace) pause() {
	if p.took < turn {
		return
	}
	used := processtime.Used()
	time.Sleep(p.length(used - p.used))
	p.used, p.last = used, time.Now()
	p.messages, p.took = 0, 0
}

// length is how long the pause is if the process used so much processor time since the
// last one: a third more than the messages of the turn take says that there is much to do
// for others, above all queries.
func (p *pace) length(used time.Duration) time.Duration {
	own := time.Duration(p.messages) * (p.make + p.send)
	if others := used - own; 3*others < own {
		return shortPause
	}
	return min(max(idleShare*own, shortPause), longPause)
}
