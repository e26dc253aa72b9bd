package serve

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

// askOnce starts a server, asks it, and stops it. It returns the answers and
// the log.
func askOnce(t *testing.T, name string, args ...string) (found, logged string) {
	var log func() string
	t.Run("a server", func(t *testing.T) {
		var server netip.AddrPort
		server, _, log = startServer(t, args...)
		found = answers(askServer(t, "udp", server, name, wire.TypeA, wire.ClassIN))
	})
	return found, log()
}

// TestCacheFile: what a server has found is there for the one that is started
// next, although the servers that were asked are gone.
func TestCacheFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "cache")
	var upstream netip.AddrPort
	t.Run("first", func(t *testing.T) {
		upstream = startUpstream(t, smallZone)
		found, log := askOnce(t, "ns.up.example.", "-c", "--forward", upstream.String(), "--cache-file", file)
		if !strings.HasPrefix(found, "ns.up.example. 60 IN A 192.0.2.1") {
			t.Errorf("answers %q", found)
		}
		for _, want := range []string{`level=INFO msg="no cache file yet, starting with an empty cache" file=` + file, `level=INFO msg="cache saved" file=` + file + ` entries=1`} {
			if !strings.Contains(log, want) {
				t.Errorf("the log does not say %s:\n%s", want, log)
			}
		}
	})
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o600 {
		t.Errorf("mode %v: others may read what was asked for", info.Mode())
	}
	if left, _ := filepath.Glob(file + "?*"); len(left) > 0 {
		t.Errorf("not removed: %v", left)
	}
	for range 2 { // what was loaded is saved again
		found, log := askOnce(t, "ns.up.example.", "-c", "--forward", upstream.String(), "--cache-file", file)
		if !strings.HasSuffix(found, "IN A 192.0.2.1") {
			t.Errorf("answers %q", found)
		}
		if !strings.Contains(log, `level=INFO msg="cache loaded" file=`+file+` entries=1`) {
			t.Errorf("the log does not say that it was loaded:\n%s", log)
		}
	}
}

// TestCacheFileOfAnother: answers from other servers, or with another hosts
// file, are not ours.
func TestCacheFileOfAnother(t *testing.T) {
	dir := t.TempDir()
	file, hosts := filepath.Join(dir, "cache"), filepath.Join(dir, "hosts")
	writeFile(t, hosts, "198.51.100.1 host.test\n")
	first := startUpstream(t, smallZone)
	second := startUpstream(t, strings.ReplaceAll(smallZone, "192.0.2.1", "192.0.2.2"))
	const elsewhere = "cache file was written with other servers, starting with an empty cache"
	for i, step := range []struct {
		upstream    netip.AddrPort
		hosts, want string
		isElsewhere bool
	}{
		{first, "198.51.100.1 host.test\n", "192.0.2.1", false},
		{first, "198.51.100.1 host.test\n", "192.0.2.1", false},
		{second, "198.51.100.1 host.test\n", "192.0.2.2", true},
		{second, "198.51.100.1 host.test\n198.51.100.2 ns.up.example\n", "198.51.100.2", true},
	} {
		writeFile(t, hosts, step.hosts)
		found, log := askOnce(t, "ns.up.example.", "-c", "--forward", step.upstream.String(), "--hosts-file", hosts, "--cache-file", file, "--cache-size", "1MiB")
		if !strings.HasSuffix(found, " "+step.want) {
			t.Errorf("step %d: answers %q, not %s", i, found, step.want)
		}
		if strings.Contains(log, elsewhere) != step.isElsewhere {
			t.Errorf("step %d: the log says:\n%s", i, log)
		}
	}
}

// TestCacheFileNotBelieved: the cache begins empty, the reason is logged, and the
// file is replaced at the stop.
func TestCacheFileNotBelieved(t *testing.T) {
	const notUsed = `level=WARN msg="cache file not used, starting with an empty cache" file=FILE error=`
	upstream := startUpstream(t, smallZone)
	for what, test := range map[string]struct {
		spoil func(file string) error
		want  string
	}{
		"cut short":          {func(file string) error { return os.Truncate(file, 60) }, `level=WARN msg="cannot read cache file, starting with an empty cache" file=FILE error="octet 60: it ends too early"`},
		"empty":              {func(file string) error { return os.Truncate(file, 0) }, `error="octet 0: it ends too early"`},
		"something else":     {func(file string) error { return os.WriteFile(file, []byte("a note about something else"), 0o600) }, `error="octet 0: not a saved cache"`},
		"writable by others": {func(file string) error { return os.Chmod(file, 0o662) }, notUsed + `"users other than its owner may write to it (mode 0662)"`},
		"writable by group":  {func(file string) error { return os.Chmod(file, 0o620) }, notUsed + `"users other than its owner may write to it (mode 0620)"`},
		"of another user":    {func(file string) error { return os.Chown(file, 12345, -1) }, notUsed + `"it belongs to user 12345; it has to belong to user`},
	} {
		t.Run(what, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "cache")
			args := []string{"-c", "--forward", upstream.String(), "--cache-file", file}
			askOnce(t, "ns.up.example.", args...)
			if err := test.spoil(file); errors.Is(err, fs.ErrPermission) {
				t.Skip("only root may give files away: ", err)
			} else if err != nil {
				t.Fatal(err)
			}
			found, log := askOnce(t, "ns.up.example.", args...)
			if want := strings.ReplaceAll(test.want, "FILE", file); !strings.Contains(log, want) {
				t.Errorf("the log does not say %s:\n%s", want, log)
			}
			if !strings.HasPrefix(found, "ns.up.example. 60 ") {
				t.Errorf("answers %q: not from upstream", found)
			}
			if _, log := askOnce(t, "ns.up.example.", args...); !strings.Contains(log, "cache loaded") {
				t.Errorf("the file was not replaced:\n%s", log)
			}
		})
	}
}

