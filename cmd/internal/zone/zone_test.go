package zone

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const zoneText = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

// TestCommand: what is printed, and with which exit code. A and B are files.
func TestCommand(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		args, a, b     string
		code           int
		stdout, stderr string
	}{
		{"diff --origin example. A B", zoneText, "; the same\n" + zoneText, 0, "", ""},
		{"diff A B --origin example.", zoneText, zoneText + "www A 192.0.2.2\n", 1, "+ www.example.\t60\tIN\tA\t192.0.2.2\n", ""},
		{"diff --origin example. A B", zoneText, strings.Replace(zoneText, "192.0.2.1", "192.0.2.3", 1), 1, "- ns.example.\t60\tIN\tA\t192.0.2.1\n+ ns.example.\t60\tIN\tA\t192.0.2.3\n", ""},
		{"diff --origin example. A B", zoneText, "nonsense\n", 1, "", "B:1"},
		{"digest --origin example. A", zoneText, "", 0, "example.\t60\tIN\tZONEMD\t1 1 1 ", ""},
		{"digest --origin example. --hash sha512 A", zoneText, "", 0, "example.\t60\tIN\tZONEMD\t1 1 2 ", ""},
		{"digest --hash md5 A", zoneText, "", 2, "", "md5"},
		{"diff A", "", "", 2, "", "diff takes 2 arguments, not 1"},
		{"dif A B", "", "", 2, "", "did you mean diff?"},
		{"", "", "", 2, "", "say what to do"},
		{"edit --socket A example.", "", "", 1, "", "names zone: "},
	} {
		a, b := filepath.Join(dir, "A"), filepath.Join(dir, "B")
		for path, text := range map[string]string{a: test.a, b: test.b} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		args := strings.Fields(test.args)
		for i := range args {
			switch args[i] {
			case "A":
				args[i] = a
			case "B":
				args[i] = b
			}
		}
		var stdout, stderr bytes.Buffer
		code := Run(args, strings.NewReader(""), &stdout, &stderr)
		if code != test.code || !strings.HasPrefix(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) || test.stdout == "" && stdout.Len() > 0 {
			t.Errorf("%s: code %d\n%s%s", test.args, code, stdout.String(), stderr.String())
		}
	}
}
