//go:build unix

package confine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/names-dns/names/internal/files"
)

// Account is a user of the system.
type Account struct {
	Name     string
	uid, gid int
}

// Find returns the account of a user, by name or number.
func Find(name string) (*Account, error) {
	u, err := user.Lookup(name)
	if err != nil {
		if u, err = user.LookupId(name); err != nil {
			return nil, fmt.Errorf("there is no user %s: make one with useradd --system --no-create-home --shell /usr/sbin/nologin %s", name, name)
		}
	}
	uid, err := strconv.Atoi(u.Uid)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return nil, fmt.Errorf("user %s: %w", name, err)
	}
	return &Account{name, uid, gid}, nil
}

// IsCurrent reports whether the process runs as this user already.
func (a *Account) IsCurrent() bool { return os.Geteuid() == a.uid }

// Trust has files of the user believed already: the process will become that user.
func (a *Account) Trust() { files.Trust(a.uid) }

// OwnTree makes a file, or a folder and what is in it, the user's as far as it is root's:
// what belongs to others is not believed afterwards either. A path that is not there is
// left out.
func (a *Account) OwnTree(path string) error {
	return filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		stat, ok := info.Sys().(*syscall.Stat_t)
		if !ok || stat.Uid != 0 || !e.IsDir() && !info.Mode().IsRegular() {
			return nil
		}
		return a.Own(path)
	})
}

// Own makes files that root has made those of the user, if they are there.
func (a *Account) Own(paths ...string) error {
	for _, path := range paths {
		if err := os.Lchown(path, a.uid, a.gid); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// Become gives up the rights of root, for good.
func (a *Account) Become() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root can become the user %s: start the server as root, or as that user without the setting", a.Name)
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"groups", func() error { return syscall.Setgroups([]int{a.gid}) }},
		{"group", func() error { return syscall.Setgid(a.gid) }},
		{"user", func() error { return syscall.Setuid(a.uid) }},
	} {
		if err := step.do(); err != nil {
			return fmt.Errorf("becoming the user %s: %s: %w", a.Name, step.what, err)
		}
	}
	if a.uid != 0 && syscall.Setuid(0) == nil {
		return fmt.Errorf("becoming the user %s: root can be had back", a.Name)
	}
	return nil
}
