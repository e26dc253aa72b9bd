package update

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Updates rest while queries use the processor, in groups, and never for long. Alone they
// do not, however many there are and however much of it they use.
func TestRests(t *testing.T) {
	cores := float64(runtime.GOMAXPROCS(0))
	for _, test := range []struct {
		name        string
		queries     float64 // what they use of all cores
		update      float64 // what an update uses of a second of all cores
		clients     int
		least, most int // updates a second
	}{
		{"one client alone", 0, 0.0007, 1, 195, 200},
		{"one client, few queries", 0.2, 0.0007, 1, 195, 200},
		{"one client, many queries", 0.95, 0.0007, 1, 45, 60},
		{"200 clients alone", 0, 0.00001, 200, 38_000, 40_000},
		{"200 clients that keep the processor busy", 0, 0.0001, 200, 36_000, 40_000},
		{"200 clients, many queries", 0.8, 0.0001, 200, 350, 800},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const took, long = 5 * time.Millisecond, 4 // until the disk has it; seconds
				began := time.Now()
				var done, starved atomic.Int32
				r := rests{used: func() time.Duration {
					return time.Duration(cores * (test.queries*float64(time.Since(began)) + float64(done.Load())*test.update*float64(time.Second)))
				}}
				end := time.Now().Add(long * time.Second)
				var all sync.WaitGroup
				for range test.clients {
					all.Go(func() {
						for time.Now().Before(end) {
							asked := time.Now()
							r.wait(t.Context())
							if time.Since(asked) > time.Second {
								starved.Add(1)
							}
							time.Sleep(took)
							done.Add(1)
						}
					})
				}
				all.Wait()
				if n := int(done.Load()) / long; n < test.least || n > test.most || starved.Load() > 0 {
					t.Errorf("%d updates a second, not %d to %d; %d waited for more than a second", n, test.least, test.most, starved.Load())
				}
			})
		})
	}
}
