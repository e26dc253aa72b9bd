package serve

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/names-dns/names/authority"
)

// syncs knows which zones are to be written to their files, and when.
type syncs struct {
	journals *journals
	more     chan struct{} // there may be an earlier one

	mu    sync.Mutex
	zones map[*authority.Zone]*servedZone // those that are written back
	at    map[*authority.Zone]time.Time   // those that have changed: when they are written
	said  map[*authority.Zone]string      // why the last attempt failed
}

func (s *syncs) begin(j *journals) {
	s.journals, s.more, s.at, s.said = j, make(chan struct{}, 1), map[*authority.Zone]time.Time{}, map[*authority.Zone]string{}
}

// set says which zones are written to their files.
func (s *syncs) set(zones servedZones) {
	next := map[*authority.Zone]*servedZone{}
	for i := range zones {
		if zones[i].from.SyncAfter > 0 {
			z := zones[i]
			next[z.zones[0]] = &z
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for zone, z := range next {
		if _, ok := s.zones[zone]; !ok { // it may have changed before
			s.at[zone] = time.Now().Add(z.from.SyncAfter)
		}
	}
	maps.DeleteFunc(s.at, func(zone *authority.Zone, _ time.Time) bool { return next[zone] == nil })
	maps.DeleteFunc(s.said, func(zone *authority.Zone, _ string) bool { return next[zone] == nil })
	s.zones = next
	s.wake()
}

func (s *syncs) wake() {
	select {
	case s.more <- struct{}{}:
	default:
	}
}

// receive notes a change. It is an [authority.Subscriber].
func (s *syncs) receive(p authority.Publication) {
	s.mu.Lock()
	defer s.mu.Unlock()
	z := s.zones[p.Zone]
	if z == nil || p.After == nil || p.Source == authority.FromFile {
		return
	}
	if _, ok := s.at[p.Zone]; !ok {
		s.at[p.Zone] = time.Now().Add(z.from.SyncAfter)
		s.wake()
	}
}

// due receives when the next zone is to be written; nil if there is none.
func (s *syncs) due() <-chan time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	var first time.Time
	for _, at := range s.at {
		if first.IsZero() || at.Before(first) {
			first = at
		}
	}
	if first.IsZero() {
		return nil
	}
	return time.After(time.Until(first))
}

// write writes the zones whose time has come, or all that have changed.
func (s *syncs) write(all bool) {
	s.mu.Lock()
	var zones []*servedZone
	for zone, at := range s.at {
		if all || !time.Now().Before(at) {
			zones = append(zones, s.zones[zone])
			delete(s.at, zone)
		}
	}
	s.mu.Unlock()
	for _, z := range zones {
		err := s.journals.writeFile(z)
		if level, ok := s.note(z.zones[0], err); ok {
			s.journals.log.Log(context.Background(), level, "zone file is not written; its changes stay in the journal", "error", err)
		}
	}
}

// note notes how an attempt ended. If it failed, there is another one: the disk may have
// room by then, or an edited file may have been read. It returns at which level that is
// logged: what was said before is a detail.
func (s *syncs) note(zone *authority.Zone, err error) (level slog.Level, isFailure bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		delete(s.said, zone)
		return 0, false
	}
	level = slog.LevelWarn
	if s.said[zone] == err.Error() {
		level = slog.LevelDebug
	}
	if z := s.zones[zone]; z != nil { // or the settings have changed
		s.said[zone] = err.Error()
		if _, ok := s.at[zone]; !ok {
			s.at[zone] = time.Now().Add(z.from.SyncAfter)
		}
	}
	return level, true
}
