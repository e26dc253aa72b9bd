package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/pyzone"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

const checkHelp = `names check reads zone files and says what is wrong with them.

Usage:

  names check [options] FILE...

A file may be a master file (RFC 1035) or a pyzone; which one it is shows in
its first words. Errors and warnings go to standard error, each as
FILE:LINE:COLUMN, and a line about each zone that is right to standard output.

Options:

  --origin NAME  the zone's name; otherwise the first $ORIGIN in the file or
                 else the file's name. Pyzones say it themselves.
  --print        print the zone: one record a line, in canonical order
  --strict       treat warnings as errors
  --limit N      tell at most N errors and N warnings of each file (20)

Exit code: 0 if every zone is right, 1 if one is not, 2 for a wrong command line.

Examples:

  names check example.com
  names check --origin example.com --strict zones/primary.txt
  names check --print --origin . root.zone | sort -u | wc -l
`

func runCheck(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("check", flag.ContinueOnError)
	origin := flags.String("origin", "", "")
	print := flags.Bool("print", false, "")
	strict := flags.Bool("strict", false, "")
	limit := flags.Int("limit", diagnostic.Limit, "")
	if code, done := parseFlags(flags, checkHelp, args, stdout, stderr); done {
		return code
	}
	if flags.NArg() == 0 {
		return usageError(stderr, "check", errors.New("there is no FILE to check"))
	}
	if *limit < 1 {
		return usageError(stderr, "check", fmt.Errorf("--limit %d is less than 1", *limit))
	}
	file := authority.File{}
	if *origin != "" {
		name, err := wire.ParseName(*origin)
		if err != nil {
			return usageError(stderr, "check", fmt.Errorf("--origin: %w", err))
		}
		file.Origin = name
	}
	code := exitOK
	for _, file.Path = range flags.Args() {
		if !checkFile(file, *print, *strict, *limit, stdout, stderr) {
			code = exitFailed
		}
	}
	return code
}

// checkFile checks one file and reports whether it is right.
func checkFile(file authority.File, print, strict bool, limit int, stdout, stderr io.Writer) bool {
	isPyzone, err := looksLikePyzone(file.Path)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v\n", file.Path, withoutPath(err))
		return false
	}
	if isPyzone {
		file.Format = authority.Pyzone
	}
	problems := diagnostic.List{Limit: limit}
	zone, err := file.Load(&problems)
	reportProblems(stderr, &problems, err)
	switch {
	case err != nil:
		return false
	case strict && problems.Warnings > 0:
		fmt.Fprintf(stderr, "%s: refused for its warnings, as --strict wants\n", file.Path)
		return false
	case print:
		if err := printZone(stdout, zone); err != nil {
			fmt.Fprintln(stderr, err)
			return false
		}
	default:
		fmt.Fprintf(stdout, "%s: %s\n", file.Path, describeZone(zone))
	}
	return true
}

// reportProblems writes problems, a line each, and err if it is none of them.
func reportProblems(w io.Writer, problems *diagnostic.List, err error) {
	shown := 0
	for _, p := range problems.Problems {
		fmt.Fprintln(w, p)
		shown++
	}
	if more := problems.Errors + problems.Warnings - shown; more > 0 {
		fmt.Fprintf(w, "and %d more\n", more)
	}
	if err != nil && !errors.As(err, new(*diagnostic.List)) {
		fmt.Fprintln(w, err)
	}
}

// describeZone is one line about a zone.
func describeZone(zone *authority.Snapshot) string {
	signed := "unsigned"
	if s := zone.Signed(); s != "" {
		signed = "signed with " + s
	}
	return fmt.Sprintf("zone %s serial %s: %d records, %d names, %s",
		zone.Origin(), zone.Serial(), zone.Records(), zone.Names(), signed)
}

func printZone(w io.Writer, zone *authority.Snapshot) error {
	out := bufio.NewWriter(w)
	var line []byte
	for r := range zone.All() {
		line = zonefile.AppendRecord(line[:0], &r)
		out.Write(line) // errors stay until Flush
	}
	return out.Flush()
}

// withoutPath is the error without the name of the file, for a line that
// begins with it.
func withoutPath(err error) error {
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		return p.Err
	}
	return err
}

// looksLikePyzone looks at the beginning of a file.
func looksLikePyzone(path string) (bool, error) {
	f, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	head := make([]byte, 16<<10)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return false, err
	}
	return pyzone.LooksLike(head[:n]), nil
}
