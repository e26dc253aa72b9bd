package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

func rightAsSigned(t *testing.T, s *Server) {
	t.Helper()
	if err := sign.Verify(s.set.Zones()[0].Snapshot(), time.Now()); err != nil {
		t.Error(err)
	}
}

// A zone is signed before it is served, after each edit and reload, and after a
// restart, also if its file was edited meanwhile; it is served unsigned if the
// configuration says so.
func TestSignedZone(t *testing.T) {
	dir := t.TempDir()
	zone := filepath.Join(dir, "example.org")
	writeFile(t, zone, smallZone)
	config := filepath.Join(dir, "names.toml")
	write := func(zones, more string) {
		writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[journal]\ndir = \"journal\"\n[signing]\nkey-dir = \"keys\"\n"+
			"[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\n"+zones+more)
	}
	write("sign = \"default\"\n", "")
	serial := func(s *Server) wire.Serial { return s.set.Zones()[0].Snapshot().Serial() }
	var last wire.Serial
	t.Run("first", func(t *testing.T) {
		s, log := startFromFile(t, config)
		rightAsSigned(t, s)
		if !strings.Contains(log(), "key made") {
			t.Errorf("log:\n%s", log())
		}
		addAddress(t, s, "www.example.org")
		rightAsSigned(t, s)
		writeFile(t, zone, smallZone+"edited A 192.0.2.3\n")
		if _, err := s.reload(); err != nil {
			t.Fatal(err)
		}
		rightAsSigned(t, s)
		if _, err := s.doZoneSync(t.Context(), []string{"example.org"}); err == nil {
			t.Error("the signed zone was written to its file")
		}
		write("sign = \"default\"\nzonemd-generate = \"sha384\"\n", "[policy.default]\nnsec3 = true\nopt-out = true\n")
		if _, err := s.reload(); err != nil {
			t.Fatal(err)
		}
		rightAsSigned(t, s)
		if err := zonemd.Verify(s.set.Zones()[0].Snapshot()); err != nil {
			t.Error(err)
		}
		if s.set.Zones()[0].Snapshot().Signed() != "NSEC3" {
			t.Error(s.set.Zones()[0].Snapshot().Signed())
		}
		last = serial(s)
	})
	writeFile(t, zone, smallZone+"edited A 192.0.2.3\nagain A 192.0.2.4\n")
	t.Run("edited while stopped", func(t *testing.T) {
		s, _ := startFromFile(t, config)
		rightAsSigned(t, s)
		for _, name := range []string{"edited", "again", "www"} {
			if m := askServer(t, "udp", s.listener.Addresses()[0], name+".example.org.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
				t.Errorf("%s: %v", name, m.RCode)
			}
		}
		if !last.Less(serial(s)) {
			t.Errorf("serial %s after %s", serial(s), last)
		}
		write("sign = \"no\"\n", "")
		if _, err := s.reload(); err != nil {
			t.Fatal(err)
		}
		if how := s.set.Zones()[0].Snapshot().Signed(); how != "" {
			t.Errorf("still signed with %s", how)
		}
	})
	keys, err := os.ReadDir(filepath.Join(dir, "keys"))
	if err != nil || len(keys) != 4 { // a key of two files, its states, their lock
		t.Errorf("%v %v", keys, err)
	}
}

// Zones are signed with Ed448 from the start, and keys of another algorithm are exchanged for
// those of it.
func TestSignedWithEd448(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "example.org"), smallZone)
	config := filepath.Join(dir, "names.toml")
	write := func(policy string) {
		writeFile(t, config, "[listen]\naddress = [\"127.0.0.1:0\"]\n[signing]\nkey-dir = \"keys\"\n[policy.default]\n"+policy+
			"[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nsign = \"default\"\n")
	}
	algorithms := func(s *Server) string {
		t.Helper()
		rightAsSigned(t, s)
		reply, err := s.doSigningKeys(t.Context(), []string{"example.org"})
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, k := range reply.([]signingKeyReply) {
			all = append(all, k.Algorithm)
		}
		slices.Sort(all)
		return strings.Join(all, " ")
	}
	write("algorithm = \"ED448\"\n")
	s, _ := startFromFile(t, config)
	if got := algorithms(s); got != "ED448" {
		t.Error(got)
	}
	write("algorithm = \"ED25519\"\n")
	if _, err := s.reload(); err != nil {
		t.Fatal(err)
	}
	if got := algorithms(s); got != "ED25519 ED448" {
		t.Error(got)
	}
	write("algorithm = \"RSASHA1\"\n")
	if _, err := s.reload(); err == nil || !strings.Contains(err.Error(), "\"RSASHA1\" is not one of ECDSAP256SHA256, ECDSAP384SHA384, ED25519, ED448") {
		t.Error(err)
	}
}

