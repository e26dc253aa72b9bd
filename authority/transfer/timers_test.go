package transfer

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// What the timers in the SOA record count as: by default, and within bounds that are set.
func TestTimers(t *testing.T) {
	const day, most = 24 * time.Hour, 1<<32 - 1
	for _, test := range []struct {
		timers                 Timers
		refresh, retry, expire uint32 // in the SOA record
		want                   [3]time.Duration
	}{
		{Timers{}, 3600, 600, 86400, [3]time.Duration{time.Hour, 10 * time.Minute, day}},
		{Timers{}, 0, 0, 0, [3]time.Duration{time.Minute, 10 * time.Second, 70 * time.Second}},
		{Timers{}, most, most, most, [3]time.Duration{28 * day, 14 * day, most * time.Second}},
		{Timers{}, 3600, 600, 60, [3]time.Duration{time.Hour, 10 * time.Minute, 70 * time.Minute}},
		{Timers{MinRefresh: time.Millisecond, MinRetry: time.Millisecond}, 0, 0, 0, [3]time.Duration{time.Second, time.Second, 2 * time.Second}},
		{Timers{MinRefresh: 5 * time.Second, MinRetry: 3 * time.Second, MinExpire: time.Hour}, 1, 1, 1, [3]time.Duration{5 * time.Second, 3 * time.Second, time.Hour}},
		{Timers{MaxRefresh: time.Hour, MaxRetry: 5 * time.Minute, MaxExpire: 2 * day}, 86400, 86400, 10 * 86400, [3]time.Duration{time.Hour, 5 * time.Minute, 2 * day}},
		{Timers{MinRefresh: time.Hour, MaxRefresh: time.Minute, MinRetry: time.Hour, MaxRetry: time.Minute, MinExpire: day, MaxExpire: time.Minute}, 1, 1, 1, [3]time.Duration{time.Hour, time.Hour, day}},
		{Timers{MaxExpire: time.Second}, 3600, 600, 86400, [3]time.Duration{time.Hour, 10 * time.Minute, 70 * time.Minute}},
	} {
		text := fmt.Sprintf("$TTL 60\n@ SOA ns admin 7 %d %d %d 60\n@ NS ns\nns A 192.0.2.53\n", test.refresh, test.retry, test.expire)
		s := NewSecondary(authority.NewZone(snapshotOf(t, text)), SecondaryConfig{Timers: test.timers})
		soa, ok := s.timers()
		got := [3]time.Duration{s.refresh(&soa), s.retry(&soa), s.expireTime(s.zone.Snapshot())}
		if !ok || got != test.want {
			t.Errorf("%+v, %d %d %d: %v, want %v", test.timers, test.refresh, test.retry, test.expire, got, test.want)
		}
	}
}

// Waits are up to a tenth shorter, not all of them the same; before the first transfer
// they grow with each failure, from the least retry to ten minutes.
func TestWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const century = 100 * 365 * 24 * time.Hour
		loaded := authority.NewZone(snapshotOf(t, zoneText(7, 1))) // refresh 100 s, retry 20 s
		empty := authority.NewEmptyZone(origin, wire.ClassIN)
		for _, test := range []struct {
			zone   *authority.Zone
			timers Timers
			failed int
			want   time.Duration
		}{
			{loaded, Timers{}, 0, 100 * time.Second},
			{loaded, Timers{}, 1, 20 * time.Second},
			{loaded, Timers{}, 1000, 20 * time.Second},
			{empty, Timers{}, 0, 10 * time.Second},
			{empty, Timers{}, 1, 10 * time.Second},
			{empty, Timers{}, 2, 20 * time.Second},
			{empty, Timers{}, 6, 320 * time.Second},
			{empty, Timers{}, 7, 10 * time.Minute},
			{empty, Timers{}, 1 << 30, 10 * time.Minute},
			{empty, Timers{MinRetry: time.Second}, 5, 16 * time.Second},
			{empty, Timers{MinRetry: time.Hour}, 5, time.Hour},
			{empty, Timers{MinRetry: century}, 5, century},
			{loaded, Timers{MinRefresh: century, MinRetry: century}, 0, century},
		} {
			s := NewSecondary(test.zone, SecondaryConfig{Timers: test.timers})
			s.failed = test.failed
			seen := map[time.Duration]bool{}
			for range 200 {
				wait := time.Until(s.following())
				if wait > test.want || wait < test.want-test.want/10-1 {
					t.Fatalf("%v, %+v, %d failures: %v, want %v", test.zone.State(), test.timers, test.failed, wait, test.want)
				}
				seen[wait] = true
			}
			if len(seen) < 100 {
				t.Errorf("%v, %d failures: only %d different waits", test.zone.State(), test.failed, len(seen))
			}
		}
	})
}
