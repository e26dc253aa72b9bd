//go:build unix

package serve

import (
	"bufio"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// TestSocketActivation: a process that is started with sockets, as systemd starts it,
// answers there, and what was sent before it came is answered, too. A reload that
// names another address gives them up for it, and one that does not takes them back.
func TestSocketActivation(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	writeFile(t, filepath.Join(dir, "example.org"), smallZone)
	const zone = "[[zone]]\nfile = \"example.org\"\n"
	writeFile(t, file, zone)
	address, err := netip.ParseAddrPort(freeport.Loopback(t).String())
	if err != nil {
		t.Fatal(err)
	}
	other := freeport.Loopback(t).String()
	packets, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	streams, err := net.ListenTCP("tcp4", net.TCPAddrFromAddrPort(address))
	if err != nil {
		t.Fatal(err)
	}
	var files []*os.File
	for _, s := range []interface{ File() (*os.File, error) }{packets, streams} {
		f, err := s.File()
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	packets.Close()
	streams.Close()
	early, err := net.Dial("udp4", address.String())
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	q := wire.Question{Name: wire.MustParseName("ns.example.org."), Type: wire.TypeA, Class: wire.ClassIN}
	early.Write(wire.AppendQuery(nil, 7, 0, q, nil)) // before there is a server

	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p := &process{Cmd: exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" "$@"`, os.Args[0], "--config", file), ended: make(chan error, 1)}
	p.Env = append(os.Environ(), runAsCommand+"=1", "LISTEN_FDS=2", "LISTEN_FDNAMES=dns:dns")
	p.ExtraFiles, p.Stderr = files, w
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	w.Close()
	for _, f := range files {
		f.Close()
	}
	lines := bufio.NewScanner(r)
	waitFor := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.Contains(lines.Text(), text) {
				return
			}
		}
		t.Fatalf("the log does not say %q: %v", text, lines.Err())
	}
	waitFor("msg=serving")
	buf := make([]byte, 512)
	if _, err := early.Read(buf); err != nil {
		t.Errorf("a query that was sent before the start: %v", err)
	}
	check := func(address netip.AddrPort) {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			if m := askServer(t, network, address, "ns.example.org.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
				t.Errorf("%s %v: %v", network, address, m)
			}
		}
	}
	check(address)
	writeFile(t, file, fmt.Sprintf("[listen]\naddress = [%q]\n", other)+zone)
	p.Process.Signal(syscall.SIGHUP)
	waitFor(`msg="no longer listening" address=` + address.String())
	check(netip.MustParseAddrPort(other))
	writeFile(t, file, zone)
	p.Process.Signal(syscall.SIGHUP)
	waitFor(`msg=listening address=` + address.String())
	waitFor("msg=serving")
	check(address)
	p.Process.Signal(syscall.SIGTERM)
	go func() {
		for lines.Scan() {
		}
	}()
	if err := p.end(t); err != nil {
		t.Errorf("the server ended with: %v", err)
	}
}
