package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// notified is the secondaries that a notifier reaches.
type notified struct {
	t      *testing.T
	silent func(to netip.AddrPort) bool // takes messages, and does not reply

	mu   sync.Mutex
	said []string // "network from>to zone serial", in the order in which it came
}

func (n *notified) dial(_ context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go n.serve(theirs, network, from, to)
	return ours, nil
}

func (n *notified) serve(conn net.Conn, network string, from netip.Addr, to netip.AddrPort) {
	defer conn.Close()
	buf := make([]byte, 4096)
	for {
		var message []byte
		if network == "tcp" {
			m, err := frame.Read(conn, buf)
			if err != nil {
				return
			}
			message = m
		} else {
			size, err := conn.Read(buf)
			if err != nil {
				return
			}
			message = buf[:size]
		}
		m, err := wire.ParseMessage(message)
		if err != nil || len(m.Answers) != 1 {
			n.t.Errorf("notice %v, %v", m, err)
			return
		}
		serial, _ := serialOf(m.Answers[0])
		source := "any"
		if from.IsValid() {
			source = from.String()
		}
		n.mu.Lock()
		n.said = append(n.said, fmt.Sprintf("%s %s>%v %v %v", network, source, to, m.Questions[0].Name, serial))
		n.mu.Unlock()
		if n.silent != nil && n.silent(to) {
			io.Copy(io.Discard, conn)
			return
		}
		m.Flags |= wire.FlagQR
		reply, err := m.AppendTo(nil)
		if err == nil && network == "tcp" {
			err = frame.Write(conn, reply)
		} else if err == nil {
			_, err = conn.Write(reply)
		}
		if err != nil {
			return
		}
	}
}

// take returns what was said, sorted, and forgets it.
func (n *notified) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	said := n.said
	n.said = nil
	slices.Sort(said)
	return said
}

// start runs a notifier, and returns what ends it.
func (n *notified) start(t *testing.T, c NotifierConfig) (*Notifier, func()) {
	n.t, c.Dial = t, n.dial
	notifier := NewNotifier(c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { notifier.Run(ctx); close(done) }()
	synctest.Wait()
	return notifier, func() { cancel(); <-done }
}

// Those that the NS records name are notified, at all addresses, but for the primary in the
// SOA record, ourselves, and targets that are notified anyway (RFC 1996 2.1).
func TestNotifyServers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const records = "$TTL 60\n@ SOA ns admin 7 100 20 500 60\n@ NS ns\n@ NS NS.example.\n@ NS two\n@ NS both.other.\n@ NS lost.other.\n@ NS us\n@ NS none\n" +
			"ns A 192.0.2.53\ntwo A 192.0.2.2\ntwo AAAA 2001:db8::2\ntwo TXT x\nus A 192.0.2.9\nnone TXT none\n"
		zone := authority.NewZone(snapshotOf(t, records))
		var log strings.Builder
		var all notified
		target := Target{Address: netip.MustParseAddrPort("192.0.2.4:5353"), Key: parseKey(t)}
		n, end := all.start(t, NotifierConfig{
			Of: func(*authority.Zone) Notify { return Notify{Servers: true, Targets: []Target{target}} },
			Lookup: func(ctx context.Context, name wire.Name) ([]netip.Addr, error) {
				if name.String() == "lost.other." {
					return nil, errors.New("no such host")
				}
				return []netip.Addr{netip.MustParseAddr("192.0.2.3"), netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("192.0.2.4")}, nil
			},
			IsOwn: func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.9") },
			Source: func(server netip.AddrPort) netip.Addr {
				if server.Addr().Is4() {
					return netip.MustParseAddr("192.0.2.9")
				}
				return netip.Addr{}
			},
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		want := []string{"udp 192.0.2.9>192.0.2.2:53 example. 7", "udp 192.0.2.9>192.0.2.3:53 example. 7", "udp any>192.0.2.4:5353 example. 7", "udp any>[2001:db8::2]:53 example. 7"}
		if !n.Notify(zone) {
			t.Error("no server is notified")
		}
		time.Sleep(notifyTimeout) // 192.0.2.4 does not sign its reply
		synctest.Wait()
		if got := all.take(); !slices.Equal(slices.Compact(got), want) {
			t.Errorf("%q, want %q", got, want)
		}
		if !strings.Contains(log.String(), `error="address of lost.other.: no such host"`) {
			t.Errorf("log: %s", log.String())
		}
		servers, err := n.Servers(t.Context(), zone)
		if len(servers) != 4 || err == nil {
			t.Errorf("servers are %v, %v", servers, err)
		}
		end()
	})
}

