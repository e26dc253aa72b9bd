package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/wire"
)

const serveHelp = `names serve answers DNS queries over UDP and TCP.

Usage:

  names serve [options]
  names serve [options] --bindzone FILE [--pyzone FILE]...
  names serve [options] --recursive --cache

A question is answered from the zones. For what they do not hold, those to whom
recursion is offered get an answer from the cache, the hosts file, or other
servers, asked in that order. Without zones, and with nobody given to ask, the
server resolves from the root, with a cache, for loopback and private networks.

Zones:

  --bindzone [ORIGIN=]FILE  serve the zone in a master file (RFC 1035). Without
                            ORIGIN the zone's name is the first $ORIGIN in the
                            file or else the file's name. A FILE with a = in
                            its name is written as ./FILE.
  --pyzone FILE             serve the zone in a file of Twisted Names' syntax,
                            which is read and not run
  --any-in-full             answer ANY in full over UDP too (otherwise: one
                            RRset over UDP, all of them over TCP)

Recursion:

  --from-root               ask the servers of the names themselves, from the
                            root down
  --root-hints FILE         begin with the root servers in FILE, a master file,
                            not with the ones built in
  --stub ZONE=ADDR[:PORT]   ask this authoritative server about ZONE, not those
                            that its parent names; may be repeated
  --no-qname-min            show every server the whole name (not RFC 9156)
  --do-not-query NET        never ask servers in NET; may be repeated
  --query-localhost         servers may be on loopback addresses
  -r, --recursive           ask the servers of /etc/resolv.conf
  --resolv-conf FILE        ask the servers of FILE, which is watched for changes
  --forward ADDR[:PORT]     ask this server instead; may be repeated
  --forward ZONE=ADDR[:PORT]
                            ask this server about ZONE; may be repeated
  --hosts-file FILE         answer from a hosts file first, which is watched
  --allow-recursion NET     offer all this to NET: a network, an address, or one
                            of loopback, private, any; may be repeated.
                            Default: loopback and private networks
  -c, --cache               remember what was found elsewhere
  --cache-size SIZE         in at most SIZE of memory. Default: 64MiB
  --cache-file FILE         keep the cache in FILE from one start to the next
  --serve-stale[=TIME]      use what expired less than TIME ago (24h) when the
                            servers do not answer

Addresses:

  -i, --interface ADDR      listen on ADDR only: an IP address, or ADDR:PORT;
                            may be repeated. Default: all addresses, IPv4 and IPv6
  -p, --port N              listen on port N. Default: 53
  --workers N               receive on N sockets per address. Default: one per core
  --max-udp-size N          send no datagram larger than N octets. Default: 1232

Identity:

  --nsid TEXT               tell TEXT to those who ask for the server's NSID
                            or for id.server
  --cookie-secret HEX       make cookies with this secret of 16 octets, as do
                            the other servers behind the same address; those
                            repeated are only recognised. Default: random
  --hide-version            do not tell version.bind

Logging:

  -v, --verbose             log each query, and what the cache had; twice: whole
                            messages, and all that the cache does

Zones are checked before anything is bound; a zone with an error stops the
start. SIGHUP reads all zones again: one with an error is kept as it was.
SIGINT and SIGTERM stop the server once queries in progress are answered.

Exit code: 0 after a stop, 1 if the server cannot run, 2 for a wrong command line.

Examples:

  names serve --bindzone example.com
  names serve -i 127.0.0.1 -p 10053 --bindzone example.com=zones/primary.txt
  names serve
  names serve --from-root -c --forward corp.example=10.0.0.53
  names serve --recursive --cache
  names serve -c --forward 192.0.2.53 --forward corp.example=10.0.0.53
  names serve -i ::1 -i 192.0.2.1:5353 --pyzone example-domain.com -v
`

// serveOptions is the command line of names serve.
type serveOptions struct {
	addresses   []netip.AddrPort
	isWildcard  bool // no address was given: all of them are meant
	zones       []authority.File
	anyInFull   bool
	workers     int
	maxUDPSize  int
	nsid        string
	cookies     [][16]byte // secrets
	hideVersion bool
	verbose     level
	recursion   recursionOptions
}

func runServe(args []string, stdout, stderr io.Writer) int {
	var o serveOptions
	if code, done := o.parse(args, stdout, stderr); done {
		return code
	}
	log := slog.New(slog.NewTextHandler(stderr, nil))
	ctx, hangups, stop := watchSignals()
	defer stop()
	if err := serve(ctx, &o, hangups, log, nil); err != nil {
		log.Error("cannot serve", "error", err)
		return exitFailed
	}
	return exitOK
}

func (o *serveOptions) parse(args []string, stdout, stderr io.Writer) (code int, done bool) {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	var interfaces, masterFiles, pyzones, cookieSecrets list
	port := 53
	for _, name := range []string{"i", "interface"} {
		flags.Var(&interfaces, name, "")
	}
	for _, name := range []string{"p", "port"} {
		flags.IntVar(&port, name, port, "")
	}
	for _, name := range []string{"v", "verbose"} {
		flags.Var(&o.verbose, name, "")
	}
	flags.Var(&masterFiles, "bindzone", "")
	flags.Var(&pyzones, "pyzone", "")
	flags.BoolVar(&o.anyInFull, "any-in-full", false, "")
	flags.IntVar(&o.workers, "workers", 0, "")
	flags.IntVar(&o.maxUDPSize, "max-udp-size", 0, "")
	flags.StringVar(&o.nsid, "nsid", "", "")
	flags.Var(&cookieSecrets, "cookie-secret", "")
	flags.BoolVar(&o.hideVersion, "hide-version", false, "")
	completeRecursion := o.recursion.register(flags)
	if code, done := parseFlags(flags, serveHelp, args, stdout, stderr); done {
		return code, true
	}
	if err := completeRecursion(len(masterFiles)+len(pyzones) > 0); err != nil {
		return usageError(stderr, "serve", err), true
	}
	for _, text := range cookieSecrets {
		secret, err := parseCookieSecret(text)
		if err != nil {
			return usageError(stderr, "serve", err), true
		}
		o.cookies = append(o.cookies, secret)
	}
	if err := o.complete(flags.Args(), interfaces, port, pyzones, masterFiles); err != nil {
		return usageError(stderr, "serve", err), true
	}
	return 0, false
}

