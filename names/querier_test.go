package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

var exampleQuestion = wire.Question{Name: wire.MustParseName("Example.com."), Type: wire.TypeA, Class: wire.ClassIN}

// No reply but one with the same ID, opcode and question is taken.
func TestIsReply(t *testing.T) {
	query := wire.AppendQuery(nil, 7, wire.FlagRD, exampleQuestion, nil)
	for _, test := range []struct {
		name   string
		change func(*wire.Message)
		want   bool
	}{
		{"the reply", func(*wire.Message) {}, true},
		{"other case", func(m *wire.Message) { m.Questions[0].Name = wire.MustParseName("eXAMPLE.com.") }, true},
		{"other ID", func(m *wire.Message) { m.ID = 8 }, false},
		{"other name", func(m *wire.Message) { m.Questions[0].Name = wire.MustParseName("example.net.") }, false},
		{"other type", func(m *wire.Message) { m.Questions[0].Type = wire.TypeNS }, false},
		{"other class", func(m *wire.Message) { m.Questions[0].Class = wire.ClassCH }, false},
		{"other opcode", func(m *wire.Message) { m.Flags = m.Flags.WithOpcode(wire.OpcodeNotify) }, false},
		{"a query", func(m *wire.Message) { m.Flags &^= wire.FlagQR }, false},
		{"two questions", func(m *wire.Message) { m.Questions = append(m.Questions, exampleQuestion) }, false},
		{"no question", func(m *wire.Message) { m.Questions = nil }, false},
		{"no question in an error", func(m *wire.Message) { m.Questions, m.RCode = nil, wire.RCodeFormErr }, true},
	} {
		m := &wire.Message{ID: 7, Flags: wire.FlagRD | wire.FlagQR, Questions: []wire.Question{exampleQuestion}}
		test.change(m)
		b := sent(m)[0]
		if got := IsReply(b, query); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
		for i := range b {
			if IsReply(b[:i], query) {
				t.Errorf("%s: the first %d octets are a reply", test.name, i)
			}
		}
	}
}

// Datagrams that are not a reply are counted and passed over; in a stream they
// are an error.
func TestQuerierIgnoresForgeries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			forged, other := a.reply(""), a.reply("")
			forged.ID++
			other.Questions = []wire.Question{{Name: wire.MustParseName("other."), Type: wire.TypeA, Class: wire.ClassIN}}
			return append(append(sent(forged, other, a.message), []byte("junk")), sent(a.reply(""))...)
		})
		query := wire.AppendQuery(nil, 7, wire.FlagRD, exampleQuestion, nil)
		server := netip.MustParseAddrPort("192.0.2.1:53")
		r, err := (&Querier{Dial: u.Dial}).Query(t.Context(), query, server)
		if err != nil || r.Ignored != 4 || r.Transport != UDP || r.Server != server {
			t.Errorf("%+v, %v", r, err)
		}
		_, err = (&Querier{Dial: u.Dial, TCP: true}).Query(t.Context(), query, server)
		expect(t, "over TCP", err, "Example.com. A: reply does not match the query (server 192.0.2.1:53)")
		synctest.Wait()
	})
}

// All servers with the first timeout, all with the next, and so on.
func TestQuerierRounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asks []string
		u := newUpstream(t, func(a asked) [][]byte {
			asks = append(asks, fmt.Sprint(a.after, " ", a.address))
			return nil
		})
		var failures []string
		a := Querier{
			Timeouts: []time.Duration{time.Second, 3 * time.Second, 11 * time.Second, 45 * time.Second}, Dial: u.Dial,
			Failed: func(server netip.AddrPort, transport Transport, err error) {
				failures = append(failures, fmt.Sprint(server.Addr(), " ", transport, " ", err))
			},
		}
		_, err := a.Query(t.Context(), wire.AppendQuery(nil, 7, 0, exampleQuestion, nil),
			netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53"))
		synctest.Wait()
		expect(t, "asked", strings.Join(asks, ", "), "0s 192.0.2.1:53, 1s 192.0.2.2:53, 2s 192.0.2.1:53, 5s 192.0.2.2:53, "+
			"8s 192.0.2.1:53, 19s 192.0.2.2:53, 30s 192.0.2.1:53, 1m15s 192.0.2.2:53")
		expect(t, "gave up after", time.Since(u.start), 2*time.Minute)
		expect(t, "error", err, "Example.com. A: no reply within 45s (server 192.0.2.2:53)")
		if !errors.Is(err, ErrTimeout) || len(failures) != 8 || failures[1] != "192.0.2.2 udp no reply within 1s" {
			t.Errorf("%v, failures %q", err, failures)
		}
		if u.connections() != 8 || u.stillOpen() != 0 {
			t.Errorf("%d sockets for 8 queries, %d of them open", u.connections(), u.stillOpen())
		}
	})
}

func TestQuerierWithoutServers(t *testing.T) {
	_, err := new(Querier).Query(t.Context(), wire.AppendQuery(nil, 7, 0, exampleQuestion, nil))
	expect(t, "error", err, "Example.com. A: no servers configured")
}

// Who gives up is not kept waiting.
func TestQuerierStopsWithContext(t *testing.T) {
	for _, overTCP := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			u := newUpstream(t, func(asked) [][]byte { cancel(); return nil })
			failures := 0
			a := Querier{Timeouts: []time.Duration{time.Hour}, TCP: overTCP, Dial: u.Dial, Failed: func(netip.AddrPort, Transport, error) { failures++ }}
			_, err := a.Query(ctx, wire.AppendQuery(nil, 7, 0, exampleQuestion, nil),
				netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53"))
			if !errors.Is(err, context.Canceled) || failures != 1 || time.Since(u.start) != 0 {
				t.Errorf("error %v after %d failures and %v", err, failures, time.Since(u.start))
			}
			synctest.Wait()
		})
	}
}

