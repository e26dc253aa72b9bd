// Package exampletest runs the examples against a server of the test's own.
//
// [Server] serves records on loopback, [Client] asks there and nowhere else,
// [Usage] checks what every program owes users that call it wrongly, and [Start]
// runs one that is a server itself.
package exampletest

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Server serves records, written as in a master file with whole names, until
// the test ends. It knows all names there are: those without records do not
// exist.
func Server(t testing.TB, records string) netip.AddrPort {
	t.Helper()
	path := filepath.Join(t.TempDir(), "records")
	text := "$TTL 300\n. SOA ns. hostmaster. 1 1h 1h 1h 1h\n. NS ns.\n" + records
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	snapshot, err := authority.File{Path: path, Origin: wire.Root}.Load(new(diagnostic.List))
	if err != nil {
		t.Fatal(err)
	}
	zones := new(authority.Set)
	if err := zones.SetZones([]*authority.Zone{authority.NewZone(snapshot)}); err != nil {
		t.Fatal(err)
	}
	return listenertest.Serve(t, zones)
}

// Client returns a client that asks a [Server] with records.
func Client(t testing.TB, records string) *names.Client {
	t.Helper()
	client, err := names.NewClient(names.ClientConfig{Servers: []netip.AddrPort{Server(t, records)}, NoHosts: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// ResolvConf writes a file that names server, and returns its path.
func ResolvConf(t testing.TB, server netip.AddrPort) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("nameserver "+server.String()+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// Usage checks that a program prints its usage if it is asked for help, and
// its usage and an error if it is called wrongly.
func Usage(t *testing.T, name string, run func(args []string, stdout, stderr io.Writer) int) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run([]string{"--help"}, &stdout, &stderr)
	if code != 0 || stderr.Len() > 0 || !strings.HasPrefix(stdout.String(), "usage: "+name) {
		t.Errorf("--help: exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
	want := stdout.String()
	stdout.Reset()
	code = run([]string{"--unexpected"}, &stdout, &stderr)
	if code == 0 || stdout.Len() > 0 || !strings.HasPrefix(stderr.String(), want+"ERROR: ") {
		t.Errorf("--unexpected: exit code %d, stdout %q, stderr %q", code, stdout.String(), stderr.String())
	}
}

// Start runs a server, which says in its first line where it listens, until
// the test ends, and returns that address.
func Start(t *testing.T, run func(ctx context.Context, stdout, stderr io.Writer) int) netip.AddrPort {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	read, write := io.Pipe()
	var stderr bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, write, &stderr)
		write.Close()
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-ended; code != 0 {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
	})
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		t.Fatalf("the server said %q and ended", line)
	}
	words := strings.Fields(line)
	address, err := netip.ParseAddrPort(words[len(words)-1])
	if err != nil {
		t.Fatalf("%q does not end in an address", line)
	}
	return address
}

// Answers returns what server answers over UDP or TCP, a record a line.
func Answers(t testing.TB, server netip.AddrPort, overTCP bool, name string, kind wire.Type) string {
	t.Helper()
	client, err := names.NewClient(names.ClientConfig{Servers: []netip.AddrPort{server}, NoHosts: true, UseTCP: overTCP})
	if err != nil {
		t.Fatal(err)
	}
	defer client.CloseIdleConnections()
	reply, err := client.Query(context.Background(), name, kind)
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, r := range reply.Answers {
		lines = append(lines, strings.ReplaceAll(r.String(), "\t", " "))
	}
	return strings.Join(lines, "\n")
}
