package config

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/cmd/internal/web"
	"github.com/names-dns/names/internal/files"
)

// DefaultFile is the file that is read if nothing else is said.
const DefaultFile = "/etc/names/names.toml"

// Config is what a file says, and what follows from it.
type Config struct {
	Settings         settings.Settings
	CookieSecretFile string
	ControlSocket    string           // "": none
	Watch            bool             // reload when Files change
	Remote           control.Remote   // control from other machines
	MetricsListen    []netip.AddrPort // none: no metrics
	Web              web.Config       // the page
	LogLevel         string           // one of LogLevels
	User             string           // to become after addresses are bound; "": none
	Landlock         bool
	Files            []string // that were read, the first of which includes the others
	Folders          []Folder // of zones

	addresses []string
	zones     []zone
	catalogs  []catalog
	folders   []folder
	templates map[string]template
}

// Default returns the configuration that an empty file begins with.
func Default() *Config {
	return &Config{Settings: settings.Default(), LogLevel: "info", templates: map[string]template{}}
}

// Load reads a file and those that it includes. Paths in them begin at their
// folders: they are absolute if that of the file is. Its error is [Problems], all
// there are. Warnings do not keep a server from running.
func Load(file string) (c *Config, warnings Problems, err error) {
	l := loader{reader{Config: Default(), seen: map[string]Position{}, bad: map[string]bool{}, problems: new(Problems), warnings: new(Problems)}}
	if include := l.load(file, true); include != nil {
		for _, included := range l.included(include) {
			l.load(included, false)
		}
	}
	l.finish()
	l.sort(*l.problems)
	l.sort(*l.warnings)
	if len(*l.problems) > 0 {
		return nil, *l.warnings, *l.problems
	}
	return l.Config, *l.warnings, nil
}

// loader reads the files of a configuration.
type loader struct{ reader }

