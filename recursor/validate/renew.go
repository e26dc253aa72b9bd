package validate

import (
	"context"
	"time"

	"github.com/names-dns/names/wire"
)

// Keys of zones that are in use are fetched again before they expire, as popular answers
// are, so that no query has to wait for them: a query for a name in a zone whose chain of
// trust has run out takes a round trip more for each zone of the chain.

// popular is for how many queries the keys of a zone must have been used before to be
// fetched in advance.
const popular = 2

// maxRenewals is how many zones a [Resolver] renews at once, and renewalTime how long one
// may take.
const (
	maxRenewals = 100
	renewalTime = 10 * time.Second
)

// isDue notes that z is used by a query, and reports whether its keys are to be fetched
// again now: z is in the last tenth of its life, and popular, and that has not been begun.
func (m *memory) isDue(z *zone, by *Budget, now time.Time) bool {
	left := z.until.Sub(now)
	m.mu.Lock()
	defer m.mu.Unlock()
	if z.uses <= popular && z.usedBy != by {
		z.uses, z.usedBy = z.uses+1, by
	}
	if z.uses <= popular {
		return false
	}
	if z.isRenewing || left > z.until.Sub(z.since)/10 {
		return false
	}
	z.isRenewing = true
	return true
}

// use is z, which is remembered, and has its keys renewed if that is due.
func (c *check) use(z *zone) *zone {
	if c.renew != nil && z.verdict == Secure && z.entry != nil && c.memory.isDue(z, c.budget, c.time) {
		c.renew(z.name)
	}
	return z
}

// Renew fetches the keys of a zone again, and its DS records if they expire as well, and
// remembers the zone anew. It reports whether that was so: if what there is now does not
// hold, the zone stays as it is until its time is over. The Fetcher has to be a
// [Refetcher]. nil is a budget of its own.
func (v *Validator) Renew(ctx context.Context, name wire.Name, budget *Budget) bool {
	again, ok := v.fetcher.(Refetcher)
	if !ok {
		return false
	}
	if budget == nil {
		budget = v.NewBudget()
	}
	c := &check{Validator: v, ctx: ctx, budget: budget, time: v.now(), epoch: v.memory.epoch.Load(), ttl: maxReplyTTL}
	old := v.memory.get(name, c.time)
	if old == nil || old.verdict != Secure || old.entry == nil {
		return false
	}
	soon := c.time.Add(2 * old.until.Sub(c.time))
	e := old.entry
	if !e.until.After(soon) {
		if e = c.renewedEntry(old, again); e == nil {
			return false
		}
	}
	reply := c.keysAgain(old, again, soon)
	if reply == nil {
		return false
	}
	fresh := c.enterBy(old.name, e, reply)
	if fresh.verdict != Secure {
		return false
	}
	fresh.epoch = c.epoch
	v.memory.put(fresh, c.time)
	return true
}

// keysAgain is the reply with the DNSKEY records of z: as it is remembered elsewhere if it
// holds for longer than until soon.
func (c *check) keysAgain(z *zone, again Refetcher, soon time.Time) *Reply {
	if z.keysUntil.After(soon) {
		reply, _ := c.fetch(z.name, wire.TypeDNSKEY)
		return reply
	}
	return c.fetchAgain(again, z.name, wire.TypeDNSKEY)
}

// renewedEntry is what now says which keys of z are trusted; nil if nothing does.
func (c *check) renewedEntry(z *zone, again Refetcher) *entry {
	if a := c.anchors.at(z.name); a != nil {
		usable, _ := c.usableDS(z.name, a.ds)
		if len(usable) == 0 {
			return nil
		}
		return &entry{usable, c.time.Add(c.maxTTL), fromAnchor}
	}
	if z.name.IsRoot() {
		return nil
	}
	parent := c.zoneOf(z.name.Parent())
	if parent.verdict != Secure {
		return nil
	}
	reply := c.fetchAgain(again, z.name, wire.TypeDS)
	if reply == nil {
		return nil
	}
	_, ds := c.childBy(parent, z.name, reply)
	if ds == nil {
		return nil
	}
	usable, _ := c.usableDS(z.name, ds.Data)
	if len(usable) == 0 {
		return nil
	}
	return &entry{usable, c.expiry(ds.TTL), fromDS}
}

// fetchAgain asks for what servers have now; nil if there is no usable reply.
func (c *check) fetchAgain(again Refetcher, name wire.Name, t wire.Type) *Reply {
	if !c.budget.take(Fetches, 1) {
		return nil
	}
	reply, err := again.FetchAgain(c.ctx, &Reply{Question: wire.Question{Name: name, Type: t, Class: wire.ClassIN}})
	if err != nil || !reply.isAnswer() {
		return nil
	}
	return reply
}

// renewLater renews a zone while no client waits for it.
func (r *Resolver) renewLater(zone wire.Name) {
	if r.renewing.Add(1) > maxRenewals {
		r.renewing.Add(-1)
		return
	}
	go func() {
		defer r.renewing.Add(-1)
		// Nothing above this goroutine catches a panic of the next resolver. The query that
		// needs the keys once they have expired comes by the same place, and its server reports it.
		defer func() { recover() }()
		ctx, cancel := context.WithTimeout(context.Background(), renewalTime)
		defer cancel()
		if r.validator.Renew(ctx, zone, nil) {
			r.renewed.Add(1)
		}
	}()
}

// Renewed is how many times the keys of a zone were fetched again before they expired.
func (r *Resolver) Renewed() uint64 { return r.renewed.Load() }
