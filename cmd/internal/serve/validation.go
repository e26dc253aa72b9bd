package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/cmd/internal/algorithms"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// setClock makes the clock that all of validation takes the time from: trust anchors,
// signatures, and the ends of negative trust anchors. One that was set begins with the
// server, and goes on when settings change.
func (p *parts) setClock(before *parts) {
	now := p.settings.Recursion.Validation.Now
	switch {
	case now.IsZero():
		p.clock = time.Now
	case before != nil && before.settings.Recursion.Validation.Now.Equal(now):
		p.clock = before.clock
	default:
		p.clock = cli.ClockFrom(now)
		p.log.Warn("signatures are judged by another time than that of the clock", "time", now)
	}
}

// validation returns how answers are proved; nil if there is nothing to prove
// them with, or if they are not to be.
func (p *parts) validation() (*validate.Config, error) {
	r := &p.settings.Recursion
	if r.Validation.Off {
		return nil, nil
	}
	anchors, err := readAnchors(r, p.clock())
	if err != nil {
		return nil, err
	}
	if len(anchors.All()) == 0 {
		p.log.Warn("DNSSEC validation is off: there is no trust anchor for these servers; give one with --trust-anchor FILE, or --no-validation",
			"through", through(r))
		return nil, nil
	}
	config := &validate.Config{
		Anchors:    anchors,
		Algorithms: algorithms.Validated(),
		Now:        p.clock,
	}
	if zones := anchors.Unusable(config.Algorithms); len(zones) > 0 {
		return nil, fmt.Errorf("trust anchors of %v: none has an algorithm and a digest that count, so that nothing would be validated; give others", zones[0])
	}
	p.warnOfAnchors(anchors)
	p.added.apply(anchors, p.clock())
	p.anchors = anchors
	if r.Validation.LogOnly {
		config.PassOn = (&failureLog{log: p.log}).say
	}
	if path := r.Validation.State; path != "" {
		p.follower, err = validate.NewFollower(validate.FollowConfig{
			Anchors: anchors, Algorithms: config.Algorithms, Path: path, Now: p.clock,
			Ask: func(ctx context.Context, q wire.Question) (*wire.Message, error) {
				return validate.Ask(ctx, p.fresh, q)
			},
			Changed: func(c validate.KeyChange) {
				p.log.Warn("the keys of a trust anchor have changed", "zone", c.Zone, "key", c.Tag, "status", c.Status, "new", c.IsNew, "gone", c.IsGone)
				p.forget(c.Zone)
			},
			Failed: func(zone wire.Name, err error) {
				p.log.Error("the keys of a trust anchor cannot be followed", "zone", zone, "error", err)
			},
		})
		if err != nil {
			return nil, fmt.Errorf("trust anchors: %w", err)
		}
	}
	return config, nil
}

// validated returns a forwarder with validation as c says, or next itself if c
// is nil. It belongs between the cache and next: what is cached is proved. A
// recursor validates by itself.
func (p *parts) validated(next names.Resolver, c *validate.Config) names.Resolver {
	if r, ok := next.(*recursor.Recursor); ok {
		p.fresh = r.Fresh()
		return next
	}
	if c == nil {
		return next
	}
	config := *c
	config.RangeSize = rangeSize(&p.settings)
	validator := validate.NewResolver(next, config)
	p.forget, p.fresh = validator.Forget, validator
	asking := p.asking
	p.asking = func() recursor.Stats {
		s := asking()
		s.Synthesised, s.Renewed = validator.Synthesised(), validator.Renewed()
		s.Queries, s.Answered = s.Queries+s.Synthesised, s.Answered+s.Synthesised
		return s
	}
	if r := &p.settings.Recursion; r.Forward && len(r.Validation.TrustAnchors) == 0 {
		p.carried = &ifCarried{next: next, validated: validator, log: p.log}
		return p.carried
	}
	return validator
}

// readAnchors returns the trust anchors and the negative ones. The root's keys
// are built in, and count for the servers of the Internet unless a file has
// others for the root.
func readAnchors(r *settings.Recursion, now time.Time) (*validate.Anchors, error) {
	v := &r.Validation
	anchors := new(validate.Anchors)
	for _, path := range v.TrustAnchors {
		text, err := files.Read(path, validate.MaxAnchorFile)
		if err != nil {
			return nil, fmt.Errorf("trust anchors: %w", err)
		}
		if err := anchors.ParseAnchors(path, text, now); err != nil {
			return nil, fmt.Errorf("trust anchors: %w", err)
		}
	}
	isInternet := r.FromRoot && r.Iteration.RootHints == "" || r.Forward
	hasRoot := slices.ContainsFunc(anchors.All(), func(a validate.Anchor) bool { return a.Zone.IsRoot() })
	if isInternet && !hasRoot {
		for _, a := range validate.RootAnchors().All() {
			anchors.AddDS(a.Zone, &a.DS)
		}
	}
	for _, z := range v.Insecure {
		anchors.SetNegative(z.Zone, z.Until)
	}
	return anchors, nil
}

