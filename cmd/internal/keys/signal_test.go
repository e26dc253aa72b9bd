package keys

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

// run runs the command, and returns what it prints and its exit code.
func run(args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = Run(args, &out, &errs)
	return out.String(), errs.String(), code
}

// TestSignal: records below the name of each server, for keys that the parent is to know,
// and no others.
func TestSignal(t *testing.T) {
	dir := t.TempDir()
	zone := wire.MustParseName("example.co.uk.")
	now := time.Now().Add(-100 * time.Hour)
	advance := func(at time.Time) {
		t.Helper()
		if _, err := sign.EditKeySet(dir, zone, at, func(s *sign.KeySet) error {
			s.SetPolicy(sign.KeyPolicy{TwoKeys: true})
			if _, err := s.Advance(at); err != nil {
				return err
			}
			s.Published(at)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	advance(now)
	if _, stderr, code := run("signal", "--dir", dir, "example.co.uk", "ns1.example.net"); code != 1 || !strings.Contains(stderr, "has no key yet") {
		t.Errorf("%d: %s", code, stderr)
	}
	for at := now; at.Before(time.Now()); at = at.Add(time.Hour) {
		advance(at)
	}
	stdout, stderr, code := run("signal", "--dir", dir, "example.co.uk", "ns1.example.net", "ns2.example.org.")
	if code != 0 {
		t.Fatal(stderr)
	}
	lines := strings.Split(strings.TrimSuffix(stdout, "\n"), "\n")
	var got []string
	for _, line := range lines {
		words := strings.Fields(line)
		got = append(got, words[0]+" "+words[3])
	}
	if want := "_dsboot.example.co.uk._signal.ns1.example.net. CDS _dsboot.example.co.uk._signal.ns1.example.net. CDNSKEY " +
		"_dsboot.example.co.uk._signal.ns2.example.org. CDS _dsboot.example.co.uk._signal.ns2.example.org. CDNSKEY"; strings.Join(got, " ") != want {
		t.Errorf("%q", got)
	}
	ds, _, _ := run("ds", "--dir", dir, "example.co.uk")
	if _, data, _ := strings.Cut(ds, "DS"); !strings.Contains(lines[0], strings.TrimSpace(data)) {
		t.Errorf("%s, but the DS record is %s", lines[0], ds)
	}
	for _, args := range [][]string{{"example.co.uk"}, {"example.co.uk", "ns.example.co.uk"}, {"example.co.uk", strings.Repeat(strings.Repeat("x", 60)+".", 4)}, {}} {
		if out, _, code := run(append([]string{"signal", "--dir", dir}, args...)...); code == 0 || out != "" {
			t.Errorf("%v: %d %s", args, code, out)
		}
	}
}