// load reads one file. It returns what the file includes.
func (l *loader) load(file string, isFirst bool) *member {
	l.file, l.secretAt, l.keyAt = file, nil, nil
	l.Files = append(l.Files, file)
	f, info, err := files.Open(file)
	if err != nil {
		l.add(Position{File: file}, "cannot read the configuration: %v", cli.WithoutPath(err))
		return nil
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	switch {
	case err != nil:
		l.add(Position{File: file}, "cannot read the configuration: %v", cli.WithoutPath(err))
		return nil
	case len(text) > maxFile:
		l.add(Position{File: file}, "the file has more than %d octets; put zones into folders with [[zones]]", maxFile)
		return nil
	}
	root, err := parse(file, text)
	if err != nil {
		p, _ := errors.AsType[Problem](err)
		l.add(p.Position, "%s", p.Text)
		return nil
	}
	include := l.root(root, isFirst)
	if l.secretAt != nil {
		if info.Mode()&0o007 != 0 {
			l.warn(*l.secretAt, "identity.cookie-secret: every user can read this file; take that away with chmod o= %s, or put the secret into a file of its own with cookie-secret-file", file)
		}
	}
	if len(l.keyAt) > 0 && info.Mode()&0o007 != 0 {
		l.add(l.keyAt[0], "key: every user can read this file; take that away with chmod o= %s, or put the key into a file of its own, with key-file = [\"keys\"] below [transfers]", file)
	}
	if !isFirst {
		return nil
	}
	return include
}

// maxIncluded bounds how many files are included.
const maxIncluded = 1000

// included returns the files that match the patterns of include.
func (l *loader) included(m *member) (all []string) {
	l.setting = "include"
	o := list(about{key: "include", example: `["conf.d/*.toml"]`}, func(_ *reader, patterns *[]string, text string) error {
		*patterns = append(*patterns, text)
		return nil
	}, nil)
	var patterns []string
	if !o.read(&l.reader, &patterns, m.value) {
		return nil
	}
	for _, pattern := range patterns {
		found, err := filepath.Glob(l.resolve(pattern))
		switch {
		case err != nil:
			l.failf(m.value, "%q is not a pattern: a bracket is not closed, or nothing follows a backslash", pattern)
		case len(found) == 0 && !strings.ContainsAny(pattern, "*?["):
			l.failf(m.value, "there is no file %s", l.resolve(pattern))
		}
		for _, file := range found {
			if slices.Contains(all, file) || slices.Contains(l.Files, file) {
				l.failf(m.value, "%s is included twice, or includes itself", file)
				continue
			}
			all = append(all, file)
		}
	}
	if len(all) > maxIncluded {
		l.failf(m.value, "there are %d files; at most %d can be included", len(all), maxIncluded)
		return nil
	}
	return all
}

// finish works out what follows from all files, and checks the whole.
func (l *loader) finish() {
	l.Settings.Listen.Addresses = l.listenAddresses()
	l.resolveZones()
	l.resolveCatalogs()
	complete, problems := l.Settings.CompleteAll()
	for _, p := range problems {
		l.settingsProblem(p)
	}
	l.Settings = complete
	if err := l.Remote.Check(); err != nil {
		l.add(l.place("control.listen", "control.certificate", "control.key", "control.client-ca", "control.token-file", "control.allow"), "control: %v", err)
	}
	if _, err := l.Settings.ParseAccess(l.Remote.Allow...); err != nil {
		l.add(l.place("control.allow"), "control.allow: %v", err)
	}
	if err := l.Web.Check(); err != nil {
		l.add(l.place("web.listen", "web.password-file"), "web: %v", err)
	}
}

// place is where the first of the settings is that is given.
func (l *loader) place(settings ...string) Position {
	for _, s := range settings {
		if at, ok := l.seen[s]; ok {
			return at
		}
	}
	return Position{File: l.Files[0]}
}

// settingsProblem adds what is wrong with settings, at the place of the first
// one that is given. If something is wrong with one of them in itself, the rest
// would only confuse.
func (l *loader) settingsProblem(p *settings.Problem) {
	var named []string
	p.Spell(func(s string) string {
		named = append(named, s)
		return s
	})
	at := Position{File: l.Files[0]}
	for _, s := range slices.Backward(named) {
		if l.bad[s] {
			return
		}
		if place, ok := l.seen[s]; ok {
			at = place
		}
	}
	l.add(at, "%s", p.Error())
}

// warn adds a warning.
func (r *reader) warn(at Position, format string, args ...any) {
	if len(*r.warnings) < maxProblems {
		*r.warnings = append(*r.warnings, Problem{at, fmt.Sprintf(format, args...)})
	}
}

// sort puts problems into the order of the files and their lines.
func (l *loader) sort(problems Problems) {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		if c := slices.Index(l.Files, a.File) - slices.Index(l.Files, b.File); c != 0 {
			return c
		}
		return inOrder(a, b)
	})
}

// Difference is an option whose value differs between two configurations.
type Difference struct {
	Option   string // section.key
	Was, Now string // as they are written in a file; "": not given
}

// Diff returns the options that differ, other than those of zones, and the zones that
// are added and removed.
func Diff(before, after *Config) (options []Difference, added, removed []settings.Source) {
	for _, s := range sections {
		if s.form != isOnce {
			continue
		}
		was, now := s.write(before)[0], s.write(after)[0]
		for i, o := range s.options {
			if was.values[i] != now.values[i] {
				options = append(options, Difference{s.name + "." + o.key, was.values[i], now.values[i]})
			}
		}
	}
	had, has := settings.Sources(before.Settings.Zones), settings.Sources(after.Settings.Zones)
	isKept := make([]bool, len(had))
	for i, j := range settings.MatchSources(had, has) {
		if j < 0 {
			added = append(added, has[i])
		} else {
			isKept[j] = true
		}
	}
	for j, source := range had {
		if !isKept[j] {
			removed = append(removed, source)
		}
	}
	return options, added, removed
}
