package names

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// slowToClose is a connection whose Close takes its time, as that of a TLS
// connection does whose peer reads nothing.
type slowToClose struct{ net.Conn }

func (slowToClose) Close() error {
	time.Sleep(5 * time.Second)
	return nil
}

// A connection that is slow to close holds up no query to other servers.
func TestSlowCloseHoldsNothingUp(t *testing.T) {
	slow := netip.MustParseAddrPort("192.0.2.1:853")
	for name, closeSlow := range map[string]func(s *streams){
		"one too many": func(s *streams) { s.keep(slow, slowToClose{}) },
		"idle":         func(*streams) { time.Sleep(streamIdle) },
		"all":          func(s *streams) { s.closeAll() },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var s streams
				s.keep(slow, slowToClose{})
				done := make(chan struct{})
				go func() { defer close(done); closeSlow(&s) }()
				time.Sleep(streamIdle) // the connection is being closed
				if s.mu.TryLock() {
					s.mu.Unlock()
				} else {
					t.Error("queries to other servers wait until it is closed")
				}
				<-done
				time.Sleep(time.Minute) // until the idle one is closed as well
			})
		})
	}
}
