package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/internal/files"
)

// cacheFile is where the cache is kept while the server is not running.
type cacheFile struct {
	path   string
	cache  *cache.Cache
	source atomic.Pointer[string] // where the answers come from
	log    *slog.Logger
	saving sync.Mutex // one save at a time: it may be asked for while one goes on
}

// cacheFileEvery is how often the cache is saved in addition to the end: what a
// crash costs, against what writing costs.
const cacheFileEvery = 15 * time.Minute

// open checks that the file can be written, and loads what is in it if load is
// set. What cannot be believed is logged and left out: a server without it is
// only slower at first.
func (f *cacheFile) open(ctx context.Context, load bool) error {
	probe, err := f.create()
	if err != nil {
		return fmt.Errorf("cache file: %w", err)
	}
	probe.Close()
	os.Remove(probe.Name())
	if !load {
		return nil
	}
	file, info, err := files.Open(f.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		f.log.Info("no cache file yet, starting with an empty cache", "file", f.path)
		return nil
	case err != nil:
		return fmt.Errorf("cache file: %w", err)
	}
	defer file.Close()
	// A process that may write to the file decides what answers our clients get.
	if err := files.CheckTrust(info); err != nil {
		f.log.Warn("cache file not used, starting with an empty cache", "file", f.path, "error", err)
		return nil
	}
	f.load(ctx, file)
	return nil
}

func (f *cacheFile) load(ctx context.Context, file io.Reader) {
	began := time.Now()
	entries, err := f.cache.Load(bufio.NewReader(reader{ctx, file}), *f.source.Load())
	switch {
	case errors.Is(err, cache.ErrOtherSource):
		f.log.Info("cache file was written with other servers, starting with an empty cache", "file", f.path)
	case err != nil:
		f.cache.FlushAll()
		f.log.Warn("cannot read cache file, starting with an empty cache", "file", f.path, "error", err)
	default:
		f.log.Info("cache loaded", "file", f.path, "entries", entries, "took", time.Since(began).Round(time.Millisecond))
	}
}

// reader reads until ctx is done.
type reader struct {
	ctx  context.Context
	from io.Reader
}

func (r reader) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.from.Read(b)
}

// create begins the file that is to take the place of ours. Other
// users may not read it: it says what was asked for. One that a crash left is
// removed, and no link is followed.
func (f *cacheFile) create() (*os.File, error) {
	path := f.path + ".new"
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// save replaces the file: all of it, or not at all. It reports whether it could.
func (f *cacheFile) save() bool {
	f.saving.Lock()
	defer f.saving.Unlock()
	began := time.Now()
	entries, err := f.write()
	if err != nil {
		f.log.Error("cache not saved", "file", f.path, "error", err)
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

// run saves the cache now and then until ctx is done.
func (f *cacheFile) run(ctx context.Context) {
	often := time.NewTicker(cacheFileEvery)
	defer often.Stop()
	var last uint64
	for {
		select {
		case <-ctx.Done():
			return
		case <-often.C:
			s := f.cache.Stats()
			if stored := s.Stored + s.StoredParts; stored != last && f.save() {
				last = stored
			}
		}
	}
}
