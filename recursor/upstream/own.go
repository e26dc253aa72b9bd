package upstream

import (
	"encoding/binary"
	"net/netip"
	"sync"
	"sync/atomic"
)

// ownQueries is how a client knows what it has sent itself. It is asked about
// every query that a server gets, and nearly always says no: the filters say
// that without a lock or an allocation.
type ownQueries struct {
	filter  filter
	queries sync.Map // ownQuery: a query that waits for its reply

	cookieFilter filter
	cookies      sync.Map // [8]byte: a client cookie in use
}

// ownQuery is a query that we sent, as whoever gets it sees it.
type ownQuery struct {
	from netip.AddrPort
	id   uint16
}

func (q ownQuery) hash() uint { return uint(q.id) ^ uint(q.from.Port())*0x9E37 }

func (o *ownQueries) add(q ownQuery) {
	o.queries.Store(q, nil)
	o.filter.at(q.hash()).Add(1)
}

func (o *ownQueries) remove(q ownQuery) {
	o.filter.at(q.hash()).Add(-1)
	o.queries.Delete(q)
}

func (o *ownQueries) hasSent(q ownQuery) bool {
	if o.filter.at(q.hash()).Load() == 0 {
		return false
	}
	_, ok := o.queries.Load(q)
	return ok
}

func cookieHash(c [8]byte) uint { return uint(binary.BigEndian.Uint16(c[:])) }

func (o *ownQueries) addCookie(c [8]byte) {
	o.cookies.Store(c, nil)
	o.cookieFilter.at(cookieHash(c)).Add(1)
}

func (o *ownQueries) removeCookie(c [8]byte) {
	o.cookieFilter.at(cookieHash(c)).Add(-1)
	o.cookies.Delete(c)
}

func (o *ownQueries) hasCookie(c [8]byte) bool {
	if o.cookieFilter.at(cookieHash(c)).Load() == 0 {
		return false
	}
	_, ok := o.cookies.Load(c)
	return ok
}

// filter counts what is in a set, by hash: where it counts none, nothing with
// that hash is in the set.
type filter [1 << 14]atomic.Int32

func (f *filter) at(hash uint) *atomic.Int32 { return &f[hash%uint(len(f))] }
