package sign

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/check"
	"github.com/names-dns/names/cmd/internal/keys"
)

const zone = "$ORIGIN example.com.\n@ 300 SOA ns h 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.1\n"

// TestSignedFile: keys are made, a file is signed, and it is right for names check.
func TestSignedFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "example.com")
	if err := os.WriteFile(file, []byte(zone), 0o644); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	command := func(want int, run func() int) {
		t.Helper()
		out.Reset()
		errs.Reset()
		if code := run(); code != want {
			t.Fatalf("exit code %d, not %d: %s", code, want, errs.String())
		}
	}
	command(1, func() int { return Run([]string{file}, &out, &errs) })
	if !strings.HasPrefix(errs.String(), "names sign: ") || !strings.Contains(errs.String(), "names keys generate") {
		t.Errorf("without keys: %s", errs.String())
	}
	command(1, func() int { return keys.Run([]string{"list", "--dir", dir, "example.com"}, &out, &errs) })
	if !strings.HasPrefix(errs.String(), "names keys: zone example.com. has no keys") {
		t.Errorf("without keys: %s", errs.String())
	}
	broken := filepath.Join(dir, "broken")
	if err := os.WriteFile(broken, []byte(zone+"www A 1.2.3\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	command(1, func() int { return Run([]string{broken}, &out, &errs) })
	if strings.Count(errs.String(), broken+":5:7: ") != 1 {
		t.Errorf("each error is said once, with its place: %s", errs.String())
	}
	command(0, func() int { return keys.Run([]string{"generate", "--dir", dir, "example.com"}, &out, &errs) })
	command(0, func() int { return keys.Run([]string{"list", "--dir", dir, "example.com"}, &out, &errs) })
	if !strings.Contains(out.String(), "ECDSAP256SHA256  all    published") {
		t.Errorf("%s", out.String())
	}
	command(0, func() int { return keys.Run([]string{"ds", "--dir", dir, "example.com"}, &out, &errs) })
	if !strings.HasPrefix(out.String(), "; not yet: ") || !strings.Contains(out.String(), "\nexample.com.\t3600\tIN\tDS\t") {
		t.Errorf("%s", out.String())
	}
	for _, options := range [][]string{nil, {"--nsec3"}, {"--nsec3", "--opt-out", "--cds"}} {
		command(0, func() int { return Run(append(options, file), &out, &errs) })
		command(0, func() int { return check.Run([]string{"--strict", file + ".signed"}, nil, &out, &errs) })
	}
	signed, err := os.ReadFile(file + ".signed")
	if err != nil {
		t.Fatal(err)
	}
	command(0, func() int { return Run([]string{"--nsec3", "--opt-out", "--cds", "--output", "-", file}, &out, &errs) })
	if out.String() != string(signed) {
		t.Error("signing the same again makes something else")
	}
	command(1, func() int {
		return Run([]string{"--output", "-", "--key-dir", t.TempDir(), file}, &out, &errs)
	})
	command(0, func() int { return keys.Run([]string{"export", "--dir", dir, "example.com"}, &out, &errs) })
	exported := filepath.Join(dir, "exported.pem")
	if err := os.WriteFile(exported, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	command(1, func() int {
		return keys.Run([]string{"export", "--tag", "65536", "--dir", dir, "example.com"}, &out, &errs)
	})
	command(0, func() int {
		return keys.Run([]string{"import", "--dir", t.TempDir(), "example.com", exported}, &out, &errs)
	})
	command(2, func() int { return keys.Run([]string{"import", "example.com"}, &out, &errs) })
	command(1, func() int { return keys.Run([]string{"roll", "--dir", dir, "example.com"}, &out, &errs) })
	if !strings.Contains(errs.String(), "being exchanged already") {
		t.Errorf("a key that resolvers may lack: %s", errs.String())
	}
	useSince(t, dir, "20200101000000")
	command(1, func() int { return keys.Run([]string{"roll", "example.com", "--zsk", "--dir", dir}, &out, &errs) })
	command(0, func() int { return keys.Run([]string{"confirm", "--dir", dir, "example.com"}, &out, &errs) })
	command(1, func() int { return keys.Run([]string{"roll", "--dir", dir, "example.com"}, &out, &errs) })
	command(0, func() int {
		return keys.Run([]string{"roll", "--algorithm", "ED25519", "--dir", dir, "example.com"}, &out, &errs)
	})
	if !strings.Contains(out.String(), "new key 1  zone signatures  rumoured") {
		t.Errorf("%s", out.String())
	}
	command(0, func() int { return keys.Run([]string{"plan", "--dir", dir, "example.com"}, &out, &errs) })
	command(0, func() int { return Run([]string{file}, &out, &errs) })
	command(0, func() int { return check.Run([]string{"--strict", file + ".signed"}, nil, &out, &errs) })
	command(2, func() int { return Run([]string{"--opt-out", file}, &out, &errs) })
	command(2, func() int { return keys.Run([]string{"generat", "example.com"}, &out, &errs) })
	for option, value := range map[string]string{"--algorithm": "RSAFOO", "--digest": "9"} {
		command(2, func() int { return keys.Run([]string{"generate", option, value, "example.com"}, &out, &errs) })
		if !strings.Contains(errs.String(), "is not one of ") {
			t.Errorf("%s %s: %s", option, value, errs.String())
		}
	}
}

// useSince makes the key in dir one that has been in use for long.
func useSince(t *testing.T, dir, at string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "K*.private"))
	if err != nil || len(files) != 1 {
		t.Fatal(files, err)
	}
	text, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	text = regexp.MustCompile(`(Publish|Activate): \d+`).ReplaceAll(text, []byte("$1: "+at))
	if err := os.WriteFile(files[0], text, 0o600); err != nil {
		t.Fatal(err)
	}
}
