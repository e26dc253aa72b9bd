package serve

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
	for _, test := range []struct {
		server     *Server
		name, want string
	}{
		{server, "_acme-challenge.sub.one", "sub.one. is delegated to other servers"},
		{server, "_acme-challenge.example.net", "give _acme-challenge.example.net a CNAME record"},
		{server, "_acme-challenge.loop.one", "more than 8 aliases"},
		{secondary, "_acme-challenge.one", "comes from other servers"},
	} {
		if err := (challenges{test.server}).Publish(t.Context(), test.name, "x"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}
