// Package files opens files that an operator or the system names: zones, hosts,
// resolv.conf, root hints. Such a path may hold, or come to hold, a FIFO or a
// device, which would block the reader or never end.
package files

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// ErrNotRegular means that a path names a directory, a FIFO, a device or a
// socket.
var ErrNotRegular = errors.New("not a regular file")

// Open opens a regular file for reading. It never blocks: a FIFO is refused
// whether or not it has a writer. The information is that of the open file.
func Open(path string) (*os.File, fs.FileInfo, error) {
	f, err := open(path)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: fmt.Errorf("%w: it is %s", ErrNotRegular, kind(info.Mode()))}
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, info, nil
}

// Read returns the contents of a regular file of at most limit octets.
func Read(path string, limit int64) ([]byte, error) {
	f, info, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f, info, limit)
}

// ReadTrusted is [Read] for a file whose contents decide what is believed: it has to
// pass [CheckTrust].
func ReadTrusted(path string, limit int64) ([]byte, error) {
	return readChecked(path, limit, CheckTrust)
}

// ReadSecret is [ReadTrusted] for a file that the user of the server alone may read.
func ReadSecret(path string, limit int64) ([]byte, error) {
	return readChecked(path, limit, checkSecret, CheckTrust)
}

func readChecked(path string, limit int64, checks ...func(fs.FileInfo) error) ([]byte, error) {
	f, info, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for _, check := range checks {
		if err := check(info); err != nil {
			return nil, &fs.PathError{Op: "open", Path: path, Err: err}
		}
	}
	return read(f, info, limit) // the file that was checked, not another of its name
}

func read(f *os.File, info fs.FileInfo, limit int64) ([]byte, error) {
	tooLarge := &fs.PathError{Op: "read", Path: f.Name(), Err: fmt.Errorf("file is larger than %d octets", limit)}
	if info.Size() > limit {
		return nil, tooLarge
	}
	// Files of /proc say that they are empty, and files may grow meanwhile.
	text := make([]byte, 0, info.Size()+1)
	for {
		n, err := f.Read(text[len(text):cap(text)])
		text = text[:len(text)+n]
		switch {
		case int64(len(text)) > limit:
			return nil, tooLarge
		case err == io.EOF:
			return text, nil
		case err != nil:
			return nil, err
		case len(text) == cap(text):
			text = append(text, 0)[:len(text)]
		}
	}
}

// kind is what a file that is not regular is.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "a directory"
	case mode&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	case mode&fs.ModeDevice != 0:
		return "a device"
	}
	return "something else"
}
