package keygen

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/cli"
)

// Each form has the same key, and the whole is a file of keys.
func TestKeygen(t *testing.T) {
	for _, algorithm := range []string{"", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"} {
		args := []string{"tsig", "mover.example"}
		if algorithm != "" {
			args = append(args, "--algorithm", algorithm)
		}
		var out, errs strings.Builder
		if code := Run(args, &out, &errs); code != 0 {
			t.Fatalf("%v: %d %s", args, code, errs.String())
		}
		path := filepath.Join(t.TempDir(), "keys")
		if err := os.WriteFile(path, []byte(out.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := cli.ReadTSIGKey(path)
		if err != nil {
			t.Fatalf("%v\n%s", err, out.String())
		}
		line := regexp.MustCompile(`-y (\S+)`).FindStringSubmatch(out.String())
		same, err := cli.ParseTSIGKey(line[1])
		if err != nil || same.Text() != key.Text() || len(key.Secret) != key.Algorithm.Size() {
			t.Errorf("%v: %v, %d octets", err, same, len(key.Secret))
		}
		secret := line[1][strings.LastIndexByte(line[1], ':')+1:]
		if n := strings.Count(out.String(), secret); n != 5 {
			t.Errorf("the secret is there %d times:\n%s", n, out.String())
		}
	}
	for _, args := range [][]string{{}, {"tsgi"}, {"tsig", "a..b"}, {"tsig", "a", "b"}, {"tsig", "--algorithm", "hmac-md6"}, {"tsig", "."}} {
		var out, errs strings.Builder
		if code := Run(args, &out, &errs); code != cli.ExitUsage || out.Len() > 0 {
			t.Errorf("%v: %d\n%s", args, code, out.String())
		}
	}
}
