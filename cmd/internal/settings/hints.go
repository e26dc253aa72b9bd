package settings

import (
	"fmt"
	"net/netip"

	"github.com/names-dns/names/authority/diagnostic"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/recursor"
	"github.com/names-dns/names/wire"
)

// maxRootHints is the largest file of root hints that is read, in octets. The
// one that IANA publishes has 3,300.
const maxRootHints = 1 << 20

// readRootHints reads the servers of the root and their addresses from a master
// file, like the one that IANA publishes.
func readRootHints(path string) ([]recursor.Hint, error) {
	var problems diagnostic.List
	var hints []recursor.Hint
	addresses := map[string][]netip.AddrPort{}
	err := zonefile.ReadFile(path, zonefile.Options{Origin: wire.Root, MaxBytes: maxRootHints}, &problems, func(r *zonefile.Record) error {
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
		return nil, fmt.Errorf("root hints: %w", err)
	}
	found := false
	for i := range hints {
		hints[i].Addresses = addresses[hints[i].Name.Fold().Wire()]
		found = found || len(hints[i].Addresses) > 0
	}
	if !found {
		return nil, fmt.Errorf("root hints: %s has no NS record of the root whose server has an address", path)
	}
	return hints, nil
}
