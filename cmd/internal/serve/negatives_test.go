package serve

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/recursor/validate"
	"github.com/names-dns/names/wire"
)

// TestInsecureZonesOutliveARestart: what names ctl has taken out of validation stays so
// if there is a file for the state of trust anchors, until its end.
func TestInsecureZonesOutliveARestart(t *testing.T) {
	zone, key := signedZone(t)
	upstream := startUpstream(t, zone)
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	writeFile(t, filepath.Join(dir, "key"), key)
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[control]\nsocket = \"control.sock\"\n"+
		fmt.Sprintf("[recursion]\nforward = [\"%v\"]\n[validation]\ntrust-anchor = [\"key\"]\nstate = \"state\"\n", upstream))
	for _, run := range []struct {
		before wire.RCode
		do     string
		kept   string // in the file
	}{
		{wire.RCodeServFail, "insecure add up.example 2h", "\nup.example.=20"},
		{wire.RCodeNoError, "insecure remove up.example", ""},
		{wire.RCodeServFail, "insecure list", ""},
	} {
		t.Run(run.do, func(t *testing.T) {
			server, _ := startFromFile(t, file)
			if m := askSecure(t, server.listener.Addresses()[0], "bad.up.example.", wire.FlagRD); m.RCode != run.before {
				t.Errorf("%v, want %v", m.RCode, run.before)
			}
			if code, _, stderr := ctl(socket, strings.Fields(run.do)...); code != 0 {
				t.Error(stderr)
			}
			text, err := os.ReadFile(filepath.Join(dir, "state.insecure"))
			if err != nil || strings.Contains(string(text), "up.example.") != (run.kept != "") || !strings.Contains(string(text), run.kept) {
				t.Errorf("the file has %q, want %q (%v)", text, run.kept, err)
			}
		})
	}
}

// TestRepairedZones: a zone that could not be validated when it was named is validated
// again as soon as it can be, and is no longer in the file.
func TestRepairedZones(t *testing.T) {
	zone, key := signedZone(t)
	apex := "up.example. RRSIG"
	broken := strings.Replace(zone, apex, "other."+apex, 1) // the SOA record has no signature
	servers := []netip.AddrPort{startUpstream(t, broken), startUpstream(t, zone)}
	var isRepaired atomic.Int32 // the server that is asked
	upstream := upstreamtest.Listen(t, func(q *upstreamtest.Query) {
		conn, err := net.Dial("udp", servers[isRepaired.Load()].String())
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(eventually.Limit))
		reply := make([]byte, 4096)
		if _, err := conn.Write(q.Packet); err == nil {
			if n, err := conn.Read(reply); err == nil {
				q.Send(reply[:n])
			}
		}
	}, nil)
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	writeFile(t, filepath.Join(dir, "key"), key)
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[control]\nsocket = \"control.sock\"\n"+
		fmt.Sprintf("[recursion]\nforward = [\"%v\"]\n[validation]\ntrust-anchor = [\"key\"]\nstate = \"state\"\n", upstream))
	server, log := startFromFile(t, file)
	if code, _, stderr := ctl(socket, "insecure", "add", "up.example", "2h"); code != 0 {
		t.Fatal(stderr)
	}
	p := server.current.Load().parts
	eventually.Succeed(t, func() error {
		if !p.recheck.Failing(wire.MustParseName("up.example.")) {
			return errors.New("the zone was not tried in vain")
		}
		return nil
	})
	ask := func() *wire.Message {
		return askSecure(t, server.listener.Addresses()[0], "good.up.example.", wire.FlagRD)
	}
	if m := ask(); m.RCode != 0 || m.Flags.Has(wire.FlagAD) {
		t.Errorf("not validated:\n%v", m)
	}
	isRepaired.Store(1)
	eventually.Succeed(t, func() error {
		if p.recheck.Soon(); !strings.Contains(log(), "zone is validated again, before the end") {
			return fmt.Errorf("the zone is not validated again:\n%s", log())
		}
		return nil
	})
	if m := ask(); m.RCode != 0 || !m.Flags.Has(wire.FlagAD) {
		t.Errorf("validated:\n%v", m)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "state.insecure")); err != nil || strings.Contains(string(text), "up.example") {
		t.Errorf("the file has %q (%v)", text, err)
	}
}

