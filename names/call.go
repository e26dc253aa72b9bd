package names

import (
	"context"
	"sync"
)

// calls makes callers that ask the same at the same time share one query and
// its reply or failure. A caller that comes after the reply starts a new query.
type calls struct {
	mu   sync.Mutex
	open map[string]*call
}

// call is one query under way.
type call struct {
	waiting int    // how many wait for it
	cancel  func() // ends it
	done    chan struct{}
	reply   *Reply // written before done is closed, as is err
	err     error
}

// do returns what ask does, called once for all callers that give the same key meanwhile.
// A caller whose ctx ends leaves the others waiting; ask is cancelled when no
// caller is left.
func (f *calls) do(ctx context.Context, key string, ask func(context.Context) (*Reply, error)) (*Reply, error) {
	f.mu.Lock()
	one := f.open[key]
	if one == nil {
		one = &call{done: make(chan struct{})}
		if f.open == nil {
			f.open = map[string]*call{}
		}
		f.open[key] = one
		calling, cancel := context.WithCancel(context.WithoutCancel(ctx))
		one.cancel = cancel
		go func() {
			defer cancel()
			one.reply, one.err = ask(calling)
			f.forget(key, one)
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

// forget makes the next caller start a new query.
func (f *calls) forget(key string, one *call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open[key] == one {
		delete(f.open, key)
	}
}
