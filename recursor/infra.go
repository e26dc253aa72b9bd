package recursor

import (
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/names-dns/names/wire"
)

// infraCache is what is known of the servers of the world, as many as there
// is room for: those that were not needed for long make way for others.
type infraCache struct {
	limit int
	open  func(netip.AddrPort) *server

	mu      sync.Mutex // servers are opened under it, and closed when it is released
	servers map[netip.AddrPort]*knownServer
	lame    map[lameKey]time.Time // until when
	uses    uint64
}

// knownServer is a server and when it was last wanted.
type knownServer struct {
	*server
	used uint64
}

// lameKey is a server and a zone that it is said to serve, and does not.
type lameKey struct {
	address netip.AddrPort
	zone    string // wire form in lower case
}

const (
	// lameTime is how long a server is not asked about a zone that it does not
	// serve. RFC 2308 7.1 allows five minutes; a server that refuses may just
	// have too much to do.
	lameTime = time.Minute
	// maxLame is how many such findings are remembered.
	maxLame = 8192
)

func (t *infraCache) init(limit int, open func(netip.AddrPort) *server) {
	t.limit, t.open = limit, open
	t.servers, t.lame = map[netip.AddrPort]*knownServer{}, map[lameKey]time.Time{}
}

// appendFor appends the servers at addresses to list, but for those that are
// known to be lame for zone, whose wire form in lower case it is; lame says
// whether there are such.
func (t *infraCache) appendFor(list []*server, zone string, addresses []netip.AddrPort) (all []*server, lame bool) {
	var gone []*server
	defer func() {
		for _, s := range gone {
			s.Close()
		}
	}()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range addresses {
		if len(t.lame) > 0 {
			if until, ok := t.lame[lameKey{a, zone}]; ok {
				if time.Now().Before(until) {
					lame = true
					continue
				}
				delete(t.lame, lameKey{a, zone})
			}
		}
		k := t.servers[a]
		if k == nil {
			if oldest := t.makeRoom(); oldest != nil {
				gone = append(gone, oldest)
			}
			k = &knownServer{server: t.open(a)}
			t.servers[a] = k
		}
		t.uses++
		k.used = t.uses
		list = append(list, k.server)
	}
	return list, lame
}

// makeRoom drops a server if there are as many as there may be: of a few
// picked at random the one that was not needed for the longest time. It returns
// the server, which is to be closed when the lock has been released.
func (t *infraCache) makeRoom() *server {
	if len(t.servers) < t.limit {
		return nil
	}
	const sample = 16
	var oldest *knownServer
	looked := 0
	for _, k := range t.servers {
		if (oldest == nil || k.used < oldest.used) && !k.isWaitedFor() {
			oldest = k
		}
		if looked++; looked == sample && oldest != nil {
			break
		}
	}
	if oldest == nil {
		return nil // every one is waited for: their number is bounded by that of the questions
	}
	delete(t.servers, oldest.Addr())
	return oldest.server
}

// isWaitedFor reports whether a question waits for s.
func (s *server) isWaitedFor() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting > 0
}

// setLame records that the server at a does not serve zone.
func (t *infraCache) setLame(a netip.AddrPort, zone wire.Name) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.lame) >= maxLame {
		for other := range t.lame { // any: they come in random order
			delete(t.lame, other)
			break
		}
	}
	t.lame[lameKey{a, zone.Fold().Wire()}] = time.Now().Add(lameTime)
}

func (t *infraCache) close() {
	t.mu.Lock()
	gone := slices.Collect(maps.Values(t.servers))
	t.mu.Unlock()
	for _, k := range gone {
		k.Close()
	}
}
