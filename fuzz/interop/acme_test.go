//go:build interop

package interop

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/certificatetest"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

// pebbleModule is the test server of Let's Encrypt. It is built apart: neither the module
// nor the binary depends on it.
const pebbleModule = "github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.3"

// pebble is a certificate authority that looks for challenges at a DNS server.
type pebble struct {
	directory string // its URL
	authority string // a file of the certificate of its own server
	root      string // a file of the certificate that vouches for those which it issues
	printed   func() string
}

// pebbleLife is how long its certificates are good, in seconds: a test waits for their
// renewal.
const pebbleLife = 40

// startPebble starts it. Validation begins at once, and one nonce in five is refused.
func startPebble(t *testing.T, dnsServer string) *pebble {
	t.Helper()
	dir := t.TempDir()
	install := exec.Command(need(t, "go"), "install", pebbleModule)
	install.Dir, install.Env = dir, append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("building Pebble: %v\n%s", err, out)
	}
	c := certificatetest.New(t, &x509.Certificate{
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}, nil)
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	p := &pebble{authority: filepath.Join(dir, "server.pem"), root: filepath.Join(dir, "root.pem")}
	write(t, p.authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}))
	write(t, filepath.Join(dir, "key.pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	at, management := freeport.Loopback(t).String(), freeport.Loopback(t).String()
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": at, "managementListenAddress": management, "certificate": p.authority, "privateKey": filepath.Join(dir, "key.pem"),
		"keyAlgorithm": "ecdsa", "retryAfter": map[string]int{"authz": 1, "order": 1},
		"profiles": map[string]any{"default": map[string]any{"description": "short", "validityPeriod": pebbleLife, "promoteCommonName": true}}, // kdig 3.2 wants a subject
	}})
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "pebble.json"), config)
	log := filepath.Join(dir, "printed.log")
	out, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command(filepath.Join(dir, "pebble"), "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", dnsServer)
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20", "PEBBLE_AUTHZREUSE=0")
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		<-exited
	})
	p.directory = "https://" + at + "/dir"
	p.printed = func() string {
		text, _ := os.ReadFile(log)
		return string(text)
	}
	roots := x509.NewCertPool()
	roots.AddCert(c.Leaf)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	get := func(url string) (text []byte, err error) {
		reply, err := client.Get(url)
		if err != nil {
			return nil, err
		}
		defer reply.Body.Close()
		return io.ReadAll(reply.Body)
	}
	if err := eventually.Try(exited, func() error {
		if _, err := get(p.directory); err != nil {
			return err
		}
		root, err := get("https://" + management + "/roots/0")
		if err == nil {
			err = os.WriteFile(p.root, root, 0o600)
		}
		return err
	}); err != nil {
		t.Fatalf("Pebble: %v\n%s", err, p.printed())
	}
	return p
}

