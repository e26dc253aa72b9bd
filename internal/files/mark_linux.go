package files

import (
	"io/fs"
	"syscall"
)

// MarkOf returns the mark of a file, or the zero value if the system has none. Its
// time of modification could be set back, but not that of its change.
func MarkOf(info fs.FileInfo) Mark {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return markOf(s)
	}
	return Mark{}
}

// MarkAt returns the mark of the file at path, or the zero value if there is none.
func MarkAt(path string) Mark {
	var s syscall.Stat_t
	for {
		switch syscall.Stat(path, &s) {
		case nil:
			return markOf(&s)
		case syscall.EINTR:
		default:
			return Mark{}
		}
	}
}

func markOf(s *syscall.Stat_t) Mark {
	return Mark{uint64(s.Dev), s.Ino, s.Size, s.Mtim.Nano(), s.Ctim.Nano()}
}
