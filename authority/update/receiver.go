package update

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// ZoneConfig is how updates of one zone are received.
type ZoneConfig struct {
	Policy Policy
	Serial authority.SerialPolicy
	// Forward passes the requests of a secondary zone on, nil if the zone is
	// changed here. The primary then decides about names and types.
	Forward *Forwarder
	// ReadOnly is why no client may change the zone, even one that Policy lets. "": it may be changed.
	ReadOnly string
}

// MaxPending is how many requests for one zone may wait at once. Those that are
// too many get SERVFAIL.
const MaxPending = 256

// Receiver answers UPDATE (RFC 2136 3). Requests take time, since a change has
// to be durable before it is acknowledged: the receiver never makes the loop that
// receives packets wait. It is safe for use by many goroutines.
type Receiver struct {
	config  ReceiverConfig
	pending pending
	rests   rests
	counts  [endings]atomic.Uint64
}

// ReceiverConfig is what a [Receiver] works with.
type ReceiverConfig struct {
	// Zone returns a zone that may be updated and how, nil if it is not one of
	// ours. It is called on the loop that receives packets.
	Zone func(name wire.Name, class wire.Class) (*authority.Zone, *ZoneConfig)
	// Shed is called if a request gets SERVFAIL since too many wait for its zone. It may
	// be nil.
	Shed func(zone wire.Name)
	Log  *slog.Logger     // by default nothing is logged
	Now  func() time.Time // for serial numbers; by default time.Now
}

// NewReceiver returns a receiver.
func NewReceiver(c ReceiverConfig) *Receiver {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Receiver{config: c}
}

// ending is how a request ends, for [Stats].
type ending int

const (
	applied ending = iota
	unchanged
	forwarded
	unmet
	refused
	malformed
	notZone
	failed
	shed
	endings
)

// Stats are numbers of a [Receiver] since it was made. Every request ends in one
// of these ways.
type Stats struct {
	Applied   uint64 // changed the zone
	Unchanged uint64 // asked for what was so already
	Forwarded uint64 // answered by a primary
	Unmet     uint64 // had a prerequisite that the zone does not meet
	Refused   uint64 // were not allowed, or would have made an invalid zone
	Malformed uint64
	NotZone   uint64 // were for a zone or a name that is not ours
	Failed    uint64 // could not be made durable, or reached no primary
	Shed      uint64 // came while too many were waiting
}

// Stats returns the numbers so far.
func (r *Receiver) Stats() Stats {
	n := func(e ending) uint64 { return r.counts[e].Load() }
	return Stats{n(applied), n(unchanged), n(forwarded), n(unmet), n(refused), n(malformed), n(notZone), n(failed), n(shed)}
}

// TryResolve answers what needs no time: requests that are refused at the sight of
// their zone section and their sender.
func (r *Receiver) TryResolve(x *names.Exchange) error {
	if _, _, err := r.accept(x); err != nil {
		return r.answer(x, err)
	}
	return names.ErrSlow
}

// Resolve makes the update, and returns when it is durable.
func (r *Receiver) Resolve(ctx context.Context, x *names.Exchange) error {
	zone, config, err := r.accept(x)
	if err != nil {
		return r.answer(x, err)
	}
	isOver := r.pending.enter(zone) > MaxPending
	defer r.pending.leave(zone)
	if isOver {
		r.counts[shed].Add(1)
		if r.config.Shed != nil {
			r.config.Shed(zone.Origin())
		}
		x.RCode = wire.RCodeServFail
		x.AddExtendedError(wire.ExtendedErrorOther, "too many updates of the zone are waiting")
		return nil
	}
	if config.Forward != nil {
		rcode, err := config.Forward.forward(ctx, x)
		if err != nil {
			r.counts[failed].Add(1)
			return fmt.Errorf("zone %v: forwarding an update: %w", zone.Origin(), err)
		}
		r.counts[forwarded].Add(1)
		x.RCode = rcode
		return nil
	}
	r.rests.wait(ctx)
	changes, err := r.update(x, zone, config)
	if err != nil {
		return r.answer(x, err)
	}
	if changes.IsEmpty() {
		r.counts[unchanged].Add(1)
		return nil
	}
	r.counts[applied].Add(1)
	r.config.Log.Info("zone updated", "zone", zone.Origin().String(), "client", x.Peer.Remote.String(), "key", keyText(&x.Peer),
		"serial", changes.To.String(), "added", len(changes.Added), "removed", len(changes.Removed))
	return nil
}