// TestKeptNegatives: files that are not good are refused with the place, and what
// cannot be kept is not added.
func TestKeptNegatives(t *testing.T) {
	until := time.Now().Add(time.Hour).Truncate(time.Second)
	for text, want := range map[string]string{
		"":                                      "",
		"# nothing\n\n":                         "",
		"a.example.=2100-01-01T00:00:00Z":       "",
		"a.example.=2100-01-01\na.example":      "state.insecure:2: a.example. has no end: write ZONE=",
		"\na..example=2100-01-01":               "state.insecure:2: ",
		"a.example=tomorrow":                    `state.insecure:1: "tomorrow" is not an end`,
		strings.Repeat("x", maxNegativesFile+1): "is larger than",
		numberedNegatives(maxNegatives):         "",
		numberedNegatives(maxNegatives + 1):     "state.insecure:1001: more than 1000 zones",
	} {
		state := filepath.Join(t.TempDir(), "state")
		writeFile(t, state+".insecure", text)
		err := new(addedNegatives).keep(state)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.40q: %v does not say %q", text, err, want)
		}
	}

	// A directory that is gone keeps nothing, and nothing is added.
	state := filepath.Join(t.TempDir(), "gone", "state")
	a := new(addedNegatives)
	if err := a.keep(state); err != nil {
		t.Fatal(err)
	}
	n := validate.Negative{Zone: wire.MustParseName("a.example."), Until: until}
	if _, err := a.set(n, time.Now()); err == nil || !strings.Contains(err.Error(), "nothing has changed") || len(a.list) != 0 {
		t.Errorf("%v, %v", err, a.list)
	}

	// A reload that names another file takes along what was added.
	next := filepath.Join(t.TempDir(), "state")
	writeFile(t, next+".insecure", numberedNegatives(maxNegatives-1))
	a = new(addedNegatives)
	if _, err := a.set(n, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := a.keep(next); err != nil || len(a.list) != maxNegatives {
		t.Fatal(err, len(a.list))
	}
	text, err := os.ReadFile(next + ".insecure")
	if err != nil || !strings.Contains(string(text), "\na.example.="+until.UTC().Format(time.RFC3339)) {
		t.Errorf("%v: %.80s", err, text)
	}
	n.Zone = wire.MustParseName("b.example.")
	if _, err := a.set(n, time.Now()); err == nil || !strings.Contains(err.Error(), "remove one first") {
		t.Error(err)
	}
}

func numberedNegatives(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "z%d.example.=2100-01-01T00:00:00Z\n", i)
	}
	return text.String()
}

// FuzzNegatives: what is read can be written and read again.
func FuzzNegatives(f *testing.F) {
	f.Add("# comment\na.example.=2100-01-01\nb=2026-12-24T18:00:00+01:00\n")
	f.Add("a.example.\n")
	f.Add("a\\010b.example.=2100-01-01")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := parseNegatives("file", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "file:") {
				t.Errorf("no place: %v", err)
			}
			return
		}
		path := filepath.Join(t.TempDir(), "file")
		if err := writeNegatives(path, first); err != nil {
			t.Fatal(err)
		}
		written, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		second, err := parseNegatives("file", string(written))
		if err != nil || len(second) != len(first) {
			t.Fatalf("%v: %v, %v", err, first, second)
		}
		for i := range first {
			if !first[i].Zone.Equal(second[i].Zone) || !first[i].Until.Equal(second[i].Until) {
				t.Errorf("%v, then %v", first[i], second[i])
			}
		}
	})
}
