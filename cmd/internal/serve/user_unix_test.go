//go:build unix

package serve

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestOtherUser: what a server that root has started keeps, it can write once it is
// another user, and believes when root starts it again.
func TestOtherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can become another user")
	}
	const nobody = 65534
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	cache, journal, zone := filepath.Join(dir, "cache"), filepath.Join(dir, "journal"), filepath.Join(dir, "example.org")
	writeFile(t, zone, smallZone)
	if err := os.Mkdir(filepath.Join(dir, "keys"), 0o700); err != nil {
		t.Fatal(err)
	}
	for start := range 2 {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		p := startProcess(t, w, "-i", "127.0.0.1:0", "-c", "--forward", "127.0.0.1:9", "--no-validation", "--cache-file", cache,
			"--bindzone", zone, "--journal", journal, "--sign", filepath.Join(dir, "keys"), "--user", "65534")
		w.Close()
		var log bytes.Buffer
		for b := make([]byte, 4096); !strings.Contains(log.String(), "running as another user"); {
			n, err := r.Read(b)
			log.Write(b[:n])
			if err != nil {
				t.Fatalf("start %d: the server has ended:\n%s", start, log.String())
			}
		}
		p.Process.Signal(syscall.SIGTERM)
		log.ReadFrom(r)
		r.Close()
		if err := p.end(t); err != nil || strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("start %d: %v\n%s", start, err, log.String())
		}
		if start == 1 && !strings.Contains(log.String(), "cache loaded") {
			t.Errorf("the cache was not loaded:\n%s", log.String())
		}
		for _, pattern := range []string{cache, journal, filepath.Join(journal, "*"), filepath.Join(dir, "keys", "*")} {
			paths, err := filepath.Glob(pattern)
			if err != nil || len(paths) == 0 {
				t.Errorf("there is no %s: %v", pattern, err)
			}
			for _, path := range paths {
				if info, err := os.Stat(path); err != nil || info.Sys().(*syscall.Stat_t).Uid != nobody {
					t.Errorf("%s is not the user's: %v", path, err)
				}
			}
		}
	}
}
