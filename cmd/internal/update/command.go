// Package update is the command that changes zones on a server, in the language
// of nsupdate.
package update

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
)

// Help is what the command prints about itself.
const Help = `names update changes records of zones on their primary servers by dynamic update
(RFC 2136). It reads what to do in nsupdate's language.

Usage:

  names update [options] [FILE]

Without FILE, or with -, standard input is read.

Options:

  -k FILE            sign with the TSIG key in FILE: key "..." { }, or
                     algorithm:name:secret
  -y [ALG:]NAME:SECRET  sign with this key; others can see it on the command line
  -p PORT            the port of servers (53)
  -t SECONDS         wait that long for each reply (30)
  -d                 print each request and reply
  -v                 accepted and ignored: requests always go over TCP

Lines (names without a dot at their end are absolute, or relative to origin):

  server NAME [PORT]         where to send to; otherwise the zone's primary
  local ADDRESS [PORT]       where to send from
  zone NAME                  the zone; otherwise that of the first name
  origin NAME                what names without a dot end with
  class IN                   the class of the zone
  ttl SECONDS                of records that are added without one
  key [ALG:]NAME SECRET      sign with this key
  [prereq] nxdomain NAME     the name must have no records
  [prereq] yxdomain NAME     the name must have some
  [prereq] nxrrset NAME TYPE         the name must have none of that type
  [prereq] yxrrset NAME TYPE [DATA]  the name must have some, or exactly these
  [update] add NAME [TTL] TYPE DATA  add a record
  [update] del NAME [TYPE [DATA]]    remove a record, an RRset, or all of a name
  show                       print the request
  send, or an empty line     send the request
  answer                     print the last reply
  debug                      the same as -d
  quit                       end without sending

Exit code: 0 if all requests were made, 1 if one was not or could not be read, 2
for a wrong command line.

Examples:

  names update -k /etc/names/dhcp.key changes.txt
  printf 'server 192.0.2.53\nadd www.example.com 300 A 192.0.2.7\nsend\n' | names update -k key
`

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("update", flag.ContinueOnError)
	keyFile := flags.String("k", "", "")
	keyText := flags.String("y", "", "")
	port := flags.Uint("p", 53, "")
	timeout := flags.Uint("t", 30, "")
	debug := flags.Bool("d", false, "")
	flags.Bool("v", false, "")
	if code, done := cli.ParseFlags(flags, Help, args, stdout, stderr); done {
		return code
	}
	s := &session{stdout: stdout, stderr: stderr, debug: *debug}
	err := func() error {
		switch {
		case flags.NArg() > 1:
			return fmt.Errorf("%q is an argument too many", flags.Arg(1))
		case *port == 0 || *port > 65535:
			return fmt.Errorf("-p: %d is not a port", *port)
		case *timeout == 0 || *timeout > 3600:
			return fmt.Errorf("-t: %d is not between 1 and 3600 seconds", *timeout)
		case *keyFile != "" && *keyText != "":
			return errors.New("-k and -y: give one of the two")
		case *keyText != "":
			key, err := cli.ParseTSIGKey(*keyText)
			if err != nil {
				return fmt.Errorf("-y: %w", err)
			}
			s.key = &key
		}
		return nil
	}()
	if err != nil {
		return cli.UsageError(stderr, "update", err)
	}
	s.port, s.timeout = uint16(*port), time.Duration(*timeout)*time.Second
	if *keyFile != "" {
		key, err := cli.ReadTSIGKey(*keyFile)
		if err != nil {
			fmt.Fprintf(stderr, "names update: key: %v\n", err)
			return cli.ExitFailed
		}
		s.key = &key
	}
	input, name := stdin, "standard input"
	if path := flags.Arg(0); path != "" && path != "-" {
		f, err := os.Open(path)
		if err != nil {
			fmt.Fprintf(stderr, "names update: %v\n", err)
			return cli.ExitFailed
		}
		defer f.Close()
		input, name = f, path
	} else if f, ok := stdin.(*os.File); ok {
		if info, err := f.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
			s.prompt = "> "
		}
	}
	ctx, stop := cli.UntilStopped()
	defer stop()
	return s.run(ctx, input, name)
}
