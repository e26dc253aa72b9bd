package serve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Parents that publish DSYNC records want to be notified of changed CDS records, and
// then look at them at once (RFC 9859). The message has no authority: the parent believes
// only what it finds in the zone.

// Bounds on what one notification takes: a DSYNC record can name any address.
const (
	maxNotifyTargets   = 4
	maxNotifyAddresses = 4 // of one target, of which the first that replies is enough
)

// schemeNotify is the scheme of DSYNC records that means a NOTIFY message (RFC
// 9859).
const schemeNotify = 1

var errNoTarget = errors.New("the parent does not publish where it wants to be notified")

// notify notifies the parent of a zone of changed CDS records, and returns the targets
// that have acknowledged it. The error is errNoTarget if there are none. The parent can report
// to an agent, if there is one, what is wrong with the records or the zone (RFC 9567).
func (p *parents) notify(ctx context.Context, zone, agent wire.Name) (told []string, err error) {
	ctx, cancel := context.WithTimeout(ctx, parentTimeout)
	defer cancel()
	targets, err := p.notifyTargets(ctx, zone)
	if err != nil {
		return nil, err
	}
	m := wire.Message{
		ID: uint16(rand.Uint32()), Flags: wire.FlagAA.WithOpcode(wire.OpcodeNotify),
		Questions: []wire.Question{{Name: zone, Type: wire.TypeCDS, Class: wire.ClassIN}},
		EDNS:      &wire.EDNS{UDPSize: 1232},
	}
	if !agent.IsZero() && !agent.HasSuffix(zone) { // the zone may be what does not work
		m.EDNS.Options = m.EDNS.Options.Append(&wire.ReportChannel{Agent: agent})
	}
	message, err := m.AppendTo(nil)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, t := range targets {
		if err := p.notifyTarget(ctx, message, &t); err != nil {
			errs = append(errs, fmt.Errorf("%v port %d: %w", t.Target, t.Port, err))
			continue
		}
		told = append(told, fmt.Sprintf("%v port %d", t.Target, t.Port))
	}
	return told, errors.Join(errs...)
}

// notifyTargets looks up where the parent of a zone wants to be notified of CDS
// records (RFC 9859).
func (p *parents) notifyTargets(ctx context.Context, zone wire.Name) (targets []wire.DSYNC, err error) {
	above, _, err := p.above(ctx, zone)
	if err != nil {
		return nil, err
	}
	for _, name := range dsyncNames(zone, above) {
		all, err := names.Lookup[wire.DSYNC](ctx, p.client, name.String())
		switch {
		case errors.Is(err, names.ErrNotExist), errors.Is(err, names.ErrNoData):
			continue
		case err != nil:
			return nil, err
		}
		for _, d := range all {
			if d.About == wire.TypeCDS && d.Scheme == schemeNotify && d.Port != 0 && !d.Target.IsRoot() {
				targets = append(targets, d)
			}
		}
		if len(targets) == 0 { // it is for other types or schemes only
			return nil, errNoTarget
		}
		return targets[:min(len(targets), maxNotifyTargets)], nil
	}
	return nil, errNoTarget
}

// dsyncNames are the names at which DSYNC records for a zone can be, in the order in
// which they are looked up: for this zone, after its first label and, if the parent zone
// is further up, before the name of that; and for all zones of the parent.
func dsyncNames(zone, parent wire.Name) (all []wire.Name) {
	add := func(name wire.Name, err error) {
		if err == nil && !slices.ContainsFunc(all, name.Equal) { // a name that is too long cannot have records
			all = append(all, name)
		}
	}
	add(insertDsync(zone, zone.LabelCount()-1))
	add(insertDsync(zone, parent.LabelCount()))
	add(parent.Prepend("_dsync"))
	return all
}

// insertDsync puts the label before the last labels of a name.
func insertDsync(name wire.Name, last int) (wire.Name, error) {
	if name.LabelCount() == last {
		return name.Prepend("_dsync")
	}
	rest, err := insertDsync(name.Parent(), last)
	if err != nil {
		return rest, err
	}
	return rest.Prepend(name.FirstLabel())
}

func (p *parents) notifyTarget(ctx context.Context, message []byte, t *wire.DSYNC) error {
	found, err := p.client.LookupNetIP(ctx, "ip", t.Target.String())
	if err != nil {
		return err
	}
	var addresses []netip.AddrPort
	for _, a := range found[:min(len(found), maxNotifyAddresses)] {
		addresses = append(addresses, netip.AddrPortFrom(a.Unmap(), t.Port))
	}
	reply, err := p.querier.Query(ctx, message, addresses...)
	if err != nil {
		return err
	}
	h, err := wire.ParseHeader(reply.Message)
	if err == nil && h.Flags.RCode() != wire.RCodeNoError {
		err = fmt.Errorf("it replies %v", h.Flags.RCode())
	}
	return err
}

// notice is what has become of notifying the parent of a zone.
type notice struct {
	of           time.Time // the change of CDS records that it is about
	at           time.Time // when it was sent
	acknowledged bool
	without      bool // the parent did not want one
}

// Between two notices of one change: the parent may have lost it, or have looked at a
// server that was late.
const (
	noticeInterval   = 24 * time.Hour
	noticeRetryAfter = time.Hour
)

// notifiesAt is when the parent is to be notified of changed CDS records: when all
// servers of the zone have them (RFC 9859), and again while it has not followed.
func (z *zoneSigning) notifiesAt() (at time.Time, ok bool) {
	since, ok := z.keys.AskedSince()
	if !ok || !z.policy.CDS || z.policy.NoDSCheck || !z.isSigned {
		return at, false
	}
	at = since.Add(z.keys.Policy.Propagation)
	switch {
	case !z.notice.of.Equal(since):
	case z.notice.acknowledged || z.notice.without:
		at = z.notice.at.Add(noticeInterval)
	default:
		at = z.notice.at.Add(noticeRetryAfter)
	}
	return at, true
}

// notifyParents notifies the parents that are due.
func (s *signing) notifyParents(ctx context.Context) {
	s.eachDue(ctx, (*zoneSigning).notifiesAt, func(d *dueZone) {
		s.mu.Lock()
		since, _ := d.of.keys.AskedSince()
		d.of.notice = notice{of: since, at: s.now()}
		s.mu.Unlock()
		log := s.log.With("zone", d.zone.Origin().String())
		told, err := s.parents.Load().notify(ctx, d.zone.Origin(), d.of.policy.ReportAgent)
		switch {
		case errors.Is(err, errNoTarget):
			log.Debug("parent not notified of new CDS records", "error", err)
		case err != nil:
			s.noticesFailed.Add(1)
			log.Warn("parent not notified of new CDS records", "error", err)
		}
		if len(told) > 0 {
			s.noticesTaken.Add(1)
			log.Info("parent notified of new CDS records", "targets", told)
		}
		s.mu.Lock()
		d.of.notice.acknowledged, d.of.notice.without = len(told) > 0, errors.Is(err, errNoTarget)
		s.mu.Unlock()
	})
}
