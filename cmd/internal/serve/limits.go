package serve

import (
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/listener/ratelimit"
	"github.com/names-dns/names/names"
)

// replyLimits is how replies are limited. The settings have been checked.
func replyLimits(l *settings.Limits) ratelimit.ReplyConfig {
	exempt, _ := names.ParsePeerSet(l.RepliesExempt...)
	return ratelimit.ReplyConfig{Same: l.Replies, All: l.RepliesInAll, Slip: l.Slip, Exempt: exempt, LogOnly: l.LogOnly}
}

// limited puts the limits of clients in front of next, if there are any.
func (p *parts) limited(next names.Resolver) names.Resolver {
	l := &p.settings.Limits
	if l.ClientQueries == 0 && l.ClientWaiting == 0 {
		return next
	}
	exempt, _ := names.ParsePeerSet(l.ClientExempt...)
	p.clients = ratelimit.NewRecursion(ratelimit.RecursionConfig{PerSecond: l.ClientQueries, Waiting: l.ClientWaiting, Exempt: exempt}, next, p.log)
	return p.clients
}