// TestCacheFileThatCannotBe: a server that could not save does not start.
func TestCacheFileThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "full.new", "x"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "missing", "cache"): "no such file or directory",
		dir:                                    "not a regular file: it is a directory",
		filepath.Join(dir, "full"):             "directory not empty",
	} {
		var stdout, stderr bytes.Buffer
		code := Run([]string{"-i", "127.0.0.1:0", "-c", "--forward", "127.0.0.1", "--cache-file", path}, &stdout, &stderr)
		if code != cli.ExitFailed || !strings.Contains(stderr.String(), "cache file: ") || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: exit code %d, %s", path, code, stderr.String())
		}
	}
}

// TestCacheIsSavedNowAndThen: every quarter of an hour in which something was
// stored.
func TestCacheIsSavedNowAndThen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cache")
	synctest.Test(t, func(t *testing.T) {
		c, err := cache.New(cache.Config{Size: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		record := new(logRecorder)
		f := &cacheFile{path: path, cache: c, log: slog.New(slog.NewTextHandler(record, nil))}
		source := ""
		f.source.Store(&source)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { f.run(ctx); close(ended) }()
		saves := func() int { synctest.Wait(); return strings.Count(record.String(), `msg="cache saved"`) }
		put := func(name string) {
			packet := addressReply(t, name)
			if err := c.Put(packet); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Hour)
		if n := saves(); n != 0 {
			t.Errorf("saved %d times without anything to save", n)
		}
		put("a.test.")
		time.Sleep(14 * time.Minute)
		before := saves()
		time.Sleep(time.Minute)
		if n := saves(); before != 0 || n != 1 {
			t.Errorf("saved %d times before the quarter was over, %d after", before, n)
		}
		time.Sleep(time.Hour)
		put("b.test.")
		time.Sleep(time.Hour)
		if n := saves(); n != 2 {
			t.Errorf("saved %d times, not twice", n)
		}
		// A disk that refuses is logged, and tried again the next time.
		if err := os.MkdirAll(filepath.Join(path+".new", "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		put("c.test.")
		time.Sleep(time.Hour)
		if n := saves(); n != 2 || !strings.Contains(record.String(), `level=ERROR msg="cache not saved" file=`+path) {
			t.Errorf("saved %d times, log:\n%s", n, record.String())
		}
		if err := os.RemoveAll(path + ".new"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		if n := saves(); n != 3 {
			t.Errorf("saved %d times, not three times once the disk was well again", n)
		}
		cancel()
		<-ended
	})
}

// addressReply is an answer to keep, for an address.
func addressReply(t *testing.T, name string) []byte {
	t.Helper()
	var w wire.Writer
	w.Reset(nil, 512)
	w.Flags = wire.FlagQR
	q := wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}
	if err := w.Question(q); err != nil {
		t.Fatal(err)
	}
	w.SetSection(wire.SectionAnswer)
	if err := w.Raw(q.Name, q.Type, q.Class, 3600, []byte{192, 0, 2, 1}); err != nil {
		t.Fatal(err)
	}
	return w.Finish()
}

// TestCacheFileFollowsNoLink: one that another user has put in the way.
func TestCacheFileFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	precious, path := filepath.Join(dir, "precious"), filepath.Join(dir, "cache")
	writeFile(t, precious, "precious")
	if err := os.Symlink(precious, path+".new"); err != nil {
		t.Fatal(err)
	}
	c, err := cache.New(cache.Config{Size: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	f := &cacheFile{path: path, cache: c, log: slog.New(slog.DiscardHandler)}
	source := ""
	f.source.Store(&source)
	f.save()
	if b, err := os.ReadFile(precious); err != nil || string(b) != "precious" {
		t.Errorf("it holds %q now: %v", b, err)
	}
	if info, err := os.Lstat(path); err != nil || info.Mode()&fs.ModeType != 0 {
		t.Errorf("%v: %v", info, err)
	}
}