// A zone with very many name servers does not make us send very many messages.
func TestNotifyServersAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var records strings.Builder
		records.WriteString("$TTL 60\n@ SOA ns admin 7 100 20 500 60\n")
		for i := range 40 {
			fmt.Fprintf(&records, "@ NS s%d\n", i)
			for k := range 10 {
				fmt.Fprintf(&records, "s%d A 10.0.%d.%d\n", i, i, k)
			}
		}
		var all notified
		n, end := all.start(t, NotifierConfig{Of: func(*authority.Zone) Notify { return Notify{Servers: true} }})
		n.Notify(authority.NewZone(snapshotOf(t, records.String())))
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := all.take(); len(got) != maxServers {
			t.Errorf("%d messages", len(got))
		}
		if stats := n.Stats(); stats.Pending != 0 || stats.Acknowledged != maxServers || len(n.queues) != 0 {
			t.Errorf("%+v, %d queues", stats, len(n.queues))
		}
		end()
	})
}

// A secondary that is down holds up no other, however many zones it has, and they do
// not wait for it one after the other.
func TestNotifySilentSecondary(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up, down := netip.MustParseAddrPort("192.0.2.1:53"), netip.MustParseAddrPort("192.0.2.2:53")
		all := notified{silent: func(to netip.AddrPort) bool { return to == down }}
		var log strings.Builder
		n, end := all.start(t, NotifierConfig{
			Of:  func(*authority.Zone) Notify { return Notify{Targets: []Target{{Address: down}, {Address: up}}} },
			Log: slog.New(slog.NewTextHandler(&log, nil)),
		})
		const many = 500
		zones := make([]*authority.Zone, many)
		for i := range zones {
			zones[i] = authority.NewZone(mustZone(t, wire.MustParseName(fmt.Sprintf("zone%d.", i))))
			n.Notify(zones[i])
		}
		time.Sleep(notifyTimeout / 2)
		synctest.Wait()
		if got := n.Stats(); got.Acknowledged != many || got.Pending != many {
			t.Errorf("after a second: %+v", got)
		}
		time.Sleep(notifyTimeout << notifyTries)
		synctest.Wait()
		if got := n.Stats(); got.Failed != many || got.Pending != 0 || len(n.queues) != 0 {
			t.Errorf("after a minute: %+v, %d queues", got, len(n.queues))
		}
		if !strings.Contains(log.String(), fmt.Sprintf("gave up after 5 attempts: no reply: read pipe: i/o timeout\" other_zones=%d\n", many-mostPerTarget)) {
			t.Errorf("log: %s", log.String())
		}
		if got := all.take(); len(got) != many+notifyTries*mostPerTarget {
			t.Errorf("%d messages", len(got))
		}
		all.silent = nil
		n.Notify(zones[0])
		synctest.Wait()
		if got := all.take(); len(got) != 2 {
			t.Errorf("when it is up again: %v", got)
		}
		end()
	})
}

// NOTIFY over a connection: signed, and repeated as over UDP.
func TestNotifyOverConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var all notified
		failing := true
		way := &Transport{Name: "tls://192.0.2.1#ns", Dial: func(ctx context.Context, network string, from netip.Addr, to netip.AddrPort) (net.Conn, error) {
			if failing {
				failing = false
				return nil, errors.New("connection refused")
			}
			return all.dial(ctx, network, from, to)
		}}
		target := Target{Address: netip.MustParseAddrPort("192.0.2.1:853"), Source: netip.MustParseAddr("192.0.2.9"), Over: way}
		n, end := all.start(t, NotifierConfig{Of: func(*authority.Zone) Notify { return Notify{Targets: []Target{target}} }})
		n.Notify(authority.NewZone(snapshotOf(t, zoneText(7, 1))))
		time.Sleep(notifyTimeout)
		synctest.Wait()
		if got := all.take(); !slices.Equal(got, []string{"tcp 192.0.2.9>192.0.2.1:853 example. 7"}) || n.Stats().Acknowledged != 1 {
			t.Errorf("%q, %+v", got, n.Stats())
		}
		end()
	})
}
