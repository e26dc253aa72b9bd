package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/names-dns/names/names"
)

const queryHelp = `names query asks a DNS server a question and prints the reply, as dig does.

Usage:

  names query [@SERVER] [options] [NAME] [TYPE] [CLASS] [+options]

The words may stand in any order. SERVER is an address or a name; without one
those of /etc/resolv.conf are asked, or else 127.0.0.1. NAME may be
internationalised (bücher.example); without it the root is meant. TYPE is A without one, NS without a NAME either.

Options:

  -p PORT         the server's port (53, or what resolv.conf says)
  -q NAME         the name, where it looks like something else
  -t TYPE         the type, likewise
  -c CLASS        the class, likewise
  -x ADDR         the name that belongs to an address, type PTR
  -4, -6          use IPv4 only, IPv6 only

What is sent ("no" in front of a word turns it off):

  +tcp, +vc       ask over TCP; otherwise over UDP first, but for type ANY
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
  +padding=N      pad the query to a multiple of N octets

What is printed:

  +short          only the data of the answers
  +all            everything, +noall: nothing but what is turned on behind it
  +cmd, +comments, +stats, +question, +answer, +authority, +additional
  +qr             the query, too
  +ttlid, +class  the TTL and the class of records (on)

Resolving from the root, instead of asking a server to:

  --trace, +trace    ask the servers of the name itself, from the root down, and
                     print each step as it happens: who was asked, what was
                     said, what was believed of it
  --json             print the steps as JSON, one in a line, and nothing else
  --root-hints FILE  begin with the root servers in FILE
  --stub ZONE=ADDR[:PORT]  ask this server about ZONE
  --no-qname-min     show every server the whole name
  --query-localhost  servers may be on loopback addresses

Words with a plus may be cut short as long as only one begins that way.

Exit code: 0 if there was a reply, whatever it says; 1 if there was none or it
could not be read; 2 for a wrong command line.

Examples:

  names query example.com
  names query @127.0.0.1 -p 10053 example.com any
  names query example.com mx +short
  names query -x 192.0.2.1
  names query . dnskey @k.root-servers.net +dnssec +norec
  names query @192.0.2.53 version.bind txt ch +noall +answer
  names query --trace www.example.com aaaa
`

// resolvConf is where the system says which server to ask.
const resolvConf = "/etc/resolv.conf"

func runQuery(args []string, stdout, stderr io.Writer) int {
	o, err := parseQueryArguments(args)
	if err != nil {
		return usageError(stderr, "query", err)
	}
	if o.help {
		fmt.Fprint(stdout, queryHelp)
		return exitOK
	}
	if o.trace.isOn {
		err = trace(context.Background(), o, stdout)
	} else {
		err = query(context.Background(), o, args, stdout, stderr)
	}
	if err != nil {
		fmt.Fprintf(stderr, "names query: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// query asks and prints.
func query(ctx context.Context, o *queryOptions, args []string, stdout, stderr io.Writer) error {
	servers, err := o.servers(ctx)
	if err != nil {
		return err
	}
	var id [2]byte
	rand.Read(id[:]) // never fails
	asked := o.message(binary.BigEndian.Uint16(id[:]))
	packet, err := asked.AppendTo(nil)
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
	asker := names.Asker{
		Timeouts: slices.Repeat([]time.Duration{o.timeout}, o.tries), TCP: o.tcp, KeepTruncated: o.ignoreTC,
		Failed: func(server netip.AddrPort, transport names.Transport, err error) {
			fmt.Fprintf(stderr, ";; %s over %s: %v\n", serverText(server), transport, err)
		},
	}
	r, err := asker.Ask(ctx, packet, servers...)
	switch {
	case err == nil:
		err = out.received(r, o.server, time.Now())
	case ctx.Err() == nil:
		err = errNoReply
	}
	if _, writeErr := stdout.Write(out.text); err == nil {
		err = writeErr
	}
	return err
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
