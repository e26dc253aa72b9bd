package names

import (
	"context"
	"sync"
)

// flights lets those who ask the same at the same time share one query and its
// reply or failure. Who asks after it has come asks anew.
type flights struct {
	mu   sync.Mutex
	open map[string]*flight
}

// flight is one query under way.
type flight struct {
	waiting int    // how many wait for it
	cancel  func() // ends it
	done    chan struct{}
	reply   *Reply // written before done is closed, as is err
	err     error
}

// do returns what ask does, called for all who give the same key meanwhile.
// Who waits no longer than ctx lets the others wait on; ask is cancelled when
// nobody is left.
func (f *flights) do(ctx context.Context, key string, ask func(context.Context) (*Reply, error)) (*Reply, error) {
	f.mu.Lock()
	one := f.open[key]
	if one == nil {
		one = &flight{done: make(chan struct{})}
		if f.open == nil {
			f.open = map[string]*flight{}
		}
		f.open[key] = one
		flying, cancel := context.WithCancel(context.WithoutCancel(ctx))
		one.cancel = cancel
		go func() {
			defer cancel()
			one.reply, one.err = ask(flying)
			f.land(key, one)
			close(one.done)
		}()
	}
	one.waiting++
	f.mu.Unlock()

	select {
	case <-one.done:
		return one.reply, one.err
	case <-ctx.Done():
	}
	f.mu.Lock()
	one.waiting--
	isLast := one.waiting == 0
	if isLast && f.open[key] == one {
		delete(f.open, key)
	}
	f.mu.Unlock()
	if isLast {
		one.cancel()
	}
	return nil, ctx.Err()
}

// land lets the next asker begin anew.
func (f *flights) land(key string, one *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[key] == one {
		delete(f.open, key)
	}
}
