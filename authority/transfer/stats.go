package transfer

import (
	"sync/atomic"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Stats are numbers of the zones that come from primaries.
type Stats struct {
	Zones         int    // that are kept
	Confirmed     uint64 // attempts that found the primary's version to be ours
	Transferred   uint64 // whole zones
	Incremental   uint64 // changes
	Failed        uint64 // attempts with one primary that failed
	FellBack      uint64 // to whole zones, because changes did not fit
	Notified      uint64 // NOTIFY messages that were believed
	NotifyRefused uint64 // and those that were not
}

// counters are what Stats is made of.
type counters struct {
	confirmed, transferred, incremental, failed, fellBack, notified, notifyRefused atomic.Uint64
}

// Stats returns the numbers of all zones, also of those that were removed since.
func (all *Secondaries) Stats() Stats {
	all.mu.RLock()
	zones := len(all.zones)
	all.mu.RUnlock()
	c := &all.counts
	return Stats{
		Zones: zones, Confirmed: c.confirmed.Load(), Transferred: c.transferred.Load(), Incremental: c.incremental.Load(), Failed: c.failed.Load(),
		FellBack: c.fellBack.Load(), Notified: c.notified.Load(), NotifyRefused: c.notifyRefused.Load(),
	}
}

// Status is how a zone that comes from primaries is.
type Status struct {
	Zone      wire.Name
	State     authority.State
	Serial    wire.Serial
	Primaries []Primary
	Tried     time.Time // the last attempt
	Checked   time.Time // when a primary last had our version as its newest one
	Next      time.Time // the next attempt, unless NOTIFY comes
	Expires   time.Time // zero: it is not loaded
	Failed    int       // attempts since the last that succeeded
	Error     string    // of the last one that failed, if Failed is not 0
}

// Status returns how the zone is.
func (s *Secondary) Status() Status {
	s.mu.Lock()
	status := s.status
	s.mu.Unlock()
	stats := s.zone.Stats()
	status.Zone, status.State, status.Serial, status.Primaries = s.zone.Origin(), stats.State, stats.Serial, s.config.Primaries
	if at := s.expires.Load(); at != 0 {
		status.Expires = time.Unix(at, 0)
	}
	return status
}

// note lets others see how the zone is.
func (s *Secondary) note(next time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status.Tried, s.status.Checked, s.status.Failed, s.status.Next = s.tried, s.confirmed, s.failed, next
	switch {
	case s.failed == 0:
		s.status.Error = ""
	case err != nil:
		s.status.Error = err.Error()
	}
}

// Statuses returns how each zone is, in no order.
func (all *Secondaries) Statuses() (list []Status) {
	all.mu.RLock()
	defer all.mu.RUnlock()
	for _, r := range all.zones {
		list = append(list, r.secondary.Status())
	}
	return list
}

// SenderStats are numbers of zones that are sent.
type SenderStats struct {
	Whole, Incremental uint64 // transfers that were sent
	Current            uint64 // answers that the client has the newest version, or is to come back over TCP
	Refused            uint64
	Failed             uint64
	Records            uint64 // that were sent
}

// SenderCounters count what senders send. Several may share them.
type SenderCounters struct {
	whole, incremental, current, refused, failed, records atomic.Uint64
}

// Stats returns the numbers.
func (c *SenderCounters) Stats() SenderStats {
	return SenderStats{c.whole.Load(), c.incremental.Load(), c.current.Load(), c.refused.Load(), c.failed.Load(), c.records.Load()}
}

// NotifierStats are numbers of NOTIFY messages to others.
type NotifierStats struct {
	Pending      int    // that are on their way
	Acknowledged uint64 // that others have acknowledged
	Failed       uint64 // that were given up
}

// Stats returns the numbers.
func (n *Notifier) Stats() NotifierStats {
	n.mu.Lock()
	defer n.mu.Unlock()
	return NotifierStats{len(n.pending), n.acknowledged.Load(), n.failed.Load()}
}
