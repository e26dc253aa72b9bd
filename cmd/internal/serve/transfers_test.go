package serve

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// How the option is written: one primary for many zones, many for one zone,
// addresses of both families, with ports and keys.
func TestSecondaryOptions(t *testing.T) {
	s := parse(t, "--secondary", "192.0.2.1/a.example", "--secondary", "192.0.2.1:54/b.example", "--secondary", "[2001:db8::1]:54/a.example", "--secondary", "key:k@2001:db8::2/B.example.")
	var got []string
	for _, zone := range s.Zones {
		for _, p := range zone.Said().Primaries {
			text := zone.Origin.String() + " " + p.Address.String()
			if !p.Key.IsZero() {
				text += " " + p.Key.String()
			}
			got = append(got, text)
		}
	}
	want := "a.example. 192.0.2.1:53, a.example. [2001:db8::1]:54, b.example. 192.0.2.1:54, b.example. [2001:db8::2]:53 k."
	if strings.Join(got, ", ") != want {
		t.Errorf("%q, want %q", strings.Join(got, ", "), want)
	}
	if s.Recursion.FromRoot {
		t.Error("a secondary is a resolver")
	}
}

func TestReadKeys(t *testing.T) {
	dir := t.TempDir()
	for i, test := range []struct{ text, want string }{
		{"# ours\nhmac-sha256:a:c2VjcmV0\nhmac-sha512:b.:c2VjcmV0\n", ""},
		{"key \"a\" { algorithm hmac-sha256; secret \"c2VjcmV0\"; };\n", ""},
		{"hmac-sha256:a:c2VjcmV0\nhmac-sha256:a.:c2VjcmV0\n", "there already"},
		{"hmac-sha256:a:c2VjcmV0\nnonsense\n", ":2: "},
		{"key \"a\" { algorithm hmac-sha256; };\n", "no secret"},
		{"\n", "there is no key in"},
	} {
		path := filepath.Join(dir, string(rune('a'+i)))
		writeFile(t, path, test.text)
		keys, err := readKeys([]string{path})
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%q: %v, want %q", test.text, err, test.want)
		}
		if err != nil {
			if strings.Contains(err.Error(), "c2VjcmV0") {
				t.Errorf("the error tells the secret: %v", err)
			}
			continue
		}
		if _, ok := keys.Find(wire.MustParseName("A.")); !ok {
			t.Errorf("%q: the key is not found", test.text)
		}
	}
}

// Keys that options name have to be there.
func TestMissingKeys(t *testing.T) {
	for _, args := range [][]string{{"--secondary", "key:k@192.0.2.1/example.org"}, {"--from-root", "--allow-transfer", "key:k"}} {
		server, err := Start(t.Context(), parse(t, listening(args...)...), newLog(new(logRecorder)))
		if err == nil || !strings.Contains(err.Error(), "there is no TSIG key k.: neither a [[key]] nor a file of --tsig-key has it") {
			t.Errorf("%v: %v", args, err)
		}
		if server != nil {
			t.Error("the server has started")
		}
	}
}

// A zone goes from one server to the next, signed, and on to one more. It is there
// after a restart without any primary.
func TestZoneMoves(t *testing.T) {
	dir := t.TempDir()
	zone, keys, kept := filepath.Join(dir, "example.org"), filepath.Join(dir, "keys"), filepath.Join(dir, "kept")
	writeFile(t, zone, smallZone)
	writeFile(t, keys, "hmac-sha256:mover:c2VjcmV0IG9mIHRoZSB0ZXN0\n")
	if err := os.Mkdir(kept, 0o700); err != nil {
		t.Fatal(err)
	}
	secondary := freeport.Loopback(t).String() // where NOTIFY is to go
	serves := func(server *Server, want string) {
		t.Helper()
		eventually.Succeed(t, func() error {
			m := askServer(t, "udp", server.listener.Addresses()[0], "ns.example.org.", wire.TypeA, wire.ClassIN)
			if fields := strings.Fields(answers(m)); len(fields) != 5 || fields[4] != want {
				return fmt.Errorf("the zone does not come: %v", m)
			}
			return nil
		})
	}
	t.Run("chain", func(t *testing.T) {
		first, _, _ := startWhole(t, "--bindzone", zone, "--tsig-key", keys, "--allow-transfer", "key:mover", "--also-notify", secondary)
		from := func(s *Server, key string) string { return key + s.listener.Addresses()[0].String() + "/example.org" }
		second, err := Start(t.Context(), parse(t, "-i", secondary, "--tsig-key", keys, "--secondary", from(first, "key:mover@"), "--allow-transfer", "127.0.0.1"), newLog(new(logRecorder)))
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error)
		go func() { done <- second.Run(nil) }()
		defer func() { second.cancel(); <-done }()
		serves(second, "192.0.2.1")
		third, _, log := startWhole(t, "--secondary", from(second, ""), "--secondary-dir", kept)
		serves(third, "192.0.2.1")
		waitForLog(t, log, `msg="zone transferred"`)
		if _, err := first.doZoneNotify(t.Context(), []string{"example.org"}); err != nil {
			t.Error(err)
		}
		if n := first.transfer.notifier.Stats(); n.Pending+int(n.Acknowledged) == 0 {
			t.Errorf("no NOTIFY by hand: %+v", n)
		}
		if _, err := third.doZoneNotify(t.Context(), []string{"example.org"}); err == nil || !strings.Contains(err.Error(), "has no secondaries to notify") {
			t.Errorf("a zone that no client may have: %v", err)
		}
	})
	t.Run("restart", func(t *testing.T) {
		again, _, log := startWhole(t, "--secondary", "127.0.0.1:9/example.org", "--secondary-dir", kept)
		serves(again, "192.0.2.1")
		if !strings.Contains(log(), `msg="zone restored"`) {
			t.Errorf("log:\n%s", log())
		}
	})
}

