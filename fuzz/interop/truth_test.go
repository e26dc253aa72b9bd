//go:build interop

package interop

import (
	"slices"
	"sort"
	"strings"

	"github.com/names-dns/names/wire"
)

// truth is what the zones hold, as a transfer from NSD tells it.
type truth struct {
	Records map[record]bool
	Types   map[string][]wire.Type // by owner
	Zones   []string               // their apexes
}

// learn takes the contents of zones from a server that gives them away.
func learn(s *server, zones []zoneFile) (*truth, error) {
	known := &truth{Records: map[record]bool{}, Types: map[string][]wire.Type{}}
	for _, z := range zones {
		records, err := s.transfer(wire.MustParseName(z.Origin))
		if err != nil {
			return nil, err
		}
		known.Zones = append(known.Zones, strings.ToLower(z.Origin))
		for _, r := range records {
			known.Records[r] = true
			known.Types[r.Owner] = append(known.Types[r.Owner], r.Type)
		}
	}
	return known, nil
}

// owners are the names that own records, in the order of their text.
func (k *truth) owners() []string {
	var names []string
	for owner := range k.Types {
		names = append(names, owner)
	}
	sort.Strings(names)
	return names
}

// has reports whether a zone holds r, or a wildcard that r is made from.
func (k *truth) has(r record) bool {
	if k.Records[r] {
		return true
	}
	for at := r.Owner; at != "" && at != "."; {
		_, at, _ = strings.Cut(at, ".")
		r.Owner = "*." + at
		if k.Records[r] {
			return true
		}
	}
	return false
}

// zoneOf is the apex of the closest zone that owner is in; "" if there is none.
func (k *truth) zoneOf(owner string) string {
	best := ""
	for _, apex := range k.Zones {
		if within(owner, apex) && len(apex) > len(best) {
			best = apex
		}
	}
	return best
}

// belowHash reports whether owner or a name above it owns an NSEC3 record.
func (k *truth) belowHash(owner string) bool {
	for at := owner; at != "" && at != "."; _, at, _ = strings.Cut(at, ".") {
		if slices.Contains(k.Types[at], wire.TypeNSEC3) {
			return true
		}
	}
	return false
}

// within reports whether name is apex or below it, both in lower case.
func within(name, apex string) bool {
	return apex == "." || name == apex || strings.HasSuffix(name, "."+apex)
}
