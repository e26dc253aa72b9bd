//go:build interop

package interop

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOfflineKeyOfKnot: keymgr signs our request and we take over its response, and the other
// way round: keymgr takes over what we signed for it.
func TestOfflineKeyOfKnot(t *testing.T) {
	keymgr := need(t, "keymgr")
	dir := t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	for _, side := range []string{"server", "vault", "here", "ours"} {
		if err := os.MkdirAll(path(side), 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, path(side+".conf"), fmt.Appendf(nil, "database:\n    storage: %[1]q\n    kasp-db: %[1]q\npolicy:\n  - id: offline\n    manual: on\n    offline-ksk: on\n    algorithm: ECDSAP256SHA256\n    zsk-lifetime: 30d\n    dnskey-ttl: 3600\n    zone-max-ttl: 3600\n    propagation-delay: 3600\nzone:\n  - domain: example.com\n    storage: %[1]q\n    dnssec-signing: on\n    dnssec-policy: offline\n", path(side)))
	}
	knot := func(side string, args ...string) string {
		t.Helper()
		return run(t, dir, keymgr, append([]string{"-c", path(side + ".conf"), "example.com"}, args...)...)
	}
	ours := func(args ...string) string {
		t.Helper()
		return run(t, dir, built, append([]string{"keys"}, args...)...)
	}
	t.Run("ours, signed by keymgr", func(t *testing.T) {
		id := strings.Fields(knot("vault", "generate", "algorithm=ECDSAP256SHA256", "ksk=yes", "zsk=no"))
		write(t, path("ksk.key"), []byte(knot("vault", "dnskey", id[len(id)-1])+"\n"))
		ours("import", "--offline", "--dir", path("here"), "example.com", path("ksk.key"))
		write(t, path("request"), []byte(ours("request", "--knot", "--for", "60d", "--dir", path("here"), "example.com")+"\n"))
		write(t, path("response"), []byte(knot("vault", "sign-ksr", path("request"))+"\n"))
		if out := ours("import-response", "--dir", path("here"), "example.com", path("response")); !strings.Contains(out, "are signed until") {
			t.Error(out)
		}
		file := path("here/example.com")
		write(t, file, []byte(cornerZone))
		run(t, dir, built, "sign", file)
		run(t, dir, need(t, "ldns-verify-zone"), "-V", "1", file+".signed")
		run(t, dir, need(t, "dnssec-verify"), "-q", "-o", "example.com", file+".signed")
	})
	t.Run("keymgr's, signed by us", func(t *testing.T) {
		key := ours("generate", "--ksk", "--dir", path("ours"), "example.com")
		knot("server", "pregenerate", "+60d")
		write(t, path("ksr"), []byte(knot("server", "generate-ksr", "+0", "+60d")+"\n"))
		write(t, path("skr"), []byte(ours("sign-request", "--dir", path("ours"), "example.com", path("ksr"))+"\n"))
		knot("server", "validate-skr", path("skr"))
		knot("server", "import-skr", path("skr"))
		tag := strings.TrimLeft(key[strings.LastIndex(key, "+")+1:], "0")
		if has := knot("server", "show-offline", "0"); strings.Count(has, "RRSIG DNSKEY") < 6 || !strings.Contains(has, " "+tag+" example.com.") {
			t.Errorf("keymgr has %s", has)
		}
	})
}
