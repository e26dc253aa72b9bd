package serve

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/zone"
)

// TestZoneEdits edits a zone with names ctl, looks at its history, and goes back.
func TestZoneEdits(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	writeFile(t, filepath.Join(dir, "b.example"), smallZone)
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[control]\nsocket = \"control.sock\"\n[journal]\ndir = \"journal\"\n"+
		"[[zone]]\nfile = \"a.example\"\n[[zone]]\nfile = \"b.example\"\njournal = false\nserial-policy = \"date\"\n")
	s, _ := startFromFile(t, file)
	for _, test := range []struct {
		args string
		code int
		says string // in what is printed; all of it if it ends with a line break and begins with "="
	}{
		{"zone text a.example", 0, "=a.example. 60 IN SOA ns.a.example. h.a.example. 1 2 3 4 5\na.example. 60 IN NS ns.a.example.\nns.a.example. 60 IN A 192.0.2.1\n"},
		{"zone set a.example www A 192.0.2.7", 1, "begin with names ctl zone begin a.example."},
		{"zone commit a.example", 1, "is not being edited"},
		{"zone abort a.example", 1, "is not being edited"},
		{"zone begin a.example", 0, "editing a.example."},
		{"zone begin a.example", 1, "is being edited already"},
		{"zone begin c.example", 1, "there is no zone c.example."},
		{"zone set a.example www A 192.0.2.7", 0, "1 edits of a.example."},
		{"zone set a.example www 300 A 192.0.2.8", 0, "2 edits of a.example."},
		{"zone set a.example txt TXT two words", 0, "3 edits"},
		{"zone set a.example www A 192.0.2", 1, "192.0.2"},
		{"zone set a.example www.b.example. A 192.0.2.1", 1, "outside the zone"},
		{"zone set a.example www", 2, "argument is missing"},
		{"zone diff a.example", 0, "=+ www.a.example. 300 IN A 192.0.2.7\n+ www.a.example. 300 IN A 192.0.2.8\n+ txt.a.example. 60 IN TXT \"two\" \"words\"\n"},
		{"zone text a.example", 0, "=a.example. 60 IN SOA ns.a.example. h.a.example. 1 2 3 4 5\na.example. 60 IN NS ns.a.example.\nns.a.example. 60 IN A 192.0.2.1\n"},
		{"zone commit a.example", 0, "added 4\n"},
		{"zone diff a.example", 1, "is not being edited"},
		{"zone begin a.example", 0, ""},
		{"zone unset a.example www A 192.0.2.8", 0, ""},
		{"zone unset a.example txt", 0, ""},
		{"zone set a.example @ MX 5 ns", 0, ""},
		{"zone commit a.example", 0, "kept in the journal\n"},
		{"zone begin a.example", 0, ""},
		{"zone unset a.example nothing", 1, "names ctl: nothing.a.example. has no records to remove"},
		{"zone unset a.example www A 192.0.2.99", 1, "www.a.example. has no A record 192.0.2.99 to remove"},
		{"zone set a.example text TXT one|string two|more|\\059 \"quoted|by|hand\"", 0, "1 edits"},
		{"zone diff a.example", 0, "=+ text.a.example. 60 IN TXT \"one string\" \"two more ;\" \"quoted by hand\"\n"},
		{"zone unset a.example text TXT one|string two|more|; quoted|by|hand", 0, "2 edits"},
		{"zone diff a.example", 0, "=none\n"},
		{"zone abort a.example", 0, "are dropped"},
		{"zone begin a.example", 0, ""},
		{"zone set a.example www CNAME ns", 0, ""},
		{"zone commit a.example", 1, "CNAME"},
		{"zone abort a.example", 0, "are dropped"},
		{"zone log a.example", 0, " control 4 1\n"},
		{"zone log a.example 1", 0, "SERIAL SERIAL BEFORE TIME SOURCE ADDED REMOVED\n3 2 "},
		{"zone log a.example 0", 2, "not a number"},
		{"zone show a.example 2", 0, "+ www.a.example. 300 IN A 192.0.2.8\n"},
		{"zone show a.example 9", 1, "no change to serial number 9"},
		{"zone text a.example 2", 0, "txt.a.example. 60 IN TXT \"two\" \"words\"\n"},
		{"zone text a.example 1", 0, "=a.example. 60 IN SOA ns.a.example. h.a.example. 1 2 3 4 5\na.example. 60 IN NS ns.a.example.\nns.a.example. 60 IN A 192.0.2.1\n"},
		{"zone text a.example 7", 1, "does not have the version with serial number 7"},
		{"zone text a.example x", 2, "is not a serial number"},
		{"zone diff a.example 2 3", 0, "- www.a.example. 300 IN A 192.0.2.8\n"},
		{"zone diff a.example 1", 0, "+ a.example. 60 IN MX 5 ns.a.example.\n"},
		{"zone revert a.example 2", 0, "serial 4\n"},
		{"zone text a.example", 0, "www.a.example. 300 IN A 192.0.2.8\n"},
		{"zone diff a.example 2 4", 0, "=- a.example. 60 IN SOA ns.a.example. h.a.example. 2 2 3 4 5\n+ a.example. 60 IN SOA ns.a.example. h.a.example. 4 2 3 4 5\n"},
		{"zone revert a.example 4", 0, "added 0\n"},
		{"zone revert a.example 9", 1, "does not have the version"},
		{"zone begin a.example", 0, ""},
		{"zone unset a.example www", 0, ""},
		{"zone revert a.example 1", 0, "serial 5\n"},
		{"zone commit a.example", 1, "the edits are not made, and are kept: www.a.example. has no records to remove"},
		{"zone abort a.example", 0, "are dropped"},
		{"zone begin a.example", 0, ""},
		{"zone set a.example www A 192.0.2.8", 0, ""},
		{"zone commit a.example", 0, "serial 6\n"},
		// without a journal
		{"zone begin b.example", 0, ""},
		{"zone set b.example www A 192.0.2.7", 0, ""},
		{"zone commit b.example", 0, "there is no journal\n"},
		{"zone text b.example", 0, "h.b.example. 20"},
		{"zone log b.example", 1, "there is no journal"},
		{"zone revert b.example 1", 1, "there is no journal"},
		// many at once, as names zone edit has them
		{"zone begin a.example", 0, ""},
		{"zone lines a.example add|x1|60|A|192.0.2.1 del|www", 0, "2 edits"},
		{"zone lines a.example add|x2|60|A|192.0.2.1 nonsense", 1, "neither"},
		{"zone lines a.example prereq|nxdomain|x", 1, "no prerequisites"},
		{"zone diff a.example", 0, "+ x1.a.example. 60 IN A 192.0.2.1\n"},
		{"zone abort a.example", 0, ""},
	} {
		args := strings.Fields(test.args)
		for i := range args {
			args[i] = strings.ReplaceAll(args[i], "|", " ")
		}
		code, stdout, stderr := ctl(socket, args...)
		printed := spaces.ReplaceAllString(stdout+stderr, " ")
		whole, isWhole := strings.CutPrefix(test.says, "=")
		if code != test.code || isWhole && printed != whole || !isWhole && !strings.Contains(printed, test.says) {
			t.Errorf("%s: code %d, want %d and %q\n%s", test.args, code, test.code, test.says, printed)
		}
	}
	if len(s.drafts.zones) != 0 {
		t.Errorf("%d drafts are left", len(s.drafts.zones))
	}
}

