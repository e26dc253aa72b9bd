//go:build unix

package files

import (
	"fmt"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"
)

// trusted is a user whose files are this process's own, besides those of its user: the
// one that it will become. 0, which is root, is always trusted.
var trusted atomic.Int64

// Trust has CheckTrust accept the files of a user that the process will become.
func Trust(uid int) { trusted.Store(int64(uid)) }

// CheckTrust returns an error unless a file belongs to the user of this process
// or to root, and neither its group nor other users may write to it.
func CheckTrust(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o022 != 0 {
		return fmt.Errorf("users other than its owner may write to it (mode %#o)", mode)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Uid != 0 && int(stat.Uid) != os.Geteuid() && int64(stat.Uid) != trusted.Load() {
		return fmt.Errorf("it belongs to user %d; it has to belong to user %d or to root", stat.Uid, os.Geteuid())
	}
	return nil
}

// checkSecret returns an error if other users may do anything with a file.
func checkSecret(info fs.FileInfo) error {
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("other users may use it (mode %04o): chmod 600 it", mode)
	}
	return nil
}
