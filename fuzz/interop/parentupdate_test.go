//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
)

// TestParentsThatTakeUpdates: BIND, Knot DNS and names as the parent of a zone that names
// signs. The DS record comes by update as soon as the key is known, and an exchange of the
// key with "double-ds" has two, and the new one alone in the end: what the parent answers
// drives it.
func TestParentsThatTakeUpdates(t *testing.T) {
	dig := need(t, "dig")
	for _, p := range takingUpdates() {
		t.Run(p.Name(), func(t *testing.T) {
			dir := t.TempDir()
			path := func(name string) string { return filepath.Join(dir, name) }
			write(t, path("parent"), []byte("$ORIGIN parent.test.\n@ 3600 SOA ns h 1 7200 3600 1209600 300\n@ 3600 NS ns\nns 3600 A 127.0.0.1\na.child 3600 NS ns.a.child\nns.a.child 3600 A 127.0.0.1\n"))
			zones := []zoneFile{{Origin: "parent.test.", File: path("parent")}}
			parent := start(t, p, zones)
			if err := parent.waitFor(zones); err != nil {
				t.Fatalf("%v\n%s", err, parent.printed())
			}
			write(t, path("child"), []byte("$ORIGIN a.child.parent.test.\n@ 1 SOA ns h 1 7200 3600 1209600 1\n@ 1 NS ns\nns 1 A 127.0.0.1\n"))
			child := start(t, withArguments{ours{}, func(_ string, port uint16, _ []string) ([]string, error) {
				config := path("names.toml")
				return []string{"serve", "--config", config}, os.WriteFile(config, fmt.Appendf(nil, `[listen]
address = ["127.0.0.1:%d"]
[control]
socket = "control"
[[key]]
name = "mover"
secret = %q
[signing]
key-dir = "keys"
[policy.default]
ksk-rollover = "double-ds"
key-ttl = "1s"
max-ttl = "1s"
propagation = "1s"
ds-ttl = "1s"
parent = ["%[3]v"]
parent-update = ["key:mover@%[3]v"]
[[zone]]
name = "a.child.parent.test"
file = "child"
sign = "default"
`, port, tsigSecret, parent.Addr), 0o600)
			}}, nil)
			tags := func() (tags []string) {
				out := run(t, dir, dig, "-r", "@127.0.0.1", "-p", fmt.Sprint(parent.Addr.Port()), "a.child.parent.test", "DS", "+short")
				for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
					if tag, _, ok := strings.Cut(line, " "); ok {
						tags = append(tags, tag)
					}
				}
				return tags
			}
			has := func(what string, is func(tags []string) bool) {
				t.Helper()
				eventually.Succeed(t, func() error {
					if all := tags(); !is(all) {
						return fmt.Errorf("the parent has DS records of %v, not of %s; log:\n%s\nparent:\n%s", all, what, child.printed(), parent.printed())
					}
					return nil
				})
			}
			var first string
			has("one key", func(tags []string) bool {
				first = strings.Join(tags, " ")
				return len(tags) == 1
			})
			eventually.Succeed(t, func() error { // when it has seen the DS record
				out, err := exec.Command(built, "ctl", "--socket", path("control"), "signing", "roll", "a.child.parent.test", "keys").CombinedOutput()
				if err != nil {
					return fmt.Errorf("%w: %s", err, out)
				}
				return nil
			})
			has("two keys", func(tags []string) bool { return len(tags) == 2 })
			has("the new key", func(tags []string) bool { return len(tags) == 1 && tags[0] != first })
		})
	}
}
