package doh

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/doh/internal/h2"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// direct answers the messages of one connection over HTTP/2. It leaves everything else
// to the handler: other paths, other forms, and whatever is wrong.
type direct struct {
	server   *Server
	peer     names.Peer
	answerer *listener.Answerer // nil: nothing was asked
	asks     *listener.Edge     // what it asks
	e        *exchange          // nil while nothing is asked
	fields   []byte
}

// Answer answers a request.
func (d *direct) Answer(s *h2.Stream) bool {
	h := d.server.direct()
	path, parameters, _ := strings.Cut(s.Path, "?")
	if h == nil || path != h.path() {
		return false
	}
	if d.e == nil {
		d.e = exchanges.Get().(*exchange)
	}
	e := d.e
	query := s.Body
	switch s.Method {
	case http.MethodGet:
		e.query.Reset()
		if status, found := e.readParameter(parameters); !found || status != 0 {
			return false
		}
		query = e.query.Bytes()
	case http.MethodPost:
		if !isKind(s.ContentType, mediaType) || len(query) > maxMessage {
			return false
		}
	default:
		return false
	}
	if len(query) < wire.HeaderLen || query[2]&0x80 != 0 {
		return false
	}
	peer := d.peer
	if h.Proxies.Contains(peer.Remote.Addr()) {
		h.identify(&peer, values(s, "x-forwarded-for"))
	}
	if d.asks != h.Edge {
		if d.answerer != nil {
			d.answerer.Sent()
		}
		d.answerer, d.asks = listener.NewAnswerer(h.Edge), h.Edge
	}
	reply, isSlow := d.answerer.Try(&e.x, query, peer, e.space)
	if isSlow {
		later := exchanges.Get().(*exchange)
		e.x.DetachInto(&later.x)
		go d.answerLater(s.Later(), s, h.Edge, later)
		return true
	}
	d.fields = d.server.reply(s, e, reply, d.fields)
	return true
}

// values are those of the fields with a name.
func values(s *h2.Stream, name string) (all []string) {
	for i := range s.Fields {
		if s.Fields[i].Name == name {
			all = append(all, s.Fields[i].Value)
		}
	}
	return all
}

func (d *direct) answerLater(ctx context.Context, s *h2.Stream, edge *listener.Edge, e *exchange) {
	defer e.giveBack()
	d.server.reply(s, e, edge.AnswerSlow(ctx, &e.x), nil)
}

// reply sends a reply, or ends the stream without one. It writes the header fields to the
// space after those in b, and returns it to be used again.
func (s *Server) reply(to *h2.Stream, e *exchange, message, b []byte) []byte {
	if message == nil {
		to.Reset() // no reply is meant
		return b
	}
	if space := e.x.Reply.Buffer(); cap(space) > cap(e.space) {
		e.space = space[:0]
	}
	b = append(b[:0], hitFields...)
	b = appendNumber(b, "", len(message))
	b = append(b, cacheControl...)
	b = appendNumber(b, "max-age=", int(e.freshness(message)))
	b = append(b, s.date.fields(time.Now())...)
	if s.alternative != nil {
		if value := s.alternative(); value != "" {
			b = h2.AppendField(b, "alt-svc", value)
		}
	}
	to.Reply(b, message)
	return b
}

// The header fields that all replies have, and the names of those that differ, each in the
// table that all clients know (RFC 7541 A), and not to be added to theirs (6.2.2).
var (
	hitFields    = append(append(h2.AppendStatus(nil, http.StatusOK), "\x0f\x10\x17"+mediaType...), "\x0f\x0d"...) // content-type, content-length
	cacheControl = []byte("\x0f\x09")
)

// appendNumber appends a value that ends with a number, after the length of both.
func appendNumber(b []byte, before string, n int) []byte {
	at := len(b)
	b = append(append(b, 0), before...)
	b = strconv.AppendInt(b, int64(n), 10)
	b[at] = byte(len(b) - at - 1)
	return b
}

// Sent counts what was answered, and gives back the memory that it took.
func (d *direct) Sent() {
	if d.answerer != nil {
		d.answerer.Sent()
	}
	if d.e != nil {
		d.e.giveBack()
		d.e = nil
	}
}