// pending counts the requests that wait for each zone. It has no zone for which none waits:
// one that is no longer served is not kept in memory by that. The zero value has none.
type pending struct {
	mu    sync.Mutex // guards zones
	zones map[*authority.Zone]int
}

// enter counts a request, and returns how many there are for the zone with it.
func (p *pending) enter(z *authority.Zone) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.zones == nil {
		p.zones = map[*authority.Zone]int{}
	}
	p.zones[z]++
	return p.zones[z]
}

func (p *pending) leave(z *authority.Zone) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.zones[z]--; p.zones[z] == 0 {
		delete(p.zones, z)
	}
}

// keyText is the client's key for the log.
func keyText(p *names.Peer) string {
	if p.Key.IsZero() {
		return ""
	}
	return p.Key.String()
}

// accept reads the zone section, and finds out whether the client may have
// anything done. It looks at no record: a client that may not update a zone learns
// nothing of it by prerequisites.
func (r *Receiver) accept(x *names.Exchange) (*authority.Zone, *ZoneConfig, error) {
	q := &x.Query.Question
	if q.Name.IsZero() || q.Type != wire.TypeSOA { // RFC 2136 3.1.1
		return nil, nil, refuse(wire.RCodeFormErr, "zone section is not one record of type SOA")
	}
	zone, config := r.config.Zone(q.Name, q.Class)
	switch {
	case zone == nil:
		return nil, nil, refuse(wire.RCodeNotAuth, "%v is not a zone of this server", q.Name) // RFC 2136 3.1.2
	case config == nil || !config.Policy.Concerns(&x.Peer):
		return nil, nil, refuse(wire.RCodeRefused, "client may not update the zone %v", q.Name)
	case config.ReadOnly != "":
		return nil, nil, refuse(wire.RCodeRefused, "%s", config.ReadOnly)
	}
	return zone, config, nil
}

// update makes one request, in the order of RFC 2136 3.
func (r *Receiver) update(x *names.Exchange, zone *authority.Zone, config *ZoneConfig) (changes authority.ChangeSet, err error) {
	request, err := ParseRequest(x.Query.Message)
	if err != nil {
		return changes, err
	}
	t, err := zone.Begin(authority.FromUpdate)
	if err != nil {
		return changes, err
	}
	defer t.Rollback()
	peer := &x.Peer
	for _, step := range []func() error{
		func() error { return request.Check(t) },
		func() error { return request.Scan() },
		func() error { return config.Policy.Allows(peer, request, t) },
		func() error { return config.Policy.keepsSigned(peer, request, t) },
		func() error { return request.Apply(t) },
		func() error { return config.Policy.Limits(peer, request, t) },
	} {
		if err := step(); err != nil {
			return changes, err
		}
	}
	t.AdvanceSerial(config.Serial, r.config.Now())
	return commit(t)
}

// commit ends the transaction. What makes the zone invalid is refused; what could
// not be made durable has failed.
func commit(t *authority.Txn) (authority.ChangeSet, error) {
	changes, err := t.Commit()
	var stage *authority.Refusal
	switch {
	case err == nil:
		return changes, nil
	case errors.Is(err, authority.ErrExpired), errors.As(err, &stage) && stage.Stage != "check":
		return changes, err
	}
	return changes, refuse(wire.RCodeRefused, "%v", err)
}

// answer counts a request that is not done, and makes the reply say why. An error
// that is not the client's is returned: it makes the reply SERVFAIL, and is logged.
func (r *Receiver) answer(x *names.Exchange, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		r.counts[failed].Add(1)
		return err
	}
	how := refused
	switch e.RCode {
	case wire.RCodeFormErr:
		how = malformed
	case wire.RCodeNotAuth, wire.RCodeNotZone:
		how = notZone
	case wire.RCodeNXDomain, wire.RCodeYXDomain, wire.RCodeNXRRSet, wire.RCodeYXRRSet:
		how = unmet
	case wire.RCodeServFail:
		how = failed
	}
	r.counts[how].Add(1)
	x.RCode = e.RCode
	if how == refused {
		x.AddExtendedError(wire.ExtendedErrorProhibited, e.Reason)
	}
	if how != unmet && how != notZone {
		r.config.Log.Debug("update not done", "zone", x.Query.Question.Name.String(), "client", x.Peer.Remote.String(), "key", keyText(&x.Peer), "error", e)
	}
	return nil
}
