package recursor

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/names-dns/names/recursor/upstream"
)

// families is which of IPv4 and IPv6 servers can be reached by, as far as is
// known. That there is no route is about this machine, never about a server: a
// family is left out only as long as the other one works.
type families [2]struct {
	unreachable atomic.Int64 // it is left out until then, in nanoseconds since 1970
	heard       atomic.Int64 // about when a server answered
}

const (
	// unreachableTime is how long a family of addresses is left out after the
	// system has said that there is no route. To try it costs a system call.
	unreachableTime = 10 * time.Second
	// worksTime is how long a family is known to work after a server of it has
	// answered.
	worksTime = time.Minute
	// heardStep is how exactly that is kept: it is written no more often.
	heardStep = time.Second
)

// isReachable reports whether servers at addresses of a's family are asked.
func (f *families) isReachable(a netip.Addr, now time.Time) bool {
	n := now.UnixNano()
	if n >= f[familyOf(a)].unreachable.Load() {
		return true
	}
	other := &f[1-familyOf(a)]
	return n < other.unreachable.Load() || n-other.heard.Load() >= int64(worksTime)
}

// setUnreachable records that there is no route to addresses of a's family.
func (f *families) setUnreachable(a netip.Addr, now time.Time) {
	f[familyOf(a)].unreachable.Store(now.Add(unreachableTime).UnixNano())
}

// setReached records that the server at a has answered. If that is the end of an
// outage, what was learned in it is forgotten.
func (f *families) setReached(a netip.Addr, now time.Time) {
	this, n := &f[familyOf(a)], now.UnixNano()
	if n-this.heard.Load() >= int64(heardStep) {
		this.heard.Store(n)
	}
	if this.unreachable.Load() > n {
		f[0].unreachable.Store(0)
		f[1].unreachable.Store(0)
	}
}

// mayAsk reports whether a can be the address of a server of strangers.
func (r *Recursor) mayAsk(a netip.AddrPort) bool {
	addr := a.Addr()
	switch {
	case addr.IsUnspecified(), addr.IsMulticast(), addr.IsLinkLocalUnicast(), addr.Is4() && addr.As4()[0] >= 240, addr.Is4() && addr.As4()[0] == 0:
		return false
	case addr.IsLoopback() && !r.config.QueryLoopback, r.config.DoNotQuery.Contains(addr):
		return false
	}
	return !r.self.has(a)
}

func (r *Recursor) isReachable(a netip.Addr) bool { return r.families.isReachable(a, time.Now()) }

func familyOf(a netip.Addr) int {
	if a.Is4() {
		return 0
	}
	return 1
}

// isWithoutRoute reports whether an error says that the system knows no route to
// a family of addresses.
func isWithoutRoute(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

// isOfTheWay reports whether an error is about this machine or the way to a
// server: it does not show that the server is dead.
func isOfTheWay(err error) bool {
	return isNotSent(err) || isWithoutRoute(err) || errors.Is(err, syscall.EHOSTUNREACH) || errors.Is(err, syscall.ENETDOWN)
}

func isNotSent(err error) bool {
	_, ok := errors.AsType[*upstream.NotSentError](err)
	return ok
}

// errUnsent is wrapped by failures for which no query has left this machine.
var errUnsent = errors.New("no query could be sent")
