// Package check is the command that reads zone files and says what is wrong with
// them.
package check

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names check reads zone files and says what is wrong with them.

Usage:

  names check [options] FILE...
  names check [options] --config FILE

A file may be a master file (RFC 1035) or a pyzone; its first words show which.
FILE may be a pipe, and - is standard input. Errors and warnings go to standard
error, each with FILE:LINE:COLUMN and the line itself, and a line about each
zone that is right to standard output. docs/checking-zones.md explains each
warning.

Options:

  --config FILE  check what names serve --config FILE reads before it listens: the
                 configuration, all its zones, hosts files, resolv.conf, root
                 hints
  --origin NAME  the zone's name. Otherwise the file says it: the owner of its
                 SOA record, its first $ORIGIN, or its own name, as in
                 example.com, example.com.db, db.example.com, 192.0.2.rev
  --print        print the zone: one record a line, in canonical order
  --json         print a JSON object a line about each file instead
  --strict       treat warnings as errors
  --ignore CODE  leave out warnings of this kind, such as host-name; may be
                 repeated, or be a list with commas
  --limit N      show at most N errors and N warnings of each file (20), and
                 the first warning of each kind

Exit code: 0 if every zone is right, 1 if one is not, 2 for a wrong command line.
Colours are used on a terminal, unless NO_COLOR is set.

Examples:

  names check example.com
  names check --origin example.com --strict zones/primary.txt
  names check --config /etc/names/names.toml
  names check --json zones/*.db | jq 'select(.ok | not)'
  dig @192.0.2.1 example.com AXFR | names check --origin example.com -
  names check --print --origin . root.zone | sort -u | wc -l
`

// checker checks files and reports what is wrong with them.
type checker struct {
	origin         wire.Name
	zones          map[string]settings.Zone // of a configuration, by their files
	print, strict  bool
	limit          int
	ignore         []diagnostic.Code
	inputs         inputs
	stdout, stderr io.Writer
	report         checkReport
}

// checkReport shows what was found in one file, and in the end all of it.
type checkReport interface {
	file(*checkedFile)
	summary() error
}

// checkedFile is a file and what was found in it.
type checkedFile struct {
	path     string
	zones    []*authority.Snapshot // none: they were not loaded
	problems *diagnostic.List
	err      error // nil: the file is right, or has only warnings
	refused  bool  // for its warnings
}

// isRight reports whether the file passes.
func (f *checkedFile) isRight() bool { return f.err == nil && !f.refused }

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	var ignore cli.List
	origin := flags.String("origin", "", "")
	print := flags.Bool("print", false, "")
	asJSON := flags.Bool("json", false, "")
	strict := flags.Bool("strict", false, "")
	flags.Var(&ignore, "ignore", "")
	configuration := flags.String("config", "", "")
	limit := flags.Int("limit", diagnostic.Limit, "")
	if code, done := cli.ParseFlags(flags, Help, args, stdout, stderr); done {
		return code
	}
	c := checker{
		print: *print, strict: *strict, limit: *limit,
		inputs: inputs{stdin: stdin}, stdout: stdout, stderr: stderr,
	}
	if *configuration != "" {
		return c.checkConfiguration(*configuration, flags.Args(), *origin, ignore, *asJSON)
	}
	if err := c.complete(flags.Args(), *origin, ignore, *asJSON); err != nil {
		return cli.UsageError(stderr, "check", err)
	}
	return c.run(flags.Args(), *asJSON)
}

// run checks files, reports on each, and returns the exit code.
func (c *checker) run(paths []string, asJSON bool) int {
	if asJSON {
		c.report = &jsonReport{out: c.stdout, inputs: &c.inputs}
	} else {
		c.report = &textReport{out: c.stdout, problems: c.stderr, inputs: &c.inputs, isQuiet: c.print, colours: coloursFor(c.stderr)}
	}
	code := cli.ExitOK
	for _, path := range paths {
		if zone, ok := c.zones[path]; ok {
			c.origin = zone.Origin
		}
		f := c.check(path)
		c.report.file(f)
		if f.isRight() && c.print {
			if err := printZones(c.stdout, f.zones); err != nil {
				fmt.Fprintln(c.stderr, err)
				return cli.ExitFailed
			}
		}
		if !f.isRight() {
			code = cli.ExitFailed
		}
	}
	if err := c.report.summary(); err != nil {
		fmt.Fprintln(c.stderr, err)
		return cli.ExitFailed
	}
	return code
}

// complete turns the words of the command line into what they mean.
func (c *checker) complete(paths []string, origin string, ignore []string, asJSON bool) error {
	if len(paths) == 0 {
		return errors.New("there is no FILE to check")
	}
	stdins := 0
	for _, path := range paths {
		if path == "-" {
			stdins++
		}
	}
	if stdins > 1 {
		return errors.New("- is given twice: standard input can be read once")
	}
	if c.limit < 1 {
		return fmt.Errorf("--limit %d is less than 1", c.limit)
	}
	if c.print && asJSON {
		return errors.New("--print and --json both want standard output: give one of them")
	}
	if origin != "" {
		name, err := wire.ParseName(origin)
		if err != nil {
			return fmt.Errorf("--origin: %w", err)
		}
		c.origin = name
	}
	for _, codes := range ignore {
		for code := range strings.SplitSeq(codes, ",") {
			if !diagnostic.Code(code).IsKnown() {
				return fmt.Errorf("--ignore %q: there is no such kind of warning; docs/checking-zones.md lists them", code)
			}
			c.ignore = append(c.ignore, diagnostic.Code(code))
		}
	}
	return nil
}

// check checks one file.
func (c *checker) check(path string) *checkedFile {
	f := &checkedFile{path: path, problems: &diagnostic.List{Limit: c.limit, Ignore: c.ignore}}
	isPyzone, err := c.inputs.isPyzone(path)
	if err != nil {
		f.problems.Add(&diagnostic.Problem{Position: diagnostic.Position{File: path}, Err: cli.WithoutPath(err)})
		f.err = f.problems.Err()
		return f
	}
	file := authority.File{Path: path, Origin: c.origin, Open: c.inputs.open}
	if isPyzone {
		file.Format = authority.Pyzone
	}
	f.zones, f.err = file.LoadAll(f.problems)
	for _, zone := range f.zones {
		checkSignatures(zone, diagnostic.Position{File: path}, f.problems)
		if err := zonemd.IfPresent.Accept(zonemd.Verify(zone)); err != nil {
			f.problems.Errorf(diagnostic.Position{File: path}, "zone %v: %v", zone.Origin(), err)
			f.err = f.problems.Err()
		}
	}
	f.refused = f.err == nil && c.strict && f.problems.Warnings > 0
	return f
}

// describeZone is one line about a zone.
func describeZone(zone *authority.Snapshot) string {
	signed := "unsigned"
	if s := zone.Signed(); s != "" {
		signed = "signed with " + s
	}
	return fmt.Sprintf("zone %s serial %s: %s, %s, %s",
		zone.Origin(), zone.Serial(), cli.Count(zone.Records(), "record"), cli.Count(zone.Names(), "name"), signed)
}

func printZones(w io.Writer, zones []*authority.Snapshot) error {
	for _, zone := range zones {
		if err := zonefile.Write(w, zone.All()); err != nil {
			return err
		}
	}
	return nil
}
