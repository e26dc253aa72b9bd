package serve

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// textsAt are the types of a name's records, and the strings of its TXT records.
func textsAt(s *Server, zone, name string) (types []wire.Type, texts []string) {
	snapshot := s.set.Find(wire.MustParseName(zone), wire.ClassIN).Snapshot()
	for r := range snapshot.RecordsOf(wire.MustParseName(name)) {
		types = append(types, r.Type)
		if r.Type == wire.TypeTXT {
			texts = append(texts, string(r.Data[1:]))
		}
	}
	return types, texts
}

// TestChallenges: what an authority looks for is in the zone, with a signature, and on the
// secondary; or where an alias leads; or there is an error that says what to do.
func TestChallenges(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one := write("one", smallZone+"_acme-challenge.www CNAME www.two.\n_acme-challenge.loop CNAME _acme-challenge.loop2\n_acme-challenge.loop2 CNAME _acme-challenge.loop\nsub NS ns.sub\nns.sub A 192.0.2.2\n")
	two := write("two", smallZone)
	at := freeport.Loopback(t).String()
	server, _, log := startWhole(t, "--bindzone", "one="+one, "--bindzone", "two="+two, "--sign", filepath.Join(dir, "keys"), "--allow-transfer", "127.0.0.1", "--also-notify", at)
	secondary, _, _ := startWhole(t, "-i", at, "--secondary", server.listener.Addresses()[0].String()+"/one")
	eventually.Succeed(t, secondary.isReady)
	c := challenges{server}
	publish := func(name, value string) {
		t.Helper()
		if err := c.Publish(t.Context(), name, value); err != nil {
			t.Fatalf("%v\n%s", err, log())
		}
	}
	publish("_acme-challenge.one", "first")
	publish("_acme-challenge.one", "second")
	for _, s := range []*Server{server, secondary} {
		types, texts := textsAt(s, "one.", "_acme-challenge.one.")
		if strings.Join(texts, " ") != "first second" {
			t.Errorf("published: %v", texts)
		}
		signed := false
		for _, kind := range types {
			signed = signed || kind == wire.TypeRRSIG
		}
		if !signed {
			t.Errorf("the record has no signature: %v", types)
		}
	}
	for _, value := range []string{"first", "second", "never"} {
		if err := c.Remove("_acme-challenge.one", value); err != nil {
			t.Error(err)
		}
	}
	if _, texts := textsAt(server, "one.", "_acme-challenge.one."); len(texts) != 0 {
		t.Errorf("left: %v", texts)
	}
	// The secondary does not have zone two: that is logged, and not waited for forever.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Publish(ctx, "_acme-challenge.www.one", "third"); err != context.Canceled {
		t.Errorf("a cancelled wait: %v", err)
	}
	if _, texts := textsAt(server, "two.", "www.two."); len(texts) != 1 {
		t.Errorf("at the end of the alias: %v", texts)
	}
	lines, err := server.doZoneText(t.Context(), []string{"one"})
	if err != nil {
		t.Fatal(err)
	}
	presigned, _, _ := startWhole(t, "--bindzone", "one="+write("presigned", strings.Join(lines.([]string), "\n")+"\n"))
	for _, test := range []struct {
		server     *Server
		name, want string
	}{
		{server, "_acme-challenge.sub.one", "sub.one. is delegated to other servers"},
		{server, "_acme-challenge.example.net", "give _acme-challenge.example.net a CNAME record"},
		{server, "_acme-challenge.loop.one", "more than 8 aliases"},
		{secondary, "_acme-challenge.one", "comes from other servers"},
		{presigned, "_acme-challenge.one", "signed elsewhere"},
	} {
		if err := (challenges{test.server}).Publish(t.Context(), test.name, "x"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

// Challenges are in the zones of all views, and it is enough if those have one that can be
// edited.
func TestChallengesInViews(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"inside": smallZone, "outside": smallZone, "guests": smallZone, "only": smallZone,
		"alias": smallZone + "_acme-challenge.www CNAME www.only.example.\n",
	} {
		writeFile(t, filepath.Join(dir, name), text)
	}
	path := filepath.Join(dir, "names.toml")
	writeFile(t, path, `
[listen]
address = ["127.0.0.1:0"]
[view.inside]
clients = ["10.0.0.0/8"]
[view.guests]
clients = ["192.0.2.0/24"]
[[zone]]
name = "corp.example"
file = "inside"
views = ["inside"]
[[zone]]
name = "corp.example"
file = "guests"
views = ["guests"]
[[zone]]
name = "corp.example"
file = "outside"
[[zone]]
name = "only.example"
file = "only"
views = ["inside"]
[[zone]]
name = "alias.example"
file = "alias"
views = ["inside", "guests"]
`)
	loaded, _, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	server, _, _ := startWith(t, loaded.Settings)
	c := challenges{server}
	count := func(zone, name string) (n int) {
		for _, set := range append([]*authority.Set{server.sets.others}, server.sets.views...) {
			if z := set.Find(wire.MustParseName(zone), wire.ClassIN); z != nil {
				for r := range z.Snapshot().RecordsOf(wire.MustParseName(name)) {
					if r.Type == wire.TypeTXT {
						n++
					}
				}
			}
		}
		return n
	}
	for _, test := range []struct {
		name, zone, at string
		want           int
	}{
		{"_acme-challenge.corp.example", "corp.example.", "_acme-challenge.corp.example.", 3},
		{"_acme-challenge.only.example", "only.example.", "_acme-challenge.only.example.", 1},
		{"_acme-challenge.www.alias.example", "only.example.", "www.only.example.", 1}, // guests do not see what it refers to
	} {
		if err := c.Publish(t.Context(), test.name, "x"); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if n := count(test.zone, test.at); n != test.want {
			t.Errorf("%s is in %d zones, not %d", test.name, n, test.want)
		}
		if err := c.Remove(test.name, "x"); err != nil {
			t.Errorf("%s: %v", test.name, err)
		}
		if n := count(test.zone, test.at); n != 0 {
			t.Errorf("%s is left in %d zones", test.name, n)
		}
	}
	if err := c.Publish(t.Context(), "_acme-challenge.elsewhere.example", "x"); err == nil || !strings.Contains(err.Error(), "no zone here has") {
		t.Errorf("a name of no view: %v", err)
	}
}
