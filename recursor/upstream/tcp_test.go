package upstream

import (
	"context"
	"errors"
	"fmt"
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
		s.mustAnswer()
		if got := len(s.server.pool.conns); got != 1 {
			t.Errorf("%d connections are kept", got)
		}
	})
}

// A flood of replies nobody waits for ends the connection.
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
		s.serve(truncated, right)
		ctx, cancel := context.WithCancel(context.Background())
		q := newQuery("www.example.com.")
		q.Progress = cancel
		if _, err := s.server.Ask(ctx, q); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		s.mustAnswer()
	})
}
