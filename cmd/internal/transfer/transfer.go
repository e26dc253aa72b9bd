// Package transfer is the command that gets a zone from a server.
package transfer

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names transfer gets a zone from a server (AXFR) as a zone file.

Usage:

  names transfer ZONE @SERVER [options] [FILE]

SERVER is an address or a name, with a port or without. The zone is checked as names
check does, and written as a whole: FILE is as before if anything is wrong. Without
FILE it is printed.

  -p PORT               the server's port (53)
  -k FILE               sign with the TSIG key in FILE
  -y [ALG:]NAME:SECRET  sign with this key; ALG is hmac-sha256 without one
  --from ADDR           use this address of ours
  --timeout TIME        how long to wait for each message (30s)

Exit code: 0 if the zone is there, 1 if not, 2 for a wrong command line.

Examples:

  names transfer example.com @192.0.2.53 example.com.zone
  names transfer example.com @ns1.example.com -k /etc/names/keys | less
`

// command is what a command line says.
type command struct {
	zone    wire.Name
	server  string
	port    uint16
	primary transfer.Primary
	timeout time.Duration
	file    string
}

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("transfer", flag.ContinueOnError)
	port := flags.Uint("p", 0, "")
	keyFile, keyText, from := flags.String("k", "", ""), flags.String("y", "", ""), flags.String("from", "", "")
	timeout := flags.Duration("timeout", 30*time.Second, "")
	words, code, done := cli.ParseWords(flags, Help, args, stdout, stderr)
	if done {
		return code
	}
	c, err := parse(words, *port, *keyText, *from, *timeout)
	if err == nil && *keyFile != "" && *keyText != "" {
		err = errors.New("-k and -y: give one of the two")
	}
	if err != nil {
		return cli.UsageError(stderr, "transfer", err)
	}
	if *keyFile != "" {
		var key wire.TSIGKey
		key, err = cli.ReadTSIGKey(*keyFile)
		c.primary.Key = &key
	}
	if err == nil {
		ctx, stop := cli.UntilStopped()
		defer stop()
		err = c.do(ctx, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintln(stderr, "names transfer:", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// parse reads the words of a command line, which may come in any order.
func parse(words []string, port uint, key, from string, timeout time.Duration) (c *command, err error) {
	c = &command{timeout: timeout}
	for _, word := range words {
		switch {
		case strings.HasPrefix(word, "@"):
			if c.server, c.port, err = cli.ParseServer(word[1:]); err != nil {
				return nil, err
			}
		case c.zone.IsZero():
			if c.zone, err = wire.ParseName(word); err != nil {
				return nil, err
			}
		case c.file == "":
			c.file = word
		default:
			return nil, fmt.Errorf("%q is an argument too many", word)
		}
	}
	switch {
	case c.zone.IsZero():
		return nil, errors.New("say which zone")
	case c.server == "":
		return nil, errors.New("say which server: @SERVER")
	case port > 65535:
		return nil, fmt.Errorf("-p: %d is not a port", port)
	case timeout <= 0:
		return nil, fmt.Errorf("--timeout: %v is not a time", timeout)
	}
	if port != 0 {
		c.port = uint16(port)
	}
	if c.port == 0 {
		c.port = 53
	}
	if key != "" {
		parsed, err := cli.ParseTSIGKey(key)
		if err != nil {
			return nil, fmt.Errorf("-y: %w", err)
		}
		c.primary.Key = &parsed
	}
	if from != "" {
		if c.primary.Source, err = netip.ParseAddr(from); err != nil {
			return nil, fmt.Errorf("--from: %q is not an address", from)
		}
	}
	return c, nil
}

// do gets the zone from the first address of the server that has it.
func (c *command) do(ctx context.Context, stdout, stderr io.Writer) error {
	var addresses []netip.Addr
	if a, err := netip.ParseAddr(c.server); err == nil {
		addresses = []netip.Addr{a}
	} else {
		client, err := names.NewClient(names.ClientConfig{})
		if err == nil {
			addresses, err = client.LookupNetIP(ctx, "ip", c.server)
		}
		if err != nil {
			return fmt.Errorf("server %w", err)
		}
	}
	var last error
	for _, a := range addresses {
		c.primary.Address = netip.AddrPortFrom(a.Unmap(), c.port)
		began := time.Now()
		zone, fetched, err := transfer.FetchZone(ctx, c.primary, transfer.Request{Zone: c.zone, Limits: transfer.Limits{Message: c.timeout, Time: 24 * time.Hour}})
		if err != nil {
			last = errors.Join(last, fmt.Errorf("zone %v from %v: %w", c.zone, c.primary.Address, err))
			continue
		}
		if c.file == "" {
			return zonefile.Write(stdout, zone.All())
		}
		if err := files.Replace(c.file, func(w io.Writer) error { return zonefile.Write(w, zone.All()) }); err != nil {
			return err
		}
		fmt.Fprintf(stderr, "%s: zone %v, serial %v, %d records in %d messages of %d octets, in %v\n", c.file, c.zone, zone.Serial(), zone.Records(), fetched.Messages, fetched.Octets, time.Since(began).Round(time.Millisecond))
		return nil
	}
	return last
}
