//go:build unix

package keyhelper

import (
	"fmt"
	"os"
	"syscall"

	"github.com/names-dns/names/internal/files"
)

// checkSocket refuses a path at which another user could have put a socket, or could
// connect to it. It returns the owner.
func checkSocket(path string) (owner int, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if info.Mode()&os.ModeSocket == 0 {
		return 0, fmt.Errorf("%s is not a socket", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return 0, fmt.Errorf("users other than its owner may connect to it (mode %#o, not 0600)", mode)
	}
	if err := files.CheckTrust(info); err != nil {
		return 0, err
	}
	return int(info.Sys().(*syscall.Stat_t).Uid), nil
}
