package validate

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Recheck says how zones that are not validated for a time are tried, to end that as
// soon as they can be validated again (RFC 7646 7). All fields but Every have to be set.
type Recheck struct {
	// Validation is how the zones are validated. Its Anchors have the negative trust
	// anchors; those without an end are not looked at.
	Validation Config
	// Resolver has what servers say now, whatever is cached. It is asked with DO and CD.
	Resolver names.Resolver
	// Every is how often all zones are tried. Zero means five minutes.
	Every time.Duration
	// Repaired is called if a zone can be validated that could not be before: one that
	// could be all the time has another fault than is found out here, which is why it
	// was named. The negative trust anchor is left to the caller.
	Repaired func(Negative)
}

// Rechecker tries zones that are not validated for a time.
type Rechecker struct {
	config Recheck
	wake   chan struct{}

	mu     sync.Mutex      // guards failed; nothing is asked under it
	failed map[string]bool // by keyOf(zone): those that could not be validated
}

// Failing reports whether zone was tried and could not be validated.
func (r *Rechecker) Failing(zone wire.Name) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[keyOf(zone)]
}

// recheckTimeout is how long a zone may take to try, and usualRecheck how often all are.
const (
	recheckTimeout = 10 * time.Second
	usualRecheck   = 5 * time.Minute
)

// NewRechecker returns a rechecker. It does nothing before it runs.
func NewRechecker(c Recheck) *Rechecker {
	setDefault(&c.Every, usualRecheck)
	if c.Validation.Now == nil {
		c.Validation.Now = time.Now
	}
	return &Rechecker{config: c, wake: make(chan struct{}, 1), failed: map[string]bool{}}
}

// Run tries all zones, one after the other, again and again until ctx is over.
func (r *Rechecker) Run(ctx context.Context) {
	again := time.NewTicker(r.config.Every)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		case <-r.wake:
		}
		r.round(ctx)
	}
}

// Soon has all zones tried now: one was added. It may be called by any goroutine.
func (r *Rechecker) Soon() {
	select {
	case r.wake <- struct{}{}:
	default: // they will be anyway
	}
}

func (r *Rechecker) round(ctx context.Context) {
	known := map[string]bool{}
	for _, n := range r.config.Validation.Anchors.Negatives(r.config.Validation.Now()) {
		if n.Until.IsZero() {
			continue
		}
		key := keyOf(n.Zone)
		isValid := r.canValidate(ctx, n.Zone)
		switch {
		case ctx.Err() != nil:
			return
		case !isValid:
			known[key] = true
		case r.Failing(n.Zone):
			r.config.Repaired(n)
		}
	}
	r.mu.Lock()
	r.failed = known
	r.mu.Unlock()
}

// canValidate reports whether the SOA record of zone can be proved, or that the zone is
// insecure, without its negative trust anchor.
func (r *Rechecker) canValidate(ctx context.Context, zone wire.Name) bool {
	ctx, cancel := context.WithTimeout(ctx, recheckTimeout)
	defer cancel()
	c := r.config.Validation
	c.Anchors, c.Fetcher = c.Anchors.without(zone), askedFetcher{r.config.Resolver}
	c.MaxZones, c.MaxSignatures = 256, 256
	reply, err := c.Fetcher.Fetch(ctx, zone, wire.TypeSOA)
	return err == nil && New(c).Check(ctx, reply, nil).Verdict >= Insecure
}

// without is a copy of a that lacks the negative trust anchor of zone.
func (a *Anchors) without(zone wire.Name) *Anchors {
	set := a.get()
	next := &anchorSet{positive: set.positive, negative: maps.Clone(set.negative)}
	delete(next.negative, keyOf(zone))
	other := new(Anchors)
	other.set.Store(next)
	return other
}

// askedFetcher asks a resolver.
type askedFetcher struct{ names.Resolver }

func (f askedFetcher) Fetch(ctx context.Context, name wire.Name, t wire.Type) (*Reply, error) {
	m, _, err := exchange(ctx, f.Resolver, Query(wire.Question{Name: name, Type: t, Class: wire.ClassIN}), itself)
	if err != nil {
		return nil, err
	}
	return ReplyFromMessage(m)
}
