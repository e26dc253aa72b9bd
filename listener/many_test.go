package listener

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// transfer answers AXFR with a number of messages of some 60,000 octets, each of
// which counts itself, and everything else as Echo does.
type transfer struct {
	Echo
	messages int
	ended    chan error // gets what Resolve returns for each transfer
	fails    bool       // after the first message
}

func (r transfer) TryResolve(x *names.Exchange) error {
	if x.Question().Type == wire.TypeAXFR {
		return names.ErrSlow
	}
	return r.Echo.TryResolve(x)
}

func (r transfer) Resolve(ctx context.Context, x *names.Exchange) error {
	if x.Question().Type != wire.TypeAXFR {
		return r.Echo.Resolve(ctx, x)
	}
	err := r.transfer(x)
	r.ended <- err
	return err
}

func (r transfer) transfer(x *names.Exchange) error {
	name := wire.MustParseName("zone.example.")
	if !x.CanStream() {
		x.RCode = wire.RCodeRefused // RFC 5936 4.2
		return nil
	}
	data := bytes.Clone(longText)
	for i := range r.messages {
		if i > 0 {
			if err := x.NextMessage(); err != nil {
				return err
			}
			if r.fails {
				return errors.New("the disk is on fire")
			}
		}
		binary.BigEndian.PutUint32(data[1:], uint32(i))
		if err := x.Reply.Raw(name, wire.TypeTXT, wire.ClassIN, 0, data); err != nil {
			return err
		}
	}
	return nil
}

func axfr(id uint16) []byte {
	return wire.AppendQuery(nil, id, 0, wire.Question{Name: wire.MustParseName("zone.example."), Type: wire.TypeAXFR, Class: wire.ClassIN}, nil)
}

// expectMessage reads message i of a transfer.
func expectMessage(t *testing.T, conn net.Conn, i int) {
	t.Helper()
	b := ReadFrame(t, conn)
	at := len(b) - len(longText) + 1
	if h, _ := wire.ParseHeader(b); h.ID != 7 || h.Flags.RCode() != 0 || at < 1 || binary.BigEndian.Uint32(b[at:]) != uint32(i) {
		t.Fatalf("message %d: header %+v", i, h)
	}
}

// hundredMB is how many messages are 100 MB.
const hundredMB = 1670

// A client that reads slowly gets all of a long reply; the writer waits for it
// with the memory of a message, and others on the same loop are answered.
func TestStreamOf100MBToSlowReader(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		r := transfer{messages: hundredMB, ended: make(chan error, 1)}
		c.Resolver, c.QueryTimeout = r, 50*time.Millisecond // shorter than the transfer takes
		s := Serving(t, c)
		slow, other := connect(t, s), connect(t, s)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		send(t, slow, axfr(7))
		expectMessage(t, slow, 0)
		for i := range 200 { // the first message is read, and no other
			send(t, other, Question(uint16(i), "www.example.", nil))
			expectID(t, other, uint16(i))
		}
		if n := s.Stats().Messages; n > hundredMB/2 {
			t.Errorf("%d messages are written to a client that has read one", n)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 4<<20 {
			t.Errorf("a stream takes %d octets of memory", grown)
		}
		for i := 1; i < hundredMB; i++ {
			expectMessage(t, slow, i)
			if i%50 == 0 {
				send(t, other, Question(uint16(i), "www.example.", nil))
				expectID(t, other, uint16(i))
			}
		}
		if err := <-r.ended; err != nil {
			t.Errorf("the transfer ends with %v", err)
		}
		send(t, slow, Question(9, "www.example.", nil)) // the connection goes on
		expectID(t, slow, 9)
		if c := s.Stats(); c.Messages != hundredMB-1 || c.Failed != 0 {
			t.Errorf("stats are %+v", c)
		}
	})
}

// A client that vanishes, or stops reading, ends its transfer and nothing else.
func TestStreamEndsWithItsClient(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		for what, leave := range map[string]func(net.Conn){
			"closes": func(conn net.Conn) { conn.Close() },
			"resets": func(conn net.Conn) { conn.(*net.TCPConn).SetLinger(0); conn.Close() },
			"stops":  func(net.Conn) {},
		} {
			r := transfer{messages: hundredMB, ended: make(chan error, 1)}
			c.Resolver, c.WriteTimeout = r, patience
			if what == "stops" {
				c.WriteTimeout = 30 * time.Millisecond
			}
			s := Serving(t, c)
			conn, other := connect(t, s), connect(t, s)
			send(t, conn, axfr(7))
			expectMessage(t, conn, 0)
			leave(conn)
			if err := <-r.ended; !errors.Is(err, names.ErrGone) {
				t.Errorf("client that %s: the transfer ends with %v", what, err)
			}
			send(t, other, Question(9, "www.example.", nil))
			expectID(t, other, 9)
			if c := s.Stats(); c.Failed != 0 { // nothing to tell the operator
				t.Errorf("client that %s: %+v", what, c)
			}
		}
	})
}

