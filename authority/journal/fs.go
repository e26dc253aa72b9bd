package journal

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/names-dns/names/internal/files"
)

// FS is the file system that a journal is on. Tests fill it with one that fails.
type FS interface {
	MkdirAll(dir string) error
	// List returns the names of the files in a directory.
	List(dir string) ([]string, error)
	// Open opens a file for reading and writing, and creates it if asked to.
	Open(name string, create bool) (File, error)
	Remove(name string) error
	// SyncDir makes durable which files a directory has.
	SyncDir(dir string) error
	// Lock keeps other processes from doing the same until it is closed.
	Lock(name string) (io.Closer, error)
}

// File is an open file of an [FS].
type File interface {
	io.ReaderAt
	io.WriterAt
	io.Closer
	Size() (int64, error)
	Truncate(size int64) error
	// Sync makes durable what was written, and the size.
	Sync() error
}

// osFS is the file system of the operating system.
type osFS struct{ readOnly bool }

func (osFS) Lock(name string) (io.Closer, error) {
	f, err := files.TryLock(name)
	if errors.Is(err, files.ErrInUse) {
		err = ErrInUse
	}
	return f, err
}

func (osFS) MkdirAll(dir string) error { return os.MkdirAll(dir, 0o700) }

func (osFS) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (o osFS) Open(name string, create bool) (File, error) {
	flags := os.O_RDWR
	if o.readOnly {
		flags = os.O_RDONLY
	}
	if create {
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(name, flags, fs.FileMode(0o600))
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osFS) Remove(name string) error { return os.Remove(name) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

type osFile struct{ *os.File }

func (f osFile) Sync() error { return syncData(f.File) }

func (f osFile) Size() (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}
