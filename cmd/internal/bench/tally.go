package bench

import "time"

// tally is what happened after the warm-up, on one thread or on all of them.
// Sent is answered, lost and unfinished together.
type tally struct {
	sent, answered, lost  int64
	unfinished            int64 // still waited for when the run was interrupted
	unexpected, truncated int64
	rcodes                [16]int64
	sentOctets, octets    int64 // of the messages, without the length before each over TCP
	latency, late         histogram
	connecting            histogram // how long connections took to come about
	cutShort              int64     // connections that the server closed while queries waited
	failures              int64     // of system calls; the queries concerned are lost
	firstFailure          error
	lastReply             time.Duration // since the start
}

func (t *tally) failed(err error) {
	if t.failures++; t.firstFailure == nil {
		t.firstFailure = err
	}
}

func (t *tally) merge(other *tally) {
	t.sent += other.sent
	t.answered += other.answered
	t.lost += other.lost
	t.unfinished += other.unfinished
	t.unexpected += other.unexpected
	t.truncated += other.truncated
	for i, n := range other.rcodes {
		t.rcodes[i] += n
	}
	t.sentOctets += other.sentOctets
	t.octets += other.octets
	t.latency.merge(&other.latency)
	t.late.merge(&other.late)
	t.connecting.merge(&other.connecting)
	t.cutShort += other.cutShort
	t.failures += other.failures
	if t.firstFailure == nil {
		t.firstFailure = other.firstFailure
	}
	t.lastReply = max(t.lastReply, other.lastReply)
}