// The history of a zone that comes from a primary can be looked at, and the zone is changed
// there.
func TestHistoryOfACopy(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	zone := filepath.Join(dir, "a.example")
	writeFile(t, zone, smallZone)
	primary, _, _ := startWhole(t, "--bindzone", zone, "--allow-transfer", "127.0.0.1")
	writeFile(t, file, fmt.Sprintf("[listen]\naddress = [\"127.0.0.1:0\"]\n[control]\nsocket = \"control.sock\"\n[journal]\ndir = \"journal\"\n[[zone]]\nname = \"a.example\"\nprimaries = [%q]\n", primary.listener.Addresses()[0]))
	s, log := startFromFile(t, file)
	for serial := 1; serial <= 3; serial++ {
		if serial > 1 {
			addAddress(t, primary, fmt.Sprintf("h%d.a.example", serial))
			if _, err := s.doZoneRefresh(t.Context(), []string{"a.example"}); err != nil {
				t.Fatal(err)
			}
		}
		waitForLog(t, log, fmt.Sprintf("127.0.0.1:%d serial=%d", primary.listener.Addresses()[0].Port(), serial))
	}
	for _, test := range []struct {
		args string
		code int
		says string
	}{
		{"zone log a.example", 0, "3 2 "},
		{"zone log a.example", 0, " transfer 2 1\n"},
		{"zone show a.example 3", 0, "+ h3.a.example. 60 IN A 192.0.2.80\n"},
		{"zone text a.example 2", 0, "h2.a.example. 60 IN A 192.0.2.80\nns.a.example. 60 IN A 192.0.2.1\n"},
		{"zone diff a.example 1 3", 0, "+ h2.a.example. 60 IN A 192.0.2.80\n+ h3.a.example. 60 IN A 192.0.2.80\n"},
		{"zone diff a.example", 1, "is not being edited"},
		{"zone begin a.example", 1, "comes from other servers: change it there"},
		{"zone revert a.example 2", 1, "comes from other servers: change it there"},
		{"zone commit a.example", 1, "comes from other servers: change it there"},
	} {
		code, stdout, stderr := ctl(socket, strings.Fields(test.args)...)
		if printed := spaces.ReplaceAllString(stdout+stderr, " "); code != test.code || !strings.Contains(printed, test.says) {
			t.Errorf("%s: code %d, want %d and %q\n%s", test.args, code, test.code, test.says, printed)
		}
	}
}

