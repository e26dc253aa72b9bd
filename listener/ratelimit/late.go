package ratelimit

import (
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/limitlog"
	"github.com/names-dns/names/names"
)

// LateConfig says how much a client is sent at once of replies that had to wait.
type LateConfig struct {
	// Octets is how many octets of such replies a client gets at once over UDP, and how
	// many within a tenth of a second after that. 0: no limit.
	Octets int

	// Exempt holds clients without a limit.
	Exempt *names.PeerSet
}

// LateStats counts what [Late] has done.
type LateStats struct {
	Truncated uint64 // replies sent empty, with TC
	Begun     uint64 // how often the limit began to be reached by a client
}

// Late bounds replies that had to wait for other servers. An attacker that forges a
// client's address has many queries wait for a server of its own, and all replies come
// at once, however slowly they were asked for (DNSBomb, CVE-2024-33655). Above the limit
// replies are empty, with TC: a client that did ask comes again over TCP, and gets the
// answer from the cache. Clients whose address is known, by a connection, a cookie or a
// TSIG key, have no limit.
type Late struct {
	rules     atomic.Pointer[LateConfig]
	seed      maphash.Seed
	began     time.Time
	places    [places]atomic.Int64 // of clients: when all octets so far have had their time
	reached   *limitlog.Log
	truncated atomic.Uint64
}

// lateWindow is the time in which a client may have once more what it may have at once.
const lateWindow = int64(100 * time.Millisecond)

// NewLate returns a limit. log is as in [NewReplies].
func NewLate(c LateConfig, log *slog.Logger) *Late {
	l := &Late{seed: maphash.MakeSeed(), began: time.Now(), reached: newLog(log)}
	l.Set(c)
	return l
}

// Set changes the configuration.
func (l *Late) Set(c LateConfig) { l.rules.Store(&c) }

// Close ends the log of limits that are reached.
func (l *Late) Close() { l.reached.Close() }

// Stats returns what was counted so far.
func (l *Late) Stats() LateStats {
	return LateStats{Truncated: l.truncated.Load(), Begun: l.reached.Begun()}
}

// Bound empties the reply of x, which had to wait, if its client has had too much.
func (l *Late) Bound(x *names.Exchange) {
	rules := l.rules.Load()
	client := x.Peer.Remote.Addr()
	if rules.Octets <= 0 || x.Peer.Transport != names.UDP || x.Peer.CookieValid || !x.Peer.Key.IsZero() || client.IsLoopback() {
		return
	}
	key := l.hash(client)
	if l.allow(key, x.Reply.Len(), rules.Octets) || rules.Exempt.Contains(client) {
		return
	}
	l.truncated.Add(1)
	l.reached.Reached(key, func() []any {
		return []any{"client", clientOf(client).String(), "limit", "octets at once of replies that waited"}
	})
	x.Truncate()
}

// allow takes octets out of the share of a client, if there are as many left. Clients that
// have a place in common have one share.
func (l *Late) allow(key uint64, octets, most int) bool {
	place := &l.places[key%places]
	now := int64(time.Since(l.began))
	for {
		until := place.Load()
		next := max(until, now) + int64(octets)*lateWindow/int64(most)
		if next-now > lateWindow {
			return false
		}
		if place.CompareAndSwap(until, next) {
			return true
		}
	}
}

func (l *Late) hash(client netip.Addr) uint64 {
	var room [9]byte
	return maphash.Bytes(l.seed, appendClient(room[:0], client))
}
