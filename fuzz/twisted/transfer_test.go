//go:build interop

package twisted

import (
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// movedZone has no TXT record: Twisted cannot send those of a pyzone.
const movedZone = `zone = [
    SOA('moved.test', mname='ns.moved.test', rname='admin.moved.test', serial=7, refresh=60, retry=60, expire=3600, minimum=60, ttl=60),
    NS('moved.test', 'ns.moved.test', ttl=60),
    A('ns.moved.test', '192.0.2.53', ttl=60),
    MX('moved.test', 10, 'mail.moved.test', ttl=60),
    A('mail.moved.test', '192.0.2.25', ttl=60),
    AAAA('mail.moved.test', '2001:db8::25', ttl=60),
    CNAME('www.moved.test', 'mail.moved.test', ttl=60),
]
`

// TestSecondaries: Twisted's secondary takes a zone from us, and ours takes it from
// Twisted. Both then have what the primary has.
func TestSecondaries(t *testing.T) {
	twistd := needTwisted(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "moved.test")
	if err := os.WriteFile(file, []byte(movedZone), 0o600); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "names")
	if out, err := exec.Command("go", "build", "-o", binary, "../../cmd/names").CombinedOutput(); err != nil {
		t.Fatalf("building names: %v\n%s", err, out)
	}
	ours := func(args ...string) netip.AddrPort {
		port := freeport.Loopback(t).Port()
		return start(t, port, binary, append([]string{"serve", "-i", "127.0.0.1", "-p", strconv.Itoa(int(port))}, args...)...)
	}
	theirs := func(args ...string) netip.AddrPort {
		port := freeport.Loopback(t).Port()
		return start(t, port, twistd, append([]string{"--nodaemon", "--pidfile=", "dns", "--interface", "127.0.0.1", "--port", strconv.Itoa(int(port))}, args...)...)
	}
	zone := func(server netip.AddrPort) (s *authority.Snapshot) {
		t.Helper()
		eventually.Succeed(t, func() (err error) {
			s, _, err = transfer.FetchZone(t.Context(), transfer.Primary{Address: server}, transfer.Request{Zone: wire.MustParseName("moved.test")})
			return err
		})
		return s
	}
	text := func(s *authority.Snapshot) string {
		var b strings.Builder
		for r := range s.All() {
			fmt.Fprintln(&b, r)
		}
		return b.String()
	}
	ourPrimary := ours("--pyzone", file, "--allow-transfer", "127.0.0.1")
	want := zone(ourPrimary)
	if want.Records() != 7 {
		t.Fatalf("the zone is\n%s", text(want))
	}
	theirPrimary := theirs("--pyzone", file)
	for who, server := range map[string]netip.AddrPort{
		"Twisted, from us":    theirs("--secondary", ourPrimary.String()+"/moved.test"),
		"ours, from Twisted":  ours("--secondary", theirPrimary.String()+"/moved.test", "--allow-transfer", "127.0.0.1"),
		"Twisted as it loads": theirPrimary,
	} {
		if got := text(zone(server)); got != text(want) {
			t.Errorf("%s has\n%s\nnot\n%s", who, got, text(want))
		}
	}
}
