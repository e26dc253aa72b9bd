package systemd

import (
	"context"
	"io"
	"log/slog"
)

// JournalText returns a handler that writes lines of text as slog.TextHandler does,
// each with the level that the journal keeps for it in front: "<4>" for a warning
// (sd-daemon(3)). The journal has its own times, so these lines have none. The level
// of options applies; its ReplaceAttr is not called.
func JournalText(out io.Writer, options *slog.HandlerOptions) slog.Handler {
	o := *options
	o.ReplaceAttr = func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	h := new(journalText)
	for i, prefix := range journalPrefixes {
		h.handlers[i] = slog.NewTextHandler(prefixed{out, prefix}, &o)
	}
	return h
}

// journalPrefixes are those of error, warning, information and debugging (syslog(3)).
var journalPrefixes = [...]string{"<3>", "<4>", "<6>", "<7>"}

// journalText has a handler for each prefix. Each writes a line with one call of
// Write, and what is below serializes these calls.
type journalText struct {
	handlers [len(journalPrefixes)]slog.Handler
}

func (h *journalText) at(level slog.Level) slog.Handler {
	switch {
	case level >= slog.LevelError:
		return h.handlers[0]
	case level >= slog.LevelWarn:
		return h.handlers[1]
	case level >= slog.LevelInfo:
		return h.handlers[2]
	}
	return h.handlers[3]
}

// Enabled implements slog.Handler.
func (h *journalText) Enabled(ctx context.Context, level slog.Level) bool {
	return h.at(level).Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *journalText) Handle(ctx context.Context, r slog.Record) error {
	return h.at(r.Level).Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *journalText) WithAttrs(attrs []slog.Attr) slog.Handler {
	return h.with(func(each slog.Handler) slog.Handler { return each.WithAttrs(attrs) })
}

// WithGroup implements slog.Handler.
func (h *journalText) WithGroup(name string) slog.Handler {
	return h.with(func(each slog.Handler) slog.Handler { return each.WithGroup(name) })
}

func (h *journalText) with(change func(slog.Handler) slog.Handler) slog.Handler {
	changed := new(journalText)
	for i, each := range h.handlers {
		changed.handlers[i] = change(each)
	}
	return changed
}

// prefixed writes a prefix before each line.
type prefixed struct {
	out    io.Writer
	prefix string
}

func (p prefixed) Write(line []byte) (int, error) {
	whole := make([]byte, 0, len(p.prefix)+len(line))
	if _, err := p.out.Write(append(append(whole, p.prefix...), line...)); err != nil {
		return 0, err
	}
	return len(line), nil
}
