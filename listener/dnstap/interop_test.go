//go:build interop && unix

package dnstap

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

// TestToolsReadIt sends messages to fstrm_capture, and has dnstap-read (of BIND)
// print what it captured.
func TestToolsReadIt(t *testing.T) {
	for _, tool := range []string{"fstrm_capture", "dnstap-read"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%s is not installed", tool)
		}
	}
	dir := t.TempDir()
	socket, file := filepath.Join(dir, "socket"), filepath.Join(dir, "file")
	capture := exec.Command("fstrm_capture", "-t", contentType, "-u", socket, "-w", file)
	if err := capture.Start(); err != nil {
		t.Fatal(err)
	}
	defer capture.Process.Kill()
	o, err := New(Config{Target: "unix:" + socket, Identity: "ns1", Version: "names"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { o.Run(ctx); close(done) }()
	client, server := netip.MustParseAddrPort("192.0.2.7:4321"), netip.MustParseAddrPort("192.0.2.53:53")
	query := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: wire.MustParseName("tapped.example."), Type: wire.TypeMX, Class: wire.ClassIN}, nil)
	at := time.Unix(1700000000, 0)
	o.Record(&Message{Kind: ClientQuery, Protocol: UDP, Querier: client, Responder: server, QueryTime: at, Packet: query})
	response := append([]byte(nil), query...)
	response[2] |= 0x80
	o.Record(&Message{Kind: ClientResponse, Protocol: DoT, Querier: client, Responder: server, QueryTime: at, ResponseTime: at.Add(time.Millisecond), Packet: response})
	eventually.Succeed(t, func() error {
		if n := o.Stats().Written; n < 2 {
			return fmt.Errorf("%d messages are written", n)
		}
		return nil
	})
	cancel()
	<-done
	capture.Process.Signal(syscall.SIGTERM)
	capture.Wait()
	printed, err := exec.Command("dnstap-read", file).CombinedOutput()
	if err != nil {
		t.Fatalf("dnstap-read: %v\n%s", err, printed)
	}
	for _, want := range []string{"CQ 192.0.2.7:4321 -> 192.0.2.53:53 UDP", "CR 192.0.2.7:4321 <- 192.0.2.53:53", "tapped.example/IN/MX"} {
		if !strings.Contains(string(printed), want) {
			t.Errorf("%q is not in what dnstap-read prints:\n%s", want, printed)
		}
	}
}
