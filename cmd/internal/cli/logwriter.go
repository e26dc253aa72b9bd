package cli

import (
	"bytes"
	"io"
	"log/slog"
	"sync"
	"time"
)

// LogWriter writes to the standard error of a server. Write never
// waits and never fails: lines are kept, up to a limit, until a goroutine of
// its own has written them. Lines that find no room, or that cannot be written,
// are lost. They are counted, and the count is written as soon as something can
// be written again.
type LogWriter struct {
	to         io.Writer
	limit      int  // octets that may wait
	isTerminal bool // to, which then may have a status after the last line

	mu      sync.Mutex // guards what follows; nothing is written under it
	pending []byte
	lost    int // lines, since the last report
	total   int // lines, of all times
	closed  bool
	status  string

	shown string // the status that to has; of run alone

	wake chan struct{} // has room for one
	done chan struct{}
}

const (
	// logRoom is how many octets of log may wait to be written.
	logRoom = 1 << 20
	// logRetry is how often a report of lost lines is tried again.
	logRetry = 5 * time.Second
)

// NewLogWriter returns a writer in front of to.
func NewLogWriter(to io.Writer) *LogWriter { return newLogWriter(to, logRoom) }

func newLogWriter(to io.Writer, limit int) *LogWriter {
	w := &LogWriter{to: to, limit: limit, isTerminal: IsTerminal(to), wake: make(chan struct{}, 1), done: make(chan struct{})}
	go w.run()
	return w
}

// Write takes whole lines. It never fails.
func (w *LogWriter) Write(lines []byte) (int, error) {
	w.mu.Lock()
	if w.closed || len(w.pending)+len(lines) > w.limit {
		w.lose(lines)
	} else {
		w.pending = append(w.pending, lines...)
	}
	w.mu.Unlock()
	w.wakeUp()
	return len(lines), nil
}

// Status shows text after the last line, until there is another; "" takes it away. It is
// for terminals: elsewhere it does nothing.
func (w *LogWriter) Status(text string) {
	if !w.isTerminal {
		return
	}
	w.mu.Lock()
	w.status = text
	w.mu.Unlock()
	w.wakeUp()
}

// Lost is how many lines were lost so far.
func (w *LogWriter) Lost() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total
}

// Close waits until everything is written, but no longer than timeout: a reader
// that does not read must not keep the process alive. It reports whether
// everything was.
func (w *LogWriter) Close(timeout time.Duration) bool {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.wakeUp()
	select {
	case <-w.done:
		return true
	case <-time.After(timeout):
		return false
	}
}

func (w *LogWriter) wakeUp() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// lose counts lines that will not be written. w.mu is held.
func (w *LogWriter) lose(lines []byte) {
	n := max(1, bytes.Count(lines, []byte{'\n'}))
	w.lost += n
	w.total += n
}

// run writes until the writer is closed.
func (w *LogWriter) run() {
	defer close(w.done)
	retry := time.NewTimer(logRetry)
	defer retry.Stop()
	var lines []byte
	for isReported := true; ; {
		if isReported {
			retry.Stop() // a server with nothing to do wakes for nothing
		} else {
			retry.Reset(logRetry)
		}
		select {
		case <-w.wake:
		case <-retry.C:
		}
		w.mu.Lock()
		lines, w.pending = w.pending, lines[:0]
		closed, status := w.closed, w.status
		w.mu.Unlock()
		if w.shown != "" && (len(lines) > 0 || w.shown != status) {
			io.WriteString(w.to, "\r\x1b[K") // to the start of the line, and clear it
			w.shown = ""
		}
		isReported = w.write(lines) && w.report()
		if w.shown != status {
			io.WriteString(w.to, status)
			w.shown = status
		}
		if closed {
			return
		}
	}
}

// write writes lines and reports whether it could.
func (w *LogWriter) write(lines []byte) bool {
	if len(lines) == 0 {
		return true
	}
	n, err := w.to.Write(lines)
	if err == nil {
		return true
	}
	w.mu.Lock()
	w.lose(lines[min(max(0, n), len(lines)-1):])
	w.mu.Unlock()
	return false
}

// report writes how many lines were lost, if any were. The count stays as it is
// if it cannot be written, which report reports.
func (w *LogWriter) report() bool {
	w.mu.Lock()
	n := w.lost
	w.mu.Unlock()
	if n == 0 {
		return true
	}
	var line bytes.Buffer
	slog.New(slog.NewTextHandler(&line, nil)).Warn("log lines lost", "lines", n)
	if _, err := w.to.Write(line.Bytes()); err != nil {
		return false
	}
	w.mu.Lock()
	w.lost -= n
	w.mu.Unlock()
	return true
}
