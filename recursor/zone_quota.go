package recursor

import (
	"errors"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// A slow or hostile zone holds up no others: only so many questions may wait for
// its servers, and for each of them.

const (
	// maxPerServer and maxPerZone are how many questions may wait for one
	// server, half of them for one zone, and for the servers of one zone: one
	// that answers in time never gets there, one that does not holds no more than
	// that up.
	maxPerServer = 2048
	maxPerZone   = 2048
)

// enter records that a query goes to the servers of a zone, unless too many do,
// and returns how many do so already.
func (r *Recursor) enter(zone string) (before int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[zone] >= maxPerZone {
		r.counts.hit(LimitPerZone)
		return 0, &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "too many queries wait for the servers of the zone", Err: names.ErrBusy}
	}
	before = r.busy[zone]
	r.busy[zone]++
	return before, nil
}

func (r *Recursor) leaveZone(zone string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.busy[zone]--; r.busy[zone] == 0 {
		delete(r.busy, zone)
	}
}

// isBusy reports whether as many questions wait for s as may, of a zone that has
// so many waiting for each of its servers. Zones that have servers in common
// leave room for one another: each may have as many as are free.
func (s *server) isBusy(ofZone int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.waiting+ofZone >= maxPerServer
}

var errBusy = errors.New("too many queries wait for the server")
