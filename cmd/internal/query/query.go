// Package query is the command that asks a server, as dig does.
package query

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Help is what the command prints about itself.
const Help = `names query asks a DNS server a question and prints the reply, as dig does.

Usage:

  names query [@SERVER] [options] [NAME] [TYPE] [CLASS] [+options]

The words may stand in any order. SERVER is an address or a name; without one
those of /etc/resolv.conf are asked, or else 127.0.0.1. NAME may be
internationalised (bücher.example); without it the root is meant. TYPE is A
without one, NS without a NAME either.

Options:

  -p PORT         the server's port (53, or what resolv.conf says); SERVER may
                  have one, too: 192.0.2.1#54, 192.0.2.1:54, [2001:db8::1]:54
  -f FILE         ask the questions in FILE (-: standard input), one in a line,
                  written as on the command line, whose options count for all
  -q NAME         the name, where it looks like something else
  -t TYPE         the type, likewise
  -c CLASS        the class, likewise
  -k FILE         sign the query with the TSIG key in FILE: key {} as in BIND's
                  configuration, or algorithm:name:secret
  -y [ALG:]NAME:SECRET  sign it with this key; ALG is hmac-sha256 without one
  -x ADDR         the name that belongs to an address, type PTR
  -4, -6          use IPv4 only, IPv6 only

What is sent ("no" in front of a word turns it off):

  +tcp, +vc       ask over TCP; otherwise over UDP first, but for type ANY
  +tls, +quic, +https[=PATH]  ask over TLS, QUIC, HTTPS; +http3: HTTPS over QUIC;
                  +https-get: by GET. @tls://9.9.9.9#dns.quad9.net and other URLs
                  (docs/upstreams.md) do so too, and prove the server
  +tls-ca[=FILE], +tls-hostname=NAME  the server has to have a certificate for
                  NAME, or for what it is asked as, from an authority in FILE, or
                  of the system. Without these any certificate will do
  +tls-pin=KEY    the server has to have this key, SHA-256 in base64
  +tls-certfile=FILE, +tls-keyfile=FILE  a certificate and key to show to it
  +ignore         take a truncated reply as it is; otherwise ask over TCP
  +time=SECONDS   wait that long for a reply (5)
  +tries=N        ask N times over (3); +retry=N: once more than N
  +recurse        set RD, recursion desired (on)
  +ad, +cd        set AD (on), CD (off)
  +opcode=N       another opcode than QUERY, number or name
  +edns[=N]       send EDNS (on), of version N (0)
  +bufsize=N      largest reply over UDP (1232)
  +dnssec, +do    ask for DNSSEC records
  +nsid           ask the server for its name
  +cookie[=HEX]   send a cookie (on): this one, or a new one
  +subnet=ADDR[/LEN]  ask on behalf of a network; +subnet=0: of none
  +expire, +keepalive  send these options
  +padding=N      pad the query to a multiple of N octets (128 if it is encrypted)

What is printed:

  +short          only the data of the answers
  +all            everything, +noall: only what is turned on after it
  +cmd, +comments, +stats, +question, +answer, +authority, +additional
  +qr             the query, too
  +ttlid, +class  the TTL and the class of records (on)

Resolving from the root, instead of asking a server to:

  --trace, +trace    ask the servers of the name itself, from the root down, and
                     print each step as it happens: who was asked, what was
                     said, what was believed of it, which key signed it
  --json             print the steps as JSON, one in a line, and nothing else
  --root-hints FILE  begin with the root servers in FILE
  --stub ZONE=ADDR[:PORT]  ask this server about ZONE
  --trust-anchor FILE  prove answers with the DNSSEC keys in FILE. Without
                     --root-hints and --stub: with the root's keys
  --now TIME         judge signatures as at TIME (2026-11-30T00:00:00Z)
  --no-qname-min     show every server the whole name
  --query-localhost  servers may be on loopback addresses

Words with a plus may be cut short as long as only one begins that way.

TYPE may be AXFR, a whole zone, or IXFR=SERIAL, what has changed in a zone since it
had that serial number: records are printed as they come. If a message is not
signed, though the query was, or the end does not come, the exit code is 1.

Exit code: 0 if there was a reply, whatever it says; 1 if there was none or it
could not be read; 2 for a wrong command line.

Examples:

  names query example.com
  names query @127.0.0.1 -p 10053 example.com any
  names query example.com mx +short
  names query -x 192.0.2.1
  names query . dnskey @k.root-servers.net +dnssec +norecurse
  names query @192.0.2.53 version.bind txt ch +noall +answer
  names query @192.0.2.53 example.com axfr -k /etc/names/keys
  names query @192.0.2.53 example.com ixfr=2026113001
  names query --trace www.example.com aaaa
  names query @9.9.9.9 +tls-hostname=dns.quad9.net example.com
  names query @https://dns.quad9.net/dns-query example.com
`

