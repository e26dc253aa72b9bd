package recursor

import (
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

// TestAlarmsRingInTime: alarms that are set, set anew and stopped at random ring when their
// time has come, and only then.
func TestAlarmsRingInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		random := rand.New(rand.NewPCG(1, 2))
		var s alarms
		list := make([]alarm, 50)
		want := make([]time.Time, len(list)) // the zero value: it is not set
		for i := range list {
			list[i] = newAlarm()
		}
		rung := 0
		for range 2000 {
			i := random.IntN(len(list))
			switch random.IntN(4) {
			case 0:
				s.stop(&list[i])
				want[i] = time.Time{}
			default:
				want[i] = time.Now().Add(time.Duration(random.IntN(1000)) * time.Millisecond)
				s.ring(&list[i], want[i])
			}
			time.Sleep(time.Duration(random.IntN(20)) * time.Millisecond)
			synctest.Wait()
			for i := range list {
				isDue := !want[i].IsZero() && !time.Now().Before(want[i])
				if got := len(list[i].rings) > 0; got != isDue {
					t.Fatalf("alarm %d rings: %v, and should: %v", i, got, isDue)
				}
				if isDue {
					<-list[i].rings
					want[i] = time.Time{}
					rung++
				}
			}
		}
		if rung == 0 {
			t.Error("none has rung")
		}
		for i := range list {
			s.stop(&list[i])
		}
		if len(s.set) != 0 {
			t.Errorf("%d alarms are set, and all were stopped", len(s.set))
		}
		s.close()
	})
}

// TestAlarmsSetTheTimerSeldom: an alarm that rings later than another which was set
// before, even if that is stopped by now, does not set the timer.
func TestAlarmsSetTheTimerSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s alarms
		defer s.close()
		a, b := newAlarm(), newAlarm()
		s.ring(&a, time.Now().Add(75*time.Millisecond))
		fires := s.fires
		for range 50 {
			s.stop(&a)
			s.ring(&b, time.Now().Add(75*time.Millisecond))
			time.Sleep(time.Millisecond)
			s.stop(&b)
			if s.fires != fires {
				t.Fatalf("the timer was set to %v", s.fires)
			}
		}
		start := time.Now()
		s.ring(&a, start.Add(10*time.Millisecond))
		<-a.rings
		if took := time.Since(start); took != 10*time.Millisecond {
			t.Errorf("an alarm that is earlier rings after %v", took)
		}
	})
}

func TestAlarmsAllocateNothing(t *testing.T) {
	var s alarms
	defer s.close()
	a, b := newAlarm(), newAlarm()
	s.ring(&b, time.Now().Add(time.Hour))
	n := testing.AllocsPerRun(100, func() {
		s.ring(&a, time.Now().Add(2*time.Hour))
		s.stop(&a)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
