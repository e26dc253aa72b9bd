//go:build interop

package interop

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// updateScripts are requests in the language that nsupdate, knsupdate and "names
// update" have in common, one after the other. What comes of them is the same on
// every server.
var updateScripts = []string{
	"update add new.corner.test. 300 A 192.0.2.77",
	"update add new.corner.test. 300 A 192.0.2.78\nupdate add new.corner.test. 300 TXT \"one\" \"two words\"",
	"prereq nxdomain new.corner.test.\nupdate delete new.corner.test.",
	"prereq yxdomain new.corner.test.\nupdate add other.corner.test. 60 MX 5 new.corner.test.",
	"prereq yxrrset new.corner.test. A\nupdate add third.corner.test. 60 AAAA 2001:db8::3",
	"prereq nxrrset new.corner.test. A\nupdate delete third.corner.test.",
	"prereq yxrrset new.corner.test. A 192.0.2.77\nupdate delete third.corner.test.",
	"prereq yxrrset new.corner.test. A 192.0.2.77\nprereq yxrrset new.corner.test. A 192.0.2.78\nupdate delete new.corner.test. A 192.0.2.78",
	"update add new.corner.test. 300 CNAME third.corner.test.",
	"update add alias.corner.test. 300 CNAME third.corner.test.",
	"update add alias.corner.test. 300 A 192.0.2.1",
	"update delete corner.test. NS",
	"update delete corner.test. SOA",
	"update add srv.corner.test. 300 SRV 1 2 3 new.corner.test.\nupdate add srv.corner.test. 300 TYPE65280 \\# 3 010203",
	"update delete srv.corner.test. TYPE65280",
	"update delete other.corner.test.\nupdate delete nothing.corner.test.",
	"update add a.b.c.corner.test. 5 A 192.0.2.5",
	"prereq nxdomain b.c.corner.test.\nupdate add a.b.c.corner.test. 5 A 192.0.2.6",
}

// updateClients run a script; the exit code does not matter, since some requests
// are to be refused.
var updateClients = map[string]func(t *testing.T, script string){
	"nsupdate": func(t *testing.T, script string) {
		runScript(t, need(t, "nsupdate"), script, "-y", "hmac-sha256:mover:"+tsigSecret)
	},
	"nsupdate over TCP": func(t *testing.T, script string) {
		runScript(t, need(t, "nsupdate"), script, "-v", "-y", "hmac-sha256:mover:"+tsigSecret)
	},
	"knsupdate": func(t *testing.T, script string) {
		runScript(t, need(t, "knsupdate"), script, "-y", "hmac-sha256:mover:"+tsigSecret)
	},
	"names update": func(t *testing.T, script string) {
		runScript(t, built, script, "update", "-y", "hmac-sha256:mover:"+tsigSecret)
	},
}

func runScript(t *testing.T, binary, script string, args ...string) {
	t.Helper()
	command := exec.Command(binary, args...)
	command.Stdin = strings.NewReader(script)
	out, err := command.CombinedOutput()
	if _, isExit := err.(*exec.ExitError); err != nil && !isExit {
		t.Fatalf("%s: %v\n%s", binary, err, out)
	}
	for _, bad := range []string{"syntax error", "incorrect", "timed out", "not a command", "BADKEY", "NOTIMP", "FORMERR", "SERVFAIL", "BADSIG", "BADTIME"} {
		if strings.Contains(string(out), bad) {
			t.Errorf("%s, of\n%s\nsays\n%s", binary, script, out)
		}
	}
}

// takingUpdates are programs that let the key change their zones.
func takingUpdates() []program {
	knotUpdated := replaceIn(knot{}, "knot.conf", func(text string) string {
		return strings.Replace(text, "template:\n", "key:\n  - id: mover\n    algorithm: hmac-sha256\n    secret: "+tsigSecret+
			"\nacl:\n  - id: updater\n    key: mover\n    action: update\n  - id: all\n    address: 127.0.0.1\n    action: transfer\ntemplate:\n", 1) +
			"    acl: [updater, all]\n    zonefile-sync: -1\n"
	})
	bindUpdated := replaceIn(bind{}, "named.conf", func(text string) string {
		return "key mover { algorithm hmac-sha256; secret \"" + tsigSecret + "\"; };\n" +
			strings.Replace(text, "allow-transfer { none; };", "allow-transfer { any; };\n\tallow-update { key mover; };", 1)
	})
	return []program{more("--tsig-key", "KEYS", "--allow-update", "key:mover", "--allow-transfer", "127.0.0.1"), knotUpdated, bindUpdated}
}