// resolvConf is where the system says which server to ask.
const resolvConf = "/etc/resolv.conf"

// Run runs the command with its arguments and returns its exit code.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	o, err := parseQueryArguments(args)
	switch {
	case err == nil && o.help:
		fmt.Fprint(stdout, Help)
		return cli.ExitOK
	case o != nil && o.file != "": // its lines complete what args began
		return runFile(o.file, args, stdin, stdout, stderr)
	case err != nil:
		return cli.UsageError(stderr, "query", err)
	}
	return runOne(o, args, stdout, stderr)
}

// runOne asks one question.
func runOne(o *queryOptions, args []string, stdout, stderr io.Writer) int {
	var err error
	if o.keyFile != "" {
		var key wire.TSIGKey
		key, err = cli.ReadTSIGKey(o.keyFile)
		o.key = &key
	}
	if err != nil {
		fmt.Fprintf(stderr, "names query: key: %v\n", err)
		return cli.ExitFailed
	}
	if o.trace.isOn {
		err = trace(context.Background(), o, stdout)
	} else if o.isTransfer() {
		err = transferZone(context.Background(), o, args, stdout)
	} else {
		err = query(context.Background(), o, args, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "names query: %v\n", err)
		return cli.ExitFailed
	}
	return cli.ExitOK
}

// maxFileLine is longer than any command line that makes sense, in octets.
const maxFileLine = 4096

// runFile asks the questions of a file, one in a line, each with the options of
// the command line before its own. The exit code is the worst of all.
func runFile(path string, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	name, from := path, stdin
	if path == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(path)
		if err != nil {
			fmt.Fprintf(stderr, "names query: %s: %v\n", path, cli.WithoutPath(err))
			return cli.ExitFailed
		}
		defer f.Close()
		from = f
	}
	worst := cli.ExitOK
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, maxFileLine), maxFileLine)
	n := 0
	for lines.Scan() {
		n++
		words := strings.Fields(lines.Text())
		if len(words) == 0 || words[0][0] == '#' || words[0][0] == ';' {
			continue
		}
		all := slices.Concat(args, words)
		o, err := parseQueryArguments(all)
		if err == nil && o.file != path {
			err = errors.New("-f cannot be used in a file")
		}
		if err != nil {
			fmt.Fprintf(stderr, "names query: %s:%d: %v\n", name, n, err)
			worst = cli.ExitUsage
			continue
		}
		worst = max(worst, runOne(o, all, stdout, stderr))
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("line is longer than %d octets", maxFileLine)
		}
		fmt.Fprintf(stderr, "names query: %s:%d: %v\n", name, n+1, cli.WithoutPath(err))
		worst = max(worst, cli.ExitFailed)
	}
	return worst
}

