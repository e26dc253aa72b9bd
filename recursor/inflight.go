package recursor

import (
	"slices"
	"time"

	"github.com/names-dns/names/wire"
)

// Resolutions of names in one zone begin alike, and so do those of aliases of one
// name: they need the same query at the same time, most of all while the cache is
// empty. One of them sends it. The others wait, and find the result in the cache.

// inflightKey is what makes two questions to servers one.
type inflightKey struct {
	zone, name string // wire form in lower case
	kind       wire.Type
}

// inflight is a query to the servers of a zone that a fetch sends. All of it is under the recursor's lock.
type inflight struct {
	key      inflightKey
	by       *fetch        // nil: there is none
	released chan struct{} // closed when the reply is in the cache; nil if no fetch waits
}

// waitOrRegister registers that t sends q to the servers of its cut, until release.
// If another fetch does so already, it waits for that one and reports true: there
// may be more in the cache now. It waits once for each question; if the reply
// cannot be kept, each fetch sends the query itself.
func (t *resolution) waitOrRegister(q wire.Question) (waited bool) {
	if t.trace != nil || t.fetch.key.again != "" {
		return false // it is to show what is asked, or wants to know from another server
	}
	key := inflightKey{zone: t.cutKey, name: q.Name.Fold().Wire(), kind: q.Type}
	r := t.r
	r.mu.Lock()
	other := r.inflight[key]
	if other == nil {
		t.inflight = inflight{key: key, by: t.fetch}
		r.inflight[key] = &t.inflight
		r.mu.Unlock()
		return false
	}
	if t.waitedFor == key || !t.fetch.waitFor(other.by) {
		r.mu.Unlock()
		return false
	}
	t.waitedFor = key
	if other.released == nil {
		other.released = make(chan struct{})
	}
	by, released := other.by, other.released
	r.mu.Unlock()
	t.await(by, released)
	return true
}

// waitFor notes that f waits for other, unless that waits for f. The recursor is locked.
func (f *fetch) waitFor(other *fetch) bool {
	left := maxReached
	if other.reaches(f, &left) {
		return false
	}
	f.waitsFor = append(f.waitsFor, other)
	return true
}

// await waits until by, which the fetch of t waits for, is done with something, or the
// fetch has to end.
func (t *resolution) await(by *fetch, done <-chan struct{}) {
	timer := time.NewTimer(time.Until(t.fetch.deadline))
	defer timer.Stop()
	select {
	case <-done:
	case <-t.fetch.abandoned:
	case <-timer.C:
	}
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	if i := slices.Index(t.fetch.waitsFor, by); i >= 0 {
		t.fetch.waitsFor = slices.Delete(t.fetch.waitsFor, i, i+1)
	}
}

// release wakes the fetches that wait for the query that t has registered, if any.
func (t *resolution) release() {
	c := &t.inflight
	if c.by == nil {
		return // only t sets it
	}
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	delete(t.r.inflight, c.key)
	if c.released != nil {
		close(c.released)
	}
	*c = inflight{}
}

// lookAgain goes on from what other fetches have stored meanwhile, or as before
// if that does not help.
func lookAgain(t *resolution) (state, error) {
	q := t.question()
	if _, ok := t.r.known(q); ok {
		return lookInCache, nil
	}
	if q.Type != wire.TypeANY {
		if _, ok := t.r.known(wire.Question{Name: q.Name, Type: wire.TypeCNAME, Class: wire.ClassIN}); ok {
			return lookInCache, nil
		}
	}
	if _, _, ok := t.r.deniedAbove(q.Name); ok {
		return lookInCache, nil
	}
	if zone, _, _, ok := t.r.cache.FindDelegation(t.serversOf(), wire.ClassIN, nil); ok && zone.Len() > t.cut.zone.Len() {
		return findServers, nil
	}
	return askServers, nil
}
