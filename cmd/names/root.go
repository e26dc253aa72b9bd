package main

import (
	"flag"
	"fmt"
	"net/netip"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// rootOptions is the part of the command line of names serve about resolving
// from the root.
type rootOptions struct {
	isOn           bool
	hintsFile      string
	stubs          []forwardedZone
	wholeNames     bool
	doNotQuery     *names.PeerSet
	queryLocalhost bool
}

// register adds the options to flags. What they mean is settled by the function
// it returns, once the flags have been parsed; it is told whether other servers
// are asked for recursion.
func (o *rootOptions) register(flags *flag.FlagSet) (complete func(isForwarded bool) error) {
	var stubs, doNotQuery list
	flags.BoolVar(&o.isOn, "from-root", false, "")
	flags.StringVar(&o.hintsFile, "root-hints", "", "")
	flags.Var(&stubs, "stub", "")
	flags.BoolVar(&o.wholeNames, "no-qname-min", false, "")
	flags.Var(&doNotQuery, "do-not-query", "")
	flags.BoolVar(&o.queryLocalhost, "query-localhost", false, "")
	return func(isForwarded bool) error {
		if o.isOn && isForwarded {
			return fmt.Errorf("--from-root and --recursive, --forward ADDR or --resolv-conf both say whom to ask: give one of them")
		}
		for name, isGiven := range map[string]bool{
			"--root-hints": o.hintsFile != "", "--stub": len(stubs) > 0, "--no-qname-min": o.wholeNames,
			"--do-not-query": len(doNotQuery) > 0, "--query-localhost": o.queryLocalhost,
		} {
			if isGiven && !o.isOn {
				return fmt.Errorf("%s has a meaning only with --from-root", name)
			}
		}
		for _, text := range stubs {
			name, server, err := parseZoneServer(text)
			if err != nil {
				return fmt.Errorf("--stub: %w", err)
			}
			o.stubs = addZoneServer(o.stubs, name, server)
		}
		if len(doNotQuery) > 0 {
			var err error
			if o.doNotQuery, err = names.ParsePeerSet(doNotQuery...); err != nil {
				return fmt.Errorf("--do-not-query: %w", err)
			}
		}
		return nil
	}
}

// asksOthers reports whether other servers are asked at all.
func (o *recursionOptions) asksOthers() bool {
	return o.recursive || o.root.isOn || len(o.zones) > 0
}

// recursorConfig is how names are resolved from the root.
func (o *recursionOptions) recursorConfig() (recursor.Config, error) {
	c := recursor.Config{
		WholeNames: o.root.wholeNames, DoNotQuery: o.root.doNotQuery, QueryLoopback: o.root.queryLocalhost,
	}
	for _, z := range o.root.stubs {
		c.Zones = append(c.Zones, recursor.ZoneServers{Zone: z.zone, Addresses: z.servers})
	}
	for _, z := range o.zones {
		c.Zones = append(c.Zones, recursor.ZoneServers{Zone: z.zone, Addresses: z.servers, Forward: true})
	}
	if o.root.hintsFile == "" {
		return c, nil
	}
	var err error
	c.Hints, err = readRootHints(o.root.hintsFile)
	return c, err
}

// readRootHints reads the servers of the root and their addresses from a master
// file, like the one that IANA publishes.
func readRootHints(path string) ([]recursor.Hint, error) {
	var problems diagnostic.List
	var hints []recursor.Hint
	addresses := map[string][]netip.AddrPort{}
	err := zonefile.ReadFile(path, zonefile.Options{Origin: wire.Root}, &problems, func(r *zonefile.Record) error {
		switch {
		case r.Type == wire.TypeNS && r.Name.IsRoot():
			name, _, err := wire.NameFromWire(r.Data)
			hints = append(hints, recursor.Hint{Name: name})
			return err
		case r.Type == wire.TypeA || r.Type == wire.TypeAAAA:
			key := r.Name.Fold().Clone().Wire()
			address, _ := netip.AddrFromSlice(r.Data)
			addresses[key] = append(addresses[key], netip.AddrPortFrom(address, 53))
		}
		return nil
	})
	if err == nil {
		err = problems.Err()
	}
	if err != nil {
		return nil, fmt.Errorf("--root-hints: %w", err)
	}
	found := false
	for i := range hints {
		hints[i].Addresses = addresses[hints[i].Name.Fold().Wire()]
		found = found || len(hints[i].Addresses) > 0
	}
	if !found {
		return nil, fmt.Errorf("--root-hints: %s has no NS record of the root whose server has an address", path)
	}
	return hints, nil
}
