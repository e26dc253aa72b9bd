package upstream

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/recursor/upstream/upstreamtest"
)

// Questions share a connection, and answers come in any order.
func TestPipelining(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		var mu sync.Mutex
		n := 0
		s.serve(truncated, func(q *upstreamtest.Query) {
			mu.Lock()
			n++
			wait := time.Duration(100-n) * time.Millisecond
			mu.Unlock()
			time.Sleep(wait)
			right(q)
		})
		var asking sync.WaitGroup
		for i := range maxPipelined {
			asking.Go(func() {
				q := newQuery(fmt.Sprintf("host%d.example.", i))
				r, err := s.server.Ask(context.Background(), q)
				if err != nil || len(r.Message) == 0 {
					t.Errorf("question %d: %v", i, err)
				}
			})
		}
		asking.Wait()
		if got := len(s.server.pool.conns); got != 1 {
			t.Errorf("%d connections were opened", got)
		}
	})
}

// More questions take more connections, up to a limit; what is above fails.
func TestConnectionsAreLimited(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, func(q *upstreamtest.Query) { time.Sleep(time.Second); right(q) })
		var asking sync.WaitGroup
		var mu sync.Mutex
		busy := 0
		const over = 10
		for i := range maxConnections*maxPipelined + over {
			asking.Go(func() {
				_, err := s.server.Ask(context.Background(), newQuery(fmt.Sprintf("host%d.example.", i)))
				mu.Lock()
				defer mu.Unlock()
				if errors.Is(err, errBusy) {
					busy++
				} else if err != nil {
					t.Errorf("question %d: %v", i, err)
				}
			})
		}
		asking.Wait()
		if got := len(s.server.pool.conns); got != maxConnections || busy != over {
			t.Errorf("%d connections, %d questions were too many", got, busy)
		}
	})
}

func TestIdleConnectionIsClosed(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, right)
		s.mustAnswer()
		time.Sleep(idleTimeout - time.Millisecond)
		if _, open, _ := s.network.Sockets(); open != 1 {
			t.Errorf("%d sockets are open", open)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if _, open, _ := s.network.Sockets(); open != 0 {
			t.Errorf("%d sockets are open", open)
		}
		s.mustAnswer()
	})
}

// A connection that the server has closed meanwhile is replaced, once.
func TestClosedConnectionIsReplaced(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(truncated, numbered(&asked, func(q *upstreamtest.Query, number int) {
			if number == 2 { // the second question on the first connection
				q.CloseConnection()
				return
			}
			right(q)
		}))
		s.mustAnswer()
		s.mustAnswer()
		if asked != 3 {
			t.Errorf("asked %d times", asked)
		}
	})
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(truncated, count(&asked, func(q *upstreamtest.Query) { q.CloseConnection() }))
		if _, err := s.ask(); !errors.Is(err, errBroken) || asked != 1 {
			t.Errorf("asked %d times, got %v", asked, err)
		}
	})
}

// A connection on which a question got no answer gets no others.
func TestStuckConnectionIsLeft(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(truncated, numbered(&asked, func(q *upstreamtest.Query, number int) {
			if number > 1 {
				right(q)
			}
		}))
		if _, err := s.ask(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		synctest.Wait() // the connection is given up at this very moment
		s.mustAnswer()
		if got := len(s.server.pool.conns); got != 1 {
			t.Errorf("%d connections are kept", got)
		}
	})
}

// A flood of replies that no query waits for ends the connection.
func TestStrayReplies(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, func(q *upstreamtest.Query) {
			m := q.Reply()
			m.ID++
			for range maxStray + 1 {
				q.SendMessage(m)
			}
			q.Send([]byte{1})
		})
		if _, err := s.ask(); !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
	})
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, func(q *upstreamtest.Query) {
			m := q.Reply()
			m.ID++
			q.SendMessage(m)
			right(q)
		})
		s.mustAnswer()
	})
}

// The reply over TCP has to be to the question, ID or no ID.
func TestWrongQuestionOverTCP(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, func(q *upstreamtest.Query) {
			m := q.Reply()
			m.Questions = nil
			q.SendMessage(m)
		})
		if _, err := s.ask(); !errors.Is(err, ErrMismatch) {
			t.Errorf("got %v", err)
		}
	})
}

// What waits on a connection fails when the server is let go, and nothing
// opens another.
func TestCloseEndsConnections(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, silent)
		failed := make(chan error)
		go func() {
			_, err := s.ask()
			failed <- err
		}()
		synctest.Wait()
		s.server.Close()
		if err := <-failed; !errors.Is(err, errBroken) {
			t.Errorf("got %v", err)
		}
		if _, err := s.ask(); !errors.Is(err, errServerClosed) {
			t.Errorf("afterwards: got %v", err)
		}
	})
}

