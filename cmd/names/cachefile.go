package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/cache"
)

// cacheFile is where the cache is kept while the server is not running.
type cacheFile struct {
	path   string
	cache  *cache.Cache
	source atomic.Pointer[string] // where the answers come from
	log    *slog.Logger
}

// cacheFileEvery is how often the cache is saved beside at the stop: what a
// crash costs, against what writing costs.
const cacheFileEvery = 15 * time.Minute

// open checks that the file can be written and loads what is in it. What cannot
// be believed is told and left out: a server without it is only slower at first.
func (f *cacheFile) open() error {
	probe, err := f.create()
	if err != nil {
		return fmt.Errorf("--cache-file: %w", err)
	}
	probe.Close()
	os.Remove(probe.Name())

	info, err := os.Stat(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.log.Info("there is no cache file yet: the cache begins empty", "file", f.path)
		return nil
	case err != nil:
		return fmt.Errorf("--cache-file: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("--cache-file: %s is no regular file", f.path)
	case info.Mode().Perm()&0o022 != 0:
		f.log.Warn("others than its owner may write to the cache file: the cache begins empty", "file", f.path, "mode", info.Mode())
		return nil
	}
	return f.load()
}

func (f *cacheFile) load() error {
	file, err := os.Open(f.path)
	if err != nil {
		return fmt.Errorf("--cache-file: %w", err)
	}
	defer file.Close()
	began := time.Now()
	entries, err := f.cache.Load(bufio.NewReader(file), *f.source.Load())
	switch {
	case errors.Is(err, cache.ErrOtherSource):
		f.log.Info("the answers in the cache file come from elsewhere: the cache begins empty", "file", f.path)
	case err != nil:
		f.cache.FlushAll()
		f.log.Warn("the cache file cannot be read: the cache begins empty", "file", f.path, "error", err)
	default:
		f.log.Info("cache loaded", "file", f.path, "entries", entries, "took", time.Since(began).Round(time.Millisecond))
	}
	return nil
}

// create begins the file that is to take the place of ours. It is for our eyes
// only: it says what was asked for. One that was left behind is in nobody's way,
// and no link is followed.
func (f *cacheFile) create() (*os.File, error) {
	path := f.path + ".new"
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// save replaces the file: all of it, or not at all. It reports whether it could.
func (f *cacheFile) save() bool {
	began := time.Now()
	entries, err := f.write()
	if err != nil {
		f.log.Error("the cache is not saved", "file", f.path, "error", err)
		return false
	}
	f.log.Info("cache saved", "file", f.path, "entries", entries, "took", time.Since(began).Round(time.Millisecond))
	return true
}

func (f *cacheFile) write() (entries int, err error) {
	file, err := f.create()
	if err != nil {
		return 0, err
	}
	entries, err = f.cache.Save(file, *f.source.Load())
	// On the disk before it gets its name: a crash leaves the old file or the new.
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), f.path)
	}
	if err != nil {
		os.Remove(file.Name())
		return 0, err
	}
	return entries, syncDirectory(filepath.Dir(f.path))
}

// syncDirectory writes a directory to the disk, where the system can do that.
func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	directory.Sync() // not everywhere can it be done; the file is whole anyway
	return directory.Close()
}

// run saves the cache now and then, and when ctx is done.
func (f *cacheFile) run(ctx context.Context) {
	often := time.NewTicker(cacheFileEvery)
	defer often.Stop()
	var last uint64
	for {
		select {
		case <-ctx.Done():
			f.save()
			return
		case <-often.C:
			s := f.cache.Stats()
			if stored := s.Stored + s.StoredParts; stored != last && f.save() {
				last = stored
			}
		}
	}
}

// sourceOptions are the options of flags that are not among before and say
// where answers come from, as they were given: what was saved under others is
// not for us. A zone that gets servers of its own may not have existed for
// those asked until then.
func sourceOptions(flags *flag.FlagSet, before map[string]bool) string {
	var b strings.Builder
	flags.Visit(func(f *flag.Flag) {
		name := f.Name
		switch {
		case before[name]:
			return
		case name == "c", name == "cache", name == "cache-size", name == "cache-file", name == "serve-stale", name == "allow-recursion":
			return // what is kept, for how long, and for whom
		case name == "r":
			name = "recursive"
		}
		fmt.Fprintf(&b, "--%s=%s\n", name, f.Value)
	})
	return b.String()
}

// namesOf are the names of all flags.
func namesOf(flags *flag.FlagSet) map[string]bool {
	all := map[string]bool{}
	flags.VisitAll(func(f *flag.Flag) { all[f.Name] = true })
	return all
}

// source says for the cache file where answers come from now: the options, and
// what is in the hosts file.
func (o *recursionOptions) source() (string, error) {
	if o.cacheFile == "" || o.hostsFile == "" {
		return o.sourceOptions, nil
	}
	hosts, err := os.ReadFile(o.hostsFile)
	return fmt.Sprintf("%s%x\n", o.sourceOptions, sha256.Sum256(hosts)), err
}
