package transfer

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// slowToClose is a connection as with TLS, whose peer does not take the last message.
type slowToClose struct{ net.Conn }

func (slowToClose) Close() error {
	time.Sleep(5 * time.Second)
	return nil
}

// Connections that are slow to close hold up no transfer from other primaries.
func TestSlowCloseHoldsNothingUp(t *testing.T) {
	for name, closeSlow := range map[string]func(p *Pool){
		"all":  func(p *Pool) { p.CloseIdle() },
		"idle": func(*Pool) { time.Sleep(idleTime) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &Pool{Dial: func(context.Context, string, netip.Addr, netip.AddrPort) (net.Conn, error) {
					return slowToClose{}, nil
				}}
				l, err := p.get(t.Context(), Primary{Address: netip.MustParseAddrPort("192.0.2.1:853")}, time.Second, false)
				if err != nil {
					t.Fatal(err)
				}
				l.put(true)
				done := make(chan struct{})
				go func() { defer close(done); closeSlow(p) }()
				time.Sleep(idleTime) // the connection is being closed
				synctest.Wait()
				if p.mu.TryLock() {
					p.mu.Unlock()
				} else {
					t.Error("transfers from other primaries wait until it is closed")
				}
				<-done
				time.Sleep(time.Minute) // until the idle one is closed as well
			})
		})
	}
}
