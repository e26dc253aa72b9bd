package listener

import (
	"time"

	"github.com/names-dns/names/names"
)

// Observer is called with each query that is over: with the reply as it is sent,
// or nil if there is none, and the error of the resolver, if it had one. The time
// at which the query was received is in x.Received. Of a reply of many messages it
// receives the last.
//
// It is called from many goroutines, by the one that answers: it must not wait,
// and borrows what it is given until it returns. Strays and responses it
// does not see.
type Observer func(x *names.Exchange, reply []byte, err error)

// Observe has o called with each query from now on, instead of the observer
// before; nil: with none. Without an observer, queries pay nothing for it, not
// even a look at the clock.
func (e *Edge) Observe(o Observer) {
	if o == nil {
		e.observer.Store(nil)
		return
	}
	e.observer.Store(&o)
}

// note takes the time of a query that an observer will be called with.
func (e *Edge) note(x *names.Exchange) {
	x.Received = time.Time{}
	if e.observer.Load() != nil {
		x.Received = time.Now()
	}
}

// observe calls the observer, if there is one.
func (e *Edge) observe(x *names.Exchange, reply []byte, err error, t *counts) {
	if e.observer.Load() != nil {
		e.callObserver(x, reply, err, t)
	}
}

// callObserver calls an observer that was there when the query came. It keeps one
// that panics from ending the server.
func (e *Edge) callObserver(x *names.Exchange, reply []byte, err error, t *counts) {
	defer func() {
		if p := recover(); p != nil {
			e.caught(p, x, t)
		}
	}()
	if o := e.observer.Load(); o != nil && !x.Received.IsZero() {
		(*o)(x, reply, err)
	}
}
