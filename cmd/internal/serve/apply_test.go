package serve

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/names-dns/names/wire"
)

// listening is a command line with a port that stays the same.
func listening(args ...string) []string { return append([]string{"-i", "127.0.0.1:0"}, args...) }

// A running server takes the difference to other settings: zones come, change
// and go, recursion too, and the cache keeps what it has as long as it is still
// asked for in the same place.
func TestApply(t *testing.T) {
	dir := t.TempDir()
	one, two, bad, hosts := filepath.Join(dir, "one.example"), filepath.Join(dir, "two.example"), filepath.Join(dir, "bad.example"), filepath.Join(dir, "hosts")
	writeFile(t, one, smallZone)
	writeFile(t, two, smallZone)
	writeFile(t, bad, "nonsense\n")
	writeFile(t, hosts, "198.51.100.1 host.test\n")
	first := startUpstream(t, smallZone)
	second := startUpstream(t, strings.ReplaceAll(smallZone, "192.0.2.1", "192.0.2.2"))
	server, _, log := startWhole(t, "--bindzone", one)
	address := server.listener.Addresses()[0]
	ask := func(name string) string {
		m := askServer(t, "udp", address, name, wire.TypeA, wire.ClassIN)
		if fields := strings.Fields(answers(m)); len(fields) == 5 {
			return fields[4]
		}
		return m.RCode.String()
	}
	for i, step := range []struct {
		args  string
		want  string // of Apply
		names map[string]string
	}{
		{"--bindzone ONE --bindzone TWO", "", map[string]string{"ns.one.example.": "192.0.2.1", "ns.two.example.": "192.0.2.1", "ns.up.example.": "REFUSED"}},
		{"--bindzone TWO --forward FIRST -c", "", map[string]string{"ns.two.example.": "192.0.2.1", "ns.up.example.": "192.0.2.1"}},
		{"--bindzone TWO --forward FIRST -c --cache-size 1MiB -v", "", map[string]string{"ns.up.example.": "192.0.2.1"}},
		{"--bindzone TWO --bindzone BAD --forward SECOND -c", "has errors", map[string]string{"ns.up.example.": "192.0.2.1"}},
		{"--bindzone TWO --forward SECOND -c --hosts-file MISSING", "hosts file: ", map[string]string{"ns.two.example.": "192.0.2.1", "ns.up.example.": "192.0.2.1"}},
		{"--bindzone TWO --forward FIRST -c --workers 3", "listen.workers cannot change while the server runs", map[string]string{"ns.up.example.": "192.0.2.1"}},
		{"--bindzone TWO --forward SECOND -c", "", map[string]string{"ns.up.example.": "192.0.2.2"}},
		{"--bindzone ONE --hosts-file HOSTS", "", map[string]string{"ns.one.example.": "192.0.2.1", "ns.two.example.": "REFUSED", "host.test.": "198.51.100.1"}},
		{"--bindzone ONE", "", map[string]string{"host.test.": "REFUSED", "ns.one.example.": "192.0.2.1"}},
	} {
		args := strings.NewReplacer("ONE", one, "TWO", two, "BAD", bad, "HOSTS", hosts, "MISSING", filepath.Join(dir, "missing"),
			"FIRST", first.String(), "SECOND", second.String()).Replace(step.args)
		err := server.Apply(parse(t, listening(strings.Fields(args)...)...))
		if fmt.Sprint(err) != "<nil>" != (step.want != "") || err != nil && !strings.Contains(err.Error(), step.want) {
			t.Errorf("step %d: %v, want %q", i, err, step.want)
		}
		if isFixed := strings.Contains(step.want, "cannot change"); errors.Is(err, errNeedsRestart) != isFixed {
			t.Errorf("step %d: %v", i, err)
		}
		for name, want := range step.names {
			if got := ask(name); got != want {
				t.Errorf("step %d: %s: %s, want %s", i, name, got, want)
			}
		}
		if i == 2 && !strings.Contains(log(), `msg="cache hit" name=ns.up.example.`) {
			t.Errorf("a smaller cache has not taken over what was in the larger one:\n%s", log())
		}
	}
	if n := strings.Count(log(), `msg="settings changed"`); n != 6 {
		t.Errorf("%d changes in the log", n)
	}
	if n := strings.Count(log(), `msg="zone loaded" zone=two.example.`); n != 1 {
		t.Errorf("a zone that did not change was loaded %d times", n)
	}
}

// While settings are exchanged every query is answered, as the settings before
// or after say.
func TestApplyUnderLoad(t *testing.T) {
	dir := t.TempDir()
	zone := filepath.Join(dir, "own.example")
	writeFile(t, zone, smallZone)
	first := startUpstream(t, smallZone)
	second := startUpstream(t, strings.ReplaceAll(smallZone, "192.0.2.1", "192.0.2.2"))
	server, _, _ := startWhole(t, "--bindzone", zone, "-c", "--forward", first.String(), "--cache-file", filepath.Join(dir, "cache"))
	address := server.listener.Addresses()[0]
	changes := 12
	if testing.Short() {
		changes = 4
	}
	var done atomic.Bool
	var asked atomic.Int64
	var clients sync.WaitGroup
	for _, network := range []string{"udp", "udp", "tcp"} {
		clients.Go(func() {
			for !done.Load() {
				checkUnderLoad(t, network, address)
				asked.Add(1)
			}
		})
	}
	for i := range changes {
		from := []netip.AddrPort{second, first}[i%2]
		args := listening("--bindzone", zone, "-c", "--forward", from.String(), "--cache-file", filepath.Join(dir, "cache"))
		if i%3 == 0 {
			args = append(args, "--cache-size", "1MiB", "-v")
		}
		if err := server.Apply(parse(t, args...)); err != nil {
			t.Error(err)
		}
		for until := asked.Load() + 20; asked.Load() < until && !t.Failed(); {
			checkUnderLoad(t, "udp", address)
		}
	}
	done.Store(true)
	clients.Wait()
	t.Logf("%d queries, %d changes", asked.Load(), changes)
}

func checkUnderLoad(t *testing.T, network string, address netip.AddrPort) {
	for _, name := range []string{"ns.own.example.", "ns.up.example."} {
		m := askServer(t, network, address, name, wire.TypeA, wire.ClassIN)
		if len(m.Answers) != 1 || !strings.Contains(answers(m), "192.0.2.") {
			t.Errorf("%s over %s: %v", name, network, m)
		}
	}
}
