package listenertest

import (
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// streamListener is a socket that accepts connections.
type streamListener struct {
	network *Network
	local   netip.AddrPort
	backlog chan net.Conn
	once    sync.Once
	closed  chan struct{}
}

func (l *streamListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.backlog:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *streamListener) Close() error {
	l.once.Do(func() {
		close(l.closed)
		l.network.mu.Lock()
		defer l.network.mu.Unlock()
		delete(l.network.streams, l.local)
	})
	return nil
}

func (l *streamListener) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.local) }

// stream is one end of a connection.
type stream struct {
	local, remote netip.AddrPort
	in, out       *flow
	read, write   deadline
}

func newStream(client, server netip.AddrPort) (c, s *stream) {
	up, down := newFlow(), newFlow()
	c = &stream{local: client, remote: server, in: down, out: up}
	s = &stream{local: server, remote: client, in: up, out: down}
	for _, end := range []*stream{c, s} {
		end.read.init()
		end.write.init()
	}
	return c, s
}

func (s *stream) Read(b []byte) (int, error)  { return s.in.read(b, &s.read) }
func (s *stream) Write(b []byte) (int, error) { return s.out.write(b, &s.write) }

// CloseWrite ends what this end sends: the other one reads to the end of it.
func (s *stream) CloseWrite() error { s.out.end(false); return nil }

func (s *stream) Close() error {
	s.out.end(false)
	s.in.end(true)
	return nil
}

func (s *stream) LocalAddr() net.Addr                { return net.TCPAddrFromAddrPort(s.local) }
func (s *stream) RemoteAddr() net.Addr               { return net.TCPAddrFromAddrPort(s.remote) }
func (s *stream) SetReadDeadline(t time.Time) error  { s.read.set(t); return nil }
func (s *stream) SetWriteDeadline(t time.Time) error { s.write.set(t); return nil }

func (s *stream) SetDeadline(t time.Time) error {
	s.read.set(t)
	s.write.set(t)
	return nil
}

// flowSize is how many octets a flow holds before its writer has to wait.
const flowSize = 64 << 10

// flow is octets on their way in one direction.
type flow struct {
	mu      sync.Mutex
	octets  []byte
	ended   bool // nothing more will be written
	refused bool // nothing more will be read
	changed chan struct{}
}

func newFlow() *flow { return &flow{changed: make(chan struct{})} }

// tell wakes the goroutines that wait for f to change. f is locked.
func (f *flow) tell() {
	close(f.changed)
	f.changed = make(chan struct{})
}

func (f *flow) read(b []byte, d *deadline) (int, error) {
	for {
		f.mu.Lock()
		changed := f.changed
		switch {
		case f.refused:
			f.mu.Unlock()
			return 0, net.ErrClosed
		case d.isOver():
			f.mu.Unlock()
			return 0, os.ErrDeadlineExceeded
		case len(f.octets) > 0:
			n := copy(b, f.octets)
			f.octets = f.octets[n:]
			f.tell()
			f.mu.Unlock()
			return n, nil
		case f.ended:
			f.mu.Unlock()
			return 0, io.EOF
		}
		f.mu.Unlock()
		select {
		case <-changed:
		case <-d.over():
		}
	}
}

func (f *flow) write(b []byte, d *deadline) (written int, err error) {
	for {
		f.mu.Lock()
		switch {
		case f.ended:
			f.mu.Unlock()
			return written, net.ErrClosed
		case f.refused:
			f.mu.Unlock()
			return written, syscall.EPIPE
		case d.isOver():
			f.mu.Unlock()
			return written, os.ErrDeadlineExceeded
		}
		n := min(len(b), flowSize-len(f.octets))
		f.octets = append(f.octets, b[:n]...)
		b = b[n:]
		written += n
		if n > 0 {
			f.tell()
		}
		changed := f.changed
		f.mu.Unlock()
		if len(b) == 0 {
			return written, nil
		}
		select {
		case <-changed:
		case <-d.over():
		}
	}
}

// end says that nothing more will be written, or read.
func (f *flow) end(reading bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if reading {
		f.refused = true
	} else {
		f.ended = true
	}
	f.tell()
}

// deadline is a moment that may be moved until it has come, and again after.
type deadline struct {
	mu    sync.Mutex
	timer *time.Timer
	come  chan struct{} // closed once the moment has come
}

func (d *deadline) init() { d.come = make(chan struct{}) }

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil && !d.timer.Stop() {
		<-d.come // it is being closed right now
	}
	d.timer = nil
	select {
	case <-d.come:
		d.come = make(chan struct{})
	default:
	}
	switch wait := time.Until(t); {
	case t.IsZero():
	case wait <= 0:
		close(d.come)
	default:
		come := d.come
		d.timer = time.AfterFunc(wait, func() { close(come) })
	}
}

// over is closed once the deadline has come.
func (d *deadline) over() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.come
}

func (d *deadline) isOver() bool {
	select {
	case <-d.over():
		return true
	default:
		return false
	}
}
