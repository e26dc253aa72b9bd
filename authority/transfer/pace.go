package transfer

import "time"

// pace decides how long a transfer pauses after each message. As long as the client takes
// them at once, nothing else lets goroutines run that wait for packets: the scheduler
// polls the network when a goroutine sleeps. On a core that queries keep busy a transfer
// would take as much of it as they do, so it then takes a sixteenth.
type pace struct {
	began time.Time     // when the message was begun
	least time.Duration // that one took to make: waiting for the core is not in it
	used  time.Duration // processor time of the process when the last pause began
}

const (
	shortPause = 10 * time.Microsecond
	longPause  = 50 * time.Millisecond // at the most
	idleShare  = 15                    // of the time that a message takes, if others need the core
)

// begin begins the first message.
func (p *pace) begin() { p.began, p.used = time.Now(), processTime() }

// made notes that a message was made.
func (p *pace) made() {
	if took := time.Since(p.began); p.least == 0 || took < p.least {
		p.least = took
	}
}

// pause waits after a message was sent, and begins the next.
func (p *pace) pause() {
	used := processTime()
	others := used - p.used - p.least
	p.used = used
	time.Sleep(p.length(others))
	p.began = time.Now()
}

// length is how long the pause is if others, queries above all, used so much processor time
// since the last one: a third of what the message took says that they are many.
func (p *pace) length(others time.Duration) time.Duration {
	if 3*others < p.least {
		return shortPause
	}
	return min(max(idleShare*p.least, shortPause), longPause)
}
