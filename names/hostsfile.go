package names

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/netip"
	"slices"

	"github.com/names-dns/names/wire"
)

// MaxHostsNames is how many names of one address in a hosts file PTR records
// are made for, and maxHostsAddresses how many addresses one name may have.
// Both keep the work for a line, and the size of an answer, in bounds.
const (
	MaxHostsNames     = 64
	maxHostsAddresses = 256
)

// HostsReport says what a hosts file holds, and what of it is not used.
type HostsReport struct {
	Names    int   // different names
	BadLines int   // lines without an address or a name, or with a bad one
	FirstBad int   // the number of the first of them, from 1
	FirstErr error // what is wrong with it
	Dropped  int   // addresses not used because their name has too many
}

// Warn logs what of the file at path is not used, in one line, if anything is.
func (r HostsReport) Warn(path string, log *slog.Logger) {
	if r.BadLines > 0 {
		log.Warn("hosts file has bad lines, which are ignored", "at", fmt.Sprintf("%s:%d", path, r.FirstBad), "error", r.FirstErr, "lines", r.BadLines)
	}
	if r.Dropped > 0 {
		log.Warn("hosts file has names with too many addresses", "file", path, "most", maxHostsAddresses, "ignored", r.Dropped)
	}
}

// hostsFile is one version of a hosts file. A name takes its length and some 25
// octets: block lists have millions.
type hostsFile struct {
	names     []byte       // in wire form, one after another, each spelling of a name once
	entries   []hostsEntry // in the order of the file
	addresses []netip.Addr // each once
	owners    map[netip.Addr][]uint32
	// index holds the number of each name's first entry, at the name's hash or
	// the next free place after it. Its length is a power of two.
	index  []uint32
	seed   maphash.Seed
	report HostsReport
}

// hostsEntry is an address of a name.
type hostsEntry struct {
	name    uint32 // offset in names
	address uint32 // index in addresses
	next    uint32 // the name's next entry
}

// noEntry ends the entries of a name, and marks free places of the index.
const noEntry = ^uint32(0)

// parseHosts reads "ADDRESS NAME ALIAS…" lines. Lines that make no sense are
// left out, as everywhere, and counted.
func parseHosts(text []byte) *hostsFile {
	p := hostsParser{
		hostsFile: &hostsFile{owners: map[netip.Addr][]uint32{}, seed: maphash.MakeSeed()},
		numbers:   map[netip.Addr]uint32{},
	}
	p.rebuildIndex(64)
	number := 0
	for line := range bytes.Lines(text) {
		number++
		line, _, _ = bytes.Cut(line, []byte{'#'})
		if err := p.line(line); err != nil {
			if p.report.BadLines++; p.report.BadLines == 1 {
				p.report.FirstBad, p.report.FirstErr = number, err
			}
		}
	}
	f := p.hostsFile
	f.names, f.entries = slices.Clone(f.names), slices.Clone(f.entries) // without room to grow
	return f
}

// hostsParser makes a hostsFile.
type hostsParser struct {
	*hostsFile
	numbers map[netip.Addr]uint32 // index in addresses

	// The address before: that of a block list is parsed once.
	text   []byte
	number uint32
}

var (
	errNoHostName = errors.New("there is no name after the address")
	errRootName   = errors.New("the root is not a host name")
)

// line reads a line without its comment. A bad name does not keep the others
// from being used.
func (p *hostsParser) line(line []byte) error {
	word, rest := cutField(line)
	if len(word) == 0 {
		return nil
	}
	if err := p.setAddress(word); err != nil {
		return err
	}
	if word, rest = cutField(rest); len(word) == 0 {
		return errNoHostName
	}
	var failure error
	for ; len(word) > 0; word, rest = cutField(rest) {
		if err := p.addName(word); err != nil && failure == nil {
			failure = err
		}
	}
	return failure
}

