package transfer

import (
	"maps"
	"slices"
	"sync"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// History keeps the last changes of zones, which IXFR is answered from. It is in
// memory: after a restart the first IXFR is answered with the whole zone.
type History struct {
	mu    sync.Mutex
	zones map[*authority.Zone][]authority.ChangeSet // each begins with what the one before results in
}

// maxVersions is how many changes of a zone are kept. Those that are larger
// than the zone itself are not: sending the zone is cheaper then.
const maxVersions = 100

// Receive keeps the change of a version that became visible. It is an
// [authority.Subscriber].
func (h *History) Receive(p authority.Publication) {
	if p.After == nil {
		return // it expired: nothing changed
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.zones == nil {
		h.zones = map[*authority.Zone][]authority.ChangeSet{}
	}
	if p.Changes == nil || !p.Changes.From.Less(p.Changes.To) {
		delete(h.zones, p.Zone) // it cannot be told what became of older versions
		return
	}
	kept := h.zones[p.Zone]
	if n := len(kept); n > 0 && kept[n-1].To != p.Changes.From {
		kept = nil
	}
	kept = append(slices.Clone(kept), *p.Changes) // others may be sending what is kept
	for len(kept) > maxVersions || recordsOf(kept) > p.After.Records() {
		kept = kept[1:]
	}
	h.zones[p.Zone] = kept
}

// Prune drops what is kept of zones that keep does not want.
func (h *History) Prune(keep func(z *authority.Zone) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	maps.DeleteFunc(h.zones, func(z *authority.Zone, _ []authority.ChangeSet) bool { return !keep(z) })
}

// Between returns the changes that lead from one version to the other, nil if
// that is not known. They are not to be written to.
func (h *History) Between(z *authority.Zone, from, to wire.Serial) []authority.ChangeSet {
	h.mu.Lock()
	defer h.mu.Unlock()
	kept := h.zones[z]
	first := slices.IndexFunc(kept, func(c authority.ChangeSet) bool { return c.From == from })
	last := slices.IndexFunc(kept, func(c authority.ChangeSet) bool { return c.To == to })
	if first < 0 || last < first {
		return nil
	}
	return kept[first : last+1]
}

func recordsOf(all []authority.ChangeSet) (n int) {
	for i := range all {
		n += len(all[i].Removed) + len(all[i].Added)
	}
	return n
}
