package listener

import (
	"hash/maphash"
	"net/netip"
	"sync"

	"github.com/names-dns/names/internal/shares"
)

// places are how many of something there may be at once: queries that wait for
// their answers, say. A client has a share of them, so that one alone leaves some
// to others.
type places struct {
	seed   maphash.Seed
	mu     sync.Mutex
	shares shares.Shares
}

func newPlaces(limit int) places {
	return places{seed: maphash.MakeSeed(), shares: shares.Shares{Limit: limit}}
}

// take takes a place for client, if there is one left for it.
func (p *places) take(client netip.Addr) (k shares.Key, ok bool) {
	k = shares.OfClient(p.seed, client)
	p.mu.Lock()
	defer p.mu.Unlock()
	return k, p.shares.Take(k)
}

func (p *places) giveBack(k shares.Key) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares.Leave(k)
}

// set changes how many places there are. Those above that are taken stay so.
func (p *places) set(limit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shares.Limit = limit
}
