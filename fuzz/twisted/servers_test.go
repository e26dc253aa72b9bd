//go:build interop

package twisted

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// startOurs builds and starts our server.
func startOurs(t *testing.T, hosts string, pyzones ...string) netip.AddrPort {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "names")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/names").CombinedOutput(); err != nil {
		t.Fatalf("building names: %v\n%s", err, out)
	}
	port := freeport.Loopback(t).Port()
	args := []string{"serve", "-i", "127.0.0.1", "-p", strconv.Itoa(int(port)), "--any-in-full", "--hosts-file", hosts}
	for _, z := range pyzones {
		args = append(args, "--pyzone", z)
	}
	return start(t, port, binary, args...)
}

// startTwisted starts Twisted's server.
func startTwisted(t *testing.T, hosts string, pyzones ...string) netip.AddrPort {
	t.Helper()
	port := freeport.Loopback(t).Port()
	args := []string{"--nodaemon", "--pidfile=", "dns", "--interface", "127.0.0.1", "--port", strconv.Itoa(int(port)), "--hosts-file", hosts}
	for _, z := range pyzones {
		args = append(args, "--pyzone", z)
	}
	return start(t, port, needTwisted(t), args...)
}

// needTwisted returns the path of twistd. If it is not installed the test
// is skipped, but in CI it fails: there, not to compare is a fault.
func needTwisted(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("twistd3")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatalf("twistd3 (python3-twisted) is not installed: %v", err)
	}
	if err != nil {
		t.Skipf("twistd3 (python3-twisted) is not installed: %v", err)
	}
	return path
}

// start runs a server until the test ends, and waits until it answers.
func start(t *testing.T, port uint16, binary string, args ...string) netip.AddrPort {
	t.Helper()
	var printed bytes.Buffer
	cmd := exec.Command(binary, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = t.TempDir(), &printed, &printed
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	exited := make(chan struct{})
	go func() {
		cmd.Wait()
		close(exited)
	}()
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-exited:
		case <-time.After(10 * time.Second): // for what does not end by itself
			cmd.Process.Kill()
			<-exited
		}
	})
	address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
	if err := answers(address, exited); err != nil {
		cmd.Process.Kill()
		<-exited
		t.Fatalf("%s does not answer: %v\nit printed:\n%s", filepath.Base(binary), err, printed.String())
	}
	return address
}

// answers waits until server answers anything, over UDP and TCP.
func answers(server netip.AddrPort, exited <-chan struct{}) error {
	query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.Root, Type: wire.TypeSOA, Class: wire.ClassIN}, nil)
	return eventually.Try(exited, func() error {
		for _, overTCP := range []bool{false, true} {
			querier := names.Querier{TCP: overTCP, Timeouts: []time.Duration{time.Second}}
			if _, err := querier.Query(context.Background(), query, server); err != nil {
				return err
			}
		}
		return nil
	})
}
