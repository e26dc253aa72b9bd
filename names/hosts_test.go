package names

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/wire"
)

const hostsText = `# a hosts file
127.0.0.1	localhost
::1		localhost ip6-localhost
192.0.2.1	Host.Example host alias	# two aliases
192.0.2.2	host.example
2001:db8::1%eth0	six
not-an-address	broken
192.0.2.3
192.0.2.4	a..b fine
`

// askHosts returns what h answers, a record a line.
func askHosts(t *testing.T, h *Hosts, name string, qtype wire.Type) string {
	t.Helper()
	x := new(Exchange)
	q := wire.Question{Name: wire.MustParseName(name), Type: qtype, Class: wire.ClassIN}
	if _, err := x.Read(wire.AppendQuery(nil, 1, 0, q, nil), Peer{}); err != nil {
		t.Fatal(err)
	}
	x.Begin(nil, 1232)
	if err := h.TryResolve(x); err == ErrPass {
		if !x.Untouched() {
			t.Errorf("%s %s: passed, and the reply is not as it was", name, qtype)
		}
		return "pass"
	} else if err != nil {
		return err.Error()
	}
	m, err := wire.ParseMessage(x.Finish())
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, r := range m.Answers {
		lines = append(lines, strings.ReplaceAll(r.String(), "\t", " "))
	}
	return strings.Join(lines, ", ")
}

func TestHosts(t *testing.T) {
	h := ParseHosts(hostsText)
	for _, test := range []struct{ question, want string }{
		{"localhost. A", "localhost. 3600 IN A 127.0.0.1"},
		{"localhost. AAAA", "localhost. 3600 IN AAAA ::1"},
		{"HOST.example. A", "HOST.example. 3600 IN A 192.0.2.1, HOST.example. 3600 IN A 192.0.2.2"},
		{"alias. A", "alias. 3600 IN A 192.0.2.1"},
		{"localhost. ANY", "localhost. 3600 IN A 127.0.0.1, localhost. 3600 IN AAAA ::1"},
		{"alias. AAAA", ""}, // there, but not with this type: nobody else is asked
		{"alias. MX", ""},
		{"six. AAAA", "six. 3600 IN AAAA 2001:db8::1"},
		{"fine. A", "fine. 3600 IN A 192.0.2.4"},
		{"broken. A", "pass"},
		{"elsewhere. A", "pass"},
		{"1.2.0.192.in-addr.arpa. PTR", "1.2.0.192.in-addr.arpa. 3600 IN PTR Host.Example., 1.2.0.192.in-addr.arpa. 3600 IN PTR host., 1.2.0.192.in-addr.arpa. 3600 IN PTR alias."},
		{"9.2.0.192.in-addr.arpa. PTR", "pass"},
		{"elsewhere. PTR", "pass"},
	} {
		name, qtype, _ := strings.Cut(test.question, " ")
		parsed, err := wire.ParseType(qtype)
		if err != nil {
			t.Fatal(err)
		}
		if got := askHosts(t, h, name, parsed); got != test.want {
			t.Errorf("%s: %q, want %q", test.question, got, test.want)
		}
	}
}

func TestReadHosts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "hosts")
	if _, err := ReadHosts(path); err == nil {
		t.Error("a missing file is read without an error")
	}
	if err := os.WriteFile(path, []byte("192.0.2.1 a\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	h, err := ReadHosts(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(); err == nil {
		t.Error("reloading a missing file is no error")
	}
	if got := fmt.Sprint(h.Addresses(wire.MustParseName("a."))); got != "[192.0.2.1]" {
		t.Errorf("the old contents are gone: %s", got)
	}
}

func TestWatch(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var changes atomic.Int32
		go Watch(ctx, path, func() { changes.Add(1) })
		step := func(what string, want int32) {
			<-time.After(watchInterval) // virtual
			synctest.Wait()
			if got := changes.Load(); got != want {
				t.Errorf("%s: %d changes, want %d", what, got, want)
			}
		}
		step("nothing", 0)
		if err := os.WriteFile(path, []byte("a"), 0o644); err != nil {
			t.Fatal(err)
		}
		step("created", 1)
		step("nothing", 1)
		if err := os.WriteFile(path, []byte("ab"), 0o644); err != nil {
			t.Fatal(err)
		}
		step("written", 2)
		if err := os.WriteFile(path+".new", []byte("cd"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			t.Fatal(err)
		}
		step("replaced", 3)
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		step("removed", 4)
		cancel()
	})
}
