package serve

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/confine"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/internal/filewatch"
	"github.com/names-dns/names/names"
)

// configFlags are the options that are about the configuration file.
type configFlags struct {
	file  string
	print bool
	user  string // to become; not a setting of the server, and so not one of the others
}

func (f *configFlags) register(flags *flag.FlagSet) {
	flags.StringVar(&f.file, "config", "", "")
	flags.BoolVar(&f.print, "print-config", false, "")
	flags.StringVar(&f.user, "user", "", "")
}

// choose decides which file is read: none if it returns "".
func (f *configFlags) choose(flags *flag.FlagSet) (file string, err error) {
	var others []string
	flags.Visit(func(g *flag.Flag) {
		if g.Name != "config" && g.Name != "print-config" {
			others = append(others, strings.Repeat("-", min(len(g.Name), 2))+g.Name)
		}
	})
	switch {
	case f.file != "" && len(others) > 0:
		return "", fmt.Errorf("--config and %s both say what to do: put it into the file, which has a setting for each option", strings.Join(others, ", "))
	case f.file == "" && len(others) == 0:
		if _, err := os.Stat(config.DefaultFile); err == nil {
			return config.DefaultFile, nil
		}
	}
	return f.file, nil
}

// configuration is that of the file, or of the command line if there is none.
func configuration(file string, fromFlags settings.Settings) (c *config.Config, warnings config.Problems, err error) {
	if file != "" {
		if file, err = filepath.Abs(file); err != nil {
			return nil, nil, err
		}
		return config.Load(file)
	}
	c = config.Default()
	c.Settings = fromFlags
	return c, nil, nil
}

// logWarnings logs what is odd about a configuration.
func logWarnings(warnings config.Problems, log *slog.Logger) {
	for _, w := range warnings {
		log.Warn("configuration", "at", w.Position.String(), "warning", w.Text)
	}
}

// reloadConfig reads the configuration file again, and does what it says, or
// logs why not. Nothing of a file with an error takes effect. s.reloading is held.
func (s *Server) reloadConfig() (added, removed int, err error) {
	before := s.config.Load()
	next, warnings, err := config.Load(before.Files[0])
	logWarnings(warnings, s.log)
	if err == nil {
		added, removed, err = s.applyConfig(before, next)
	}
	if err == nil {
		s.config.Store(next)
		select {
		case s.operator.reread <- struct{}{}:
		default:
		}
		return added, removed, nil
	}
	problems, _ := errors.AsType[config.Problems](err)
	for _, p := range problems {
		s.log.Error("configuration", "at", p.Position.String(), "error", p.Text)
	}
	if len(problems) == 0 {
		s.log.Error("configuration", "error", err)
	}
	s.log.Error("configuration refused, still running the previous one", "file", before.Files[0])
	return 0, 0, fmt.Errorf("configuration refused, still running the previous one: %w", err)
}

// watchConfig reloads when a file of the configuration has changed, as long as the
// configuration wants that, until ctx is done.
func (s *Server) watchConfig(ctx context.Context) {
	ticks := time.NewTicker(filewatch.Interval)
	defer ticks.Stop()
	var looks looks
	for {
		c := s.config.Load()
		if c.Watch {
			ticks.Reset(filewatch.Interval)
		} else {
			ticks.Stop() // a server with nothing to do wakes for nothing
			looks = nil
		}
		select {
		case <-ticks.C:
		case <-s.operator.reread:
			continue
		case <-ctx.Done():
			return
		}
		if looks.haveSettled(lookAt(c.Files)) {
			s.reload()
			if after := s.config.Load().Files; !slices.Equal(after, c.Files) {
				looks = nil
			}
		}
	}
}

// looks are what files were when they were looked at: when they were read, and the last
// time. There are none before the first look.
type looks []string

// haveSettled reports whether files that were looked at now are to be read again: they are
// not what was read, and are not being written. An editor that writes a file
// in place empties it first, and half of a configuration may be a configuration, too.
func (l *looks) haveSettled(now string) bool {
	if len(*l) == 0 {
		*l = looks{now, now}
		return false
	}
	read, last := (*l)[0], (*l)[1]
	(*l)[1] = now
	if now != last || now == read {
		return false
	}
	(*l)[0] = now
	return true
}