// A server that stops lets transfers end in the time that it gives queries, and
// ends them then.
func TestStreamEndsWithServer(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		for _, reads := range []bool{true, false} {
			r := transfer{messages: 300, ended: make(chan error, 1)}
			c.Resolver, c.Endpoints, c.Grace = r, Plain(netip.MustParseAddrPort("127.0.0.1:0")), 50*time.Millisecond
			if reads {
				c.Grace = patience
			} else {
				r.messages = hundredMB
				c.Resolver = r
			}
			s, err := Listen(c)
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan error)
			go func() { ended <- s.Serve(ctx) }()
			conn := connect(t, s)
			send(t, conn, axfr(7))
			expectMessage(t, conn, 0)
			cancel()
			if reads {
				for i := 1; i < r.messages; i++ {
					expectMessage(t, conn, i)
				}
			}
			if err := <-ended; err != nil {
				t.Errorf("Serve returns %v", err)
			}
			if err := <-r.ended; (err == nil) != reads || err != nil && !errors.Is(err, names.ErrGone) {
				t.Errorf("client that reads: %v; the transfer ends with %v", reads, err)
			}
		}
	})
}

// Over UDP a reply is one message. So is it if too many have more.
func TestStreamsAreBounded(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		r := transfer{messages: hundredMB, ended: make(chan error, 2)}
		c.Resolver, c.MaxStreams = r, 1
		s := Serving(t, c)
		if got := ParseReply(t, Ask(t, Dial(t, s, "udp"), axfr(7))); got.RCode != wire.RCodeRefused {
			t.Errorf("over UDP: %+v", got)
		}
		<-r.ended
		first, second := connect(t, s), connect(t, s)
		send(t, first, axfr(7))
		expectMessage(t, first, 0)
		if got := ParseReply(t, Ask(t, second, axfr(8))); got.RCode != wire.RCodeServFail {
			t.Errorf("a second transfer: %+v", got)
		}
		if err := <-r.ended; err != errTooManyStreams {
			t.Errorf("the second transfer ends with %v", err)
		}
		first.Close()
		<-r.ended
	})
}

// A client that does not read its transfers leaves some to others.
func TestClientLeavesStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e, err := NewEdge(Config{Resolver: transfer{messages: 3, ended: make(chan error, 10)}, MaxStreams: 4})
		if err != nil {
			t.Fatal(err)
		}
		read := make(chan struct{})
		var sending sync.WaitGroup
		var whole [2]atomic.Int32
		begin := func(client int) {
			sending.Go(func() {
				var x names.Exchange
				peer := names.Peer{Transport: names.QUIC, Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(client)}), 4000)}
				last := e.AnswerEach(context.Background(), &x, axfr(7), peer, nil, func([]byte) error { <-read; return nil })
				if ParseReply(t, last).RCode == wire.RCodeNoError {
					whole[client].Add(1)
				}
			})
			synctest.Wait()
		}
		for range 4 {
			begin(0)
		}
		begin(1)
		close(read)
		sending.Wait()
		if a, b := whole[0].Load(), whole[1].Load(); a != 3 || b != 1 {
			t.Errorf("one client has %d of 4 transfers, another %d", a, b)
		}
	})
}

// A transfer that fails in the middle ends with SERVFAIL, and the connection goes
// on.
func TestStreamThatFails(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.Resolver = transfer{messages: 3, ended: make(chan error, 1), fails: true}
		s := Serving(t, c)
		conn := connect(t, s)
		send(t, conn, axfr(7))
		expectMessage(t, conn, 0)
		if got := ParseReply(t, ReadFrame(t, conn)); got.RCode != wire.RCodeServFail || got.Header.ID != 7 || got.Answers != 0 {
			t.Errorf("last message is %+v", got)
		}
		send(t, conn, Question(9, "www.example.", nil))
		expectID(t, conn, 9)
	})
}

// Transports of other packages send replies of many messages, too, and are
// counted and limited like the others.
func TestEdgeCountsAndLimits(t *testing.T) {
	release := make(chan struct{})
	r := transfer{messages: 5, ended: make(chan error, 1), Echo: Echo{WaitFor: release}}
	e, err := NewEdge(Config{Resolver: r, MaxSlow: 1})
	if err != nil {
		t.Fatal(err)
	}
	peer := names.Peer{Transport: names.QUIC, Remote: client.Remote}
	var x names.Exchange
	sent := 0
	last := e.AnswerEach(context.Background(), &x, axfr(7), peer, nil, func(message []byte) error { sent++; return nil })
	if got := ParseReply(t, last); sent != 4 || got.Answers != 1 {
		t.Errorf("%d messages, and %+v", sent, got)
	}
	<-r.ended
	if got := ParseReply(t, e.Answer(context.Background(), &x, axfr(7), peer, nil)); got.RCode != wire.RCodeRefused {
		t.Errorf("a transport that carries one message: %+v", got)
	}
	<-r.ended
	waiting := make(chan []byte)
	go func() {
		var x names.Exchange
		waiting <- bytes.Clone(e.Answer(context.Background(), &x, Question(1, "slow.example.", nil), peer, nil))
	}()
	eventually.Succeed(t, func() error {
		if e.waiting.used() == 0 {
			return errors.New("no query waits")
		}
		return nil
	})
	peer.Transport = names.HTTPS
	if got := ParseReply(t, e.Answer(context.Background(), &x, Question(2, "slow.example.", nil), peer, nil)); got.RCode != wire.RCodeServFail {
		t.Errorf("one more than may wait: %+v", got)
	}
	close(release)
	if got := ParseReply(t, <-waiting); got.RCode != 0 || got.Answers != 1 {
		t.Errorf("the one that waited: %+v", got)
	}
	if c := e.Stats(); c.QUICQueries != 3 || c.HTTPSQueries != 1 || c.Shed != 1 || c.Messages != 4 || c.Replies != 4 {
		t.Errorf("stats are %+v", c)
	}
}

func (p *places) used() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shares.Used()
}
