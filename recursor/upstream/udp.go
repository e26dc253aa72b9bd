package upstream

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/names-dns/names/wire"
)

// MaxDatagram is the longest reply over UDP that is read, in octets: more than
// is asked for, for servers that send more.
const MaxDatagram = 4096

const (
	maxQuery = 512 // octets of a query: name 255, OPT with cookie 55

	// maxForeign is how many packets that do not match are waited past before
	// the question goes over TCP: somebody may be guessing.
	maxForeign = 3
)

// packets has buffers for a query and a reply.
var packets = sync.Pool{New: func() any { return new([maxQuery + MaxDatagram]byte) }}

// answer is a packet that answers a query.
type answer struct {
	verdict verdict
	message wire.Query // shares no memory with what is used again
	repeats bool       // it has the question as it was sent
	rtt     time.Duration
}

// overUDP sends a query from a new socket and waits for what answers it.
func (s *Server) overUDP(ctx context.Context, q *Query, f form) (answer, error) {
	if err := q.Budget.send(); err != nil {
		return answer{}, err
	}
	socket, err := s.client.sockets.open(ctx, s.addr)
	if err != nil {
		return answer{}, &NotSentError{err}
	}
	defer socket.close()

	local := socket.local()
	o := outgoing{Query: q, form: f}
	buf := packets.Get().(*[maxQuery + MaxDatagram]byte)
	defer packets.Put(buf)
	o.compose(buf[:0:maxQuery], s.client.udpSize, s.cookieFor(local.Addr(), &o))
	key := ownQuery{local, o.id}
	s.client.own.add(key)
	defer s.client.own.remove(key)

	sent := time.Now()
	if err := socket.send(o.packet); err != nil {
		return answer{}, &NotSentError{err}
	}
	received, isLent := q.Buffer[:cap(q.Buffer)], true
	if len(received) < MaxDatagram {
		received, isLent = buf[maxQuery:], false
	}
	for foreign := 0; ; {
		n, err := socket.receive(ctx, received)
		if err != nil {
			return answer{}, err
		}
		if err := q.Budget.receive(n); err != nil {
			return answer{}, err
		}
		a := answer{rtt: time.Since(sent)}
		var why string
		a.verdict, why = o.match(&a.message, received[:n], false)
		if why != "" {
			s.client.unexpected(s.addr, why)
		}
		switch a.verdict {
		case isForeign:
			if foreign++; foreign >= maxForeign {
				return answer{verdict: isDoubtful}, nil
			}
		case isReply:
			a.repeats = o.repeatsCase(received[:n])
			if !isLent {
				a.message.Parse(bytes.Clone(received[:n]))
			}
			o.restoreCase(&a.message)
			s.learnCookie(&o, &a.message)
			return a, nil
		default:
			a.message = wire.Query{}
			return a, nil
		}
	}
}