// A zone of a primary that does not sign is signed here, and goes on, signed, to a
// secondary of ours: changes as differences, also after a restart.
func TestSignedZoneOfPrimary(t *testing.T) {
	dir := t.TempDir()
	zone := filepath.Join(dir, "example.org")
	writeFile(t, zone, smallZone)
	first, _, _ := startWhole(t, "--bindzone", zone, "--allow-transfer", "127.0.0.1")
	config := filepath.Join(dir, "names.toml")
	address := freeport.Loopback(t).String()
	writeFile(t, config, "[listen]\naddress = [\""+address+"\"]\n[journal]\ndir = \"journal\"\n[signing]\nkey-dir = \"keys\"\n"+
		"[[zone]]\nname = \"example.org\"\nprimaries = [\""+first.listener.Addresses()[0].String()+"\"]\nsign = \"default\"\nallow-transfer = [\"127.0.0.1\"]\n")
	waitFor := func(s *Server, log func() string, name string) {
		t.Helper()
		eventually.Succeed(t, func() error {
			if m := askServer(t, "udp", s.listener.Addresses()[0], name+".example.org.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
				return fmt.Errorf("%s does not come; log:\n%s", name, log())
			}
			return nil
		})
		rightAsSigned(t, s)
	}
	edit := func(text string) {
		t.Helper()
		writeFile(t, zone, text)
		if _, err := first.reload(); err != nil {
			t.Fatal(err)
		}
	}
	refresh := func(s *Server) {
		t.Helper()
		if _, err := s.doZoneRefresh(t.Context(), []string{"example.org"}); err != nil {
			t.Fatal(err)
		}
	}
	serial := func(s *Server) wire.Serial { return s.set.Zones()[0].Snapshot().Serial() }
	last, _, lastLog := startWhole(t, "--secondary", address+"/example.org")
	var published wire.Serial
	t.Run("first", func(t *testing.T) {
		s, log := startFromFile(t, config)
		waitFor(s, log, "ns")
		refresh(last)
		waitFor(last, lastLog, "ns")
		addAddress(t, first, "www.example.org")
		refresh(s)
		waitFor(s, log, "www")
		refresh(last)
		waitFor(last, lastLog, "www")
		waitForLog(t, log, `msg="zone signed"`) // until the keys are known to be published
		published = serial(s)
	})
	edit(strings.Replace(smallZone, "ns h 1 ", "ns h 9 ", 1) + "edited A 192.0.2.3\nwww A 192.0.2.80\n")
	t.Run("again", func(t *testing.T) {
		s, log := startFromFile(t, config)
		if got := serial(s); got != published {
			t.Errorf("serial number %s after the restart, and %s before; log:\n%s", got, published, log())
		}
		refresh(s)
		waitFor(s, log, "edited")
		refresh(last)
		waitFor(last, lastLog, "edited")
		eventually.Succeed(t, func() error { // a zone is served before its transfer is counted
			if stats := last.transfer.copies.Stats(); stats.Transferred != 1 || stats.Incremental < 2 {
				return fmt.Errorf("the secondary has got %+v", stats)
			}
			return nil
		})
		status, err := s.doSecondaries(t.Context(), []string{"example.org"})
		if err != nil || status.(secondaryReply).Serial != 9 {
			t.Errorf("%+v, %v", status, err)
		}
		if strings.Contains(log(), "level=ERROR") || strings.Contains(log(), "level=WARN") {
			t.Errorf("log:\n%s", log())
		}
		published = serial(s)
	})
	kept := filepath.Join(dir, "journal", "secondary", "example.org.secondary")
	text, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, kept, string(text)+"example.org. 60 DNSKEY 257 3 13 AwEAAQ==\n")
	t.Run("kept with another key", func(t *testing.T) {
		s, log := startFromFile(t, config)
		if got := serial(s); got != published || !strings.Contains(log(), "zone that was kept cannot be signed") {
			t.Errorf("serial number %s after the restart, and %s before; log:\n%s", got, published, log())
		}
		rightAsSigned(t, s)
		addAddress(t, first, "later.example.org")
		refresh(s)
		waitFor(s, log, "later")
	})
}

// A zone of a primary is signed only with a journal.
func TestSignedZoneOfPrimaryWithoutJournal(t *testing.T) {
	s := parse(t, listening("--secondary", "192.0.2.1/example.org")...)
	s.Zones[0].Sign, s.Signing.KeyDir = "default", t.TempDir()
	if _, err := s.Complete(); err == nil || !strings.Contains(err.Error(), "requires journal.dir") {
		t.Error(err)
	}
}