// query asks and prints.
func query(ctx context.Context, o *queryOptions, args []string, stdout, stderr io.Writer) error {
	servers, err := o.servers(ctx)
	if err != nil {
		return err
	}
	var id [2]byte
	if e := &o.encryption; e.protocol != names.HTTPS && e.protocol != names.QUIC { // RFC 8484 4.1, RFC 9250 4.2.1
		rand.Read(id[:]) // never fails
	}
	asked := o.message(binary.BigEndian.Uint16(id[:]))
	packet, err := asked.AppendTo(nil)
	var session *wire.TSIGSession
	if err == nil && o.key != nil {
		packet, session, err = o.key.Sign(packet, time.Now())
	}
	if err != nil {
		return fmt.Errorf("query cannot be sent: %w", err)
	}
	out := queryPrinter{display: o.show}
	if o.show.command && !o.show.short {
		out.command(args)
	}
	if o.show.query && !o.show.short {
		out.sent(asked, len(packet))
	}
	failed := func(server netip.AddrPort, transport names.Transport, err error) {
		fmt.Fprintf(stderr, ";; %s over %s: %v\n", serverText(server), transport, err)
	}
	var r *names.Reply
	if o.encryption.protocol.IsEncrypted() {
		var state *tls.ConnectionState
		r, state, err = o.askEncrypted(ctx, packet, servers, failed)
		out.handshake(state, &o.encryption)
	} else {
		querier := names.Querier{
			Timeouts: slices.Repeat([]time.Duration{o.timeout}, o.tries), TCP: o.tcp, KeepTruncated: o.ignoreTC, Failed: failed,
		}
		r, err = querier.Query(ctx, packet, servers...)
	}
	switch {
	case err == nil:
		err = out.received(r, o.server, time.Now())
		if err == nil && session != nil {
			if err = session.Verify(r.Message, time.Now()); err != nil {
				err = fmt.Errorf("reply from %s is not to be trusted: %w", serverText(r.Server), err)
			}
		}
	case ctx.Err() == nil && !o.encryption.protocol.IsEncrypted():
		err = errNoReply
	}
	if _, writeErr := stdout.Write(out.text); err == nil {
		err = writeErr
	}
	return err
}

// isTransfer reports whether a zone is asked for, or what has changed in one.
func (o *queryOptions) isTransfer() bool {
	return o.question.Type == wire.TypeAXFR || o.question.Type == wire.TypeIXFR
}

var errNoReply = errors.New("no server replied")

// servers returns the addresses to ask.
func (o *queryOptions) servers(ctx context.Context) ([]netip.AddrPort, error) {
	var addrs []netip.Addr
	if o.server == "" {
		return o.systemServers(resolvConf)
	} else if addr, err := netip.ParseAddr(o.server); err == nil {
		if !o.accepts(addr) {
			return nil, fmt.Errorf("server %v cannot be asked over %s", addr, familyText(o.family))
		}
		addrs = []netip.Addr{addr}
	} else {
		var client *names.Client
		if client, err = names.NewClient(names.ClientConfig{ToASCII: toASCII}); err == nil {
			addrs, err = client.LookupNetIP(ctx, o.family, o.server)
		}
		if err != nil {
			return nil, fmt.Errorf("server %w", err)
		}
	}
	servers := make([]netip.AddrPort, len(addrs))
	for i, addr := range addrs {
		servers[i] = netip.AddrPortFrom(addr.Unmap(), o.serverPort(0))
	}
	return servers, nil
}

// systemServers returns the servers in the file that may be asked, or else this
// machine.
func (o *queryOptions) systemServers(path string) ([]netip.AddrPort, error) {
	conf, err := names.ReadResolvConf(path)
	if err != nil {
		return nil, err
	}
	var servers []netip.AddrPort
	for _, s := range conf.Servers {
		if o.accepts(s.Addr()) {
			servers = append(servers, netip.AddrPortFrom(s.Addr(), o.serverPort(s.Port())))
		}
	}
	if len(servers) > 0 {
		return servers, nil
	}
	here := netip.MustParseAddr("127.0.0.1")
	if !o.accepts(here) {
		here = netip.IPv6Loopback()
	}
	return []netip.AddrPort{netip.AddrPortFrom(here, o.serverPort(0))}, nil
}

// serverPort is the port of the command line, or else known, or else 53.
func (o *queryOptions) serverPort(known uint16) uint16 {
	if port := o.encryption.defaultPort(); port != 0 {
		return cmp.Or(o.port, port)
	}
	const dns = 53
	return cmp.Or(o.port, known, dns)
}

// accepts reports whether -4 and -6 allow an address.
func (o *queryOptions) accepts(addr netip.Addr) bool {
	switch o.family {
	case "ip4":
		return addr.Unmap().Is4()
	case "ip6":
		return !addr.Unmap().Is4()
	}
	return true
}

func familyText(family string) string {
	if family == "ip6" {
		return "IPv6"
	}
	return "IPv4"
}

// serverText is an address and a port as dig writes them.
func serverText(server netip.AddrPort) string {
	return fmt.Sprintf("%v#%d", server.Addr(), server.Port())
}
