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
	leave chan struct{} // each ends a goroutine that waits
	ended chan struct{}
	done  sync.WaitGroup

	idle   atomic.Int32 // goroutines that wait
	unused atomic.Int32 // the fewest that did since the last look
	looks  atomic.Bool  // a look is to come

	mu    sync.Mutex // guards timer; nothing is waited for
	timer *time.Timer
}

const (
	// maxIdleWorkers is how many goroutines wait for a value at the most. Every
	// idleWorkerTime those end that nothing came for. One look at all costs less than
	// a timer for each: to set the next timer to expire wakes a thread.
	maxIdleWorkers = 256
	idleWorkerTime = 10 * time.Second
)

// New returns workers that call work.
func New[T any](work func(T)) *Pool[T] {
	return &Pool[T]{work: work, next: make(chan T), leave: make(chan struct{}), ended: make(chan struct{})}
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
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
	}
}

// run works on value and then on others, until none comes or enough goroutines
// wait for one.
func (w *Pool[T]) run(value T) {
	defer w.done.Done()
	for {
		w.work(value)
		if w.idle.Add(1) > maxIdleWorkers {
			w.idle.Add(-1)
			return
		}
		if !w.looks.Load() && w.looks.CompareAndSwap(false, true) {
			w.lookLater()
		}
		select {
		case value = <-w.next:
			w.took()
			continue
		case <-w.leave:
		case <-w.ended:
		}
		w.idle.Add(-1)
		return
	}
}

// took counts a goroutine that waits no longer.
func (w *Pool[T]) took() {
	left := w.idle.Add(-1)
	for {
		unused := w.unused.Load()
		if left >= unused || w.unused.CompareAndSwap(unused, left) {
			return
		}
	}
}

// lookLater has the goroutines that wait looked at after a while.
func (w *Pool[T]) lookLater() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		w.timer = time.AfterFunc(idleWorkerTime, w.look)
	} else {
		w.timer.Reset(idleWorkerTime)
	}
}

// look ends as many goroutines as waited all the time since the last look.
func (w *Pool[T]) look() {
	for range w.unused.Load() {
		select {
		case w.leave <- struct{}{}:
		default: // they have found work
		}
	}
	left := w.idle.Load()
	w.unused.Store(left)
	if left > 0 {
		w.lookLater()
		return
	}
	w.looks.Store(false)
	if w.idle.Load() > 0 && w.looks.CompareAndSwap(false, true) {
		w.lookLater() // one has come to wait meanwhile
	}
}
