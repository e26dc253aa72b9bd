package ratelimit

import (
	"context"
	"encoding/binary"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/limitlog"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// RecursionConfig says what a client may have looked up: an IPv4 address, or the /64
// around an IPv6 address.
type RecursionConfig struct {
	// PerSecond is how many queries a second it may send, and as many at once: those
	// that the cache answers too. 0: no limit.
	PerSecond int

	// Waiting is how many of its queries may wait for their answers at once, those
	// of one zone only as many as it leaves free. 0: no limit.
	Waiting int

	// Exempt holds clients without limits.
	Exempt *names.PeerSet
}

// RecursionStats counts what [Recursion] has turned away.
type RecursionStats struct {
	TooFast uint64 // queries above RecursionConfig.PerSecond
	Waiting uint64 // queries above RecursionConfig.Waiting
	Begun   uint64 // how often a limit began to be reached by a client
}

// Recursion asks Next for clients that are within their limits. Above them, clients
// whose address may be forged - those over UDP, without a cookie - get no reply, so
// that no victim is flooded in their name; all others get REFUSED with the reason.
type Recursion struct {
	next    names.Resolver
	rules   atomic.Pointer[recursionRules]
	seed    maphash.Seed
	buckets buckets
	waiting [2][places]atomic.Int32
	reached *limitlog.Log

	tooFast, tooMany atomic.Uint64
}

type recursionRules struct {
	RecursionConfig
	interval int64
}

// NewRecursion returns limits in front of next. log is as in [NewReplies].
func NewRecursion(c RecursionConfig, next names.Resolver, log *slog.Logger) *Recursion {
	r := &Recursion{next: next, seed: maphash.MakeSeed(), reached: newLog(log)}
	r.buckets.began = time.Now()
	r.rules.Store(&recursionRules{c, intervalOf(c.PerSecond)})
	return r
}

// Stats returns what was counted so far.
func (r *Recursion) Stats() RecursionStats {
	return RecursionStats{TooFast: r.tooFast.Load(), Waiting: r.tooMany.Load(), Begun: r.reached.Begun()}
}

// Close ends the log of limits that are reached.
func (r *Recursion) Close() { r.reached.Close() }

// TryResolve asks next without waiting, for clients that are not too fast.
func (r *Recursion) TryResolve(x *names.Exchange) error {
	rules := r.rules.Load()
	if rules.interval != 0 {
		client := x.Peer.Remote.Addr()
		key := r.hash(client)
		if !r.buckets.allow(key, rules.interval) && !rules.Exempt.Contains(client) {
			r.tooFast.Add(1)
			return r.refuse(x, key, "too many queries a second")
		}
	}
	return names.Try(r.next, x)
}

// Resolve asks next for clients that do not have too many queries waiting. Servers
// that call it have called TryResolve before.
func (r *Recursion) Resolve(ctx context.Context, x *names.Exchange) error {
	rules := r.rules.Load()
	if rules.Waiting <= 0 {
		return r.next.Resolve(ctx, x)
	}
	client := x.Peer.Remote.Addr()
	key := r.hash(client)
	zone, subzone := r.zonesOf(key, x.Query.Question.Name)
	before := r.enter(key)
	defer r.leave(key)
	inZone, inSubzone := r.enter(zone), r.enter(subzone)
	defer r.leave(zone)
	defer r.leave(subzone)
	free := rules.Waiting - before
	if (free <= 0 || inZone >= free || 2*inSubzone >= free) && !rules.Exempt.Contains(client) {
		r.tooMany.Add(1)
		return r.refuse(x, ^key, "too many queries are waiting")
	}
	return r.next.Resolve(ctx, x)
}

// enter counts a query that waits, and returns how many did before.
func (r *Recursion) enter(key uint64) (before int) {
	first, second := &r.waiting[0][key%places], &r.waiting[1][key>>32%places]
	return int(min(first.Add(1), second.Add(1))) - 1
}

func (r *Recursion) leave(key uint64) {
	r.waiting[0][key%places].Add(-1)
	r.waiting[1][key>>32%places].Add(-1)
}

// zonesOf returns what a client's queries for names with the same two and three
// last labels have in common. Such a zone may have as many of the client's places
// as it leaves free, one of three labels half as many: one whose servers are slow
// does not take the client's other names with it.
func (r *Recursion) zonesOf(client uint64, name wire.Name) (zone, subzone uint64) {
	var buf [8 + wire.MaxNameLen]byte
	hash := func(labels int) uint64 {
		b := binary.BigEndian.AppendUint64(buf[:0], client^uint64(labels))
		return maphash.Bytes(r.seed, name.Ancestor(labels).AppendFolded(b))
	}
	return hash(2), hash(3)
}

// WantsBatches reports whether next wants batches.
func (r *Recursion) WantsBatches() bool { return names.BatchPreparerOf(r.next) != nil }

// PrepareBatch passes queries to next.
func (r *Recursion) PrepareBatch(queries []wire.Query) {
	if p := names.BatchPreparerOf(r.next); p != nil {
		p.PrepareBatch(queries)
	}
}

// refuse ends a query that is above a limit.
func (r *Recursion) refuse(x *names.Exchange, key uint64, limit string) error {
	r.reached.Reached(key, func() []any {
		return []any{"client", clientOf(x.Peer.Remote.Addr()).String(), "limit", limit}
	})
	if x.Peer.Transport == names.UDP && !x.Peer.CookieValid && x.Peer.Key.IsZero() {
		return names.ErrDrop
	}
	x.RCode = wire.RCodeRefused
	x.AddExtendedError(wire.ExtendedErrorProhibited, limit)
	return nil
}

// hash is that of a client.
func (r *Recursion) hash(client netip.Addr) uint64 {
	var room [9]byte
	return maphash.Bytes(r.seed, appendClient(room[:0], client))
}

// appendClient appends an IPv4 address, or the /64 around an IPv6 address.
func appendClient(b []byte, client netip.Addr) []byte {
	if client.Is4() {
		a := client.As4()
		return append(append(b, 4), a[:]...)
	}
	a := client.As16()
	return append(append(b, 6), a[:8]...)
}

// clientOf is the client, for people.
func clientOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits)
	return p
}
