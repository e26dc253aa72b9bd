package serve

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/quic-go/quic-go"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/listener/odoh/odohtest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// tlsAddress is where a server listens for DNS over TLS.
func tlsAddress(t *testing.T, s *Server) netip.AddrPort {
	t.Helper()
	for _, e := range s.listener.Endpoints() {
		if e.Transport == names.TLS {
			return e.Address
		}
	}
	t.Fatal("the server does not listen for TLS")
	return netip.AddrPort{}
}

// writeCertificate writes a new certificate and its key into one file.
func writeCertificate(t *testing.T, path string) (pin string) {
	t.Helper()
	c, err := certificate.MakeSelfSigned([]string{"ns.example"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalECPrivateKey(c.PrivateKey.(*ecdsa.PrivateKey))
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})...)
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
	return certificate.Pin(c.Leaf)
}

// pinOf is the pin of the server's certificate.
func pinOf(conn *tls.Conn) string {
	return certificate.Pin(conn.ConnectionState().PeerCertificates[0])
}

// overTLS asks one question on a connection.
func overTLS(t *testing.T, conn *tls.Conn) {
	t.Helper()
	if err := tryOverTLS(conn); err != nil {
		t.Fatal(err)
	}
}

func tryOverTLS(conn *tls.Conn) error {
	q := wire.AppendQuery(nil, 7, 0, wire.Question{Name: wire.MustParseName("ns.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	if _, err := conn.Write(append([]byte{0, byte(len(q))}, q...)); err != nil {
		return err
	}
	var length [2]byte
	if _, err := io.ReadFull(conn, length[:]); err != nil {
		return err
	}
	reply := make([]byte, int(length[0])<<8|int(length[1]))
	if _, err := io.ReadFull(conn, reply); err != nil {
		return err
	}
	if m, err := wire.ParseMessage(reply); err != nil || m.RCode != wire.RCodeNoError || len(m.Answers) != 1 {
		return fmt.Errorf("reply %v, %v", m, err)
	}
	return nil
}

// askUntil asks over TLS until ctx is done, over one connection or each time over a new one.
// Each query has its reply.
func askUntil(ctx context.Context, t *testing.T, address string, config *tls.Config, anew bool) {
	var conn *tls.Conn
	for ctx.Err() == nil {
		if conn == nil {
			var err error
			if conn, err = tls.Dial("tcp", address, config); err != nil {
				t.Errorf("a connection is lost: %v", err)
				return
			}
		}
		if err := tryOverTLS(conn); err != nil {
			t.Errorf("a query is lost: %v", err)
			break
		}
		if anew {
			conn.Close()
			conn = nil
		}
	}
	if conn != nil {
		conn.Close()
	}
}

// A hundred new certificates under load: each is in effect for the next connection, and no
// connection that is open loses a query. Sessions are resumed meanwhile.
func TestCertificatesRotate(t *testing.T) {
	dir := t.TempDir()
	zone, file := filepath.Join(dir, "example"), filepath.Join(dir, "tls.pem")
	if err := os.WriteFile(zone, []byte(smallZone), 0o600); err != nil {
		t.Fatal(err)
	}
	pin := writeCertificate(t, file)
	server, reload, log := startWhole(t, "--bindzone", "example="+zone, "--tls", "127.0.0.1:0", "--tls-certificate", file)
	address := tlsAddress(t, server).String()
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "ns.example", NextProtos: []string{"dot"}, ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	dial := func(c *tls.Config) *tls.Conn {
		conn, err := tls.Dial("tcp", address, c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		overTLS(t, conn)
		return conn
	}
	old := dial(config)
	if p := old.ConnectionState().NegotiatedProtocol; p != "dot" {
		t.Errorf("protocol %q", p)
	}
	if state := dial(config).ConnectionState(); !state.DidResume {
		t.Error("the session was not resumed")
	}
	fresh := config.Clone()
	fresh.ClientSessionCache = nil
	// Others ask all the while: over a connection that is kept, and over new ones whose
	// sessions are resumed if they may be.
	ctx, cancel := context.WithCancel(t.Context())
	var load sync.WaitGroup
	load.Go(func() { askUntil(ctx, t, address, config.Clone(), false) })
	load.Go(func() { askUntil(ctx, t, address, config.Clone(), true) })
	defer load.Wait()
	defer cancel()
	for range 100 {
		pin = writeCertificate(t, file)
		reload()
		conn := dial(fresh)
		if got := pinOf(conn); got != pin {
			t.Fatalf("certificate %s, want %s\n%s", got, pin, log())
		}
		conn.Close()
		overTLS(t, old)
	}
	if err := os.WriteFile(file, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	reload()
	if got := pinOf(dial(fresh)); got != pin || !strings.Contains(log(), "certificates not reloaded") {
		t.Errorf("a broken file has taken effect:\n%s", log())
	}
}

// A session of one server is resumed by another with the same keys of tickets, over TLS and
// HTTPS; keys that are wrong are not taken.
func TestTicketKeysAreShared(t *testing.T) {
	dir := t.TempDir()
	zone, file, keys := filepath.Join(dir, "example"), filepath.Join(dir, "tls.pem"), filepath.Join(dir, "tickets")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(zone, smallZone)
	write(keys, strings.Repeat("ab", 32)+"\n")
	writeCertificate(t, file)
	args := []string{"--bindzone", "example=" + zone, "--tls", "127.0.0.1:0", "--https", "127.0.0.1:0", "--no-http3", "--tls-certificate", file, "--tls-ticket-keys", keys}
	one, _, _ := startWhole(t, args...)
	two, reload, log := startWhole(t, args...)
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "ns.example", ClientSessionCache: tls.NewLRUClientSessionCache(1)}
	ask := func(s *Server, want bool) {
		t.Helper()
		conn, err := tls.Dial("tcp", tlsAddress(t, s).String(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		overTLS(t, conn)
		if got := conn.ConnectionState().DidResume; got != want {
			t.Errorf("resumed: %v, want %v\n%s", got, want, log())
		}
	}
	ask(one, false)
	ask(two, true)
	write(keys, strings.Repeat("cd", 32)+"\n"+strings.Repeat("ab", 32)+"\n")
	reload()
	ask(two, true)
	ask(one, false) // does not have the new one yet
	ask(two, true)
	write(keys, "cd\n")
	reload()
	if ask(two, true); !strings.Contains(log(), "tickets:1: key has 2 characters") {
		t.Errorf("no error\n%s", log())
	}

	config.NextProtos = []string{"http/1.1"}
	config.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	for i, s := range []*Server{one, two} {
		conn, err := tls.Dial("tcp", s.transports.servers.Addresses(overHTTPS)[0].String(), config)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
		if _, err := io.ReadAll(conn); err != nil {
			t.Fatal(err)
		}
		if got := conn.ConnectionState().DidResume; got != (i == 1) {
			t.Errorf("HTTPS at server %d: resumed %v", i, got)
		}
	}
}

// Without a file for it, a certificate is made at the start, and the log has its pin.
func TestSelfSignedAtStart(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "example")
	if err := os.WriteFile(zone, []byte(smallZone), 0o600); err != nil {
		t.Fatal(err)
	}
	server, _, log := startWhole(t, "--bindzone", "example="+zone, "--tls", "127.0.0.1:0", "--tls-only-13")
	address := tlsAddress(t, server).String()
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	overTLS(t, conn)
	if pin := pinOf(conn); !strings.Contains(log(), pin) || !strings.Contains(log(), "lost when the server stops") {
		t.Errorf("pin %s\n%s", pin, log())
	}
	if _, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("TLS 1.2 is accepted")
	}
	if _, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}); err == nil {
		t.Error("a client that speaks something else is accepted")
	}
}

// HTTPS is answered with the same certificates, with and without a proxy in between.
func TestOverHTTPS(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "example")
	if err := os.WriteFile(zone, []byte(smallZone), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, log := startWhole(t, "--bindzone", "example="+zone, "--https", "127.0.0.1:0", "--https-plain", "127.0.0.1:0", "--https-path", "/q", "--https-json", "--https-oblivious", "--quic", "127.0.0.1:0")
	at := map[string]string{}
	for _, m := range regexp.MustCompile(`msg=listening address=(\S+) transport=(\S+)`).FindAllStringSubmatch(log(), -1) {
		at[m[2]] = m[1]
	}
	if at["quic"] == "" || at["http/3"] != at["https"] {
		t.Fatalf("listens at %v", at)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	q := wire.AppendQuery(nil, 0, 0, wire.Question{Name: wire.MustParseName("ns.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	for _, url := range []string{"https://" + at["https"] + "/q", "http://" + at["http"] + "/q"} {
		r, err := client.Post(url, "application/dns-message", bytes.NewReader(q))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if m, err := wire.ParseMessage(body); err != nil || len(m.Answers) != 1 {
			t.Errorf("%s: %v, %v", url, m, err)
		}
		if r, err = client.Get(url + "?name=ns.example"); err != nil {
			t.Fatal(err)
		}
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
		if !strings.Contains(string(body), `"Answer":[{"name":"ns.example.","type":1,`) {
			t.Errorf("%s: %s", url, body)
		}
		if r, err = client.Get(strings.TrimSuffix(url, "q") + ".well-known/odohconfigs"); err != nil {
			t.Fatal(err)
		}
		configs, _ := io.ReadAll(r.Body)
		r.Body.Close()
		message, oblivious := odohtest.Seal(t, configs, q)
		if r, err = client.Post(url, "application/oblivious-dns-message", bytes.NewReader(message)); err != nil {
			t.Fatal(err)
		}
		body, _ = io.ReadAll(r.Body)
		r.Body.Close()
		if m, err := wire.ParseMessage(oblivious.Open(t, body)); err != nil || len(m.Answers) != 1 {
			t.Errorf("%s, encrypted once more: %v, %v", url, m, err)
		}
	}
}

// TestEarlyDataIsAnOption: over QUIC, a client that comes back may send queries early if
// the configuration wants that, and no longer after a reload.
func TestEarlyDataIsAnOption(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	writeFile(t, filepath.Join(dir, "example"), smallZone)
	const start = "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"example\"\n[quic]\naddress = [\"127.0.0.1:0\"]\n"
	writeFile(t, file, start+"early-data = true\n")
	server, log := startFromFile(t, file)
	address := boundAt(t, log(), "quic")
	sessions := tls.NewLRUClientSessionCache(1)
	isEarly := func() bool {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), eventually.Limit)
		defer cancel()
		conn, err := quic.DialAddrEarly(ctx, address, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"doq"}, ClientSessionCache: sessions}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.CloseWithError(0, "")
		stream, err := conn.OpenStream()
		if err != nil {
			t.Fatal(err)
		}
		q := wire.AppendQuery([]byte{0, 0}, 0, 0, wire.Question{Name: wire.MustParseName("ns.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
		binary.BigEndian.PutUint16(q, uint16(len(q)-2))
		stream.Write(q)
		stream.Close()
		reply, err := io.ReadAll(stream)
		if errors.Is(err, quic.Err0RTTRejected) {
			return false
		}
		if err != nil || len(reply) < 2 {
			t.Fatalf("% x, %v", reply, err)
		}
		return conn.ConnectionState().Used0RTT
	}
	eventually.Succeed(t, func() error { // once there is a session to resume
		if !isEarly() {
			return errors.New("early data is not taken")
		}
		return nil
	})
	writeFile(t, file, start)
	if _, err := server.reload(); err != nil {
		t.Fatal(err)
	}
	if isEarly() {
		t.Error("early data is taken after the reload")
	}
}
