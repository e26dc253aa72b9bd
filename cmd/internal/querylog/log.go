package querylog

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Log writes lines about queries. Its methods may be called from many goroutines.
type Log struct {
	config settings.QueryLog
	log    *slog.Logger
	file   *file          // nil: there is none
	out    *cli.LogWriter // nil: lines go to the log of the server

	written, skipped atomic.Uint64
}

// Stats is what came of queries since the log was opened.
type Stats struct {
	Written uint64 // lines
	Skipped uint64 // queries that are not of those to log
	Lost    uint64 // lines for which there was no room, because what they go to is slow or gone
}

// Open opens the log that the settings describe. server is the log of the server.
func Open(config settings.QueryLog, server *slog.Logger) (l *Log, err error) {
	l = &Log{config: config, log: server}
	var to io.Writer
	switch config.To {
	case "":
		if config.Format != "json" {
			return l, nil
		}
		to = os.Stderr
	case settings.Journald:
		if to, err = dialJournal(journalSocket); err != nil {
			return nil, fmt.Errorf("query log: %w", err)
		}
		l.out = cli.NewLogWriter(to)
		l.log = slog.New(&journalHandler{to: l.out})
		return l, nil
	default:
		if l.file, err = openFile(config.To); err != nil {
			return nil, fmt.Errorf("query log: %w", err)
		}
		to = l.file
	}
	l.out = cli.NewLogWriter(to)
	if config.Format == "json" {
		l.log = slog.New(slog.NewJSONHandler(l.out, nil))
	} else {
		l.log = slog.New(slog.NewTextHandler(l.out, nil))
	}
	return l, nil
}

// Reopen opens the file of the log again, which may have been moved away.
func (l *Log) Reopen() error {
	if l.file == nil {
		return nil
	}
	return l.file.reopen()
}

// closeTime is how long the end of a log waits for its last lines.
const closeTime = time.Second

// Close writes what still waits.
func (l *Log) Close() {
	if l.out != nil {
		l.out.Close(closeTime)
	}
	if l.file != nil {
		l.file.close()
	}
}

// Stats returns the counts of now.
func (l *Log) Stats() Stats {
	s := Stats{Written: l.written.Load(), Skipped: l.skipped.Load()}
	if l.out != nil {
		s.Lost = uint64(l.out.Lost())
	}
	return s
}

// Observe logs a query that is over if it is one of those that are wanted: see
// listener.Observer.
func (l *Log) Observe(x *names.Exchange, reply []byte, err error) {
	if l.config.OneIn <= 1 || rand.IntN(l.config.OneIn) == 0 { // which costs less than the clock
		if took := time.Since(x.Received); l.wants(x, err, took) {
			l.Write(x, reply, err, took, l.config.Messages)
			return
		}
	}
	l.skipped.Add(1)
}

// wants reports whether a query is of the kind that is logged.
func (l *Log) wants(x *names.Exchange, err error, took time.Duration) bool {
	switch l.config.Which {
	case settings.LogAll:
		return true
	case settings.LogSlow:
		return took >= l.config.Slow
	case settings.LogFailures:
		return hasFailed(x, err)
	}
	return false
}

// hasFailed reports whether the client gets no answer to its question.
func hasFailed(x *names.Exchange, err error) bool {
	return err != nil || x.RCode != wire.RCodeNoError && x.RCode != wire.RCodeNXDomain
}

// Write logs a query, of whatever kind it is: with both messages if they are
// wanted.
func (l *Log) Write(x *names.Exchange, reply []byte, err error, took time.Duration, messages bool) {
	q := x.Query.Question
	attributes := []any{
		"name", q.Name.String(), "type", q.Type.String(), "class", q.Class.String(),
		"client", x.Peer.Remote.String(), "transport", x.Peer.Transport.String(), "do", x.DO(),
		"rcode", rcodeText(x, reply), "by", cmp.Or(x.AnsweredBy, "none"),
	}
	if reply != nil {
		attributes = append(attributes, "answers", x.Reply.Count(wire.SectionAnswer), "size", len(reply), "tc", x.Reply.Flags.Has(wire.FlagTC))
	}
	attributes = append(attributes, "took_ms", Milliseconds(took))
	if err != nil && err != names.ErrPass && err != names.ErrDrop {
		attributes = append(attributes, "error", err)
	}
	if messages {
		attributes = append(attributes, "query", messageText(x.Query.Message))
		if reply != nil {
			attributes = append(attributes, "reply", messageText(reply))
		}
	}
	l.written.Add(1)
	l.log.Info("query", attributes...)
}

// rcodeText is the RCODE that the client sees.
func rcodeText(x *names.Exchange, reply []byte) string {
	if reply == nil {
		return "none"
	}
	return x.RCode.String()
}

// Milliseconds is the unit of all times in the query log.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// messageText is a message as text, or why it has none.
func messageText(b []byte) string {
	m, err := wire.ParseMessage(b)
	if err != nil {
		return err.Error()
	}
	return m.String()
}
