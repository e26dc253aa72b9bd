package main

import (
	"flag"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// recursionOptions is the part of the command line of names serve that says
// what is looked up elsewhere, for whom, and what is remembered of it.
type recursionOptions struct {
	recursive  bool // ask others about everything
	resolvConf string
	servers    []netip.AddrPort // instead of those of resolv.conf
	zones      []forwardedZone  // zones with servers of their own
	root       rootOptions
	hostsFile  string

	cache      bool
	cacheSize  byteSize
	serveStale staleTime
	cacheFile  string

	sourceOptions string // those that say where answers come from

	allow *names.PeerSet
}

// forwardedZone is a zone that certain servers are asked about.
type forwardedZone struct {
	zone    wire.Name
	servers []netip.AddrPort
}

const defaultResolvConf = "/etc/resolv.conf"

// register adds the options to flags. What they mean together is settled by
// the function it returns, once the flags have been parsed; it is told whether
// there are zones to serve beside.
func (o *recursionOptions) register(flags *flag.FlagSet) (complete func(hasZones bool) error) {
	var forwards, allowed list
	others := namesOf(flags)
	o.cacheSize = 64 << 20
	for _, name := range []string{"r", "recursive"} {
		flags.BoolVar(&o.recursive, name, false, "")
	}
	flags.StringVar(&o.resolvConf, "resolv-conf", "", "")
	flags.Var(&forwards, "forward", "")
	flags.StringVar(&o.hostsFile, "hosts-file", "", "")
	for _, name := range []string{"c", "cache"} {
		flags.BoolVar(&o.cache, name, false, "")
	}
	flags.Var(&o.cacheSize, "cache-size", "")
	flags.Var(&o.serveStale, "serve-stale", "")
	flags.StringVar(&o.cacheFile, "cache-file", "", "")
	flags.Var(&allowed, "allow-recursion", "")
	completeRoot := o.root.register(flags)
	return func(hasZones bool) error {
		for _, text := range forwards {
			if err := o.forward(text); err != nil {
				return fmt.Errorf("--forward: %w", err)
			}
		}
		if o.resolvConf != "" && len(o.servers) > 0 {
			return fmt.Errorf("--resolv-conf and --forward both say whom to ask: give one of them")
		}
		if len(o.servers) > 0 || o.resolvConf != "" {
			o.recursive = true
		}
		if !hasZones && !o.isWanted() {
			o.root.isOn, o.cache = true, true // names serve, and nothing else
		}
		if err := completeRoot(o.recursive); err != nil {
			return err
		}
		if o.resolvConf == "" {
			o.resolvConf = defaultResolvConf
		}
		if !o.isWanted() {
			for name, given := range map[string]bool{"--cache": o.cache, "--allow-recursion": len(allowed) > 0, "--serve-stale": o.serveStale > 0, "--cache-file": o.cacheFile != ""} {
				if given {
					return fmt.Errorf("%s has a meaning only with --from-root, --recursive, --forward or --hosts-file", name)
				}
			}
		}
		if o.serveStale > 0 && !o.cache {
			return fmt.Errorf("--serve-stale has a meaning only with --cache")
		}
		if o.cacheFile != "" && !o.cache {
			return fmt.Errorf("--cache-file has a meaning only with --cache")
		}
		o.sourceOptions = sourceOptions(flags, others)
		var err error
		if len(allowed) == 0 {
			allowed = list{"loopback", "private"}
		}
		if o.allow, err = names.ParsePeerSet(allowed...); err != nil {
			return fmt.Errorf("--allow-recursion: %w", err)
		}
		return nil
	}
}

// isWanted reports whether anything is answered that is not from our zones.
func (o *recursionOptions) isWanted() bool {
	return o.recursive || o.root.isOn || len(o.zones) > 0 || o.hostsFile != ""
}

// forward reads ADDR[:PORT] or ZONE=ADDR[:PORT].
func (o *recursionOptions) forward(text string) error {
	if !strings.Contains(text, "=") {
		text = ".=" + text
	}
	name, server, err := parseZoneServer(text)
	if err != nil {
		return err
	}
	if name.IsRoot() {
		o.servers = append(o.servers, server)
		return nil
	}
	o.zones = addZoneServer(o.zones, name, server)
	return nil
}

// parseZoneServer reads ZONE=ADDR[:PORT].
func parseZoneServer(text string) (zone wire.Name, server netip.AddrPort, err error) {
	name, address, ok := strings.Cut(text, "=")
	if !ok {
		return zone, server, fmt.Errorf("%q is not ZONE=ADDR", text)
	}
	if server, err = parseListenAddress(address, 53); err != nil {
		return zone, server, err
	}
	zone, err = wire.ParseName(name)
	return zone, server, err
}

// addZoneServer adds a server of a zone to zones.
func addZoneServer(zones []forwardedZone, name wire.Name, server netip.AddrPort) []forwardedZone {
	for i := range zones {
		if zones[i].zone.Equal(name) {
			zones[i].servers = append(zones[i].servers, server)
			return zones
		}
	}
	return append(zones, forwardedZone{name, []netip.AddrPort{server}})
}

// byteSize is a flag for a number of octets: 64MiB, 500M, 1G, 65536.
type byteSize int64

func (s *byteSize) String() string { return strconv.FormatInt(int64(*s), 10) }

func (s *byteSize) Set(text string) error {
	digits := strings.TrimRight(text, "kKmMgGiBb")
	unit := map[string]int64{"": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "m": 1 << 20, "mib": 1 << 20, "g": 1 << 30, "gib": 1 << 30}[strings.ToLower(text[len(digits):])]
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || unit == 0 || n <= 0 || n > math.MaxInt64/unit {
		return fmt.Errorf("is no size: write it as 64MiB or 1GiB")
	}
	*s = byteSize(n * unit)
	return nil
}

// staleTime is a flag for how long expired data may still serve: the flag
// alone means a day (RFC 8767 5 suggests one to three).
type staleTime time.Duration

func (s *staleTime) String() string   { return time.Duration(*s).String() }
func (s *staleTime) IsBoolFlag() bool { return true }

func (s *staleTime) Set(text string) error {
	switch text {
	case "true":
		*s = staleTime(24 * time.Hour)
		return nil
	case "false":
		*s = 0
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 || d > 7*24*time.Hour {
		return fmt.Errorf("is no time between 1s and 168h")
	}
	*s = staleTime(d)
	return nil
}

// cacheConfig is how the cache is made. What is remembered of servers that are
// asked from the root down comes out of its size.
func (o *recursionOptions) cacheConfig() cache.Config {
	size := int64(o.cacheSize)
	if o.root.isOn {
		const least = 64 << 10 // a cache that small is for tests, and has no room for others
		size = max(size-int64(o.rememberedServers())*recursor.ServerMemory, min(size, least))
	}
	return cache.Config{Size: size, ServeStale: time.Duration(o.serveStale), Prefetch: true}
}

// rememberedServers is how many servers are remembered: for an eighth of the
// memory, but never so few that the root and its neighbours would not fit.
func (o *recursionOptions) rememberedServers() int {
	return min(max(int(int64(o.cacheSize)/8/recursor.ServerMemory), 16), 1<<20)
}
