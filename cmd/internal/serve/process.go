package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	osuser "os/user"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/confine"
)

// adviseOnFiles says who may not read or write a file: names check, run by root, has
// read it without an error.
func adviseOnFiles(err error) error {
	path, ok := errors.AsType[*fs.PathError](err)
	if !ok || !errors.Is(err, fs.ErrPermission) {
		return err
	}
	user := strconv.Itoa(os.Geteuid())
	if account, lookup := osuser.LookupId(user); lookup == nil {
		user = account.Username
	}
	return fmt.Errorf("%w: this process is user %s, which must have access to %s and its folders (chown, chmod)", err, user, path.Path)
}

// confineProcess gives up what is not needed once everything is open: the rights of
// root, and files that the configuration does not name.
func (s *Server) confineProcess(c *config.Config) error {
	if c.User != "" {
		account, err := confine.Find(c.User)
		if err != nil {
			return err
		}
		if !account.IsCurrent() {
			if err := ownState(account, c); err != nil {
				return err
			}
			if err := account.Become(); err != nil {
				return err
			}
			s.log.Info("running as another user", "user", c.User)
		}
	}
	if !c.Landlock {
		return nil
	}
	folders := foldersOf(c)
	err := confine.Restrict([]string{"/etc", "/proc", "/usr/share", "/run/systemd/resolve"}, append(folders, "/dev/null"))
	if errors.Is(err, confine.ErrNoLandlock) {
		s.log.Warn("process.landlock has no effect", "error", err)
		return nil
	}
	if err == nil {
		s.log.Info("files restricted", "folders", folders)
	}
	return err
}

// ownState makes the user's what root has made while the server started, and has to be
// written or read again by the user.
func ownState(account *confine.Account, c *config.Config) error {
	s := &c.Settings
	if err := account.Own(c.ControlSocket, s.QueryLog.To); err != nil {
		return err
	}
	paths := []string{
		s.Journal.Dir, s.Transfers.Directory, s.Cache.File, s.TLS.SelfSigned, s.ACME.Dir,
		s.Recursion.Validation.State, s.Recursion.Iteration.LocalRoot.File,
	}
	if s.Signing.KeyDir != "" {
		keys, err := filepath.Glob(filepath.Join(s.Signing.KeyDir, "K*")) // other files there are not the server's
		if err != nil {
			return err
		}
		paths = append(paths, keys...)
	}
	for _, path := range paths {
		if path == "" {
			continue
		}
		if err := account.OwnTree(path); err != nil {
			return err
		}
	}
	return nil
}

// foldersOf are the folders of all files that a configuration names: each of its
// values that is an absolute path. A file that is made later needs its folder.
func foldersOf(c *config.Config) (folders []string) {
	add := func(path string) {
		path = strings.TrimPrefix(strings.TrimPrefix(path, "unix:"), "file:")
		if !filepath.IsAbs(path) || strings.ContainsAny(path, "\x00\n") {
			return
		}
		folder := path
		if info, err := os.Stat(path); err != nil || !info.IsDir() {
			folder = filepath.Dir(path)
		}
		if folder != "/" && !slices.Contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	var walk func(v reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.String:
			add(v.String())
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() {
				walk(v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i))
			}
		case reflect.Struct:
			for _, field := range v.Fields() {
				walk(field)
			}
		}
	}
	walk(reflect.ValueOf(c).Elem())
	slices.Sort(folders)
	return folders
}

// warnOfClock says so if the clock cannot be right: signatures and cookies depend on
// it.
func warnOfClock(now time.Time, log *slog.Logger) {
	const released = 2026
	if now.Year() < released {
		log.Warn("the clock is wrong: DNSSEC, TSIG and cookies will fail; set it, or start the server after time synchronisation (After=time-sync.target)", "clock", now.UTC().Format(time.RFC3339))
	}
}

// explainBinding adds to an error of binding addresses what this machine is known
// for.
func explainBinding(err error, port int, resolved string) error {
	if port == 53 && errors.Is(err, syscall.EADDRINUSE) {
		if _, missing := os.Stat(resolved); missing == nil {
			return &hint{err, "systemd-resolved has port 53 on 127.0.0.53: write DNSStubListener=no into /etc/systemd/resolved.conf and restart it, or give the addresses to listen on"}
		}
	}
	return err
}

// resolvedFolder is there while systemd-resolved runs.
const resolvedFolder = "/run/systemd/resolve"

// hint is an error with advice.
type hint struct {
	error
	advice string
}

func (h *hint) Error() string { return h.error.Error() + "; " + h.advice }
func (h *hint) Unwrap() error { return h.error }
