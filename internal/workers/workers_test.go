package workers

import (
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sum atomic.Int64
		var w *Pool[int]
		w = New(func(n int) {
			time.Sleep(time.Second) // virtual
			sum.Add(1)
			if n > 0 {
				w.Do(n - 1)
			}
		})
		const count = 2 * maxIdleWorkers
		start := time.Now()
		for range count {
			w.Do(1)
		}
		if time.Since(start) != 0 {
			t.Error("who gives work waits for it")
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if sum.Load() != 2*count {
			t.Errorf("%d calls, not %d", sum.Load(), 2*count)
		}
		if n := w.idle.Load(); n < 1 || n > maxIdleWorkers {
			t.Errorf("%d goroutines wait for work", n)
		}
		time.Sleep(2 * idleWorkerTime)
		synctest.Wait()
		if n := w.idle.Load(); n != 0 {
			t.Errorf("%d goroutines wait for ever", n)
		}
		w.Do(0)
		w.End()
		if sum.Load() != 2*count+1 {
			t.Error("End has not waited")
		}
	})
}

// TestUsedWorkersStay: of the goroutines that wait those end that nothing came for.
func TestUsedWorkersStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := New(func(time.Duration) { time.Sleep(time.Second) }) // virtual
		defer w.End()
		for range 50 {
			w.Do(0)
		}
		for range 5 * idleWorkerTime / (2 * time.Second) {
			for range 3 {
				w.Do(0)
			}
			time.Sleep(2 * time.Second)
			synctest.Wait()
		}
		if n := w.idle.Load(); n != 3 {
			t.Errorf("%d goroutines wait, and there is use for three", n)
		}
	})
}

// TestWorkersAreUsedAgain: a goroutine that waits takes the next value, and
// that costs no memory.
func TestWorkersAreUsedAgain(t *testing.T) {
	done := make(chan struct{})
	w := New(func(struct{}) { done <- struct{}{} })
	defer w.End()
	step := func() {
		w.Do(struct{}{})
		<-done
		for w.idle.Load() == 0 {
			runtime.Gosched() // the goroutine is about to wait
		}
	}
	step()
	if n := testing.AllocsPerRun(100, step); n > 1 { // the goroutine may not quite wait yet
		t.Errorf("%v allocations", n)
	}
}
