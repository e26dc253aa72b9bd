package listener

import (
	"errors"
	"fmt"

	"github.com/names-dns/names/internal/shares"
	"github.com/names-dns/names/names"
)

// messageSender sends the messages of a reply of many, but the last.
type messageSender struct {
	edge     *Edge
	counts   *counts
	next     moreSender
	hasShare bool // of Edge.streaming
	share    shares.Key
}

// moreSender sends a message that is not the last of its reply. It waits until
// the client has taken what was sent before, and fails if the client has gone or
// takes too long. It borrows the message until it returns.
type moreSender interface{ sendMore(message []byte) error }

// sendFunc makes a function a moreSender.
type sendFunc func(message []byte) error

func (f sendFunc) sendMore(message []byte) error { return f(message) }

var errTooManyStreams = errors.New("too many replies of many messages are being sent")

// SendMessage finishes the message that x holds and sends it once the client has
// taken those before.
func (s *messageSender) SendMessage(x *names.Exchange) error {
	if !s.hasShare {
		if s.share, s.hasShare = s.edge.streaming.take(x.Peer.Remote.Addr()); !s.hasShare {
			s.counts[limitStreams]++
			s.edge.events.limited(LimitStreams)
			return errTooManyStreams
		}
	}
	if s.edge.passReply(s.edge.rules.Load(), conditionsOf(x), x, s.counts) != passed {
		return names.ErrDrop
	}
	s.counts[messages]++
	s.edge.sharedCounts.take(s.counts)
	if err := s.next.sendMore(x.Finish()); err != nil {
		return fmt.Errorf("%w: %w", names.ErrGone, err)
	}
	return nil
}

// end gives back what the sender has taken.
func (s *messageSender) end() {
	if s.hasShare {
		s.edge.streaming.giveBack(s.share)
		s.hasShare = false
	}
}
