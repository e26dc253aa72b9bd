package authority

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/authority/diagnostic"
)

// TestPyzones: names outside the zone of the SOA record are zones of their own.
func TestPyzones(t *testing.T) {
	const head = "zone = [SOA('example.com', 'ns.example.com', 'h.example.com', 7, 1, 1, 1, 60), NS('example.com', 'ns.example.com'), A('ns.example.com', '192.0.2.1'),\n"
	const own = "example.com. SOA ns.example.com. h.example.com. 7 1 1 1 60\nexample.com. NS ns.example.com.\nns.example.com. A 192.0.2.1\n"
	soa := func(zone, addresses string) string { // they come before NS
		return zone + " SOA ns.example.com. h.example.com. 7 1 1 1 60\n" + addresses + zone + " NS ns.example.com.\n"
	}
	for _, test := range []struct{ name, text, want string }{
		{"none", head + "]", own},
		{"the PTR record of an address", head + "PTR('43.16.0.123.in-addr.arpa', 'mail.example.com')]",
			own + "--\n" + soa("43.16.0.123.in-addr.arpa.", "") + "43.16.0.123.in-addr.arpa. PTR mail.example.com.\n"},
		{"a name below another, which comes later", head + "A('b.a.test', '192.0.2.2'), A('A.test', '192.0.2.3')]",
			own + "--\n" + "A.test. SOA ns.example.com. h.example.com. 7 1 1 1 60\nA.test. A 192.0.2.3\nA.test. NS ns.example.com.\nb.a.test. A 192.0.2.2\n"},
		{"servers of its own", head + "NS('a.test', 'ns.test'), A('a.test', '192.0.2.2')]",
			own + "--\na.test. SOA ns.example.com. h.example.com. 7 1 1 1 60\na.test. A 192.0.2.2\na.test. NS ns.test.\n"},
		{"a name above the zone", head + "A('com', '192.0.2.2')]",
			own + "--\n" + soa("com.", "com. A 192.0.2.2\n") + "example.com. NS ns.example.com.\nns.example.com. A 192.0.2.1\n"},
		{"an alias", head + "CNAME('www.test', 'ns.example.com')]",
			own + "zone.py:2:1: warning: www.test. is outside the zone example.com., and a CNAME record cannot be the top of a zone of its own (RFC 2181 10.1): the record is left out\n"},
		{"an alias below a zone", head + "A('test', '192.0.2.2'), CNAME('www.test', 'ns.example.com')]",
			own + "--\n" + soa("test.", "test. A 192.0.2.2\n") + "www.test. CNAME ns.example.com.\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			if err := os.WriteFile("zone.py", []byte(test.text), 0o644); err != nil {
				t.Fatal(err)
			}
			var problems diagnostic.List
			zones, err := File{Path: "zone.py", Format: Pyzone}.LoadAll(&problems)
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for i, s := range zones {
				if i > 0 {
					got.WriteString("--\n")
				}
				for r := range s.All() {
					words := strings.Split(r.String(), "\t")
					fmt.Fprintf(&got, "%s %s\n", words[0], strings.Join(words[3:], " "))
				}
			}
			for _, p := range problems.Problems {
				fmt.Fprintln(&got, p)
			}
			if diff := cmp.Diff(test.want, got.String()); diff != "" {
				t.Errorf("want -, got +\n%s", diff)
			}
		})
	}
}

// TestPyzonesLimit: a file does not make any number of zones.
func TestPyzonesLimit(t *testing.T) {
	var text strings.Builder
	text.WriteString("zone = [SOA('example.com', 'ns.test', 'h.example.com'), NS('example.com', 'ns.test'),\n")
	for i := range maxZonesOfPyzone {
		fmt.Fprintf(&text, "PTR('%d.%d.0.10.in-addr.arpa', 'a.example.com'),\n", i%256, i/256)
	}
	text.WriteString("]")
	path := filepath.Join(t.TempDir(), "zone.py")
	if err := os.WriteFile(path, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
	_, err := File{Path: path, Format: Pyzone}.LoadAll(nil)
	if err == nil || !strings.Contains(err.Error(), "more than 10000 names are outside the zone example.com.") {
		t.Errorf("%v", err)
	}
}

// TestReloadPyzones: zones stay, come and go with the names in the file.
func TestReloadPyzones(t *testing.T) {
	path := filepath.Join(t.TempDir(), "zone.py")
	write := func(serial int, rest string) {
		text := fmt.Sprintf("zone = [SOA('example.com', 'ns.test', 'h.example.com', %d), NS('example.com', 'ns.test'),\n%s]", serial, rest)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(1, "A('a.test', '192.0.2.1'), A('b.test', '192.0.2.2')")
	loader := Loader{File: File{Path: path, Format: Pyzone}}
	snapshots, err := loader.LoadAll(nil)
	if err != nil {
		t.Fatal(err)
	}
	var zones []*Zone
	for _, s := range snapshots {
		zones = append(zones, NewZone(s))
	}
	same, what, err := loader.ReloadAll(zones, nil)
	if err != nil || what.Replaced || len(same) != 3 {
		t.Fatalf("nothing changed: %v, %+v, %v", same, what, err)
	}
	write(2, "A('b.test', '192.0.2.3'), A('c.test', '192.0.2.4')")
	next, what, err := loader.ReloadAll(zones, nil)
	if err != nil || !what.Replaced || len(next) != 3 || next[0] != zones[0] || next[1] != zones[2] {
		t.Fatalf("%v, %+v, %v", next, what, err)
	}
	if got := next[2].Origin().String(); got != "c.test." || next[1].Snapshot().Serial() != 2 {
		t.Errorf("new zone %s, serial of the old one %s", got, next[1].Snapshot().Serial())
	}
	write(3, "A('b.test', )")
	if kept, _, err := loader.ReloadAll(next, nil); err == nil || len(kept) != 3 {
		t.Errorf("an error in the file: %v, %v", kept, err)
	}
}