func TestGivingUpWhileConnecting(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, func(q *upstreamtest.Query) {
			time.Sleep(time.Second) // the reply does not overtake the end of the query
			right(q)
		})
		ctx, cancel := context.WithCancel(context.Background())
		q := newQuery("www.example.com.")
		q.Progress = cancel
		if _, err := s.server.Ask(ctx, q); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		s.mustAnswer()
	})
}

// rawNetwork has connections on which a test reads and writes octets.
type rawNetwork struct {
	upstreamtest.Network
	serve  func(c net.Conn, number int)
	mu     sync.Mutex
	opened int
}

func (n *rawNetwork) DialTCP(context.Context, netip.AddrPort) (net.Conn, error) {
	near, far := net.Pipe()
	n.mu.Lock()
	n.opened++
	number := n.opened
	n.mu.Unlock()
	go func() {
		defer far.Close()
		n.serve(far, number)
	}()
	return near, nil
}

// readQuery reads a query and returns it as a reply that says nothing.
func readQuery(c net.Conn) []byte {
	var length [2]byte
	if _, err := io.ReadFull(c, length[:]); err != nil {
		return nil
	}
	b := make([]byte, binary.BigEndian.Uint16(length[:]))
	if _, err := io.ReadFull(c, b); err != nil {
		return nil
	}
	b[2] |= 0x80
	return b
}

func writeFrame(c net.Conn, b []byte) {
	c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
}

// Connections that end or stop at any octet: the question fails at once or when
// its time is over, and the next one is asked over another connection.
func TestBrokenConnections(t *testing.T) {
	wait := func(c net.Conn) { io.Copy(io.Discard, c) }
	for name, c := range map[string]struct {
		serve func(c net.Conn)
		want  error
	}{
		"closed at once":        {func(net.Conn) {}, errBroken},
		"closed after a query":  {func(c net.Conn) { readQuery(c) }, errBroken},
		"half a length":         {func(c net.Conn) { readQuery(c); c.Write([]byte{0}) }, errBroken},
		"half a length, stuck":  {func(c net.Conn) { readQuery(c); c.Write([]byte{0}); wait(c) }, context.DeadlineExceeded},
		"half a message":        {func(c net.Conn) { b := readQuery(c); c.Write([]byte{0, 255}); c.Write(b) }, errBroken},
		"half a message, stuck": {func(c net.Conn) { b := readQuery(c); c.Write([]byte{0, 255}); c.Write(b); wait(c) }, context.DeadlineExceeded},
		"nothing read":          {func(net.Conn) { time.Sleep(time.Minute) }, errBroken},
		"empty messages": {func(c net.Conn) {
			readQuery(c)
			for range maxStray + 2 {
				writeFrame(c, nil)
			}
			wait(c)
		}, errBroken},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &rawNetwork{serve: func(far net.Conn, number int) {
					if number == 1 {
						c.serve(far)
						return
					}
					for b := readQuery(far); b != nil; b = readQuery(far) {
						writeFrame(far, b)
					}
				}}
				network.Serve(serverAddr, truncated, nil)
				client := NewClient(Config{Network: network})
				s := client.Server(serverAddr)
				ask := func() error {
					ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
					defer cancel()
					_, err := s.Ask(ctx, newQuery("www.example.com."))
					return err
				}
				if err := ask(); !errors.Is(err, c.want) {
					t.Errorf("got %v", err)
				}
				synctest.Wait() // a connection that is stuck is given up at this very moment
				if err := ask(); err != nil || network.opened != 2 {
					t.Errorf("then over connection %d: %v", network.opened, err)
				}
				s.Close()
				client.Wait()
				network.Wait()
				time.Sleep(time.Minute)
			})
		})
	}
}

// The reply to a query that was cancelled comes first.
func TestLateReplyOverTCP(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		asked := 0
		s.serve(truncated, numbered(&asked, func(q *upstreamtest.Query, number int) {
			time.Sleep(time.Second)
			if number == 1 {
				q.Answer("@ A 203.0.113.66")
				time.Sleep(time.Second)
			}
			right(q)
		}))
		var a Request
		s.start(&a)
		time.Sleep(time.Second / 2)
		a.Cancel(context.Canceled)
		s.mustAnswer()
		if got := len(s.server.pool.conns); got != 1 {
			t.Errorf("%d connections are open", got)
		}
	})
}

// A connection on which nothing comes is left, also if other servers always
// answer first and its questions are cancelled.
func TestStuckConnectionOfCancelled(t *testing.T) {
	play(t, Config{}, func(s *scene) {
		s.serve(truncated, silent)
		var a Request
		s.start(&a)
		time.Sleep(stuckTime)
		a.Cancel(context.Canceled)
		synctest.Wait()
		asked := 0
		s.serve(truncated, count(&asked, right))
		s.mustAnswer()
		if asked != 1 {
			t.Errorf("the new connection was asked %d times", asked)
		}
	})
}
