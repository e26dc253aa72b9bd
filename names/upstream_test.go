package names

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// upstream plays DNS servers in memory: it is where a client dials to.
type upstream struct {
	handle func(asked) [][]byte      // the messages sent back; nil: hang up
	pause  func(asked) time.Duration // before each of them; nil: none
	start  time.Time
	turn   chan struct{} // full while handle is called: one at a time

	mu     sync.Mutex
	log    []string // every query
	open   int      // connections that are not closed
	dialed int
}

// asked is a query that has arrived.
type asked struct {
	network, address string
	message          *wire.Message
	after            time.Duration // since the beginning
	count            int           // queries so far, this one included
}

func (a asked) question() wire.Question { return a.message.Questions[0] }

func (a asked) String() string {
	return fmt.Sprintf("%s %s %s %s", a.network, a.address, a.question().Name, a.question().Type)
}

// newUpstream returns servers that all answer as handle does. At the end of
// the test no connection may be open.
func newUpstream(t *testing.T, handle func(asked) [][]byte) *upstream {
	t.Helper()
	u := &upstream{handle: handle, start: time.Now(), turn: make(chan struct{}, 1)}
	t.Cleanup(func() {
		if n := u.stillOpen(); n != 0 {
			t.Errorf("%d connections are still open", n)
		}
	})
	return u
}

// Dial connects to the server at address. A pipe keeps what is written apart
// from what is written next, as datagrams are.
func (u *upstream) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	u.mu.Lock()
	u.open++
	u.dialed++
	u.mu.Unlock()
	client, server := net.Pipe()
	go u.serve(server, network, address)
	return &countedConn{Conn: client, closed: func() { u.mu.Lock(); u.open--; u.mu.Unlock() }}, nil
}

type countedConn struct {
	net.Conn
	once   sync.Once
	closed func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

func (u *upstream) serve(conn net.Conn, network, address string) {
	defer conn.Close()
	buf := make([]byte, 65535)
	for {
		var octets []byte
		var err error
		if network == "tcp" {
			octets, err = frame.Read(conn, nil)
		} else {
			var n int
			n, err = conn.Read(buf)
			octets = buf[:n]
		}
		if err != nil {
			return
		}
		m, err := wire.ParseMessage(octets)
		if err != nil {
			panic(err)
		}
		a := asked{network: network, address: address, message: m, after: time.Since(u.start)}
		u.mu.Lock()
		u.log = append(u.log, a.String())
		a.count = len(u.log)
		u.mu.Unlock()
		u.turn <- struct{}{}
		replies := u.handle(a)
		<-u.turn
		for _, reply := range replies {
			if u.pause != nil {
				<-time.After(u.pause(a))
			}
			if reply == nil {
				return // hang up
			}
			if network == "tcp" {
				err = frame.Write(conn, reply)
			} else {
				_, err = conn.Write(reply)
			}
			if err != nil {
				return
			}
		}
	}
}

// asked returns the queries since it was called last.
func (u *upstream) asked() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	log := u.log
	u.log = nil
	return log
}

func (u *upstream) stillOpen() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.open
}

func (u *upstream) connections() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.dialed
}

// reply is the reply to a with the sections that text holds, in the manner of
// dig.
func (a asked) reply(text string) *wire.Message {
	m, err := wire.ParseMessageText(text)
	if err != nil {
		panic(fmt.Sprintf("%v in\n%s", err, text))
	}
	m.ID = a.message.ID
	m.Flags |= wire.FlagQR | wire.FlagRA | a.message.Flags&wire.FlagRD
	m.Questions = a.message.Questions
	return m
}

func (a asked) rcode(r wire.RCode) *wire.Message {
	m := a.reply("")
	m.RCode = r
	return m
}

// sent is messages as they go out.
func sent(messages ...*wire.Message) (all [][]byte) {
	for _, m := range messages {
		b, err := m.AppendTo(nil)
		if err != nil {
			panic(err)
		}
		all = append(all, b)
	}
	return all
}

// data answers from lines of records, as a full-service resolver would.
func data(text string) func(asked) [][]byte {
	m, err := wire.ParseMessageText(";; ANSWER SECTION:\n" + text)
	if err != nil {
		panic(err)
	}
	return func(a asked) [][]byte {
		r := a.reply("")
		q := a.question()
		name, records, _ := follow(m.Answers, q.Name, q.Type)
		for owner := q.Name; !owner.Equal(name); {
			_, alias, _ := follow(m.Answers, owner, wire.TypeCNAME)
			r.Answers = append(r.Answers, alias[0])
			owner, _, _ = wire.NameFromWire(alias[0].Data)
		}
		r.Answers = append(r.Answers, records...)
		if !slices.ContainsFunc(m.Answers, func(r wire.Record) bool { return r.Name.HasSuffix(name) }) {
			r.RCode = wire.RCodeNXDomain
		}
		return sent(r)
	}
}

// newTestClient returns a client without files that asks 192.0.2.1 and
// 192.0.2.2 in u.
func newTestClient(t *testing.T, u *upstream, change func(*ClientConfig)) *Client {
	t.Helper()
	config := ClientConfig{
		Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53")},
		NoHosts: true, Dial: u.Dial,
	}
	if change != nil {
		change(&config)
	}
	c, err := NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

// expect compares what is printed.
func expect(t *testing.T, what string, got, want any) {
	t.Helper()
	if g, w := strings.TrimSpace(fmt.Sprint(got)), strings.TrimSpace(fmt.Sprint(want)); g != w {
		t.Errorf("%s: %s\nwant %s", what, g, w)
	}
}
