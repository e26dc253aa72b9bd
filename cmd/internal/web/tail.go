package web

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
)

// Tail is a handler of log lines that keeps the last of them, and passes all on.
type Tail struct {
	slog.Handler
	lines *lines
}

// tailLines is how many lines are kept, and tailWidth how long one may be, in octets.
const (
	tailLines = 200
	tailWidth = 1000
)

type lines struct {
	mu   sync.Mutex // guards what follows; the line is made before
	all  [tailLines]string
	next int
}

// NewTail returns a handler in front of next.
func NewTail(next slog.Handler) *Tail { return &Tail{next, new(lines)} }

// Handle keeps a line, and passes it on.
func (t *Tail) Handle(ctx context.Context, r slog.Record) error {
	var b bytes.Buffer
	slog.NewTextHandler(&b, nil).Handle(ctx, r)
	text := strings.TrimRight(b.String(), "\n")
	t.lines.mu.Lock()
	t.lines.all[t.lines.next%tailLines] = text[:min(len(text), tailWidth)]
	t.lines.next++
	t.lines.mu.Unlock()
	return t.Handler.Handle(ctx, r)
}

// WithAttrs is that of the next handler; its lines are kept, too.
func (t *Tail) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &Tail{t.Handler.WithAttrs(attrs), t.lines}
}

// WithGroup is that of the next handler.
func (t *Tail) WithGroup(name string) slog.Handler { return &Tail{t.Handler.WithGroup(name), t.lines} }

// Lines returns what is kept, oldest first.
func (t *Tail) Lines() []string {
	t.lines.mu.Lock()
	defer t.lines.mu.Unlock()
	all := []string{}
	for i := max(0, t.lines.next-tailLines); i < t.lines.next; i++ {
		all = append(all, t.lines.all[i%tailLines])
	}
	return all
}