// A configuration file says all of it, and a reload takes the difference: a zone that
// stays is not transferred again, one with another primary keeps its contents until
// the primary has a newer version, what is gone is not served.
func TestTransfersReloaded(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	for _, zone := range []string{"a.example", "b.example", "c.example"} {
		writeFile(t, filepath.Join(dir, zone), smallZone)
	}
	const key = "[[key]]\nname = \"mover\"\nsecret = \"c2VjcmV0IG9mIHRoZSB0ZXN0\"\n"
	primary, _, _ := startWhole(t, "--bindzone", filepath.Join(dir, "a.example"), "--bindzone", filepath.Join(dir, "b.example"),
		"--bindzone", filepath.Join(dir, "c.example"), "--allow-transfer", "127.0.0.1")
	from := primary.listener.Addresses()[0].String()
	write := func(more string) {
		writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[journal]\ndir = \"journal\"\n"+strings.ReplaceAll(more, "PRIMARY", from))
	}
	zone := func(name, primary, more string) string {
		return "[[zone]]\nname = \"" + name + "\"\nprimaries = [\"" + primary + "\"]\n" + more
	}
	write(zone("a.example", "PRIMARY", "") + zone("b.example", "PRIMARY", ""))
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	s, log := startFromFile(t, file)
	address := s.listener.Addresses()[0]
	waitFor := func(zones string) {
		t.Helper()
		eventually.Succeed(t, func() error {
			var got []string
			for _, zone := range []string{"a", "b", "c"} {
				if m := askServer(t, "udp", address, "ns."+zone+".example.", wire.TypeA, wire.ClassIN); len(m.Answers) == 1 {
					got = append(got, zone)
				}
			}
			if strings.Join(got, " ") != zones {
				return fmt.Errorf("zones are %v, want %s; log:\n%s", got, zones, log())
			}
			return nil
		})
	}
	waitFor("a b")
	transferred := func(zone string) int {
		return strings.Count(log(), "msg=\"zone transferred\" zone="+zone)
	}
	reload := func(want string) {
		t.Helper()
		if _, err := s.reload(); (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Fatalf("reload: %v, want %q", err, want)
		}
	}
	write(zone("a.example", "PRIMARY", "") + zone("b.example", "key:mover@127.0.0.1:9", "") + zone("c.example", "PRIMARY", ""))
	reload("there is no TSIG key mover.")
	waitFor("a b")
	write(zone("a.example", "PRIMARY", "") + zone("b.example", "key:mover@127.0.0.1:9", "") + zone("c.example", "PRIMARY", "max-records = 2\n") + key)
	reload("")
	waitFor("a b")
	waitForLog(t, log, "zone has more than 2 records")
	write(zone("b.example", "key:mover@127.0.0.1:9", "") + zone("c.example", "PRIMARY", "") + key)
	reload("")
	waitFor("b c")
	eventually.Succeed(t, func() error { // a zone is served before the log has it
		if transferred("a.example.") != 1 || transferred("b.example.") != 1 || transferred("c.example.") != 1 {
			return fmt.Errorf("not each zone was transferred once; log:\n%s", log())
		}
		return nil
	})
	eventually.Succeed(t, func() error {
		list, err := s.doSecondaries(t.Context(), nil)
		if err != nil {
			return err
		}
		if replies := list.([]secondaryReply); len(replies) != 2 || replies[0].Zone != "b.example." || replies[0].Failed == 0 ||
			!strings.Contains(replies[0].Error, "refused") || replies[1].Failed != 0 || replies[1].Error != "" || replies[1].Serial != 1 || replies[1].Checked == "never" {
			return fmt.Errorf("secondaries: %+v", list)
		}
		return nil
	})
	if _, err := s.doZoneRetransfer(t.Context(), []string{"c.example"}); err != nil {
		t.Error(err)
	}
	eventually.Succeed(t, func() error {
		if n := transferred("c.example."); n != 2 {
			return fmt.Errorf("%d transfers of c.example., not 2; log:\n%s", n, log())
		}
		return nil
	})
	if stats := s.transfer.copies.Stats(); stats.Zones != 2 || stats.Transferred != 4 || stats.Failed == 0 {
		t.Errorf("%+v; log:\n%s", stats, log())
	}
	if _, err := s.doZoneRefresh(t.Context(), []string{"a.example"}); err == nil || !strings.Contains(err.Error(), "zone a.example. does not come from primaries") {
		t.Errorf("a zone that is gone: %v", err)
	}
	eventually.Succeed(t, func() error { // it counts when all has been sent
		if sent := primary.transfer.sent.Stats(); sent.Whole < 4 || sent.Records < 12 || sent.Refused != 0 {
			return fmt.Errorf("the primary has sent %+v", sent)
		}
		return nil
	})
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	reload("every user can read this file; take that away with chmod o= ")
	waitFor("b c")
}
