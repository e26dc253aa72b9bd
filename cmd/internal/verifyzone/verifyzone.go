// Package verifyzone is the command that checks a signed zone file.
package verifyzone

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/cmd/internal/algorithms"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names verify-zone checks a signed zone file as a resolver would that trusts its keys.

Usage:

  names verify-zone [options] FILE

Every RRset that the zone is authoritative for has to have a signature that is
valid now, by a key of each algorithm in the DNSKEY records, and no other RRset
one. The NSEC or NSEC3 records have to be a chain through all names, with the
types that are there. A ZONEMD record has to match. All that is wrong is printed, with
the name and the type.

Options:

  --origin NAME   the zone's name; otherwise the file says it
  --now TIME      check as if it were this time, as in 2026-11-30T00:00:00Z
  --most N        print at most N faults (1000)
  --progress      print now and then how far it is, to standard error

Exit code: 0 if all is valid, 1 if not, 2 for a wrong command line.

Examples:

  names verify-zone example.com.signed
  names verify-zone --progress --origin . root.zone
`

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("verify-zone", flag.ContinueOnError)
	origin := flags.String("origin", "", "")
	at := flags.String("now", "", "")
	most := flags.Int("most", 1000, "")
	progress := flags.Bool("progress", false, "")
	if code, done := cli.ParseFlags(flags, Help, args, stdout, stderr); done {
		return code
	}
	if flags.NArg() != 1 {
		return cli.UsageError(stderr, "verify-zone", errors.New("name one zone file"))
	}
	file := authority.File{Path: flags.Arg(0)}
	v := sign.Verification{Now: time.Now(), MaxFaults: *most, Algorithms: algorithms.Validated()}
	var err error
	switch {
	case *most < 1:
		err = fmt.Errorf("--most %d: at least 1", *most)
	case *origin != "":
		if file.Origin, err = wire.ParseName(*origin); err != nil {
			err = fmt.Errorf("--origin %s: %w", *origin, err)
		}
	}
	if *at != "" && err == nil {
		v.Now, err = cli.ParseNow(*at)
	}
	if err != nil {
		return cli.UsageError(stderr, "verify-zone", err)
	}
	if *progress {
		v.Progress = func(done, all int) { fmt.Fprintf(stderr, "%d of %d records\n", done, all) }
	}
	if !verify(&file, v, stdout, stderr) {
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// verify prints what is wrong, and reports whether nothing is.
func verify(file *authority.File, v sign.Verification, stdout, stderr io.Writer) bool {
	s, err := file.Load(nil)
	if err != nil {
		fmt.Fprintf(stderr, "names verify-zone: %s is not verified:\n%v\n", file.Path, err)
		return false
	}
	report := v.Run(s)
	for _, f := range report.Faults {
		fmt.Fprintf(stdout, "%s: %v\n", file.Path, f)
	}
	if err := zonemd.Verify(s); err != nil && !errors.Is(err, zonemd.ErrMissing) {
		report.Count++
		fmt.Fprintf(stdout, "%s: %s ZONEMD: %v\n", file.Path, s.Origin(), err)
	}
	if report.Count > 0 {
		fmt.Fprintf(stdout, "%s: zone %s: %s; %s\n", file.Path, s.Origin(),
			cli.Count(report.Count, "fault"), cli.Count(report.Signatures, "valid signature"))
		return false
	}
	fmt.Fprintf(stdout, "%s: zone %s is valid: %s, the first of which ends at %s\n",
		file.Path, s.Origin(), cli.Count(report.Signatures, "signature"), report.Earliest.UTC().Format(time.RFC3339))
	return true
}
