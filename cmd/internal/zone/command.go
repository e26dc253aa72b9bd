// Package zone is the command that compares and edits zones, and makes their
// digests.
package zone

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names zone compares and edits zones, and makes their digests.

Usage:

  names zone diff [--origin NAME] A B
  names zone digest [--origin NAME] [--hash sha384|sha512] FILE
  names zone edit [--socket PATH] [--yes] ZONE

diff prints what differs between two zone files: records of A alone begin with -,
those of B alone with +. The order of records, comments and how they are written
do not matter.

digest prints the ZONEMD record (RFC 8976) that a zone file is to have. What it
has already, and signatures, are left as they are: sign the zone afterwards.

edit opens the records of a zone that a server serves in $VISUAL or $EDITOR. What
was written is checked, the difference is shown, and after a yes it is committed,
all at once. Edits that others make meanwhile stay. The same in single steps, for
zones too large for an editor: names ctl zone begin, set, unset, diff, commit.

Options:

  --origin NAME  the zone's name; otherwise the file says it
  --hash ALG     sha384 (default) or sha512
  --socket PATH  the socket of the server: [control] socket in its configuration.
                 Default: /run/names/control.sock
  --yes          commit without asking

Exit code: 0 if the zones are the same, or were edited; 1 if not; 2 for a wrong
command line.

Examples:

  names zone diff example.com.old example.com
  names zone digest example.com >> example.com
  EDITOR=vi names zone edit example.com
`

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("zone", flag.ContinueOnError)
	origin := flags.String("origin", "", "")
	algorithm := flags.String("hash", "sha384", "")
	socket := flags.String("socket", control.DefaultSocket, "")
	yes := flags.Bool("yes", false, "")
	words, code, done := cli.ParseWords(flags, Help, args, stdout, stderr)
	if done {
		return code
	}
	if len(words) == 0 {
		return cli.UsageError(stderr, "zone", errors.New("say what to do: diff, digest or edit"))
	}
	verb, words := words[0], words[1:]
	wanted := map[string]int{"diff": 2, "digest": 1, "edit": 1}
	var name wire.Name
	hash, err := zonemd.ParseHash(*algorithm)
	switch n, ok := wanted[verb]; {
	case !ok:
		err = fmt.Errorf("there is nothing called %q%s", verb, cli.DidYouMean(verb, []string{"diff", "digest", "edit"}))
	case len(words) != n:
		if n == 1 {
			err = fmt.Errorf("%s takes one argument, not %d", verb, len(words))
		} else {
			err = fmt.Errorf("%s takes %d arguments, not %d", verb, n, len(words))
		}
	case err == nil && *origin != "":
		name, err = wire.ParseName(*origin)
	}
	if err != nil {
		return cli.UsageError(stderr, "zone", err)
	}
	isSame := true
	switch verb {
	case "diff":
		isSame, err = diff(words[0], words[1], name, stdout)
	case "digest":
		err = digest(words[0], name, hash, stdout)
	case "edit":
		e := editor{socket: *socket, zone: words[0], yes: *yes, stdin: stdin, stdout: stdout, stderr: stderr}
		err = e.edit(os.Getenv)
	}
	if err != nil {
		fmt.Fprintf(stderr, "names zone: %v\n", err)
		return cli.ExitFailed
	}
	if !isSame {
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// load reads a zone file.
func load(path string, origin wire.Name) (*authority.Snapshot, error) {
	var problems diagnostic.List
	f := authority.File{Path: path, Origin: origin}
	return f.Load(&problems)
}

// diff prints what differs.
func diff(a, b string, origin wire.Name, to io.Writer) (isSame bool, err error) {
	before, err := load(a, origin)
	if err != nil {
		return false, err
	}
	if origin.IsZero() {
		origin = before.Origin() // the names of the files may differ
	}
	after, err := load(b, origin)
	if err != nil {
		return false, err
	}
	changes := authority.Diff(before, after)
	return changes.IsEmpty(), printChanges(to, changes)
}

func printChanges(to io.Writer, c authority.ChangeSet) error {
	for _, part := range []struct {
		sign    string
		records []wire.Record
	}{{"- ", c.Removed}, {"+ ", c.Added}} {
		for i := range part.records {
			if _, err := io.WriteString(to, part.sign+string(zonefile.AppendRecord(nil, &part.records[i]))); err != nil {
				return err
			}
		}
	}
	return nil
}

// digest prints the ZONEMD record of a file.
func digest(path string, origin wire.Name, h zonemd.Hash, to io.Writer) error {
	zone, err := load(path, origin)
	if err != nil {
		return err
	}
	r := zonemd.Record(zone, h)
	_, err = to.Write(zonefile.AppendRecord(nil, &r))
	return err
}
