package recursor

import (
	"sync"
	"time"
)

// alarms ring for what has waited long enough. All have one timer of the runtime, which is
// left as it is when an alarm is stopped, as nearly all are, and found to be early
// when it fires. A timer for each wakes a thread whenever it is the next to
// expire: for a query that has its reply in a millisecond that is a good part of what it
// costs.
type alarms struct {
	mu    sync.Mutex // nothing is called under it
	set   []*alarm   // a heap: the first is the next to ring
	timer *time.Timer
	fires time.Time // when the timer does; the zero value if it is not set
}

// alarm is one of them. It is used again and again.
type alarm struct {
	rings chan struct{} // has one when it has rung
	at    time.Time
	place int // in alarms.set plus one; 0: it is not in there
}

func newAlarm() alarm { return alarm{rings: make(chan struct{}, 1)} }

// ring has a ring at a time, and at no other.
func (s *alarms) ring(a *alarm, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.silence()
	earlier := a.place > 0 && at.Before(a.at)
	a.at = at
	switch {
	case a.place == 0:
		s.set = append(s.set, a)
		a.place = len(s.set)
		s.up(a.place - 1)
	case earlier:
		s.up(a.place - 1)
	default:
		s.down(a.place - 1)
	}
	s.wind()
}

// stop has a not ring.
func (s *alarms) stop(a *alarm) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a.silence()
	if a.place > 0 {
		s.remove(a.place - 1)
	}
}

// silence takes back what a has rung.
func (a *alarm) silence() {
	select {
	case <-a.rings:
	default:
	}
}

// wind sets the timer if it would fire too late. The alarms are locked.
func (s *alarms) wind() {
	if len(s.set) == 0 || !s.fires.IsZero() && !s.set[0].at.Before(s.fires) {
		return
	}
	s.fires = s.set[0].at
	if wait := time.Until(s.fires); s.timer == nil {
		s.timer = time.AfterFunc(wait, s.fire)
	} else {
		s.timer.Reset(wait)
	}
}

// fire rings those whose time has come.
func (s *alarms) fire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fires = time.Time{}
	for now := time.Now(); len(s.set) > 0 && !now.Before(s.set[0].at); {
		a := s.set[0]
		s.remove(0)
		a.rings <- struct{}{} // has room
	}
	s.wind()
}

// close stops the timer. No alarm is set then.
func (s *alarms) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.timer != nil {
		s.timer.Stop()
	}
}

// remove takes out number i.
func (s *alarms) remove(i int) {
	last := len(s.set) - 1
	s.set[i].place = 0
	if i != last {
		s.put(i, s.set[last])
	}
	s.set[last] = nil
	s.set = s.set[:last]
	if i != last {
		s.up(i)
		s.down(i)
	}
}

func (s *alarms) put(i int, a *alarm) {
	s.set[i] = a
	a.place = i + 1
}

// up moves number i before those that ring later.
func (s *alarms) up(i int) {
	a := s.set[i]
	for i > 0 {
		above := (i - 1) / 2
		if !a.at.Before(s.set[above].at) {
			break
		}
		s.put(i, s.set[above])
		i = above
	}
	s.put(i, a)
}

// down moves number i after those that ring earlier.
func (s *alarms) down(i int) {
	a := s.set[i]
	for {
		next := 2*i + 1
		if next >= len(s.set) {
			break
		}
		if next+1 < len(s.set) && s.set[next+1].at.Before(s.set[next].at) {
			next++
		}
		if !s.set[next].at.Before(a.at) {
			break
		}
		s.put(i, s.set[next])
		i = next
	}
	s.put(i, a)
}