// updatable are servers that let the key change the zone, each with a file of its
// own.
func updatable(t *testing.T) []*server {
	t.Helper()
	text, err := os.ReadFile(absolute(t, "testdata/corner/corner.test.zone"))
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() []zoneFile {
		file := filepath.Join(t.TempDir(), "corner.test.zone")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return []zoneFile{{Origin: transferZone, File: file}}
	}
	var all []*server
	for _, p := range takingUpdates() {
		zones := fresh()
		s := start(t, p, zones)
		if err := s.waitFor(zones); err != nil {
			t.Fatalf("%s: %v\n%s", s.Name, err, s.printed())
		}
		all = append(all, s)
	}
	return all
}

// withoutSOA is a zone without its SOA record: servers differ in when the serial number
// grows.
func withoutSOA(lines []string) (rest []string) {
	for _, l := range lines {
		if !strings.Contains(l, " in soa ") {
			rest = append(rest, l)
		}
	}
	return rest
}

// TestUpdates: three clients say the same to three servers, of which each then has
// the same zone.
func TestUpdates(t *testing.T) {
	for name, client := range updateClients {
		t.Run(name, func(t *testing.T) {
			servers := updatable(t)
			for i, script := range updateScripts {
				for _, s := range servers {
					client(t, fmt.Sprintf("server 127.0.0.1 %d\nzone %s\n%s\nsend\n", s.Addr.Port(), transferZone, script))
				}
				want := withoutSOA(transferred(t, servers[2]))
				for _, s := range servers[:2] {
					sameZone(t, fmt.Sprintf("%s, after script %d,\n%s\n", s.Name, i, script), withoutSOA(transferred(t, s)), want)
				}
				if t.Failed() {
					return
				}
			}
		})
	}
}

// TestRandomUpdates: requests at random, by nsupdate, with the same result on every
// server.
func TestRandomUpdates(t *testing.T) {
	servers := updatable(t)
	random := rand.New(rand.NewPCG(5, 6))
	pick := func(words ...string) string { return words[random.IntN(len(words))] }
	name := func() string { return pick("r1", "r2", "x.r1", "r3") + ".corner.test." }
	data := func() string {
		return pick("A 192.0.2.1", "A 192.0.2.2", "AAAA 2001:db8::1", "TXT a", "TXT b", "CNAME www.corner.test.", "MX 1 r1.corner.test.", "MX 2 r1.corner.test.")
	}
	steps := 150
	if testing.Short() {
		steps = 20
	}
	for range steps {
		var lines []string
		if random.IntN(3) == 0 {
			lines = append(lines, "prereq "+pick("yxdomain ", "nxdomain ")+name())
		}
		if random.IntN(3) == 0 {
			lines = append(lines, "prereq "+pick("yxrrset ", "nxrrset ")+name()+" "+pick("A", "TXT", "MX", "CNAME"))
		}
		for range 1 + random.IntN(4) {
			switch random.IntN(4) {
			case 0, 1:
				lines = append(lines, "update add "+name()+" 60 "+data())
			case 2:
				lines = append(lines, "update delete "+name()+" "+data())
			default:
				lines = append(lines, "update delete "+name()+" "+pick("", "A", "TXT", "CNAME"))
			}
		}
		script := strings.Join(lines, "\n")
		for _, s := range servers {
			updateClients["nsupdate"](t, fmt.Sprintf("server 127.0.0.1 %d\nzone %s\n%s\nsend\n", s.Addr.Port(), transferZone, script))
		}
		want := withoutSOA(transferred(t, servers[2]))
		for _, s := range servers[:2] {
			sameZone(t, s.Name+", after\n"+script+"\n", withoutSOA(transferred(t, s)), want)
		}
		if t.Failed() {
			return
		}
	}
}

// TestForwardedUpdate: a secondary of ours passes what nsupdate says on to BIND.
func TestForwardedUpdate(t *testing.T) {
	primary := updatable(t)[2]
	zones := []zoneFile{{Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}}
	s := start(t, more("--tsig-key", "KEYS", "--allow-update", "key:mover", "--secondary", fmt.Sprintf("%v/%s", primary.Addr, transferZone)), nil)
	if err := s.waitFor(zones); err != nil {
		t.Fatalf("%v\n%s", err, s.printed())
	}
	updateClients["nsupdate"](t, fmt.Sprintf("server 127.0.0.1 %d\nzone %s\nupdate add forwarded.corner.test. 60 A 192.0.2.1\nsend\n", s.Addr.Port(), transferZone))
	if got := strings.Join(transferred(t, primary), "\n"); !strings.Contains(got, "forwarded.corner.test. 60 in a 192.0.2.1") {
		t.Errorf("BIND has\n%s", got)
	}
}
