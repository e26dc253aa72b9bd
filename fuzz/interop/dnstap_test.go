//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

// TestDnstap has fstrm_capture record what a server of zones and one that forwards
// to it send, and dnstap-read (of BIND) print it.
func TestDnstap(t *testing.T) {
	for _, tool := range []string{"fstrm_capture", "dnstap-read", "dig"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%s is not installed", tool)
		}
	}
	dir := t.TempDir()
	zone := filepath.Join(dir, "tapped.example")
	if err := os.WriteFile(zone, []byte("$ORIGIN tapped.example.\n@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	capture := func(name string) (socket string, read func() string) {
		socket, file := filepath.Join(dir, name+".sock"), filepath.Join(dir, name+".tap")
		c := exec.Command("fstrm_capture", "-t", "protobuf:dnstap.Dnstap", "-u", socket, "-w", file)
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		eventually.Succeed(t, func() error {
			_, err := os.Stat(socket)
			return err
		})
		return socket, func() string {
			c.Process.Signal(syscall.SIGTERM)
			c.Wait()
			out, err := exec.Command("dnstap-read", file).CombinedOutput()
			if err != nil {
				t.Errorf("dnstap-read: %v", err)
			}
			return string(out)
		}
	}
	authSocket, authTap := capture("auth")
	clientSocket, clientTap := capture("client")
	auth, stopAuth := startTapped(t, "--bindzone", zone, "--dnstap", "unix:"+authSocket)
	resolver, stopResolver := startTapped(t, "--forward", fmt.Sprintf("127.0.0.1:%d", auth), "--dnstap", "unix:"+clientSocket, "-c", "--no-validation")
	for _, more := range [][]string{{"A"}, {"TXT", "+tcp"}, {"A"}} {
		args := append([]string{"-r", "@127.0.0.1", "-p", fmt.Sprint(resolver), "ns.tapped.example"}, more...)
		if out, err := exec.Command("dig", args...).CombinedOutput(); err != nil || !strings.Contains(string(out), "status: NOERROR") {
			t.Fatalf("dig: %v\n%s", err, out)
		}
	}
	stopResolver()
	stopAuth()
	authText, clientText := authTap(), clientTap()
	for text, wants := range map[string][]string{
		authText:   {" AQ 127.0.0.1:", fmt.Sprintf("-> 127.0.0.1:%d UDP ", auth), " AR 127.0.0.1:", "ns.tapped.example/IN/TXT"},
		clientText: {" CQ 127.0.0.1:", " CR 127.0.0.1:", fmt.Sprintf("-> 127.0.0.1:%d TCP ", resolver), " FQ 127.0.0.1:", " FR 127.0.0.1:", fmt.Sprintf("-> 127.0.0.1:%d UDP ", auth), "ns.tapped.example/IN/A"},
	} {
		for _, want := range wants {
			if !strings.Contains(strings.ToLower(text), strings.ToLower(want)) {
				t.Errorf("%q is not in what dnstap-read prints:\n%s", want, text)
			}
		}
	}
	if n := strings.Count(clientText, " CQ "); n != 3 {
		t.Errorf("%d queries of clients instead of 3:\n%s", n, clientText)
	}
	if n := strings.Count(clientText, " FQ "); n != strings.Count(clientText, " FR ") || n < 2 {
		t.Errorf("%d queries forwarded:\n%s", n, clientText)
	}
}

// startTapped starts our server on a free port of 127.0.0.1.
func startTapped(t *testing.T, options ...string) (port uint16, stop func()) {
	t.Helper()
	port = freeport.Loopback(t).Port()
	return port, runServer(t, port, append([]string{"-i", "127.0.0.1", "-p", fmt.Sprint(port)}, options...)...)
}

// runServer starts our server, and waits until it answers.
func runServer(t *testing.T, port uint16, options ...string) (stop func()) {
	t.Helper()
	s := exec.Command(built, append([]string{"serve"}, options...)...)
	s.Stderr = os.Stderr
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	eventually.Succeed(t, func() error {
		return exec.Command("dig", "-r", "@127.0.0.1", "-p", fmt.Sprint(port), "+tries=1", "+timeout=1", "version.bind", "CH", "TXT", "+noedns").Run()
	})
	return func() {
		s.Process.Signal(syscall.SIGTERM)
		s.Wait()
	}
}
