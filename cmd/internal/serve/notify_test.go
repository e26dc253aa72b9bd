package serve

import (
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// NOTIFY goes over UDP, TLS and QUIC, as the URL of the target says, and is taken over TCP
// as well: the secondary comes for the zone.
func TestNotifyOverTransports(t *testing.T) {
	dir := t.TempDir()
	certificate, zone := filepath.Join(dir, "tls.pem"), filepath.Join(dir, "example")
	pin := writeCertificate(t, certificate)
	writeFile(t, zone, smallZone)
	for _, transport := range []string{"udp", "tls", "quic"} {
		t.Run(transport, func(t *testing.T) {
			at, here := freeport.Loopback(t).String(), freeport.Loopback(t).String()
			encrypted := freeport.Loopback(t).String()
			target := here
			args := []string{"--secondary", at + "/example"}
			if transport != "udp" {
				args = append(args, "--"+transport, encrypted, "--tls-certificate", certificate)
				target = transport + "://" + encrypted + "?pin=" + pin
			}
			secondary, _, log := startWith(t, parse(t, append([]string{"-i", here}, args...)...))
			waitForLog(t, log, "cannot bring the zone up to date") // the primary is not there yet
			primary, _, _ := startWith(t, parse(t, "-i", at, "--bindzone", "example="+zone, "--allow-transfer", "127.0.0.1", "--also-notify", target))
			waitForLog(t, log, `msg="zone transferred"`)
			eventually.Succeed(t, func() error {
				out, in := primary.transfer.notifier.Stats(), secondary.transfer.copies.Stats()
				if out.Acknowledged != 1 || in.Notified == 0 || in.NotifyRefused != 0 {
					return fmt.Errorf("sent %+v, received %+v", out, in)
				}
				return nil
			})
			before := secondary.transfer.copies.Stats().Notified
			conn, err := net.Dial("tcp", here)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(eventually.Limit))
			q := wire.Question{Name: wire.MustParseName("example."), Type: wire.TypeSOA, Class: wire.ClassIN}
			if err := frame.Write(conn, wire.AppendQuery(nil, 7, wire.FlagAA.WithOpcode(wire.OpcodeNotify), q, nil)); err != nil {
				t.Fatal(err)
			}
			reply, err := frame.Read(conn, nil)
			if err != nil {
				t.Fatal(err)
			}
			m, err := wire.ParseMessage(reply)
			if err != nil || m.ID != 7 || m.RCode != wire.RCodeNoError || secondary.transfer.copies.Stats().Notified != before+1 {
				t.Errorf("over TCP: %v, %v", m, err)
			}
		})
	}
}
