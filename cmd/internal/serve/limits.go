package serve

import (
	"log/slog"
	"net/netip"
	"slices"

	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/limitlog"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/ratelimit"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// replyLimits is how replies are limited. The settings have been checked.
func replyLimits(s *settings.Settings) ratelimit.ReplyConfig {
	l := &s.Limits
	exempt, _ := names.ParsePeerSet(l.RepliesExempt...)
	c := ratelimit.ReplyConfig{Same: l.Replies, All: l.RepliesInAll, Slip: l.Slip, Exempt: exempt, LogOnly: l.LogOnly}
	if !slices.ContainsFunc(s.Views, func(v settings.View) bool { return v.Limits.Replies != nil || v.Limits.RepliesInAll != nil }) {
		return c // no client has to be looked for in the views
	}
	for i := range s.Views {
		clients, _ := s.ParseAccess(s.Views[i].Clients...)
		own := s.LimitsOf(&s.Views[i])
		c.Views = append(c.Views, ratelimit.ReplyView{Clients: clients, Same: own.Replies, All: own.RepliesInAll})
	}
	return c
}

// connectionLimits is how connections that are begun are limited.
func connectionLimits(l *settings.Limits) ratelimit.ConnectionConfig {
	exempt, _ := names.ParsePeerSet(l.RepliesExempt...)
	return ratelimit.ConnectionConfig{PerSecond: l.ConnectionRate, Exempt: exempt}
}

// lateLimits is how replies that had to wait are limited.
func lateLimits(l *settings.Limits) ratelimit.LateConfig {
	exempt, _ := names.ParsePeerSet(l.ClientExempt...)
	return ratelimit.LateConfig{Octets: l.ClientBurst, Exempt: exempt}
}

// limited puts limits of clients in front of next, if there are any.
func (p *parts) limited(l *settings.Limits, next names.Resolver) names.Resolver {
	if l.ClientQueries == 0 && l.ClientWaiting == 0 {
		return next
	}
	exempt, _ := names.ParsePeerSet(l.ClientExempt...)
	limits := ratelimit.NewRecursion(ratelimit.RecursionConfig{PerSecond: l.ClientQueries, Waiting: l.ClientWaiting, Exempt: exempt}, next, p.log)
	p.clients = append(p.clients, limits)
	p.closers = append(p.closers, limits.Close)
	return limits
}

// clientStats is what the limits of clients have counted, those of views among them.
func (p *parts) clientStats() (sum ratelimit.RecursionStats) {
	for _, limits := range p.clients {
		s := limits.Stats()
		sum.TooFast += s.TooFast
		sum.Waiting += s.Waiting
		sum.Begun += s.Begun
	}
	for _, v := range p.views {
		s := v.clientStats()
		sum.TooFast += s.TooFast
		sum.Waiting += s.Waiting
		sum.Begun += s.Begun
	}
	return sum
}

// limitLog logs when limits begin to be reached that all clients have in common, and
// when they no longer are.
type limitLog struct {
	common *limitlog.Log
	single *limitlog.Log // of one query: there is nothing that an operator can do
}

func newLimitLog(log *slog.Logger) *limitLog {
	return &limitLog{limitlog.New(log, slog.LevelWarn, "limit"), limitlog.New(log, slog.LevelDebug, "limit of a query")}
}

func (l *limitLog) close() {
	l.common.Close()
	l.single.Close()
}

// listenerOptions are the options for limits of the listener that have one.
var listenerOptions = map[listener.Limit]string{
	listener.LimitSlow: "limits.waiting", listener.LimitConnections: "limits.connections", listener.LimitPerClient: "limits.connections-per-client",
}

// ofListener is called with limits of the listener. Networks that begin too many
// connections have lines of their own, from package ratelimit.
func (l *limitLog) ofListener(limit listener.Limit) {
	if limit == listener.LimitConnectionRate {
		return
	}
	l.common.Reached(uint64(limit), func() []any {
		attributes := []any{"part", "listener", "limit", limit.String()}
		if option := listenerOptions[limit]; option != "" {
			attributes = append(attributes, "option", option)
		}
		return attributes
	})
}

// ofResolver is called with limits of what asks other servers. Each server that is asked
// too often has a line of its own, from there.
func (l *limitLog) ofResolver(limit recursor.Limit) {
	log := l.single
	switch limit {
	case recursor.LimitServerRate:
		return
	case recursor.LimitWaiting, recursor.LimitShare, recursor.LimitPerServer, recursor.LimitPerZone, recursor.LimitEncryption:
		log = l.common
	}
	log.Reached(firstOfResolver+uint64(limit), func() []any { return []any{"part", "resolver", "limit", limit.String()} })
}

// ofUpdates is called if too many dynamic updates wait for a zone.
func (l *limitLog) ofUpdates(zone wire.Name) {
	l.common.Reached(ofUpdates, func() []any {
		return []any{"part", "updates", "limit", "waiting", "zone", zone.String()}
	})
}

// ofCache is called if too many queries wait for what the cache has not.
func (l *limitLog) ofCache(wire.Question) {
	l.common.Reached(ofCache, func() []any { return []any{"part", "cache", "limit", "waiting"} })
}

// The keys of limits: those of the listener are the first, then connections over transports,
// then those of the resolver, then single ones.
const (
	firstTransport  = 8
	firstOfResolver = 16
	ofUpdates       = 48
	ofCache         = 49
)

// refused returns what is called if a connection over a transport is one too many.
func (l *limitLog) refused(transport string) func(client netip.Prefix) {
	key := uint64(firstTransport + slices.Index([]string{overHTTP, overHTTPS, overHTTP3, overQUIC}, transport))
	option := "limits.https-connections"
	if transport == overQUIC {
		option = "limits.quic-connections"
	}
	return func(client netip.Prefix) {
		l.common.Reached(key, func() []any {
			return []any{"part", transport, "limit", "connections", "client", client.String(), "option", option + " or limits.connections-per-client"}
		})
	}
}
