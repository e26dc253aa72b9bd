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

// ConnectionConfig says how many connections a network may begin: a /24 of IPv4, a /56
// of IPv6.
type ConnectionConfig struct {
	// PerSecond is how many it may begin a second, and as many at once. 0: no limit.
	PerSecond int

	// Exempt holds clients without a limit.
	Exempt *names.PeerSet
}

// ConnectionStats counts what [Connections] has done.
type ConnectionStats struct {
	Refused uint64 // connections above the limit
	Begun   uint64 // how often the limit began to be reached by a network
}

// Connections limits the connections that networks begin, whatever the transport: a
// handshake costs far more than a query. It must be asked only about clients that are at
// their address, since others would take the share of networks that are not theirs.
type Connections struct {
	rules   atomic.Pointer[connectionRules]
	seed    maphash.Seed
	buckets buckets
	reached *limitlog.Log
	refused atomic.Uint64
}

type connectionRules struct {
	ConnectionConfig
	interval int64
}

// NewConnections returns a limit. log is as in [NewReplies].
func NewConnections(c ConnectionConfig, log *slog.Logger) *Connections {
	n := &Connections{seed: maphash.MakeSeed(), reached: newLog(log)}
	n.buckets.began = time.Now()
	n.Set(c)
	return n
}

// Set changes the configuration. What networks have had already still counts.
func (n *Connections) Set(c ConnectionConfig) {
	n.rules.Store(&connectionRules{c, intervalOf(c.PerSecond)})
}

// Close ends the log of limits that are reached.
func (n *Connections) Close() { n.reached.Close() }

// Stats returns what was counted so far.
func (n *Connections) Stats() ConnectionStats {
	return ConnectionStats{Refused: n.refused.Load(), Begun: n.reached.Begun()}
}

// Admit reports whether a client may begin one more connection. Loopback addresses
// always may.
func (n *Connections) Admit(client netip.Addr) bool {
	rules := n.rules.Load()
	if rules.interval == 0 || !client.IsValid() || client.IsLoopback() {
		return true
	}
	var room [networkLen]byte
	key := maphash.Bytes(n.seed, appendNetwork(room[:0], client))
	if n.buckets.allow(key, rules.interval) || rules.Exempt.Contains(client) {
		return true
	}
	n.refused.Add(1)
	n.reached.Reached(key, func() []any {
		return []any{"network", networkOf(client).String(), "connections_a_second", rules.PerSecond}
	})
	return false
}
