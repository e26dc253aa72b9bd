package serve

import (
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// A server that is given by its address is asked over the transport that it designates, which
// control and metrics show.
func TestDesignatedTransports(t *testing.T) {
	for _, transport := range []string{"tls", "https", "http/3", "quic"} {
		t.Run(strings.ReplaceAll(transport, "/", ""), func(t *testing.T) { testDesignatedTransport(t, transport) })
	}
}

func testDesignatedTransport(t *testing.T, transport string) {
	at, _, _ := encryptedServer(t)
	_, port, err := net.SplitHostPort(at[transport])
	if err != nil {
		t.Fatal(err)
	}
	protocols := map[string]string{"tls": "alpn=dot", "https": "alpn=h2 dohpath=/dns-query{?dns}", "http/3": "alpn=h3 dohpath=/dns-query{?dns}", "quic": "alpn=doq"}
	clear := func(q *upstreamtest.Query) {
		if q.Questions[0].Type == wire.TypeSVCB {
			q.Answer("@ SVCB 1 ns.example. " + protocols[transport] + " port=" + port + " ipv4hint=127.0.0.1")
		} else {
			q.Answer("@ A 192.0.2.77")
		}
	}
	resolver := upstreamtest.Listen(t, clear, clear)
	server, _, log := startWhole(t, "--no-validation", "--allow-recursion", "loopback", "--forward", resolver.String(), "--upgrade", "ddr")
	ask := func(name string) netip.Addr {
		t.Helper()
		m := askServer(t, "udp", server.listener.Addresses()[0], name, wire.TypeA, wire.ClassIN)
		if len(m.Answers) != 1 {
			t.Fatalf("%v\n%s", m, log())
		}
		a, _ := netip.AddrFromSlice(m.Answers[0].Data)
		return a
	}
	eventually.Succeed(t, func() error {
		if a := ask("ns.example."); a.String() == "192.0.2.77" {
			return fmt.Errorf("it is asked in the clear\n%s", log())
		}
		return nil
	})
	list, err := server.doServers(t.Context(), nil)
	if text := fmt.Sprintf("%+v", list); err != nil || !strings.Contains(text, "Encryption:not proved DesignatedBy:"+resolver.String()) {
		t.Errorf("%s, %v", text, err)
	}
	shown := fmt.Sprint(server.parts.upgradeMetrics())
	if !strings.Contains(shown, "names_upstream_upgraded") || server.parts.upgrader.Stats().Upgraded != 1 {
		t.Errorf("%s, %+v", shown, server.parts.upgrader.Stats())
	}
}

// The authorities of the configuration prove a designated server.
func TestDesignatedTransportIsProved(t *testing.T) {
	file := filepath.Join(t.TempDir(), "self.pem")
	up, _, _ := startWhole(t, "--bindzone", writeZone(t), "--tls", "127.0.0.1:0", "--tls-self-signed", file)
	clear := func(q *upstreamtest.Query) {
		q.Answer(fmt.Sprintf("@ SVCB 1 ns.example. alpn=dot port=%d ipv4hint=127.0.0.1", tlsAddress(t, up).Port()))
	}
	server, _, log := startWhole(t, "--no-validation", "--allow-recursion", "loopback", "--forward", upstreamtest.Listen(t, clear, clear).String(), "--upgrade", "ddr", "--upstream-authority", file)
	eventually.Succeed(t, func() error {
		if s := server.parts.upgrader.Status(); !s[0].IsProved {
			return fmt.Errorf("%+v\n%s", s, log())
		}
		return nil
	})
}
