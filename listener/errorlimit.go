package listener

import (
	"crypto/rand"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// errorLimit bounds the errors that are sent to a network over UDP. Much that
// listens on a port answers whatever it gets: a forged query that starts it and
// a server that says FORMERR to what comes back would go on for ever
// (CVE-2024-2169).
//
// Each network has a place in each of two tables, found by a hash that no
// client can work out, and is held back if both places have had their share: two
// networks get in each other's way only if they have both in common. The tables
// never grow, and no lock is taken.
type errorLimit struct {
	secret   [16]byte
	interval atomic.Int64 // nanoseconds that one error takes; 0: there is no limit
	events   *Events
	tables   [2][errorPlaces]atomic.Int64
}

const (
	errorPlaces = 4096
	errorBurst  = 5                               // how many seconds' worth may come at once
	burstTime   = errorBurst * int64(time.Second) // the same in nanoseconds
)

// newErrorLimit allows a network so many errors a second; less than one: as many
// as there are.
func newErrorLimit(perSecond int, events *Events) *errorLimit {
	l := &errorLimit{events: events}
	rand.Read(l.secret[:]) // never fails
	l.set(perSecond)
	return l
}

// set changes how many errors are allowed.
func (l *errorLimit) set(perSecond int) {
	if perSecond < 1 {
		l.interval.Store(0)
		return
	}
	l.interval.Store(int64(time.Second) / int64(perSecond))
}

// pass is the gate for replies that are errors. A client with a good cookie, or a
// key, has the address that it claims.
func (l *errorLimit) pass(x *names.Exchange) bool {
	if x.Peer.Transport != names.UDP || !isProtest(x.RCode) || x.Peer.CookieValid || !x.Peer.Key.IsZero() {
		return true
	}
	// Services have ports below 1024, clients do not: BIND says no FORMERR to
	// some of them. And what is an error itself gets none.
	if x.Peer.Remote.Port() < 1024 || x.Query.Header.Flags.RCode() != wire.RCodeNoError || !l.allow(x.Peer.Remote.Addr(), monotonic()) {
		l.events.limited(LimitErrors)
		return false
	}
	return true
}

// isProtest reports whether a reply with r says that the query makes no sense
// to this server: what comes back to such a reply gets another, most likely.
func isProtest(r wire.RCode) bool {
	switch r {
	case wire.RCodeFormErr, wire.RCodeNotImp, wire.RCodeNotAuth, wire.RCodeBadVers:
		return true
	}
	return false
}

// allow takes an error out of the share of a client's network, if there is any
// left of it.
func (l *errorLimit) allow(client netip.Addr, now int64) bool {
	interval := l.interval.Load()
	if interval == 0 {
		return true
	}
	h := l.hash(client)
	first, second := &l.tables[0][h%errorPlaces], &l.tables[1][h>>32%errorPlaces]
	// What a place holds is when all errors so far have had their time.
	if first.Load()-now > burstTime-interval && second.Load()-now > burstTime-interval {
		return false
	}
	take(first, now, interval)
	take(second, now, interval)
	return true
}

// take counts an error. If others count at the same moment one may be lost.
func take(place *atomic.Int64, now, interval int64) {
	until := place.Load()
	place.CompareAndSwap(until, min(max(until, now)+interval, now+burstTime))
}

// hash is that of the network of a client: 24 bits of an IPv4 address, 56 of an
// IPv6 address.
func (l *errorLimit) hash(client netip.Addr) uint64 {
	var network [8]byte
	if client.Is4() {
		a := client.As4()
		copy(network[:], a[:3])
	} else {
		a := client.As16()
		copy(network[:], a[:7])
		network[7] = 6
	}
	return sipHash(&l.secret, network[:])
}
