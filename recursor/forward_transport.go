package recursor

import (
	"net/netip"

	"github.com/names-dns/names/recursor/upstream"
)

// AskBy has the server at addr asked by t from now on, nil: over UDP and TCP. What was known
// of the server is forgotten, and queries that are on their way to it are asked anew where that
// is needed. A server that is not asked for anything is left alone.
func (f *Forwarder) AskBy(addr netip.AddrPort, t *upstream.Transport) {
	f.mu.Lock()
	old := f.servers[addr]
	if f.closed || old == nil {
		f.mu.Unlock()
		return
	}
	s := newServer(f.client.ServerOver(addr, t), f.config.Timeout, f.rate, f.log)
	s.trustAD = old.trustAD
	f.servers[addr] = s
	replaced := func(servers []*server) []*server {
		all := make([]*server, len(servers))
		for i, other := range servers {
			if all[i] = other; other == old {
				all[i] = s
			}
		}
		return all
	}
	before := f.routes.Load()
	r := &routes{all: replaced(before.all), zones: map[string][]*server{}}
	for zone, servers := range before.zones {
		r.zones[zone] = replaced(servers)
	}
	f.routes.Store(r)
	f.mu.Unlock()
	old.Close()
}
