// Package journals is the command that looks at the journal of a server.
package journals

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/names-dns/names/authority/journal"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names journal looks at the folder in which a server keeps changes of zones.

Usage:

  names journal check DIR
  names journal print [--short] DIR [ZONE]
  names journal forget DIR ZONE

check reads all of it, and says what is wrong, with the file and the offset.
print prints the changes of each zone, or of ZONE, oldest first: removed records
begin with -, added ones with +. check and print also work while a server has the
journal open. forget drops what is kept of ZONE, so that its file decides at the
next start; the server must not run.

  --short                   print a line for each change, without the records

Exit code: 0 if all is well, 1 if not, 2 for a wrong command line.

Examples:

  names journal check /var/lib/names/journal
  names journal print /var/lib/names/journal example.com
`

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("journal", flag.ContinueOnError)
	short := flags.Bool("short", false, "")
	words, code, done := cli.ParseWords(flags, Help, args, stdout, stderr)
	if done {
		return code
	}
	if len(words) == 0 {
		return cli.UsageError(stderr, "journal", errors.New("say what to do: check, print or forget"))
	}
	verb, rest := words[0], words[1:]
	least, most, takes := 1, 1, "a folder"
	switch verb {
	case "check":
	case "print":
		most, takes = 2, "a folder, and perhaps a zone"
	case "forget":
		least, most, takes = 2, 2, "a folder and a zone"
	default:
		return cli.UsageError(stderr, "journal", fmt.Errorf("there is no command %q%s", verb, cli.DidYouMean(verb, []string{"check", "print", "forget"})))
	}
	if len(rest) < least || len(rest) > most {
		return cli.UsageError(stderr, "journal", fmt.Errorf("%s takes %s", verb, takes))
	}
	var zone wire.Name
	if len(rest) == 2 {
		var err error
		if zone, err = wire.ParseName(rest[1]); err != nil {
			return cli.UsageError(stderr, "journal", fmt.Errorf("%q is not a zone: %w", rest[1], err))
		}
	}
	out := bufio.NewWriter(stdout)
	err := do(verb, rest[0], zone, *short, out)
	if err := errors.Join(err, out.Flush()); err != nil {
		fmt.Fprintln(stderr, "names journal:", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

func do(verb, dir string, zone wire.Name, short bool, out io.Writer) error {
	j, err := journal.Open(journal.Options{Dir: dir, ReadOnly: verb != "forget"})
	if err != nil {
		return err
	}
	defer j.Close()
	zones := j.Zones()
	slices.SortFunc(zones, wire.Name.Compare)
	if !zone.IsZero() {
		if !j.Has(zone, wire.ClassIN) {
			return fmt.Errorf("journal %s has nothing of zone %v", dir, zone)
		}
		zones = []wire.Name{zone}
	}
	switch verb {
	case "forget":
		return j.Forget(zone, wire.ClassIN)
	case "print":
		for _, zone := range zones {
			err := j.Entries(zone, wire.ClassIN, func(e journal.Entry) bool {
				printEntry(out, &e, short)
				return true
			})
			if err != nil {
				return err
			}
		}
		return nil
	}
	for _, zone := range zones {
		if err := j.Entries(zone, wire.ClassIN, func(journal.Entry) bool { return true }); err != nil {
			return err
		}
	}
	s := j.Stats()
	fmt.Fprintf(out, "%s: %s, %s, %d octets in %s\n", dir,
		cli.Count(s.Zones, "zone"), cli.Count(s.Entries, "entry"), s.Size, cli.Count(s.Segments, "file"))
	if torn := j.Torn(); torn.File != "" {
		fmt.Fprintf(out, "%s: offset %d: the last %d octets are not a whole entry: it is being written, or a crash tore it and the next start cuts it off\n", torn.File, torn.Offset, torn.Octets)
	}
	return nil
}

func printEntry(out io.Writer, e *journal.Entry, short bool) {
	from := fmt.Sprintf("%s to %s", e.Changes.From, e.Changes.To)
	switch {
	case e.IsWhole:
		from = "whole, " + e.Changes.To.String()
	case e.IsBased:
		from = fmt.Sprintf("zone file has serial %s, digest %x…; from there to %s", e.Changes.From, e.Digest[:8], e.Changes.To)
	}
	fmt.Fprintf(out, "; %v %s from %v: %s, %d removed, %d added\n", e.Zone, e.Time.UTC().Format(time.RFC3339), e.Source, from, len(e.Changes.Removed), len(e.Changes.Added))
	if short {
		return
	}
	for _, list := range []struct {
		sign    string
		records []wire.Record
	}{{"-", e.Changes.Removed}, {"+", e.Changes.Added}} {
		for _, r := range list.records {
			fmt.Fprintf(out, "%s %v\n", list.sign, r)
		}
	}
}
