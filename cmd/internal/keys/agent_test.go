package keys

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/names-dns/names/authority/sign/keyhelper"
	"github.com/names-dns/names/internal/eventually"
)

// TestAgent: keys are made by an agent, taken over from it, and cannot be exported.
func TestAgent(t *testing.T) {
	secret, dir := t.TempDir(), t.TempDir()
	socket := filepath.Join(dir, "socket")
	if err := os.Chmod(secret, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := agent(ctx, options{dir: secret, helper: socket}, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
	})
	defer done.Wait()
	defer cancel()
	eventually.Succeed(t, func() error { _, err := os.Stat(socket); return err })
	keys := func(want int, args ...string) string {
		t.Helper()
		var out, errors strings.Builder
		if code := Run(append(args, "--dir", dir), &out, &errors); code != want {
			t.Errorf("%v: code %d\n%s%s", args, code, out.String(), errors.String())
		}
		return out.String() + errors.String()
	}
	keys(0, "generate", "--helper", socket, "example.com")
	if text := keys(1, "export", "example.com"); !strings.Contains(text, "not in memory") {
		t.Error(text)
	}
	keys(0, "roll", "--algorithm", "ED25519", "example.com")
	client := keyhelper.NewClient(socket)
	defer client.Close()
	if _, err := client.Generate("by-hand", 13, 0); err != nil {
		t.Fatal(err)
	}
	keys(0, "import", "--helper", socket, "--label", "by-hand", "--zsk", "example.org")
	keys(0, "list", "example.org")
	keys(1, "import", "--helper", socket, "--label", "missing", "example.org")
	keys(2, "import", "--helper", socket, "example.org")
	keys(2, "import", "--label", "by-hand", "example.org")
	keys(2, "agent", "example.org")
	keys(1, "agent", "--helper", socket+"/no")
	if files, err := filepath.Glob(filepath.Join(secret, "*.pem")); err != nil || len(files) != 2 {
		t.Error(files, err)
	}
}
