package authority

import (
	"time"

	"github.com/names-dns/names/wire"
)

// Stats are numbers of a [Set] since it was made. Every zone is in one state:
//
//	Zones = Loaded + NotLoaded + Expired
//
// and every transaction ends in one of these ways:
//
//	Transactions = Loads + Commits + Unchanged + Refusals + Abandoned
//
// Both hold when no transaction is open. Counts of zones that the set no longer
// serves are included.
type Stats struct {
	Zones, Loaded, NotLoaded, Expired int

	Records int64 // of the zones that are loaded
	Names   int64 // of those, empty non-terminals included

	TransactionCounts
}

// TransactionCounts is how transactions ended.
type TransactionCounts struct {
	Transactions uint64 // begun
	Loads        uint64 // whole zones that became visible
	Commits      uint64 // edits that became visible
	Unchanged    uint64 // edits that made no difference
	Refusals     uint64 // refused by a check, a stage or the journal
	Abandoned    uint64 // rolled back
	Expirations  uint64 // not transactions: how often zones expired
}

// ZoneStats are numbers of one [Zone] since it was made, or since the last set
// that served it removed it.
type ZoneStats struct {
	Origin  wire.Name
	State   State
	Serial  wire.Serial // of the last version that was visible
	Changed time.Time   // when that became visible; zero: there was none
	Records int         // 0 unless the zone is loaded
	Names   int
	TransactionCounts
}

// Stats returns the numbers of the zone.
func (z *Zone) Stats() ZoneStats {
	z.mu.Lock()
	defer z.mu.Unlock()
	s := ZoneStats{Origin: z.origin, State: z.State(), TransactionCounts: z.counts}
	if z.published != nil {
		s.Serial, s.Changed = z.published.serial, z.changed
	}
	if now := z.current.Load(); now != nil {
		s.Records, s.Names = now.records, now.names
	}
	return s
}

// Stats returns the numbers of all zones of the set. It looks at each of them.
func (s *Set) Stats() Stats {
	s.mu.Lock()
	sum := Stats{TransactionCounts: s.gone}
	s.mu.Unlock()
	for _, z := range s.Zones() {
		one := z.Stats()
		sum.Zones++
		switch one.State {
		case NotLoaded:
			sum.NotLoaded++
		case Loaded:
			sum.Loaded++
		case Expired:
			sum.Expired++
		}
		sum.Records += int64(one.Records)
		sum.Names += int64(one.Names)
		sum.add(one.TransactionCounts)
	}
	return sum
}

func (c *TransactionCounts) add(d TransactionCounts) {
	c.Transactions += d.Transactions
	c.Loads += d.Loads
	c.Commits += d.Commits
	c.Unchanged += d.Unchanged
	c.Refusals += d.Refusals
	c.Abandoned += d.Abandoned
	c.Expirations += d.Expirations
}