// cutField cuts the first word off text.
func cutField(text []byte) (word, rest []byte) {
	const blanks = " \t\r\n\v\f"
	text = bytes.TrimLeft(text, blanks)
	if end := bytes.IndexAny(text, blanks); end >= 0 {
		return text[:end], text[end:]
	}
	return text, nil
}

func (p *hostsParser) setAddress(text []byte) error {
	if p.text != nil && bytes.Equal(text, p.text) {
		return nil
	}
	address, err := netip.ParseAddr(string(text))
	if err != nil {
		return fmt.Errorf("%.60q is not an IP address", text)
	}
	address = address.Unmap().WithZone("")
	number, ok := p.numbers[address]
	if !ok {
		number = uint32(len(p.addresses))
		p.addresses = append(p.addresses, address)
		p.numbers[address] = number
	}
	p.text, p.number = text, number
	return nil
}

// addName gives a name the present address.
func (p *hostsParser) addName(text []byte) error {
	start := len(p.names)
	names, err := wire.AppendNameFromText(p.names, text, wire.Root)
	if err != nil {
		return fmt.Errorf("%.60q is not a name: %w", text, err)
	}
	p.names = names
	name := p.nameAt(uint32(start))
	if name.IsRoot() {
		p.names = p.names[:start]
		return errRootName
	}
	place := p.place(name)
	entry := hostsEntry{uint32(start), p.number, noEntry}
	if first := p.index[place]; first == noEntry {
		p.index[place] = uint32(len(p.entries))
		p.report.Names++
	} else {
		if same := p.entries[first].name; p.nameAt(same).Wire() == name.Wire() {
			p.names, entry.name = p.names[:start], same // in other case it is kept as written
		}
		if !p.chain(first) {
			p.names = p.names[:start]
			return nil
		}
	}
	p.entries = append(p.entries, entry)
	p.addOwner(entry)
	if 2*p.report.Names > len(p.index) {
		p.rebuildIndex(2 * len(p.index))
	}
	return nil
}

// chain makes the next entry the last of those of a name that begin with first.
// It reports false if the name has the present address already, or too many.
func (p *hostsParser) chain(first uint32) bool {
	last := first
	for n := 1; ; n++ {
		e := &p.entries[last]
		switch {
		case e.address == p.number:
			return false
		case n == maxHostsAddresses:
			p.report.Dropped++
			return false
		case e.next == noEntry:
			e.next = uint32(len(p.entries))
			return true
		}
		last = e.next
	}
}

// addOwner gives the present address a name: the first of a line is the host's
// own, the others are aliases.
func (p *hostsParser) addOwner(e hostsEntry) {
	address := p.addresses[e.address]
	if owners := p.owners[address]; len(owners) < MaxHostsNames && !address.IsUnspecified() {
		p.owners[address] = append(owners, e.name)
	}
}

// rebuildIndex makes an index of that size.
func (p *hostsParser) rebuildIndex(size int) {
	old := p.index
	p.index = slices.Repeat([]uint32{noEntry}, size)
	for _, e := range old {
		if e != noEntry {
			p.index[p.place(p.nameAt(p.entries[e].name))] = e
		}
	}
}

// find returns the first entry of a name.
func (f *hostsFile) find(name wire.Name) uint32 { return f.index[f.place(name)] }

// place returns where in the index a name is or would be.
func (f *hostsFile) place(name wire.Name) int {
	var room [wire.MaxNameLen]byte
	at := int(maphash.Bytes(f.seed, name.AppendFolded(room[:0]))) & (len(f.index) - 1)
	for f.index[at] != noEntry && !f.nameAt(f.entries[f.index[at]].name).Equal(name) {
		at = (at + 1) & (len(f.index) - 1)
	}
	return at
}

// nameAt returns the name at an offset. It is borrowed: the memory of the file
// does not change once it is parsed.
func (f *hostsFile) nameAt(offset uint32) wire.Name {
	name, _, _ := wire.BorrowName(f.names[offset:])
	return name
}

func (f *hostsFile) addressOf(entry uint32) netip.Addr { return f.addresses[f.entries[entry].address] }
