package names

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// HostsTTL is the TTL of answers from a hosts file, in seconds.
const HostsTTL = 3600

// MaxHostsFile is the largest hosts file that is read, in octets. Block lists of
// millions of lines are smaller.
const MaxHostsFile = 256 << 20

// Hosts answers from a file as hosts(5) describes it: A and AAAA for the names
// in it, PTR for the addresses, and no data for other types of a name it has,
// so that a name with one kind of address is not asked for elsewhere. Names and
// addresses that it does not have it passes.
//
// The unspecified addresses, which block lists give to every name, have no PTR
// records. Other addresses have those of their first [MaxHostsNames] names.
type Hosts struct {
	path string
	file atomic.Pointer[hostsFile]
}

// ReadHosts reads the file at path. A file that cannot be read, or is not a
// regular file, is an error here; if that happens later, in [Hosts.Reload], the
// old contents stay.
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
	h.Set(text)
	return h
}

// Reload reads the file again.
func (h *Hosts) Reload() error {
	text, err := files.Read(h.path, MaxHostsFile)
	if err != nil {
		return err
	}
	h.file.Store(parseHosts(text))
	return nil
}

// Set replaces the contents by those of text.
func (h *Hosts) Set(text string) { h.file.Store(parseHosts([]byte(text))) }

// Report says what the file holds and what of it is not used.
func (h *Hosts) Report() HostsReport { return h.file.Load().report }

// Addresses returns the addresses of a name, in the order of the file.
func (h *Hosts) Addresses(name wire.Name) []netip.Addr {
	f := h.file.Load()
	var all []netip.Addr
	for e := f.find(name); e != noEntry; e = f.entries[e].next {
		all = append(all, f.addressOf(e))
	}
	return all
}

// Names returns the names of an address, in the order of the file: the first
// [MaxHostsNames], and none for an unspecified address.
func (h *Hosts) Names(address netip.Addr) []wire.Name {
	f := h.file.Load()
	return convert(f.owners[address.Unmap().WithZone("")], func(offset uint32) wire.Name { return f.nameAt(offset).Clone() })
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
	var err error
	if e := f.find(q.Name); e != noEntry {
		err = f.appendAddresses(x, e)
	} else {
		err = f.appendNames(x)
	}
	if err != ErrPass {
		x.MarkAnswered("hosts")
	}
	if errors.Is(err, wire.ErrNoSpace) {
		x.Truncate()
		return nil
	}
	return err
}

// appendAddresses appends those that are of the type asked for, from entry e
// on.
func (f *hostsFile) appendAddresses(x *Exchange, e uint32) error {
	q := x.Query.Question
	for ; e != noEntry; e = f.entries[e].next {
		var err error
		switch a := f.addressOf(e); {
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

// appendNames appends the names of the address that a reverse name is for.
func (f *hostsFile) appendNames(x *Exchange) error {
	q := x.Query.Question
	if q.Type != wire.TypePTR && q.Type != wire.TypeANY {
		return ErrPass
	}
	address, ok := wire.AddrFromReverseName(q.Name)
	if !ok {
		return ErrPass
	}
	owners := f.owners[address]
	if len(owners) == 0 {
		return ErrPass
	}
	for _, offset := range owners {
		if err := x.Reply.Record(q.Name, wire.ClassIN, HostsTTL, &wire.PTR{Target: f.nameAt(offset)}); err != nil {
			return err
		}
	}
	return nil
}
