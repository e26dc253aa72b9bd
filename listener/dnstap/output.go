package dnstap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Config says where messages go.
type Config struct {
	// Target is unix:/path, tcp:host:port or file:/path. A file is appended to
	// only if it is empty or new: a Frame Stream has one start.
	Target string
	// Identity and Version name the server in each message. Empty: left out.
	Identity, Version string
	// Buffer is how many octets of messages may wait to be written. Zero means
	// 1 MiB; twice as much is allocated.
	Buffer int
	// OneIn keeps one message in so many. Zero means all.
	OneIn int
	// Log receives a line when the reader is lost and when it is back. Nil: none.
	Log *slog.Logger
}

const (
	defaultBuffer = 1 << 20
	flushInterval = 100 * time.Millisecond
	writeTimeout  = 5 * time.Second
	firstRetry    = time.Second
	maxRetry      = time.Minute
)

// Stats are the counts of an Output since it was made.
type Stats struct {
	Written uint64 // messages handed to the operating system
	Dropped uint64 // messages for which there was no room, or whose connection broke
	Sampled uint64 // messages left out because of OneIn
}

// Output writes messages to one target. Its methods may be called by several
// goroutines.
type Output struct {
	config Config
	dial   func(context.Context) (io.WriteCloser, io.Reader, error)
	wake   chan struct{} // holds one: there is something to write

	seen, written, dropped, sampled atomic.Uint64

	mu      sync.Mutex // held for a copy, never while anything is written
	waiting []byte     // guarded by mu: frames to write
	frames  uint64     // guarded by mu: how many
}

// New makes an output, which does nothing until [Output.Run].
func New(config Config) (*Output, error) {
	if config.Buffer == 0 {
		config.Buffer = defaultBuffer
	}
	if config.Buffer < 1<<16 {
		return nil, fmt.Errorf("dnstap: a buffer of %d octets has no room for one message; at least 65536", config.Buffer)
	}
	o := &Output{config: config, wake: make(chan struct{}, 1), waiting: make([]byte, 0, config.Buffer)}
	if err := CheckTarget(config.Target); err != nil {
		return nil, fmt.Errorf("dnstap: %w", err)
	}
	kind, address, _ := strings.Cut(config.Target, ":")
	switch kind {
	case "unix", "tcp":
		o.dial = func(ctx context.Context) (io.WriteCloser, io.Reader, error) {
			conn, err := new(net.Dialer).DialContext(ctx, kind, address)
			if err != nil {
				return nil, nil, err
			}
			patient := &deadlineConn{conn}
			return patient, patient, nil
		}
	case "file":
		o.dial = func(context.Context) (io.WriteCloser, io.Reader, error) { return createFile(address) }
	}
	return o, nil
}

// CheckTarget returns an error if target is not of a form that [Config] knows.
func CheckTarget(target string) error {
	kind, address, _ := strings.Cut(target, ":")
	port := strings.LastIndexByte(address, ':')
	switch {
	case kind != "unix" && kind != "tcp" && kind != "file", address == "":
		return fmt.Errorf("target %q is not unix:/path, tcp:host:port or file:/path", target)
	case kind == "tcp" && port <= 0:
		return fmt.Errorf("target %q has no port; write tcp:host:port", target)
	}
	return nil
}

// Record takes a message, which is copied. It never waits for a reader: without
// room the message is dropped.
func (o *Output) Record(m *Message) {
	if n := o.config.OneIn; n > 1 && o.seen.Add(1)%uint64(n) != 0 {
		o.sampled.Add(1)
		return
	}
	o.mu.Lock()
	if len(o.waiting)+m.maxFrame(&o.config) > cap(o.waiting) {
		o.mu.Unlock()
		o.dropped.Add(1)
		return
	}
	isFirst := len(o.waiting) == 0
	o.waiting = AppendFrame(o.waiting, o.config.Identity, o.config.Version, m)
	o.frames++
	o.mu.Unlock()
	if isFirst {
		select {
		case o.wake <- struct{}{}:
		default:
		}
	}
}

// maxFrame is more than the frame of m takes.
func (m *Message) maxFrame(c *Config) int {
	return 128 + len(c.Identity) + len(c.Version) + len(m.Zone) + len(m.Packet)
}

// Stats returns the counts of now. Each message is in one of them once it is not
// waiting.
func (o *Output) Stats() Stats {
	return Stats{Written: o.written.Load(), Dropped: o.dropped.Load(), Sampled: o.sampled.Load()}
}

// Run connects and writes until ctx is done; then it writes what waits and ends
// the stream. A reader that is lost is tried again, at first after a second, then
// after longer pauses of up to a minute.
func (o *Output) Run(ctx context.Context) {
	retry := firstRetry
	for ctx.Err() == nil {
		began := time.Now()
		err := o.runOnce(ctx)
		if err == nil {
			return
		}
		if time.Since(began) > maxRetry {
			retry = firstRetry
		}
		o.log(slog.LevelWarn, "dnstap target lost, messages are dropped until it is back", "target", o.config.Target, "error", err, "retry", retry)
		select {
		case <-ctx.Done():
		case <-time.After(retry):
		}
		retry = min(2*retry, maxRetry)
	}
}

// runOnce writes to one connection or file until that fails or ctx is done.
func (o *Output) runOnce(ctx context.Context) error {
	w, r, err := o.dial(ctx)
	if err != nil {
		return err
	}
	defer w.Close()
	if err := open(w, r); err != nil {
		return err
	}
	o.log(slog.LevelInfo, "dnstap target connected", "target", o.config.Target)
	spare := make([]byte, 0, o.config.Buffer)
	tick := time.NewTicker(flushInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			if _, err := o.flush(w, spare); err != nil {
				return nil // counted; there is no time to try again
			}
			return finish(w, r)
		case <-o.wake:
			// Messages come in bursts: one write for those of a moment.
			select {
			case <-ctx.Done():
			case <-tick.C:
			}
			if spare, err = o.flush(w, spare); err != nil {
				return err
			}
		}
	}
}

// flush writes what waits, and gives spare to those that record meanwhile. It
// returns the buffer that is spare then.
func (o *Output) flush(w io.Writer, spare []byte) ([]byte, error) {
	o.mu.Lock()
	full, frames := o.waiting, o.frames
	o.waiting, o.frames = spare[:0], 0
	o.mu.Unlock()
	if len(full) == 0 {
		return full, nil
	}
	if _, err := w.Write(full); err != nil {
		o.dropped.Add(frames)
		return full, err
	}
	o.written.Add(frames)
	return full, nil
}

func (o *Output) log(level slog.Level, message string, args ...any) {
	if o.config.Log != nil {
		o.config.Log.Log(context.Background(), level, message, args...)
	}
}

// deadlineConn gives up on a reader that takes nothing for writeTimeout.
type deadlineConn struct{ net.Conn }

func (c *deadlineConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(writeTimeout))
	return c.Conn.Write(b)
}

func (c *deadlineConn) Read(b []byte) (int, error) {
	c.SetReadDeadline(time.Now().Add(writeTimeout))
	return c.Conn.Read(b)
}

// createFile opens a new or an empty file: a stream cannot be appended to another.
func createFile(path string) (io.WriteCloser, io.Reader, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errors.New("not a regular file")
	case info.Size() > 0:
		err = errors.New("the file is not empty: move it away first")
	default:
		return f, nil, nil
	}
	f.Close()
	return nil, nil, &os.PathError{Op: "dnstap", Path: path, Err: err}
}
