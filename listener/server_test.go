package listener

import (
	"errors"
	"net"
	"net/netip"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/freeport"
)

// engines runs a test with servers of c that move datagrams in each way this
// system has.
func engines(t *testing.T, c Config, f func(t *testing.T, c Config)) {
	with := func(name string, portable, dedicated bool) {
		c.portable, c.DedicatedThreads = portable, dedicated
		t.Run(name, func(t *testing.T) { f(t, c) })
	}
	with("portable", true, false)
	if oneSocketPerWorker {
		with("batches", false, false)
		with("dedicated threads", false, true)
	}
}

func TestAnswersOverEachTransport(t *testing.T) {
	engines(t, Config{}, func(t *testing.T, c Config) {
		for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
			c.Endpoints = Plain(netip.MustParseAddrPort(address))
			s := Serving(t, c)
			for _, network := range []string{"udp", "tcp"} {
				conn := Dial(t, s, network)
				for _, name := range []string{"www.example.", "slow.example."} {
					got := ParseReply(t, Ask(t, conn, Question(7, name, nil)))
					if got.Header.ID != 7 || got.RCode != 0 || got.Answers != 1 || got.Name != name || got.HasEDNS {
						t.Errorf("%s %s %s: reply is %+v", address, network, name, got)
					}
				}
			}
		}
	})
}

func TestRepliesLeaveFromTheAddressAsked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has all of 127.0.0.0/8 on its loopback interface, and tells where a datagram was sent to")
	}
	everywhere := Plain(netip.MustParseAddrPort("0.0.0.0:0"), netip.MustParseAddrPort("[::]:0"))
	engines(t, Config{Endpoints: everywhere}, func(t *testing.T, c Config) {
		s := Serving(t, c)
		for i, local := range []string{"127.0.0.1", "127.0.0.2", "127.1.2.3", "::1"} {
			port := s.Addresses()[i/3].Port()
			server := net.UDPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(local), port))
			conn, err := net.DialUDP("udp", nil, server) // takes nothing from other addresses
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(patience))
			for _, name := range []string{"www.example.", "slow.example."} {
				if got := ParseReply(t, Ask(t, conn, Question(9, name, nil))); got.Answers != 1 {
					t.Errorf("%s %s: reply is %+v", local, name, got)
				}
			}
		}
	})
}

func TestBindsEverythingOrNothing(t *testing.T) {
	first := Serving(t, Config{})
	address := freeport.At(t, netip.MustParseAddr("127.0.0.2"))
	_, err := Listen(Config{Resolver: Echo{}, Endpoints: Plain(address, first.Addresses()[0])})
	if !errors.Is(err, syscall.EADDRINUSE) || !strings.Contains(err.Error(), first.Addresses()[0].String()) {
		t.Fatalf("error is %v", err)
	}
	again, err := Listen(Config{Resolver: Echo{}, Endpoints: Plain(address)})
	if err != nil {
		t.Fatalf("an address of a server that could not start is still taken: %v", err)
	}
	again.Close()
}

func TestRefusesBadConfigurations(t *testing.T) {
	here := Plain(netip.MustParseAddrPort("127.0.0.1:0"))
	for want, c := range map[string]Config{
		"no resolver":          {Endpoints: here},
		"no address":           {Resolver: Echo{}},
		"is empty":             {Resolver: Echo{}, Endpoints: Plain(netip.AddrPort{})},
		"between 512 and 4096": {Resolver: Echo{}, Endpoints: here, MaxUDPSize: 511},
		"NSID is longer":       {Resolver: Echo{}, Endpoints: here, NSID: strings.Repeat("x", 129)},
		"is negative: -1":      {Resolver: Echo{}, Endpoints: here, MaxSlow: -1},
		"timeout is negative":  {Resolver: Echo{}, Endpoints: here, IdleTimeout: -1},
		"no interface":         {Resolver: Echo{}, Endpoints: Plain(netip.MustParseAddrPort("192.0.2.1:0"))},
	} {
		if s, err := Listen(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, not one with %q", err, want)
			if s != nil {
				s.Close()
			}
		}
	}
}