// complete turns the words of the command line into what they mean.
func (o *serveOptions) complete(rest, interfaces []string, port int, pyzones, masterFiles []string) error {
	if len(rest) > 0 {
		return fmt.Errorf("what is %q? zones are given with --bindzone or --pyzone", rest[0])
	}
	if port < 0 || port > 65535 {
		return fmt.Errorf("port %d is not between 0 and 65535", port)
	}
	if o.workers < 0 || o.workers > 1024 {
		return fmt.Errorf("--workers %d is not between 1 and 1024", o.workers)
	}
	if o.maxUDPSize != 0 && (o.maxUDPSize < 512 || o.maxUDPSize > 4096) {
		return fmt.Errorf("--max-udp-size %d is not between 512 and 4096", o.maxUDPSize)
	}
	if len(o.nsid) > 128 {
		return fmt.Errorf("--nsid is longer than 128 octets")
	}
	for _, text := range interfaces {
		address, err := parseListenAddress(text, uint16(port))
		if err != nil {
			return err
		}
		o.addresses = append(o.addresses, address)
	}
	if len(o.addresses) == 0 {
		o.isWildcard = true
		o.addresses = []netip.AddrPort{
			netip.AddrPortFrom(netip.IPv4Unspecified(), uint16(port)),
			netip.AddrPortFrom(netip.IPv6Unspecified(), uint16(port)),
		}
	}
	for _, path := range pyzones {
		o.zones = append(o.zones, authority.File{Path: path, Format: authority.Pyzone})
	}
	for _, text := range masterFiles {
		file, err := parseMasterFile(text)
		if err != nil {
			return err
		}
		o.zones = append(o.zones, file)
	}
	return nil
}

// parseCookieSecret reads 32 hexadecimal digits. Its error does not repeat what
// was meant to be secret.
func parseCookieSecret(text string) (secret [16]byte, err error) {
	b, err := hex.DecodeString(text)
	if err != nil || len(b) != len(secret) {
		return secret, errors.New("--cookie-secret takes 16 octets as 32 hexadecimal digits")
	}
	return [16]byte(b), nil
}

// parseListenAddress reads ADDR, ADDR:PORT or [ADDR]:PORT.
func parseListenAddress(text string, port uint16) (netip.AddrPort, error) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return netip.AddrPortFrom(a.Unmap(), port), nil
	}
	host, service, err := net.SplitHostPort(text)
	if err == nil {
		a, errAddress := netip.ParseAddr(host)
		n, errPort := strconv.ParseUint(service, 10, 16)
		if errAddress == nil && errPort == nil {
			return netip.AddrPortFrom(a.Unmap(), uint16(n)), nil
		}
	}
	return netip.AddrPort{}, fmt.Errorf("%q is not an IP address, with or without a port", text)
}

// parseMasterFile reads [ORIGIN=]FILE. What starts like a path is one, even if
// there is a = in it: no domain starts with "/", "./" or "../".
func parseMasterFile(text string) (authority.File, error) {
	origin, path, ok := strings.Cut(text, "=")
	if !ok || filepath.IsAbs(text) || strings.HasPrefix(text, "./") || strings.HasPrefix(text, "../") {
		origin, path, ok = "", text, false
	}
	if path == "" {
		return authority.File{}, fmt.Errorf("--bindzone %q names no file", text)
	}
	if !ok {
		return authority.File{Path: path}, nil
	}
	name, err := wire.ParseName(origin)
	if err != nil {
		return authority.File{}, fmt.Errorf("--bindzone %q: %w", text, err)
	}
	return authority.File{Path: path, Origin: name}, nil
}

// serve runs the server until ctx is done. started, if not nil, is called with
// the server once it answers.
func serve(ctx context.Context, o *serveOptions, hangups <-chan struct{}, log *slog.Logger, started func(*listener.Server)) error {
	zones, err := loadZones(o.zones, log)
	if err != nil {
		return err
	}
	set := &authority.Set{FullANY: o.anyInFull}
	if err := set.SetZones(zones.served()); err != nil {
		return err
	}
	parts, err := assemble(o, set, log)
	if err != nil {
		return err
	}
	defer parts.close()
	server, err := listener.Listen(o.listenerConfig(parts.resolver, log))
	if err != nil {
		return err
	}
	for _, address := range server.Addresses() {
		log.Info("listening", "address", address.String())
	}
	if started != nil {
		started(server)
	}
	var beside sync.WaitGroup
	beside.Go(func() { zones.reloadOn(ctx, hangups, set, log) })
	beside.Go(func() { parts.run(ctx) })
	err = server.Serve(ctx)
	beside.Wait()
	log.Info("stopped", "counters", server.Counters())
	return err
}
