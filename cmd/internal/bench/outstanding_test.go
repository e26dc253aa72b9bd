package bench

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestOutstandingAgreesWithAList does at random what a run does, next to a plain
// list of the queries that wait.
func TestOutstandingAgreesWithAList(t *testing.T) {
	type query struct {
		id        uint16
		due, sent time.Duration
		question  int
	}
	for _, size := range []int{1, 64, 100, maxOutstanding, maxOutstanding + 1} {
		random := rand.New(rand.NewPCG(1, uint64(size)))
		f := newOutstanding(size)
		if f.size < min(size, maxOutstanding) || f.size > maxOutstanding {
			t.Fatalf("newOutstanding(%d) has room for %d", size, f.size)
		}
		var list []query // as they were sent
		now := time.Duration(0)
		for step := range 20000 {
			now += time.Duration(random.IntN(3))
			switch n := random.IntN(10); {
			case n < 5 && !f.full():
				q := query{due: now - time.Duration(random.IntN(5)), sent: now, question: step}
				q.id = f.add(q.due, q.sent, q.question)
				list = append(list, q)
			case n < 8 && len(list) > 0:
				i := random.IntN(len(list))
				got := f.find(list[i].id)
				if got == nil || got.due != list[i].due || got.sent != list[i].sent || int(got.question) != list[i].question {
					t.Fatalf("size %d, step %d: found %+v, want %+v", size, step, got, list[i])
				}
				f.end(got)
				if f.size < maxOutstanding && f.find(list[i].id) != nil {
					t.Fatalf("size %d, step %d: a second reply to %+v finds it", size, step, list[i])
				}
				list = slices.Delete(list, i, i+1)
			case n == 8:
				until, countFrom := now-time.Duration(random.IntN(200)), now-time.Duration(random.IntN(200))
				var want int64
				list = slices.DeleteFunc(list, func(q query) bool {
					if q.sent <= until && q.due >= countFrom {
						want++
					}
					return q.sent <= until
				})
				if got := f.expire(until, countFrom); got != want {
					t.Fatalf("size %d, step %d: %d expired and count, want %d", size, step, got, want)
				}
			}
			oldest := forever
			if len(list) > 0 {
				oldest = list[0].sent
			}
			if f.used != len(list) || f.oldest() != oldest || f.full() != (len(list) == f.size) {
				t.Fatalf("size %d, step %d: %d wait, the oldest since %v; want %d, %v", size, step, f.used, f.oldest(), len(list), oldest)
			}
		}
	}
}

// TestOutstandingIDs: a full one has an ID for each query, and one is not used
// again before the slots that are free have been.
func TestOutstandingIDs(t *testing.T) {
	f := newOutstanding(maxOutstanding)
	seen := make([]bool, maxOutstanding)
	for range maxOutstanding {
		seen[f.add(0, 0, 0)] = true
	}
	if slices.Contains(seen, false) || !f.full() {
		t.Error("65536 queries do not have 65536 IDs")
	}
	f = newOutstanding(64)
	used := map[uint16]int{}
	for n := range maxOutstanding {
		id := f.add(0, 0, n)
		if before, again := used[id]; again {
			t.Fatalf("query %d has the ID %d of query %d", n, id, before)
		}
		used[id] = n
		f.end(f.find(id))
	}
}

func TestSchedule(t *testing.T) {
	// Three threads, a thousand queries a second: one is due each millisecond.
	due := map[time.Duration]int{}
	for thread := range 3 {
		s := newSchedule(1000, thread, 3)
		for range 100 {
			due[s.due()]++
			s.advance()
		}
	}
	for n := range 300 {
		if due[time.Duration(n)*time.Millisecond] != 1 {
			t.Fatalf("at %d ms %d queries are due", n, due[time.Duration(n)*time.Millisecond])
		}
	}
	// If the interval is not a whole number of nanoseconds, nothing adds up.
	s := newSchedule(3, 0, 1)
	for range 3 * 3600 {
		s.advance()
	}
	if got := s.due().Round(time.Microsecond); got != time.Hour {
		t.Errorf("after an hour of three queries a second the next is due at %v", got)
	}
}
