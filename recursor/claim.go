package recursor

import (
	"slices"
	"time"

	"github.com/names-dns/names/wire"
)

// Names below one zone have the first part of the way in common, and so do
// aliases that lead to one name: their resolutions come to the same question at
// the same time, above all where nothing is in the cache. One of them asks it;
// the others wait, and find in the cache what it has learned.

// claimKey is what makes two questions to servers one.
type claimKey struct {
	zone, name string // wire form in lower case
	kind       wire.Type
}

// claim is a question to the servers of a zone that an inquiry has undertaken
// to ask. All of it is under the recursor's lock.
type claim struct {
	key      claimKey
	by       *inquiry      // nil: nothing is claimed
	released chan struct{} // closed once what was learned is in the cache; nil where nobody waits
}

// claim notes that t asks the servers of its cut question q, until it is
// released. Where another inquiry does so already, claim waits for that and
// reports true: there may be more in the cache now. For each question it waits
// once; what cannot be kept is then asked by everybody.
func (t *resolution) claim(q wire.Question) (waited bool) {
	if t.trace != nil {
		return false // it is to show what is asked
	}
	key := claimKey{zone: t.cutKey, name: q.Name.Fold().Wire(), kind: q.Type}
	r := t.r
	r.mu.Lock()
	other := r.claims[key]
	if other == nil {
		t.claimed = claim{key: key, by: t.in}
		r.claims[key] = &t.claimed
		r.mu.Unlock()
		return false
	}
	left := maxReached
	if t.waitedFor == key || other.by.reaches(t.in, &left) {
		r.mu.Unlock()
		return false
	}
	t.waitedFor = key
	if other.released == nil {
		other.released = make(chan struct{})
	}
	by, released := other.by, other.released
	t.in.waitsFor = append(t.in.waitsFor, by)
	r.mu.Unlock()

	timer := time.NewTimer(time.Until(t.in.deadline))
	defer timer.Stop()
	select {
	case <-released:
	case <-t.in.abandoned:
	case <-timer.C:
	}
	r.mu.Lock()
	if i := slices.Index(t.in.waitsFor, by); i >= 0 {
		t.in.waitsFor = slices.Delete(t.in.waitsFor, i, i+1)
	}
	r.mu.Unlock()
	return true
}

// release lets those go on who wait for what t has claimed, if anything.
func (t *resolution) release() {
	c := &t.claimed
	if c.by == nil {
		return // nobody else sets it
	}
	t.r.mu.Lock()
	defer t.r.mu.Unlock()
	delete(t.r.claims, c.key)
	if c.released != nil {
		close(c.released)
	}
	*c = claim{}
}

// lookAgain goes on with what others have learned meanwhile, or as before where
// that is of no use.
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
	if _, _, ok := t.r.cache.FindDenied(q.Name, q.Class, nil); ok {
		return lookInCache, nil
	}
	if zone, _, ok := t.r.cache.FindDelegation(t.serversOf(), wire.ClassIN, nil); ok && zone.Len() > t.cut.zone.Len() {
		return findServers, nil
	}
	return askServers, nil
}
