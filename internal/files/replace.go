package files

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Replace writes a file, all of it or nothing: after an error or a crash the file
// is as before. Write writes it. The file keeps its permissions; a new one is for
// its owner alone. What path links to is replaced, not the link. The file is on the
// disk when Replace returns nil. If the folder cannot be synced that is an error, too: the
// file is the new one then, and may be the old one again after a crash.
func Replace(path string, write func(w io.Writer) error) (err error) {
	return replace(osDisk{}, path, write)
}

func replace(on disk, path string, write func(w io.Writer) error) (err error) {
	if real, err := on.EvalSymlinks(path); err == nil {
		path = real
	}
	f, err := on.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	isRenamed := false
	defer func() {
		if err != nil && !isRenamed {
			f.Close()
			on.Remove(f.Name())
		}
	}()
	if info, err := on.Stat(path); err == nil {
		if err := f.Chmod(info.Mode().Perm()); err != nil {
			return err
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	w := bufio.NewWriterSize(f, 64<<10)
	if err := write(w); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := on.Rename(f.Name(), path); err != nil {
		return err
	}
	isRenamed = true
	return on.SyncDir(filepath.Dir(path))
}

// disk is what Replace needs of a file system. Tests fill it with one that fails.
type disk interface {
	EvalSymlinks(path string) (string, error)
	Stat(path string) (fs.FileInfo, error)
	CreateTemp(dir, pattern string) (newFile, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

type newFile interface {
	io.WriteCloser
	Name() string
	Chmod(mode fs.FileMode) error
	Sync() error
}

// osDisk is the file system of the operating system.
type osDisk struct{}

func (osDisk) EvalSymlinks(path string) (string, error)        { return filepath.EvalSymlinks(path) }
func (osDisk) Stat(path string) (fs.FileInfo, error)           { return os.Stat(path) }
func (osDisk) CreateTemp(dir, pattern string) (newFile, error) { return os.CreateTemp(dir, pattern) }
func (osDisk) Rename(from, to string) error                    { return os.Rename(from, to) }
func (osDisk) Remove(path string) error                        { return os.Remove(path) }

// SyncDir makes durable which files a folder has, if the system can do that.
func (osDisk) SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	err = dir.Sync()
	if errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EINVAL) || runtime.GOOS == "windows" {
		err = nil
	}
	return errors.Join(err, dir.Close())
}