// lookAt is what the system says of files, which differs when one has changed.
func lookAt(paths []string) string {
	var all strings.Builder
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintf(&all, "%s %d %d %v\n", path, info.Size(), info.ModTime().UnixNano(), files.MarkOf(info))
		}
	}
	return all.String()
}

// applyConfig changes what differs from what is in use now, and returns how many zones
// were added and removed.
func (s *Server) applyConfig(before, next *config.Config) (zonesAdded, zonesRemoved int, err error) {
	if fixed := needsRestart(next, s.inUse()); len(fixed) > 0 {
		return 0, 0, fmt.Errorf("%s %w", strings.Join(fixed, ", "), errNeedsRestart)
	}
	commit, cancel, err := s.prepareOperator(next)
	if err != nil {
		return 0, 0, err
	}
	options, added, removed := config.Diff(before, next)
	if !reflect.DeepEqual(next.Settings, s.Settings()) {
		if err := s.Apply(next.Settings); err != nil {
			cancel()
			return 0, 0, err
		}
	}
	commit()
	s.setLogLevel(next.LogLevel)
	for _, o := range options {
		s.log.Info("setting changed", "setting", o.Option, "was", o.Was, "now", o.Now)
	}
	if len(options)+len(added)+len(removed) > 0 {
		s.log.Info("configuration changed", "settings", len(options), "zones_added", len(added), "zones_removed", len(removed))
	}
	return len(added), len(removed), nil
}

// restartOnly are the options that cannot change while the server runs; docs/configuration.md
// lists them, too.
var restartOnly = []struct {
	option string
	value  func(*config.Config) any
}{
	{"listen.workers", func(c *config.Config) any { return c.Settings.Listen.Workers }}, // each has its sockets, among which the system shares out clients
	{"transfers.connections", func(c *config.Config) any { return c.Settings.Transfers.MaxConnections }},
	{"transfers.connections-per-primary", func(c *config.Config) any { return c.Settings.Transfers.MaxPerPrimary }},
	{"journal.dir", func(c *config.Config) any { return c.Settings.Journal.Dir }},
	{"process.user", func(c *config.Config) any { return c.User }},
	{"process.landlock", func(c *config.Config) any { return c.Landlock }},
}

// needsRestart names the options that differ and cannot change while the server runs.
func needsRestart(next, before *config.Config) (all []string) {
	for _, f := range restartOnly {
		if f.value(next) != f.value(before) {
			all = append(all, f.option)
		}
	}
	return all
}

// inUse is the configuration that is in use.
func (s *Server) inUse() *config.Config {
	now := *s.config.Load()
	now.Settings = s.Settings()
	return &now
}

// CheckConfiguration does what checkParts does, and looks at the files and users that
// the process needs.
func CheckConfiguration(ctx context.Context, c *config.Config) error {
	if c.User != "" {
		if _, err := confine.Find(c.User); err != nil {
			return fmt.Errorf("process.user: %w", err)
		}
	}
	if err := c.Remote.CheckFiles(); err != nil {
		return err
	}
	if err := c.Web.CheckFiles(); err != nil {
		return err
	}
	return checkParts(ctx, c.Settings)
}

// checkParts does everything that a start does after zones are loaded and before
// addresses are bound: it reads the hosts file, resolv.conf and root hints. The
// cache file is left alone.
func checkParts(ctx context.Context, s settings.Settings) error {
	s.Cache.File = ""
	if err := checkEncryption(&s); err != nil {
		return err
	}
	if err := checkTransfers(ctx, s); err != nil {
		return err
	}
	p, err := assemble(ctx, s, new(authority.Set), nil, nil, nil, newLimitLog(nil), slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer p.close()
	return p.addViews(ctx, newZoneSets(&s), func(*authority.Set) names.Resolver { return nil })
}

// PrintProblems writes what is wrong with a configuration, one problem a line.
func PrintProblems(to io.Writer, warnings config.Problems, err error) {
	for _, w := range warnings {
		fmt.Fprintf(to, "%v: warning: %s\n", w.Position, w.Text)
	}
	if err != nil {
		fmt.Fprintln(to, err)
	}
}