// built is before any time that a clock can rightly have.
var built = time.Date(2026, time.November, 1, 0, 0, 0, 0, time.UTC)

// warnOfAnchors logs what will keep names from being validated.
func (p *parts) warnOfAnchors(anchors *validate.Anchors) {
	r := &p.settings.Recursion
	now := p.clock()
	if now.Before(built) {
		p.log.Warn("the clock is wrong, and signatures will seem to be from the future: set it, and until then give time servers by address, or their zone with --insecure ZONE", "time", now)
	}
	if anchors.LacksRootKey() {
		p.log.Warn("the root's trust anchor is 20326 only, which is revoked on 11 January 2027: add key 38696 to the file, or leave it out")
	}
	for _, z := range r.Validation.Insecure {
		if !z.Until.IsZero() && !now.Before(z.Until) {
			p.log.Warn("zone is validated again: the time of --insecure has ended", "zone", z.Zone, "end", z.Until)
		}
	}
	var private []string
	for _, z := range slices.Concat(r.Zones, r.Iteration.Stubs) {
		isNamed := slices.ContainsFunc(anchors.All(), func(a validate.Anchor) bool { return !a.Zone.IsRoot() && z.Zone.HasSuffix(a.Zone) }) ||
			slices.ContainsFunc(r.Validation.Insecure, func(i settings.InsecureZone) bool { return z.Zone.HasSuffix(i.Zone) })
		if !isNamed {
			private = append(private, z.Zone.String())
		}
	}
	if len(private) > 0 {
		p.log.Info("zones with servers of their own are validated like all others: if one is private, give --insecure ZONE if it is unsigned, or its key with --trust-anchor FILE", "zones", private)
	}
}

// howValidated is how answers are validated, for the log.
func howValidated(v *settings.Validation) string {
	switch {
	case v.Off:
		return "off"
	case v.LogOnly:
		return "log only"
	}
	return "on"
}

// ifCarried validates what upstream servers say if they pass on signatures. If
// they do not, nothing they say could be proved; a router's forwarder is often
// like that. An operator who gives trust anchors insists on proofs.
type ifCarried struct {
	next      names.Resolver
	validated *validate.Resolver
	log       *slog.Logger

	state atomic.Int32
	until atomic.Int64 // Unix time in seconds when servers that do not are asked again
}

const (
	carryUnknown int32 = iota
	carryYes
	carryNo
)

// recheckCarried is how long it is before servers that did not pass on
// signatures are asked again.
const recheckCarried = 10 * time.Minute

func (c *ifCarried) Resolve(ctx context.Context, x *names.Exchange) error {
	if c.isCarried(ctx) {
		return c.validated.Resolve(ctx, x)
	}
	return c.next.Resolve(ctx, x)
}

// TryResolve answers what was proved not to be there.
func (c *ifCarried) TryResolve(x *names.Exchange) error {
	if c.state.Load() != carryYes {
		return names.ErrSlow
	}
	return c.validated.TryResolve(x)
}

// isCarried reports whether to validate. While it cannot be found out it is
// true: what is not proved is not passed on.
func (c *ifCarried) isCarried(ctx context.Context) bool {
	state := c.state.Load()
	if state == carryYes || state == carryNo && time.Now().Unix() < c.until.Load() {
		return state == carryYes
	}
	carries, err := c.validated.CarriesDNSSEC(ctx)
	switch {
	case carries:
		c.set(carryYes, "upstream servers pass on DNSSEC signatures: answers are validated")
	case err != nil && isSilence(err):
		return state != carryNo
	default:
		c.until.Store(time.Now().Add(recheckCarried).Unix())
		c.set(carryNo, "DNSSEC validation is off: an upstream server does not pass on the signatures of the root; forward to one that does, or give --no-validation; with --trust-anchor FILE answers are validated all the same")
	}
	return carries
}

// set notes what was found out, and says so if it is new.
func (c *ifCarried) set(state int32, text string) {
	if c.state.Swap(state) != state {
		c.log.Warn(text)
	}
}

// forget makes c find out again: the servers are others now.
func (c *ifCarried) forget() { c.state.Store(carryUnknown) }

// isSilence reports whether err says nothing about the servers but that they
// cannot be reached.
func isSilence(err error) bool {
	failure, ok := errors.AsType[*recursor.Failure](err)
	return !ok || !failure.Answered
}

// failureLog logs replies that are passed on although they are not proved, at
// most one a second.
type failureLog struct {
	log     *slog.Logger
	last    atomic.Int64 // Unix time in seconds
	skipped atomic.Int64
}

func (f *failureLog) say(err *validate.Error) {
	now := time.Now().Unix()
	last := f.last.Load()
	if now == last || !f.last.CompareAndSwap(last, now) {
		f.skipped.Add(1)
		return
	}
	f.log.Warn("reply is passed on although it is not proved", "name", err.Question.Name, "type", err.Question.Type,
		"verdict", err.Verdict, "reason", err.Reason.Text, "code", uint16(err.Reason.Code), "more", f.skipped.Swap(0))
}
