package recursor

import "slices"

// Servers returns what is known of the servers that were asked and are still
// remembered, by address.
func (r *Recursor) Servers() []ServerStatus {
	all := r.servers.all()
	list := make([]ServerStatus, len(all))
	for i, s := range all {
		list[i] = s.status()
	}
	slices.SortFunc(list, func(a, b ServerStatus) int { return a.Addr.Compare(b.Addr) })
	return list
}

// all returns the servers of the table.
func (t *infraCache) all() []*server {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := make([]*server, 0, len(t.servers))
	for _, known := range t.servers {
		all = append(all, known.server)
	}
	return all
}
