// Package sign is the command that signs a zone file.
package sign

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/sign/keyhelper"
	"github.com/names-dns/names/authority/zonefile"
	_ "github.com/names-dns/names/cmd/internal/algorithms" // keys of algorithms that the standard library lacks
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names sign signs a zone file and writes the signed zone.

Usage:

  names sign [options] FILE

The keys are files as BIND and ldns have them: Kexample.com.+013+12345.key and
.private; "names keys generate" makes them. Entry points (flags 257) sign the
keys and other keys (256) the rest; if there is only one kind, it signs all.
FILE may have been signed before with the same keys: signatures that are not due
are kept. ALIAS records are written as TYPE65401, for servers that do not know them.

Options:

  --origin NAME     the zone's name; otherwise the file says it
  --key-dir DIR     where the keys of the zone are (the directory of FILE)
  --output FILE     where the signed zone goes (FILE.signed); - is standard output
  --helper SOCKET   where the key helper is, for keys whose private half it has
  --nsec3           deny with NSEC3, with no salt and no iterations (RFC 9276)
  --opt-out         leave delegations without DS out of the NSEC3 chain
  --cds             publish CDS and CDNSKEY records for the parent (RFC 7344)
  --verify-sample   of many signatures by keys in files, verify one in sixteen and not
                    all: less than half the time for a large zone
  --validity TIME   how long signatures are valid (336h)
  --refresh TIME    how long before their end signatures are made again (120h)
  --now TIME        sign as if it were this time, as in 2026-11-30T00:00:00Z

When a signature begins and ends follows from the name and the type, so that they
do not all fall due together: signing once a day makes a small part again.

Exit code: 0 if the zone is signed, 1 if not, 2 for a wrong command line.

Examples:

  names keys generate example.com
  names sign example.com
  names sign --nsec3 --output - example.com | ldns-verify-zone /dev/stdin
`

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("sign", flag.ContinueOnError)
	origin := flags.String("origin", "", "")
	keyDir := flags.String("key-dir", "", "")
	output := flags.String("output", "", "")
	helper := flags.String("helper", "", "")
	nsec3 := flags.Bool("nsec3", false, "")
	optOut := flags.Bool("opt-out", false, "")
	cds := flags.Bool("cds", false, "")
	verifySample := flags.Bool("verify-sample", false, "")
	validity := flags.Duration("validity", 0, "")
	refresh := flags.Duration("refresh", 0, "")
	at := flags.String("now", "", "")
	if code, done := cli.ParseFlags(flags, Help, args, stdout, stderr); done {
		return code
	}
	if flags.NArg() != 1 {
		return cli.UsageError(stderr, "sign", errors.New("name one zone file"))
	}
	c := command{
		file: authority.File{Path: flags.Arg(0)}, keyDir: *keyDir, helper: *helper, output: *output, stdout: stdout, stderr: stderr,
		policy: sign.Policy{NSEC3: *nsec3, OptOut: *optOut, CDS: *cds, VerifySample: *verifySample, Validity: *validity, Refresh: *refresh}, now: time.Now(),
	}
	if err := c.complete(*origin, *at); err != nil {
		return cli.UsageError(stderr, "sign", err)
	}
	if err := c.run(); err != nil {
		fmt.Fprintf(stderr, "names sign: %v\n", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

type command struct {
	file           authority.File
	keyDir, output string
	helper         string // the socket of a key helper, if there is one
	policy         sign.Policy
	now            time.Time
	stdout, stderr io.Writer
}

func (c *command) complete(origin, now string) (err error) {
	if origin != "" {
		if c.file.Origin, err = wire.ParseName(origin); err != nil {
			return fmt.Errorf("--origin %s: %w", origin, err)
		}
	}
	if now != "" {
		if c.now, err = cli.ParseNow(now); err != nil {
			return err
		}
	}
	if c.keyDir == "" {
		c.keyDir = filepath.Dir(c.file.Path)
	}
	if c.output == "" {
		c.output = c.file.Path + ".signed"
	}
	_, err = sign.New(c.policy, nil, nil)
	return err
}

func (c *command) run() error {
	s, err := c.file.Load(nil)
	if err != nil {
		return fmt.Errorf("%s is not signed:\n%w", c.file.Path, err)
	}
	keys, isSet, err := c.keys(s.Origin())
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("zone %s has no keys in %s: \"names keys generate --dir %[2]s %[1]s\" makes one", s.Origin(), c.keyDir)
	}
	if c.helper != "" {
		helper := keyhelper.NewClient(c.helper)
		defer helper.Close()
		sign.UseDevice(keys, helper)
	}
	signer, err := sign.New(c.policy, keys, func() time.Time { return c.now })
	if err != nil {
		return err
	}
	z := authority.NewEmptyZone(s.Origin(), s.Class())
	if s.Signed() != "" {
		z = authority.NewZone(s) // its signatures are kept
	}
	z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{signer.Stage}})
	if err := z.Replace(authority.FromFile, s); err != nil {
		return err
	}
	if err := c.write(z.Snapshot()); err != nil {
		return err
	}
	if isSet {
		if _, err := sign.EditKeySet(c.keyDir, s.Origin(), c.now, func(set *sign.KeySet) error { set.Published(c.now); return nil }); err != nil {
			return err
		}
	}
	signatures := 0
	for r := range z.Snapshot().Unsorted() {
		if r.Type == wire.TypeRRSIG {
			signatures++
		}
	}
	fmt.Fprintf(c.stderr, "%s: zone %s signed: %s, %s, serial %s\n", c.output, s.Origin(),
		cli.Count(len(keys), "key"), cli.Count(signatures, "signature"), z.Snapshot().Serial())
	return nil
}

// keys reads the keys of the zone. If they are exchanged ("names keys roll"), what is
// next is done.
func (c *command) keys(zone wire.Name) (keys []*sign.Key, isSet bool, err error) {
	if !sign.HasKeySet(c.keyDir, zone) {
		keys, err = sign.ReadKeys(c.keyDir, zone)
		return keys, false, err
	}
	set, err := sign.EditKeySet(c.keyDir, zone, c.now, func(set *sign.KeySet) error {
		done, err := set.Advance(c.now)
		for _, t := range done {
			fmt.Fprintln(c.stderr, t)
		}
		return err
	})
	if err != nil {
		return nil, true, err
	}
	return set.Keys, true, nil
}

// write writes the zone as a whole, or leaves what is there.
func (c *command) write(s *authority.Snapshot) error {
	if c.output == "-" {
		return zonefile.WritePortable(c.stdout, s.All())
	}
	err := files.Replace(c.output, func(w io.Writer) error { return zonefile.WritePortable(w, s.All()) })
	if err == nil {
		err = os.Chmod(c.output, 0o644) // what is in it is public
	}
	if err != nil {
		return fmt.Errorf("writing the signed zone: %w", err)
	}
	return nil
}
