package serve

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// Each limit has a line when it begins to be reached, and one when it no longer is; those
// of one query only at level debug.
func TestLimitsAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		l := newLimitLog(slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug})))
		defer l.close()
		client := netip.MustParsePrefix("192.0.2.1/32")
		for range 3 {
			for limit := listener.LimitSlow; limit <= listener.LimitConnectionRate; limit++ {
				l.ofListener(limit)
			}
			for limit := recursor.LimitWaiting; limit <= recursor.LimitEncryption; limit++ {
				l.ofResolver(limit)
			}
			for _, transport := range []string{overHTTP, overHTTPS, overHTTP3, overQUIC} {
				l.refused(transport)(client)
			}
			l.ofUpdates(wire.MustParseName("example."))
			l.ofCache(wire.Question{})
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for _, part := range []string{
			"part=listener limit=slow option=limits.waiting", "part=listener limit=streams", "part=listener limit=connections option=limits.connections",
			`part=listener limit="per client" option=limits.connections-per-client`, "part=listener limit=errors",
			"part=updates limit=waiting zone=example.", "part=cache limit=waiting", "part=resolver limit=waiting", "part=resolver limit=share", `part=resolver limit="per server"`, `part=resolver limit="per zone"`, "part=resolver limit=encryption",
			"part=http limit=connections client=192.0.2.1/32", "part=https limit=connections", "part=http/3 limit=connections", "part=quic limit=connections",
		} {
			for _, line := range []string{`level=WARN msg="limit reached" ` + part, `level=INFO msg="limit no longer reached" ` + part} {
				if strings.Count(out.String(), line) != 1 {
					t.Errorf("not one line %s in\n%s", line, out.String())
				}
			}
		}
		if line := `level=DEBUG msg="limit of a query reached" part=resolver limit=budget`; strings.Count(out.String(), line) != 1 {
			t.Errorf("no line %s", line)
		}
		if strings.Contains(out.String(), "server rate") || strings.Contains(out.String(), "connection rate") {
			t.Error("a server that is asked too often, or a network that connects too often, has two lines")
		}
	})
}

// The listener and the resolver of a server have their limits logged.
func TestLimitsOfTheServerAreLogged(t *testing.T) {
	up := startUpstream(t, smallZone)
	s := parse(t, "-i", "127.0.0.1:0", "--no-validation", "--allow-recursion", "loopback", "--forward", up.String(), "--upstream-queries", "1")
	s.Limits.ConnectionsPerClient = 1
	server, _, log := startWith(t, s)
	at := server.listener.Addresses()[0]
	ended := make(chan struct{}, 2)
	for range 2 {
		conn, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go func() {
			conn.Read(make([]byte, 1))
			ended <- struct{}{}
		}()
	}
	<-ended
	if line := `msg="limit reached" part=listener limit="per client" option=limits.connections-per-client`; !strings.Contains(log(), line) {
		t.Errorf("no line %s in\n%s", line, log())
	}
	asked := 0
	eventually.Succeed(t, func() error {
		for range 10 {
			asked++
			m := askServer(t, "udp", at, fmt.Sprintf("host%d.up.example.", asked), wire.TypeA, wire.ClassIN)
			if m.RCode == wire.RCodeServFail {
				return nil
			}
		}
		return fmt.Errorf("%d queries have answers", asked)
	})
	if line := `msg="limit of queries to a server reached" server=` + up.String() + " queries_a_second=1"; !strings.Contains(log(), line) {
		t.Errorf("no line %s in\n%s", line, log())
	}
}

// HTTPS has limits of its own, which a reload changes.
func TestConnectionsOverHTTPS(t *testing.T) {
	s := parse(t, "-i", "127.0.0.1:0", "--https", "127.0.0.1:0", "--quic", "127.0.0.1:0")
	s.Limits.HTTPSConnections, s.Limits.QUICConnections = 1, 2
	server, _, log := startWith(t, s)
	try := func(want bool) {
		t.Helper()
		conn, err := tls.Dial("tcp", server.transports.servers.Addresses(overHTTPS)[0].String(), &tls.Config{InsecureSkipVerify: true})
		if (err == nil) != want {
			t.Errorf("a connection: %v", err)
		}
		if err == nil {
			t.Cleanup(func() { conn.Close() })
		}
	}
	try(true)
	try(false)
	if line := `part=https limit=connections client=127.0.0.1/32 option="limits.https-connections or limits.connections-per-client"`; !strings.Contains(log(), line) {
		t.Errorf("no line %s in\n%s", line, log())
	}
	s.Limits.HTTPSConnections, s.Limits.ConnectionsPerClient = 3, 2
	if err := server.Apply(s); err != nil {
		t.Fatal(err)
	}
	try(true)
	try(false)
}

// A network that begins too many connections is refused more of them, until the settings
// say otherwise.
func TestConnectionRate(t *testing.T) {
	s := parse(t, "-i", "127.0.0.1:0", "--proxy", "127.0.0.1", "--connection-rate", "1")
	server, _, log := startWith(t, s)
	at := server.listener.Addresses()[0]
	query := wire.AppendQuery(nil, 7, 0, wire.Question{Name: wire.MustParseName("id.server."), Type: wire.TypeTXT, Class: wire.ClassCH}, nil)
	query = frame.Append([]byte("PROXY TCP4 192.0.2.9 198.51.100.1 4097 53\r\n"), query)
	// isAnswered reports whether a query over a connection of its own has a reply.
	isAnswered := func() bool {
		conn, err := net.Dial("tcp", at.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Write(query)
		n, _ := conn.Read(make([]byte, 1))
		return n == 1
	}
	eventually.Succeed(t, func() error {
		for range 3 {
			if !isAnswered() {
				return nil
			}
		}
		return errors.New("three connections have answers")
	})
	if line := `msg="rate limit reached" network=192.0.2.0/24 connections_a_second=1`; !strings.Contains(log(), line) {
		t.Errorf("no line %s in\n%s", line, log())
	}
	if server.begun.Stats().Refused == 0 {
		t.Error("nothing is counted")
	}
	s.Limits.ConnectionRate = 0
	if err := server.Apply(s); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if !isAnswered() {
			t.Fatal("a connection is refused though there is no limit")
		}
	}
}

// Replies that had to wait are truncated above the limit, and those from the cache are not.
func TestClientBurst(t *testing.T) {
	up := startUpstream(t, smallZone)
	s := parse(t, "-i", "127.0.0.1:0", "--no-validation", "--allow-recursion", "private", "--forward", up.String(), "--cache", "--client-burst", "1")
	server, _, _ := startWith(t, s)
	ask := func(transport names.Transport) *wire.Message {
		q := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName("ns.up.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
		peer := names.Peer{Transport: transport, Remote: netip.MustParseAddrPort("10.1.2.3:53"), Local: netip.MustParseAddrPort("127.0.0.1:53")}
		m, err := wire.ParseMessage(server.listener.Edge().Answer(t.Context(), new(names.Exchange), q, peer, nil))
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	if m := ask(names.UDP); !m.Flags.Has(wire.FlagTC) || len(m.Answers) != 0 || m.RCode != wire.RCodeNoError {
		t.Errorf("after a wait: %v", m)
	}
	for _, transport := range []names.Transport{names.TCP, names.UDP} {
		if m := ask(transport); m.Flags.Has(wire.FlagTC) || len(m.Answers) != 1 {
			t.Errorf("from the cache over %v: %v", transport, m)
		}
	}
	if server.front.late.Stats().Truncated != 1 {
		t.Errorf("counted %+v", server.front.late.Stats())
	}
}
