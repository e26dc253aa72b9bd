package serve

import (
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

const updateKey = "hmac-sha256:mover:c2VjcmV0IG9mIHRoZSB0ZXN0"

// sendUpdate sends lines of nsupdate's language, separated by semicolons, for
// example.org, and returns the RCODE. key is empty for none.
func sendUpdate(t *testing.T, network string, server netip.AddrPort, key, lines string) wire.RCode {
	t.Helper()
	r := update.NewRequest(wire.MustParseName("example.org."))
	for line := range strings.SplitSeq(lines, ";") {
		if err := r.Parse(line, update.Text{Origin: r.Zone, TTL: 60, HasTTL: true}); err != nil {
			t.Fatal(err)
		}
	}
	var signer *wire.TSIGKey
	if key != "" {
		k, err := wire.ParseTSIGKey(key)
		if err != nil {
			t.Fatal(err)
		}
		signer = &k
	}
	if network == "tcp" {
		c := update.Client{Server: server, Key: signer, Timeout: eventually.Limit}
		reply, err := c.Send(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		return reply.RCode
	}
	message, err := r.AppendTo(nil, 99)
	if err != nil {
		t.Fatal(err)
	}
	var session *wire.TSIGSession
	if signer != nil {
		if message, session, err = signer.Sign(message, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	conn, err := net.Dial("udp", server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(eventually.Limit))
	if _, err := conn.Write(message); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4096)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	if session != nil {
		if err := session.Verify(buf[:n], time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	m, err := wire.ParseMessage(buf[:n])
	if err != nil || m.ID != 99 {
		t.Fatal(m, err)
	}
	return m.RCode
}

// Clients change a zone by the rules of the configuration, over both transports. The
// changes are there after a restart. A secondary passes requests on.
func TestUpdates(t *testing.T) {
	dir := t.TempDir()
	zone, keys := filepath.Join(dir, "example.org"), filepath.Join(dir, "keys")
	writeFile(t, zone, smallZone)
	writeFile(t, keys, updateKey+"\n")
	has := func(s *Server, name string, want bool) {
		t.Helper()
		m := askServer(t, "udp", s.listener.Addresses()[0], name, wire.TypeA, wire.ClassIN)
		if got := len(m.Answers) == 1; got != want {
			t.Errorf("%s is served: %v (%v)", name, got, m.RCode)
		}
	}
	args := []string{"--bindzone", zone, "--tsig-key", keys, "--journal", filepath.Join(dir, "journal"), "--allow-update", "key:mover", "--allow-transfer", "127.0.0.1"}
	t.Run("updated", func(t *testing.T) {
		s, _, log := startWhole(t, args...)
		address := s.listener.Addresses()[0]
		for _, test := range []struct {
			network, key, lines string
			want                wire.RCode
		}{
			{"udp", updateKey, "nxdomain a;add a A 192.0.2.1", wire.RCodeNoError},
			{"udp", updateKey, "nxdomain a;add a A 192.0.2.1", wire.RCodeYXDomain},
			{"tcp", updateKey, "add b A 192.0.2.1", wire.RCodeNoError},
			{"tcp", "", "add c A 192.0.2.1", wire.RCodeRefused},
			{"udp", "", "add c A 192.0.2.1", wire.RCodeRefused},
			{"udp", updateKey, "add c.example.com. A 192.0.2.1", wire.RCodeNotZone},
		} {
			if got := sendUpdate(t, test.network, address, test.key, test.lines); got != test.want {
				t.Errorf("%s over %s: %v, want %v", test.lines, test.network, got, test.want)
			}
		}
		has(s, "a.example.org.", true)
		has(s, "b.example.org.", true)
		has(s, "c.example.org.", false)
		if !strings.Contains(log(), `msg="zone updated"`) {
			t.Errorf("log:\n%s", log())
		}
		second, _, _ := startWhole(t, "--secondary", address.String()+"/example.org", "--tsig-key", keys, "--allow-update", "key:mover")
		if got := sendUpdate(t, "udp", second.listener.Addresses()[0], updateKey, "add d A 192.0.2.1"); got != wire.RCodeNoError {
			t.Errorf("forwarded: %v", got)
		}
		if got := sendUpdate(t, "udp", second.listener.Addresses()[0], "", "add e A 192.0.2.1"); got != wire.RCodeRefused {
			t.Errorf("not signed, forwarded: %v", got)
		}
		has(s, "d.example.org.", true)
	})
	t.Run("restarted", func(t *testing.T) {
		s, _, _ := startWhole(t, args...)
		for _, name := range []string{"a", "b", "d"} {
			has(s, name+".example.org.", true)
		}
	})
}

// The rules of the configuration file count, and change with a reload; the digest is
// made anew.
func TestUpdateRules(t *testing.T) {
	dir := t.TempDir()
	zone, config := filepath.Join(dir, "example.org"), filepath.Join(dir, "names.toml")
	writeFile(t, zone, smallZone)
	write := func(types string) {
		writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nserial-policy = \"date\"\nzonemd-generate = \"sha384\"\n"+
			"[[zone.update]]\naddresses = [\"127.0.0.1\"]\nnames = [\"dyn.example.org\"]\nmatch = \"sub\"\ntypes = ["+types+"]\n")
	}
	write(`"A"`)
	s, log := startFromFile(t, config)
	address := s.listener.Addresses()[0]
	if err := zonemd.Verify(s.set.Zones()[0].Snapshot()); err != nil {
		t.Error(err)
	}
	send := func(lines string, want wire.RCode) {
		t.Helper()
		if got := sendUpdate(t, "udp", address, "", lines); got != want {
			t.Errorf("%s: %v, want %v", lines, got, want)
		}
	}
	send("add a.dyn A 192.0.2.1", wire.RCodeNoError)
	send("add a A 192.0.2.1", wire.RCodeRefused)
	send("add a.dyn TXT x", wire.RCodeRefused)
	z := s.set.Zones()[0]
	if err := zonemd.Verify(z.Snapshot()); err != nil || z.Snapshot().Serial() < 2026000000 {
		t.Errorf("serial %v: %v", z.Snapshot().Serial(), err)
	}
	if !strings.Contains(log(), "have no journal") {
		t.Errorf("log does not warn:\n%s", log())
	}
	write(`"TXT"`)
	if _, err := s.reload(); err != nil {
		t.Fatal(err)
	}
	send("add a.dyn A 192.0.2.2", wire.RCodeRefused)
	send("add a.dyn TXT x", wire.RCodeNoError)
	if err := zonemd.Verify(s.set.Zones()[0].Snapshot()); err != nil {
		t.Error(err)
	}
}

// A zone whose digest does not match is not served; where it is served already, the
// version before stays.
func TestDigestsOfFiles(t *testing.T) {
	dir := t.TempDir()
	zone := filepath.Join(dir, "example.org")
	wrong := smallZone + "@ ZONEMD 1 1 1 " + strings.Repeat("00", 48) + "\n"
	writeFile(t, zone, wrong)
	if _, err := Start(t.Context(), parse(t, listening("--bindzone", zone)...), newLog(new(logRecorder))); err == nil {
		t.Error("a zone with a wrong digest is served")
	}
	writeFile(t, zone, smallZone)
	s, reload, log := startWhole(t, "--bindzone", zone)
	writeFile(t, zone, wrong)
	reload()
	if !strings.Contains(log(), "ZONEMD digest does not match") {
		t.Errorf("log:\n%s", log())
	}
	for r := range s.set.Zones()[0].Snapshot().All() {
		if r.Type == wire.TypeZONEMD {
			t.Error("the new version is served")
		}
	}
}
