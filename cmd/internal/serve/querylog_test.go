package serve

import (
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestQueryLog: nothing without -v, a line for each query with it, whole
// messages with two.
func TestQueryLog(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "example.org")
	writeFile(t, zone, smallZone)
	const line = `msg=query name=ns.example.org. type=A class=IN client=127.0.0.1:`
	for _, test := range []struct {
		level       string
		has, hasNot []string
	}{
		{"", nil, []string{"msg=query"}},
		{"-v", []string{line, "transport=udp do=false rcode=NOERROR by=zone answers=1 size=59 tc=false took_ms=", "rcode=REFUSED by=none answers=0 size="}, []string{"192.0.2.1"}},
		{"-v -v", []string{line, "query=", "reply=", "192.0.2.1"}, nil},
	} {
		server, _, log := startServer(t, append(strings.Fields(test.level), "--bindzone", zone)...)
		for _, name := range []string{"ns.example.org.", "elsewhere."} {
			askServer(t, "udp", server, name, wire.TypeA, wire.ClassIN)
		}
		checkLog(t, test.level, log(), test.has, test.hasNot)
	}
}

// TestCacheLog: hits with -v, and what is missed and kept with two.
func TestCacheLog(t *testing.T) {
	upstream := startUpstream(t, smallZone)
	const question = " name=ns.up.example. type=A class=IN"
	for _, test := range []struct {
		level       string
		has, hasNot []string
	}{
		{"", nil, []string{`msg="cache`, "msg=cached"}},
		{"-v", []string{`msg="cache hit"` + question}, []string{"cache miss", "msg=cached"}},
		{"-v -v", []string{`msg="cache miss"` + question, "msg=cached" + question + " life_ms=60000", `msg="cache hit"` + question}, nil},
	} {
		server, _, log := startServer(t, append(strings.Fields(test.level), "-c", "--forward", upstream.String())...)
		askTwice(t, server)
		checkLog(t, test.level, log(), test.has, test.hasNot)
	}
}

func askTwice(t *testing.T, server netip.AddrPort) {
	t.Helper()
	for range 2 {
		if m := askServer(t, "udp", server, "ns.up.example.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
			t.Errorf("reply %v", m)
		}
	}
}

func checkLog(t *testing.T, level, log string, has, hasNot []string) {
	t.Helper()
	for _, want := range has {
		if !strings.Contains(log, want) {
			t.Errorf("%q: the log does not say %q:\n%s", level, want, log)
		}
	}
	for _, unwanted := range hasNot {
		if strings.Contains(log, unwanted) {
			t.Errorf("%q: the log says %q:\n%s", level, unwanted, log)
		}
	}
}
