package serve

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

// encryptedServer serves a small zone over all transports. It returns where, by
// transport, and the pin of its key.
func encryptedServer(t *testing.T, args ...string) (at map[string]string, pin string, server *Server) {
	t.Helper()
	dir := t.TempDir()
	zone, file := filepath.Join(dir, "example"), filepath.Join(dir, "tls.pem")
	writeFile(t, zone, smallZone)
	pin = writeCertificate(t, file)
	server, _, log := startWhole(t, append([]string{"--bindzone", "example=" + zone, "--tls", "127.0.0.1:0", "--https", "127.0.0.1:0", "--quic", "127.0.0.1:0",
		"--tls-certificate", file}, args...)...)
	at = map[string]string{"tls": tlsAddress(t, server).String()}
	for _, m := range regexp.MustCompile(`msg=listening address=(\S+) transport=(\S+)`).FindAllStringSubmatch(log(), -1) {
		at[m[2]] = m[1]
	}
	return at, pin, server
}

// The server asks another over each transport, and says what is wrong with its
// certificate.
func TestUpstreams(t *testing.T) {
	at, pin, _ := encryptedServer(t)
	for scheme, address := range map[string]string{"tls": at["tls"], "https": at["https"], "h3": at["http/3"], "quic": at["quic"]} {
		good, _, log := startWhole(t, "--no-validation", "--allow-recursion", "loopback", "--forward", scheme+"://"+address+"?pin="+pin)
		eventually.Succeed(t, func() error { // a handshake that takes too long is tried again
			if m := askServer(t, "udp", good.listener.Addresses()[0], "ns.example.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
				return fmt.Errorf("%s: %v\n%s", scheme, m, log())
			}
			return nil
		})
		server := good.parts.servers()[0]
		if !strings.HasPrefix(server.Name, scheme+"://127.0.0.1:") || server.RTT <= 0 {
			t.Errorf("%s: %+v", scheme, server)
		}
		if stats := good.parts.encrypted[0].Stats(); stats.Full == 0 {
			t.Errorf("%s: handshakes %+v", scheme, stats)
		}
		eventually.Succeed(t, func() error { // each time with a server for which the other one is not dead yet
			bad, _, log := startWhole(t, "--no-validation", "--allow-recursion", "loopback", "--forward", scheme+"://"+address+"#other.example")
			m := askServer(t, "udp", bad.listener.Addresses()[0], "ns.example.", wire.TypeA, wire.ClassIN)
			if m.RCode != wire.RCodeServFail {
				t.Errorf("%s: %v", scheme, m)
			}
			if !strings.Contains(log(), "certificate refused: it is for ns.example, not for other.example") {
				return fmt.Errorf("%s: %v\n%s", scheme, m, log())
			}
			return nil
		})
	}
}

// A zone comes over TLS (RFC 9103) or QUIC (RFC 9250) from a server that wants a certificate
// for that, which has the key that is pinned.
func TestZoneMovesOverTLS(t *testing.T)  { testZoneMoves(t, "tls") }
func TestZoneMovesOverQUIC(t *testing.T) { testZoneMoves(t, "quic") }

func testZoneMoves(t *testing.T, transport string) {
	dir := t.TempDir()
	own, other := filepath.Join(dir, "own.pem"), filepath.Join(dir, "other.pem")
	ownPin := writeCertificate(t, own)
	writeCertificate(t, other)
	at, pin, _ := encryptedServer(t, "--allow-transfer", "any", "--tls-client-pin", ownPin)
	for certificate, want := range map[string]string{own: "msg=\"zone transferred\"", other: "msg=\"cannot bring the zone up to date", "": "msg=\"cannot bring the zone up to date"} {
		s := parse(t, "--secondary", transport+"://"+at[transport]+"?pin="+pin+"/example")
		s.Listen.Addresses = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
		s.Transfers.TLSCertificate = certificate
		secondary, _, log := startWith(t, s)
		waitForLog(t, log, want)
		if !strings.Contains(log(), "primary="+transport+"://"+at[transport]) {
			t.Errorf("%s: the primary is not in\n%s", certificate, log())
		}
		if certificate == own {
			if m := askServer(t, "udp", secondary.listener.Addresses()[0], "ns.example.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
				t.Errorf("%v", m)
			}
		}
	}
	if err := os.Remove(own); err != nil {
		t.Fatal(err)
	}
}