// An editor changes the text of a zone; what it has written is checked and committed.
func TestZoneEditor(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[control]\nsocket = \"control.sock\"\n[[zone]]\nfile = \"a.example\"\n")
	startFromFile(t, file)
	script := filepath.Join(dir, "editor")
	edit := func(sed, input string, options ...string) (code int, printed string) {
		writeFile(t, script, "#!/bin/sh\nsed -i -e '"+sed+"' \"$1\"\n")
		t.Setenv("VISUAL", "sh "+script)
		var stdout, stderr bytes.Buffer
		code = zone.Run(append([]string{"edit", "--socket", socket, "a.example"}, options...), strings.NewReader(input), &stdout, &stderr)
		return code, stdout.String() + stderr.String()
	}
	many := "/NS/a "
	for i := range 3000 {
		many += fmt.Sprintf("h%d 60 A 192.0.2.7\\\n", i)
	}
	for _, test := range []struct {
		what, sed, input string
		code             int
		says, zone       string
	}{
		{"nothing", "", "", 0, "nothing has changed", "A 192.0.2.1"},
		{"refused by the operator", "s/192.0.2.1/192.0.2.2/", "n\n", 1, "the zone stays as it was", "A 192.0.2.1"},
		{"an address", "s/192.0.2.1/192.0.2.2/", "y\n", 0, "+ ns.a.example.\t60\tIN\tA\t192.0.2.2\nCommit? [y/n] zone a.example. has serial number 2 now", "A 192.0.2.2"},
		{"a mistake", "s/192.0.2.2/192.0.2/", "n\n", 1, ":3:", "A 192.0.2.2"},
		{"the TTL and the SOA record", "s/ 60 IN/ 90 IN/", "yes\n", 0, "serial number 3", "90 IN A 192.0.2.2"},
		{"its own serial number", "s/ 3 2 3 4 5/ 30 2 3 4 5/", "yes\n", 0, "serial number 30", "h.a.example. 30 2"},
		{"many", many + "\n", "y\n", 0, "serial number 31", "h2999.a.example. 60 IN A 192.0.2.7"},
	} {
		code, printed := edit(test.sed, test.input)
		_, text, _ := ctl(socket, "zone", "text", "a.example")
		if code != test.code || !strings.Contains(printed, test.says) || !strings.Contains(text, test.zone) {
			t.Errorf("%s: code %d\n%.3000s\n%.3000s", test.what, code, printed, text)
		}
	}
}
