package names

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/names-dns/names/wire"
)

// HostsTTL is the TTL of answers from a hosts file, in seconds.
const HostsTTL = 3600

// maxHostsFile bounds a hosts file, in octets: block lists of millions of
// lines are larger than what hosts(5) was made for, and still below.
const maxHostsFile = 256 << 20

// Hosts answers from a file as hosts(5) describes it: A and AAAA for the names
// in it, PTR for the addresses, and no data for other types of a name it has,
// so that a name with one kind of address is not asked for elsewhere. Names and
// addresses that it does not have it passes.
type Hosts struct {
	path string
	file atomic.Pointer[hostsFile]
}

// hostsFile is one version of a file.
type hostsFile struct {
	addresses map[wire.Key][]netip.Addr
	names     map[netip.Addr][]wire.Name
}

// ReadHosts reads the file at path. A file that cannot be read is an error
// here; if that happens later, in [Hosts.Reload], the old contents stay.
func ReadHosts(path string) (*Hosts, error) {
	h := &Hosts{path: path}
	if err := h.Reload(); err != nil {
		return nil, err
	}
	return h, nil
}

// ParseHosts reads the text of a hosts file.
func ParseHosts(text string) *Hosts {
	h := new(Hosts)
	h.file.Store(parseHosts(text))
	return h
}

// Reload reads the file again.
func (h *Hosts) Reload() error {
	f, err := os.Open(h.path)
	if err != nil {
		return err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxHostsFile+1))
	if err != nil {
		return err
	}
	if len(text) > maxHostsFile {
		return fmt.Errorf("%s: hosts file is larger than %d octets", h.path, maxHostsFile)
	}
	h.file.Store(parseHosts(string(text)))
	return nil
}

// parseHosts reads "ADDRESS NAME ALIAS…" lines. Lines without an address and
// names that are none are passed over, as everywhere.
func parseHosts(text string) *hostsFile {
	f := &hostsFile{addresses: map[wire.Key][]netip.Addr{}, names: map[netip.Addr][]wire.Name{}}
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) < 2 {
			continue
		}
		address, err := netip.ParseAddr(words[0])
		if err != nil {
			continue
		}
		address = address.Unmap().WithZone("")
		for _, word := range words[1:] {
			name, err := wire.ParseName(word)
			if err != nil || name.IsRoot() {
				continue
			}
			key := name.Key()
			if !slices.Contains(f.addresses[key], address) {
				f.addresses[key] = append(f.addresses[key], address)
			}
			// The first name of a line is the host's own, the others are aliases.
			if !slices.ContainsFunc(f.names[address], name.Equal) {
				f.names[address] = append(f.names[address], name)
			}
		}
	}
	return f
}

// Addresses returns the addresses of a name, in the order of the file.
func (h *Hosts) Addresses(name wire.Name) []netip.Addr {
	return slices.Clone(h.file.Load().addresses[name.Key()])
}

// Names returns the names of an address, in the order of the file.
func (h *Hosts) Names(address netip.Addr) []wire.Name {
	return slices.Clone(h.file.Load().names[address.Unmap().WithZone("")])
}

// Resolve answers x or passes.
func (h *Hosts) Resolve(_ context.Context, x *Exchange) error { return h.TryResolve(x) }

// TryResolve answers x or passes.
func (h *Hosts) TryResolve(x *Exchange) error {
	q := x.Query.Question
	if q.Class != wire.ClassIN {
		return ErrPass
	}
	f := h.file.Load()
	addresses, known := f.addresses[q.Name.Key()]
	if known {
		return appendAddresses(x, addresses)
	}
	if q.Type != wire.TypePTR && q.Type != wire.TypeANY {
		return ErrPass
	}
	address, ok := wire.AddrFromReverseName(q.Name)
	if !ok {
		return ErrPass
	}
	owners := f.names[address]
	if len(owners) == 0 {
		return ErrPass
	}
	for _, name := range owners {
		if err := x.Reply.Record(q.Name, wire.ClassIN, HostsTTL, &wire.PTR{Target: name}); err != nil {
			return err
		}
	}
	return nil
}

// appendAddresses appends those that are of the type asked for.
func appendAddresses(x *Exchange, addresses []netip.Addr) error {
	q := x.Query.Question
	for _, a := range addresses {
		var err error
		switch {
		case a.Is4() && (q.Type == wire.TypeA || q.Type == wire.TypeANY):
			err = x.Reply.Record(q.Name, wire.ClassIN, HostsTTL, &wire.A{Addr: a})
		case a.Is6() && (q.Type == wire.TypeAAAA || q.Type == wire.TypeANY):
			err = x.Reply.Record(q.Name, wire.ClassIN, HostsTTL, &wire.AAAA{Addr: a})
		}
		if err != nil {
			return err
		}
	}
	return nil
}
