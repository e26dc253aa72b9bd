package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// queryLog logs every query that next answers: a line with the question and
// the outcome, or both messages whole.
type queryLog struct {
	next  names.Resolver
	log   *slog.Logger
	whole bool
}

func (l queryLog) Resolve(ctx context.Context, x *names.Exchange) error {
	start := time.Now()
	err := l.next.Resolve(ctx, x)
	l.write(x, err, time.Since(start))
	return err
}

func (l queryLog) TryResolve(x *names.Exchange) error {
	start := time.Now()
	err := names.Try(l.next, x)
	if err != names.ErrSlow { // it will be asked again, and logged then
		l.write(x, err, time.Since(start))
	}
	return err
}

func (l queryLog) Anticipates() bool { return names.Anticipates(l.next) }

func (l queryLog) Anticipate(queries []wire.Query) { names.Anticipate(l.next, queries) }

func (l queryLog) write(x *names.Exchange, err error, took time.Duration) {
	q := x.Query.Question
	attributes := []any{
		"name", q.Name.String(), "type", q.Type.String(), "class", q.Class.String(),
		"client", x.Peer.Remote.String(), "transport", x.Peer.Transport.String(), "took", took,
	}
	switch err {
	case nil:
		attributes = append(attributes, "rcode", x.RCode.String(), "answers", x.Reply.Count(wire.SectionAnswer))
	case names.ErrPass:
		attributes = append(attributes, "rcode", wire.RCodeRefused.String())
	default:
		attributes = append(attributes, "error", err)
	}
	if l.whole {
		attributes = append(attributes, "query", messageText(x.Query.Message))
		if err == nil {
			x.Reply.Flags = x.Reply.Flags.WithRCode(x.RCode)
			attributes = append(attributes, "reply", messageText(x.Reply.Finish()))
		}
	}
	l.log.Info("query", attributes...)
}

// messageText is a message as text, or why it has none.
func messageText(b []byte) string {
	m, err := wire.ParseMessage(b)
	if err != nil {
		return err.Error()
	}
	return m.String()
}
