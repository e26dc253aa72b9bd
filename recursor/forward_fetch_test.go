package recursor

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// Flights are used again while replies, timers and streams of the question
// before may still be on their way: no client gets another's answer, whatever the
// servers do and however soon the clients give up.
func TestAnswersAreNotMixedUp(t *testing.T) {
	addressOf := func(name wire.Name) uint32 {
		h := fnv.New32a()
		h.Write(name.AppendFolded(nil))
		return h.Sum32()
	}
	answer := func(q *upstreamtest.Query) {
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], addressOf(q.Questions[0].Name))
		q.Answer(fmt.Sprintf("@ A %d.%d.%d.%d", a[0], a[1], a[2], a[3]))
	}
	// What a server does depends on the name and the server.
	behave := func(salt uint32) upstreamtest.Handler {
		return func(q *upstreamtest.Query) {
			switch n := addressOf(q.Questions[0].Name) + salt; {
			case q.TCP:
				after(time.Duration(n%3)*time.Millisecond, answer)(q)
			case n%7 == 0:
				silent(q)
			case n%7 == 1:
				truncated(q)
			case n%7 == 2:
				q.Fail(wire.RCodeServFail)
			case n%7 == 3:
				after(time.Duration(n%500)*time.Millisecond, answer)(q)
			default:
				answer(q)
			}
		}
	}
	c := ForwardConfig{MaxInFlight: 20}
	play(t, c, func(s *scene) {
		s.serve(serverA, behave(0), behave(0))
		s.serve(serverB, behave(3), behave(3))
		var asking sync.WaitGroup
		var mu sync.Mutex
		answered, failed := 0, 0
		for worker := range 40 {
			asking.Go(func() {
				for i := range 50 {
					name := wire.MustParseName(fmt.Sprintf("host%d.example.", (worker*17+i*31)%300))
					ctx, cancel := context.WithTimeout(context.Background(), time.Duration(1+i*13%900)*time.Millisecond)
					var x names.Exchange
					x.Read(wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: name, Type: wire.TypeA, Class: wire.ClassIN}, nil), names.Peer{})
					x.Begin(nil, 512)
					err := s.f.Resolve(ctx, &x)
					cancel()
					var failure *Failure
					mu.Lock()
					if err == nil {
						answered++
					} else if errors.As(err, &failure) {
						failed++
					} else {
						t.Errorf("%s: %v", name, err)
					}
					mu.Unlock()
					if err != nil {
						continue
					}
					m, err := wire.ParseMessage(x.Reply.Finish())
					if err != nil {
						t.Error(err)
					} else if len(m.Answers) != 1 || binary.BigEndian.Uint32(m.Answers[0].Data) != addressOf(name) {
						t.Errorf("%s got\n%v", name, m)
					}
				}
			})
		}
		asking.Wait()
		if answered < 1000 || failed == 0 {
			t.Errorf("%d answers, %d failures: both should be many", answered, failed)
		}
		t.Logf("%d answers, %d failures", answered, failed)
	})
}