func TestQuerierTruncation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			r := a.reply("")
			if a.network == "udp" {
				r.Flags |= wire.FlagTC
			}
			return sent(r)
		})
		query := wire.AppendQuery(nil, 7, 0, exampleQuestion, nil)
		server := netip.MustParseAddrPort("192.0.2.1:53")
		r, err := (&Querier{Dial: u.Dial}).Query(t.Context(), query, server)
		if err != nil || r.Transport != TCP || !r.Truncated || isTruncated(r.Message) {
			t.Errorf("%+v, %v", r, err)
		}
		r, err = (&Querier{Dial: u.Dial, KeepTruncated: true}).Query(t.Context(), query, server)
		if err != nil || r.Transport != UDP || r.Truncated || !isTruncated(r.Message) {
			t.Errorf("kept: %+v, %v", r, err)
		}
		expect(t, "asked", u.asked(), "[udp 192.0.2.1:53 Example.com. A tcp 192.0.2.1:53 Example.com. A udp 192.0.2.1:53 Example.com. A]")
	})
}

// A port that is taken or kept for others does not make it give up; a system
// out of descriptors is.
func TestFromRandomPort(t *testing.T) {
	for _, test := range []struct {
		name     string
		failures int
		err      error
		dials    int
		fails    bool
	}{
		{"free", 0, nil, 1, false},
		{"taken", 3, syscall.EADDRINUSE, 4, false},
		{"kept", 1, syscall.EACCES, 2, false},
		{"all taken", 8, syscall.EADDRINUSE, 9, false},
		{"never", 100, syscall.EADDRINUSE, 9, true},
		{"out of descriptors", 100, syscall.EMFILE, 1, true},
	} {
		var ports []string
		conn, err := fromRandomPort(func(local net.Addr) (net.Conn, error) {
			ports = append(ports, fmt.Sprint(local))
			if len(ports) <= test.failures {
				return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("bind", test.err)}
			}
			conn, _ := net.Pipe()
			return conn, nil
		})
		if len(ports) != test.dials || (err != nil) != test.fails || err != nil && !errors.Is(err, test.err) {
			t.Errorf("%s: dialed from %v, %v", test.name, ports, err)
		}
		for i, p := range ports {
			if want := i < 8; want != strings.HasPrefix(p, ":") {
				t.Errorf("%s: dial %d from %s", test.name, i, p)
			}
		}
		if conn != nil {
			conn.Close()
		}
	}
}

// Real sockets: a new port for each query, IPv6 to IPv6 servers, the next
// server where one refuses.
func TestQuerierOverLoopback(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) {
			server, err := net.ListenPacket("udp", address)
			if err != nil {
				t.Skipf("no socket at %s: %v", address, err)
			}
			nobody := freeport.At(t, netip.MustParseAddrPort(address).Addr())
			from := make(chan string, 100)
			go func() {
				buf := make([]byte, 512)
				for {
					n, peer, err := server.ReadFrom(buf)
					if err != nil {
						return
					}
					from <- peer.String()
					buf[2] |= 0x80 // QR
					server.WriteTo(buf[:n], peer)
				}
			}()
			defer server.Close()
			ports := map[string]bool{}
			const queries = 20
			var failures []error
			a := Querier{Failed: func(_ netip.AddrPort, _ Transport, err error) { failures = append(failures, err) }}
			for range queries {
				r, err := a.Query(t.Context(), wire.AppendQuery(nil, 7, 0, exampleQuestion, nil), nobody, netip.MustParseAddrPort(server.LocalAddr().String()))
				if err != nil || r.Server.Port() == nobody.Port() {
					t.Fatalf("%+v, %v", r, err)
				}
				ports[<-from] = true
			}
			if len(ports) < queries-2 { // two of the same by chance: once in 10⁷ runs
				t.Errorf("%d queries came from %d ports", queries, len(ports))
			}
			if len(failures) != queries || !errors.Is(failures[0], syscall.ECONNREFUSED) {
				t.Errorf("%d failures, %v", len(failures), failures)
			}
		})
	}
}

// Truncated replies of servers that refuse TCP, and replies that come too
// late, are none: the next server is asked.
func TestQuerierFaults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			r := a.reply("")
			if a.address == "192.0.2.1:53" {
				r.Flags |= wire.FlagTC
			}
			return sent(r)
		})
		u.pause = func(a asked) time.Duration {
			if a.address == "192.0.2.2:53" {
				return time.Minute
			}
			return 0
		}
		for _, kept := range []*streams{nil, {}} {
			var failures []string
			a := Querier{
				Timeouts: []time.Duration{time.Second}, streams: kept,
				Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
					if network == "tcp" {
						return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
					}
					return u.Dial(ctx, network, address)
				},
				Failed: func(server netip.AddrPort, transport Transport, err error) {
					failures = append(failures, fmt.Sprint(server.Addr(), " ", transport, " ", err))
				},
			}
			query := wire.AppendQuery(nil, 7, 0, exampleQuestion, nil)
			servers := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53"), netip.MustParseAddrPort("192.0.2.3:53")}
			r, err := a.Query(t.Context(), query, servers...)
			if err != nil || r.Server != servers[2] {
				t.Errorf("%+v, %v", r, err)
			}
			expect(t, "failures", strings.Join(failures, ", "), "192.0.2.1 tcp connection refused, 192.0.2.2 udp no reply within 1s")
			if _, err := a.Query(t.Context(), query, servers[0]); !errors.Is(err, syscall.ECONNREFUSED) {
				t.Errorf("the only one refuses: %v", err)
			}
			<-time.After(time.Hour)
		}
	})
}
