package upstream

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/names-dns/names/wire"
)

const (
	maxDatagram = 4096 // octets; more than we ask for, for servers that send more
	maxQuery    = 512  // octets of a query: name 255, OPT with cookie 55

	// maxForeign is how many packets that do not match are waited past before
	// the question goes over TCP: somebody may be guessing.
	maxForeign = 3
)

// packets has buffers for a query and a reply.
var packets = sync.Pool{New: func() any { return new([maxQuery + maxDatagram]byte) }}

// answer is a packet that answers a query.
type answer struct {
	verdict verdict
	message wire.Query // shares no memory with a buffer
	repeats bool       // it has the question as it was sent
	rtt     time.Duration
}

// overUDP sends a query from a new socket and waits for what answers it.
func (s *Server) overUDP(ctx context.Context, q *Query, f form) (answer, error) {
	if err := q.Budget.send(); err != nil {
		return answer{}, err
	}
	conn, err := s.client.network.DialUDP(ctx, s.addr)
	if err != nil {
		return answer{}, &NotSentError{err}
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetReadDeadline(longAgo) })
	defer stop()

	local := localAddress(conn)
	o := outgoing{Query: q, form: f}
	buf := packets.Get().(*[maxQuery + maxDatagram]byte)
	defer packets.Put(buf)
	o.compose(buf[:0:maxQuery], s.client.udpSize, s.cookieFor(local.Addr(), &o))
	key := ownQuery{local, o.id}
	s.client.own.add(key)
	defer s.client.own.remove(key)

	sent := time.Now()
	if _, err := conn.Write(o.packet); err != nil {
		return answer{}, &NotSentError{err}
	}
	received := buf[maxQuery:]
	for foreign := 0; ; {
		n, err := conn.Read(received)
		if err != nil {
			if ctx.Err() != nil {
				return answer{}, context.Cause(ctx)
			}
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
			a.message.Parse(bytes.Clone(received[:n]))
			o.restoreCase(&a.message)
			s.learnCookie(&o, &a.message)
			return a, nil
		default:
			a.message = wire.Query{}
			return a, nil
		}
	}
}
