// Package workers keeps goroutines for work that comes in pieces.
package workers

import (
	"sync"
	"sync/atomic"
	"time"
)

// Pool calls a function for each of many values, each on a goroutine that
// has nothing else to do meanwhile. Goroutines that are done wait a while for
// another value: their stacks have grown to what the function takes, which is
// most of what a new goroutine costs. It sets no limit to how many work at once;
// that is for the caller that gives them the values.
type Pool[T any] struct {
	work  func(T)
	next  chan T
	idle  atomic.Int32
	ended chan struct{}
	done  sync.WaitGroup
}

const (
	// maxIdleWorkers is how many goroutines wait for a value at the most, and
	// idleWorkerTime how long.
	maxIdleWorkers = 256
	idleWorkerTime = 10 * time.Second
)

// New returns workers that call work.
func New[T any](work func(T)) *Pool[T] {
	return &Pool[T]{work: work, next: make(chan T), ended: make(chan struct{})}
}

// Do has work called with value, and does not wait for that. It may be called
// under a lock, and by work itself, but by no other caller once End was. End waits for
// all work: no lock that work takes may be held.
func (w *Pool[T]) Do(value T) {
	select {
	case w.next <- value:
	default:
		w.done.Add(1)
		go w.run(value)
	}
}

// End waits until all calls have returned, and leaves no goroutine running. It
// may be called once.
func (w *Pool[T]) End() {
	close(w.ended)
	w.done.Wait()
}

// run works on value and then on others, until none comes or enough goroutines
// wait for one.
func (w *Pool[T]) run(value T) {
	defer w.done.Done()
	timer := time.NewTimer(idleWorkerTime)
	defer timer.Stop()
	for {
		w.work(value)
		if w.idle.Add(1) > maxIdleWorkers {
			w.idle.Add(-1)
			return
		}
		timer.Reset(idleWorkerTime)
		select {
		case value = <-w.next:
			w.idle.Add(-1)
			continue
		case <-timer.C:
		case <-w.ended:
		}
		w.idle.Add(-1)
		return
	}
}
