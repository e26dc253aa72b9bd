package recursor

import (
	"context"
	"runtime/debug"

	"github.com/names-dns/names/wire"
)

// maxRenewals is how many zones have their keys fetched again at once: as many as a cache
// has popular answers on their way.
const maxRenewals = 100

// renewal is what fetchKey.again is for the fetch that stands for a renewal: it has no
// question that servers are asked, and no other fetch joins it.
const renewal = "renewal"

// renew fetches the keys of a zone that is in use again before they expire, while no client
// waits for them. It costs what a query may cost.
func (r *Recursor) renew(zone wire.Name) {
	if r.renewing.Add(1) > maxRenewals {
		r.renewing.Add(-1)
		return
	}
	q := wire.Question{Name: zone, Type: wire.TypeDNSKEY, Class: wire.ClassIN}
	key := fetchKeyOf(q)
	key.again, key.unchecked = renewal, true
	r.mu.Lock()
	defer r.mu.Unlock()
	f, isNew, err := r.join(key, q, nil)
	if err != nil || !isNew {
		if err == nil {
			f.waiters--
		}
		r.renewing.Add(-1)
		return
	}
	f.started.Store(true)
	r.workers.Do(func() {
		defer r.renewing.Add(-1)
		defer r.leave(f)
		r.renewBy(f)
	})
}

// renewBy does the work of a renewal, whose fetch is f.
func (r *Recursor) renewBy(f *fetch) {
	defer func() {
		if p := recover(); p != nil {
			r.config.Log.Error("panic while renewing the keys of a zone", "zone", f.question.Name, "panic", p, "stack", string(debug.Stack()))
		}
		r.finish(f, nil, nil)
	}()
	v := &validation{part: new(part)}
	newResolution(r, f).supply(v)
	ctx := context.WithValue(context.Background(), validationKey{}, v)
	if r.prover.validator.Renew(ctx, f.question.Name, v.budget.proofsOf(r.prover.validator)) {
		r.counts.renewed.Add(1)
	}
}