// TestPebble: a server gets a certificate from an authority by DNS-01, and renews it. The
// zones are signed; the authority asks their secondary; the challenge of one name is in
// another zone, where a CNAME record leads.
func TestPebble(t *testing.T) {
	kdig := need(t, "kdig")
	dir := t.TempDir()
	zones := []zoneFile{
		{Origin: "cert.example.", File: filepath.Join(dir, "cert.example")},
		{Origin: "challenges.example.", File: filepath.Join(dir, "challenges.example")},
	}
	write(t, zones[0].File, []byte("$ORIGIN cert.example.\n$TTL 60\n@ SOA ns a 7 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.80\n_acme-challenge.dns CNAME dns.challenges.example.\n"))
	write(t, zones[1].File, []byte("$ORIGIN challenges.example.\n$TTL 60\n@ SOA ns.cert.example. a 7 3600 600 86400 60\n@ NS ns.cert.example.\n"))
	secondary, dot, https, quic := freeport.Loopback(t), freeport.Loopback(t), freeport.Loopback(t), freeport.Loopback(t)
	authority := startPebble(t, secondary.String())
	socket := filepath.Join(dir, "control")
	p := withArguments{ours{}, func(_ string, port uint16, _ []string) ([]string, error) {
		text := fmt.Sprintf(`
[listen]
address = ["127.0.0.1:%d"]
[tls]
address = [%q]
[https]
address = [%q]
[quic]
address = [%q]
[acme]
names = ["dns.cert.example", "*.cert.example"]
directory = %q
accept-terms = true
email = "hostmaster@cert.example"
state = "acme"
authority = %q
[journal]
dir = "journal"
[signing]
key-dir = "keys"
[control]
socket = %q
[transfers]
allow-transfer = ["127.0.0.1"]
also-notify = [%q]
notify-servers = false
`, port, dot, https, quic, authority.directory, authority.authority, socket, secondary)
		for _, z := range zones {
			text += fmt.Sprintf("[[zone]]\nname = %q\nfile = %q\nsign = \"default\"\n", z.Origin, z.File)
		}
		file := filepath.Join(dir, "names.toml")
		return []string{"serve", "--config", file}, os.WriteFile(file, []byte(text), 0o600)
	}}
	s := start(t, p, zones)
	copies := withArguments{ours{}, func(string, uint16, []string) ([]string, error) {
		args := []string{"serve", "-i", secondary.String()}
		for _, z := range zones {
			args = append(args, "--secondary", fmt.Sprintf("127.0.0.1:%d/%s", s.Addr.Port(), z.Origin))
		}
		return args, nil
	}}
	second := start(t, copies, nil)
	said := func() string {
		return fmt.Sprintf("names:\n%s\nits secondary:\n%s\nPebble:\n%s", s.printed(), second.printed(), authority.printed())
	}
	// It is the authority's only if kdig proves it.
	ask := func(transport string, port uint16, name string) error {
		args := []string{"@127.0.0.1", "-p", fmt.Sprint(port), transport, "+tls-ca=" + authority.root, "+tls-hostname=" + name, "www.cert.example", "A", "+short"}
		out, err := exec.Command(kdig, args...).CombinedOutput()
		if err == nil && strings.TrimSpace(string(out)) != "192.0.2.80" {
			err = errors.New("there is no answer")
		}
		if err != nil {
			return fmt.Errorf("kdig %s: %w\n%s", strings.Join(args, " "), err, out)
		}
		return nil
	}
	wait := func(what string, try func() error) {
		t.Helper()
		if err := eventually.Try(s.exited, try); err != nil {
			t.Fatalf("%s: %v\n%s", what, err, said())
		}
	}
	wait("a certificate", func() error { return ask("+tls", dot.Port(), "dns.cert.example") })
	wait("the wildcard, over HTTPS", func() error { return ask("+https", https.Port(), "any.cert.example") })
	wait("over QUIC", func() error { // where kdig 3.2 does not ask for a proof
		return exec.Command(built, "query", "@127.0.0.1", "-p", fmt.Sprint(quic.Port()), "+quic", "+tls-ca="+authority.root, "+tls-hostname=dns.cert.example", "www.cert.example").Run()
	})
	if err := ask("+tls", dot.Port(), "dns.other.example"); err == nil {
		t.Error("kdig proves nothing")
	}

	// A connection that is open goes on while the certificate changes.
	config := &tls.Config{InsecureSkipVerify: true, ServerName: "dns.cert.example", NextProtos: []string{"dot"}}
	connect := func() (*tls.Conn, error) { return tls.Dial("tcp", dot.String(), config) }
	old, err := connect()
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	first := old.ConnectionState().PeerCertificates[0]
	if life := first.NotAfter.Sub(first.NotBefore).Round(10 * time.Second); life != pebbleLife*time.Second {
		t.Errorf("the certificate is good for %v", life)
	}
	wait("a renewed certificate", func() error {
		conn, err := connect()
		if err != nil {
			return err
		}
		defer conn.Close()
		if conn.ConnectionState().PeerCertificates[0].SerialNumber.Cmp(first.SerialNumber) == 0 {
			return errors.New("it is the first one")
		}
		return nil
	})
	wait("the renewed certificate", func() error { return ask("+tls", dot.Port(), "dns.cert.example") })
	state := run(t, dir, built, "ctl", "--socket", socket, "--json", "certificates")
	if !strings.Contains(state, authority.directory) || !strings.Contains(state, `"failures":0`) {
		t.Errorf("names ctl certificates: %s\n%s", state, said())
	}
	// A challenge that is over leaves nothing.
	for _, name := range []string{"_acme-challenge.cert.example", "dns.challenges.example"} {
		wait("no challenge", func() error {
			out, err := exec.Command(kdig, "@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port()), name, "TXT", "+short").CombinedOutput()
			if err == nil && len(strings.TrimSpace(string(out))) > 0 {
				err = fmt.Errorf("%s has %s", name, out)
			}
			return err
		})
	}
}
