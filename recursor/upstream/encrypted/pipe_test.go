package encrypted

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// pipe returns both ends of a connection in memory. Unlike [net.Pipe] it has room for
// what is not read yet, without which both sides of TLS may wait for each other.
func pipe() (a, b net.Conn) {
	x, y := newHalf(), newHalf()
	return &pipeEnd{in: x, out: y}, &pipeEnd{in: y, out: x}
}

// half is one direction.
type half struct {
	mu       sync.Mutex
	changed  sync.Cond
	octets   []byte
	isClosed bool
	deadline time.Time // of reading
	timer    *time.Timer
}

func newHalf() *half {
	h := new(half)
	h.changed.L = &h.mu
	return h
}

func (h *half) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.isClosed = true
	h.changed.Broadcast()
}

type pipeEnd struct{ in, out *half }

func (p *pipeEnd) Read(b []byte) (int, error) {
	h := p.in
	h.mu.Lock()
	defer h.mu.Unlock()
	for {
		switch {
		case !h.deadline.IsZero() && !time.Now().Before(h.deadline):
			return 0, os.ErrDeadlineExceeded
		case len(h.octets) > 0:
			n := copy(b, h.octets)
			h.octets = h.octets[n:]
			return n, nil
		case h.isClosed:
			return 0, io.EOF
		}
		h.changed.Wait()
	}
}

func (p *pipeEnd) Write(b []byte) (int, error) {
	h := p.out
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.isClosed {
		return 0, io.ErrClosedPipe
	}
	h.octets = append(h.octets, b...)
	h.changed.Broadcast()
	return len(b), nil
}

func (p *pipeEnd) Close() error {
	p.in.close()
	p.out.close()
	return nil
}

func (p *pipeEnd) SetReadDeadline(t time.Time) error {
	h := p.in
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.timer != nil {
		h.timer.Stop()
	}
	if h.deadline = t; !t.IsZero() {
		h.timer = time.AfterFunc(time.Until(t), func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.changed.Broadcast()
		})
	}
	h.changed.Broadcast()
	return nil
}

func (p *pipeEnd) SetWriteDeadline(time.Time) error { return nil } // writing does not wait
func (p *pipeEnd) SetDeadline(t time.Time) error    { return p.SetReadDeadline(t) }
func (p *pipeEnd) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 50000} }
func (p *pipeEnd) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 53), Port: 853} }
