package keys

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOffline: the way of a request to the other machine and back, by the commands.
func TestOffline(t *testing.T) {
	here, vault := t.TempDir(), t.TempDir()
	keys := func(want int, args ...string) string {
		t.Helper()
		var out, errors strings.Builder
		if code := Run(args, &out, &errors); code != want {
			t.Errorf("%v: code %d\n%s%s", args, code, out.String(), errors.String())
		}
		return out.String() + errors.String()
	}
	name := strings.TrimSpace(keys(0, "generate", "--ksk", "--dir", vault, "example.com"))
	keys(1, "import", "--offline", "--dir", here, "example.org", filepath.Join(vault, name+".key"))
	keys(0, "import", "--offline", "--dir", here, "example.com", filepath.Join(vault, name+".key"))
	if text, err := os.ReadFile(filepath.Join(here, name+".private")); err != nil || strings.Contains(string(text), "PrivateKey:") {
		t.Errorf("%s %v", text, err)
	}
	if text := keys(1, "export", "--dir", here, "example.com"); !strings.Contains(text, "not in memory") {
		t.Error(text)
	}
	write := func(text string) (path string) {
		t.Helper()
		path = filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	request := write(keys(0, "request", "--for", "90d", "--cds", "--dir", here, "example.com"))
	if text := keys(0, "list", "--dir", here, "example.com"); !strings.Contains(text, "are missing") {
		t.Errorf("before the import: %s", text)
	}
	keys(1, "import-response", "--dir", here, "example.com", request)
	keys(1, "sign-request", "--dir", vault, "example.org", request)
	keys(2, "sign-request", "--dir", vault, "example.com")
	response := write(keys(0, "sign-request", "--dir", vault, "example.com", request))
	keys(1, "import-response", "--dir", here, "example.com", write("names-keys-response 1\n"))
	if text := keys(0, "import-response", "--dir", here, "example.com", response); !strings.Contains(text, "are signed until") {
		t.Error(text)
	}
	if text := keys(0, "list", "--dir", here, "example.com"); strings.Contains(text, "are missing") {
		t.Errorf("after the import: %s", text)
	}
	keys(1, "retire", "--dir", here, "example.com")
	keys(1, "retire", "--dir", here, "--tag", "70000", "example.com")
	tag := strings.TrimLeft(name[strings.LastIndex(name, "+")+1:], "0")
	if text := keys(1, "retire", "--dir", vault, "--tag", tag, "example.com"); !strings.Contains(text, "the parent does not have its DS record yet") {
		t.Error(text)
	}
}
