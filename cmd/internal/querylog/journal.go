package querylog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
)

// journalSocket is where the journal of systemd takes entries.
const journalSocket = "/run/systemd/journal/socket"

// journal sends entries to the journal: a datagram each.
type journal struct{ conn *net.UnixConn }

// dialJournal connects to the journal, whose socket is at path.
func dialJournal(path string) (*journal, error) {
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, errors.New("there is no journal of systemd here: " + err.Error())
	}
	return &journal{conn}, nil
}

// Write sends entries, each of which ends in an empty line.
func (j *journal) Write(entries []byte) (n int, err error) {
	for len(entries) > 0 {
		entry, rest, _ := bytes.Cut(entries, []byte("\n\n"))
		if _, err := j.conn.Write(append(entry, '\n')); err != nil {
			return n, err
		}
		n += len(entries) - len(rest)
		entries = rest
	}
	return n, nil
}

// journalHandler makes fields of a record: MESSAGE, PRIORITY, and NAMES_KEY for
// each attribute.
type journalHandler struct{ to io.Writer }

// Enabled: only lines about queries come here.
func (h *journalHandler) Enabled(context.Context, slog.Level) bool { return true }

// Handle writes an entry: a line for each field, and an empty one. Lines within a
// value are joined by a tabulator, so that the form of the journal for text
// suffices.
func (h *journalHandler) Handle(_ context.Context, r slog.Record) error {
	var b, message strings.Builder
	message.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		value := strings.ReplaceAll(a.Value.String(), "\n", "\t")
		b.WriteString("NAMES_" + strings.ToUpper(a.Key) + "=" + value + "\n")
		if a.Key != "query" && a.Key != "reply" {
			message.WriteString(" " + a.Key + "=" + value)
		}
		return true
	})
	_, err := io.WriteString(h.to, "PRIORITY=6\nSYSLOG_IDENTIFIER=names\nMESSAGE="+message.String()+"\n"+b.String()+"\n")
	return err
}

// WithAttrs is not used: each line has all of its attributes.
func (h *journalHandler) WithAttrs([]slog.Attr) slog.Handler { return h }

// WithGroup is not used.
func (h *journalHandler) WithGroup(string) slog.Handler { return h }
