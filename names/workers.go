package names

import (
	"sync"
	"sync/atomic"
	"time"
)

// Workers calls a function for each of many values, each on a goroutine that
// has nothing else to do meanwhile. Goroutines that are done wait a while for
// another value: their stacks have grown to what the function takes, which is
// most of what a new goroutine costs. It sets no limit to how many work at once;
// that is for whoever gives them the values.
type Workers[T any] struct {
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

// NewWorkers returns workers that call work.
func NewWorkers[T any](work func(T)) *Workers[T] {
	return &Workers[T]{work: work, next: make(chan T), ended: make(chan struct{})}
}

// Do has work called with value, and does not wait for that. It may be called
// by work itself, but by nobody else once End was.
func (w *Workers[T]) Do(value T) {
	select {
	case w.next <- value:
	default:
		w.done.Add(1)
		go w.run(value)
	}
}

// End waits until all calls have returned, and leaves no goroutine behind. It
// may be called once.
func (w *Workers[T]) End() {
	close(w.ended)
	w.done.Wait()
}

// run works on value and then on others, until none comes or enough goroutines
// wait for one.
func (w *Workers[T]) run(value T) {
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
