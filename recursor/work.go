package recursor

import "sync/atomic"

// workers runs functions on goroutines of their own, and keeps some that have
// nothing to do for the next: their stacks have grown to what it takes.
type workers struct {
	next chan func()
	idle atomic.Int32
}

// maxIdle is how many goroutines wait for something to do at the most.
const maxIdle = 256

// work runs f on a goroutine that ends, or waits for the next, when f returns.
func (r *Recursor) work(f func()) {
	select {
	case r.workers.next <- f:
		return
	default:
	}
	r.done.Go(func() {
		for {
			f()
			if r.workers.idle.Add(1) > maxIdle {
				r.workers.idle.Add(-1)
				return
			}
			select {
			case f = <-r.workers.next:
				r.workers.idle.Add(-1)
			case <-r.ended:
				return
			}
		}
	})
}
