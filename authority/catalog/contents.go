package catalog

import (
	"errors"
	"fmt"
	"slices"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// Member is a zone as a catalog has it.
type Member struct {
	Zone wire.Name
	// ID is the label of the member's node. If it changes, the zone is another
	// one, of which nothing is to be kept (RFC 9432 5.4).
	ID string
	// Groups are the member's values of the property group, sorted; none if there
	// is none, or it is malformed (RFC 9432 4.3.2).
	Groups []string
	// NewOwner is the catalog that may take the zone over, by the property coo (RFC
	// 9432 4.3.1). No name: none.
	NewOwner wire.Name
}

var (
	// ErrVersion says that a catalog has no version that is known (RFC 9432 4.2.1).
	ErrVersion = errors.New("catalog zone has no version property of value 2")
	// ErrBroken says that a catalog contradicts itself (RFC 9432 4.1).
	ErrBroken = errors.New("catalog zone is broken")
)

// contents is what the records of one catalog say, kept up to date with its changes.
type contents struct {
	catalog  wire.Name
	zones    wire.Name // the name below which members are
	version  wire.Name
	versions [][]byte         // data of its TXT records
	nodes    map[string]*node // by the ID in lower case
	broken   int              // nodes with more than one PTR record
	byZone   map[wire.Key][]*node
	changed  map[wire.Key]bool // zones whose nodes have changed since they were looked at
}

// node is what a catalog has at and below one member's name.
type node struct {
	id       string
	zones    []wire.Name // PTR records
	groups   [][]byte    // TXT records of group
	newOwner []wire.Name // PTR records of coo
}

func newContents(catalog wire.Name) (*contents, error) {
	zones, err := catalog.Prepend("zones")
	if err != nil {
		return nil, fmt.Errorf("catalog zone %v: %w", catalog, err)
	}
	version, err := catalog.Prepend("version")
	if err != nil {
		return nil, fmt.Errorf("catalog zone %v: %w", catalog, err)
	}
	return &contents{
		catalog: catalog, zones: zones, version: version,
		nodes: map[string]*node{}, byZone: map[wire.Key][]*node{}, changed: map[wire.Key]bool{},
	}, nil
}

// load takes all records of a version.
func (c *contents) load(s *authority.Snapshot) {
	for key := range c.byZone {
		c.changed[key] = true
	}
	c.versions, c.nodes, c.broken, c.byZone = nil, map[string]*node{}, 0, map[wire.Key][]*node{}
	for r := range s.Unsorted() {
		c.change(&r, true)
	}
}

// apply takes what has changed.
func (c *contents) apply(changes *authority.ChangeSet) {
	for i := range changes.Removed {
		c.change(&changes.Removed[i], false)
	}
	for i := range changes.Added {
		c.change(&changes.Added[i], true)
	}
}

// change adds or removes one record. What is not a property that is known is
// ignored (RFC 9432 4.3, 4.4).
func (c *contents) change(r *wire.Record, isAdded bool) {
	if r.Type == wire.TypeTXT && r.Name.Equal(c.version) {
		c.versions = changeData(c.versions, r.Data, isAdded)
		return
	}
	if !r.Name.HasSuffix(c.zones) {
		return
	}
	switch r.Name.LabelCount() - c.zones.LabelCount() {
	case 1:
		if r.Type == wire.TypePTR {
			c.changeZone(r, isAdded)
		}
	case 2:
		property := r.Name.FirstLabel()
		n := c.node(r.Name.Parent().FirstLabel())
		switch {
		case r.Type == wire.TypeTXT && foldLabel(property) == "group":
			n.groups = changeData(n.groups, r.Data, isAdded)
		case r.Type == wire.TypePTR && foldLabel(property) == "coo":
			n.newOwner = changeNames(n.newOwner, targetOf(r), isAdded)
		default:
			return
		}
		c.touch(n)
		c.tidy(n)
	}
}

// changeZone adds or removes the PTR record of a member.
func (c *contents) changeZone(r *wire.Record, isAdded bool) {
	n := c.node(r.Name.FirstLabel())
	c.unlink(n)
	n.zones = changeNames(n.zones, targetOf(r), isAdded)
	c.link(n)
	c.tidy(n)
}

// unlink and link take a node out of what is known of its zones and back.
func (c *contents) unlink(n *node) {
	c.touch(n)
	if len(n.zones) > 1 {
		c.broken--
	}
	for _, zone := range n.zones {
		key := zone.Key()
		if c.byZone[key] = slices.DeleteFunc(c.byZone[key], func(o *node) bool { return o == n }); len(c.byZone[key]) == 0 {
			delete(c.byZone, key)
		}
	}
}

func (c *contents) link(n *node) {
	if len(n.zones) > 1 {
		c.broken++
	}
	for _, zone := range n.zones {
		key := zone.Key()
		c.byZone[key] = append(c.byZone[key], n)
	}
	c.touch(n)
}

func (c *contents) touch(n *node) {
	for _, zone := range n.zones {
		c.changed[zone.Key()] = true
	}
}

func (c *contents) node(label string) *node {
	id := foldLabel(label)
	n := c.nodes[id]
	if n == nil {
		n = &node{id: id}
		c.nodes[id] = n
	}
	return n
}

// tidy forgets a node without records.
func (c *contents) tidy(n *node) {
	if len(n.zones)+len(n.groups)+len(n.newOwner) == 0 {
		delete(c.nodes, n.id)
	}
}

// check reports why the catalog must not be processed.
func (c *contents) check() error {
	if len(c.versions) != 1 || string(c.versions[0]) != "\x012" {
		return fmt.Errorf("%v: %w", c.catalog, ErrVersion)
	}
	if c.broken == 0 {
		return nil
	}
	for _, n := range c.nodes {
		if len(n.zones) > 1 {
			return fmt.Errorf("%v: %w: member %q has %d PTR records", c.catalog, ErrBroken, n.id, len(n.zones))
		}
	}
	return nil
}

// member is what the catalog says of a zone; nil if it does not have it. If several
// nodes have it, that with the ID before counts, or else the first in order.
func (c *contents) member(zone wire.Key, before string) *Member {
	var found *node
	for _, n := range c.byZone[zone] {
		if found == nil || n.id == before || found.id != before && n.id < found.id {
			found = n
		}
	}
	if found == nil {
		return nil
	}
	m := &Member{ID: found.id, Zone: found.zones[0]}
	for _, data := range found.groups {
		if len(data) > 0 && int(data[0]) == len(data)-1 { // one string (RFC 9432 4.3.2)
			m.Groups = append(m.Groups, string(data[1:]))
		}
	}
	slices.Sort(m.Groups)
	if len(found.newOwner) == 1 {
		m.NewOwner = found.newOwner[0]
	}
	return m
}

func changeData(list [][]byte, data []byte, isAdded bool) [][]byte {
	list = slices.DeleteFunc(list, func(other []byte) bool { return string(other) == string(data) })
	if isAdded {
		list = append(list, slices.Clone(data))
	}
	return list
}

func changeNames(list []wire.Name, name wire.Name, isAdded bool) []wire.Name {
	if name.IsZero() {
		return list
	}
	list = slices.DeleteFunc(list, func(other wire.Name) bool { return other.Equal(name) })
	if isAdded {
		list = append(list, name)
	}
	return list
}

// targetOf is the name in the data of a PTR record.
func targetOf(r *wire.Record) wire.Name {
	name, _, err := wire.NameFromWire(r.Data)
	if err != nil {
		return wire.Name{}
	}
	return name
}

func foldLabel(label string) string {
	b := []byte(label)
	for i := range b {
		b[i] = wire.FoldByte(b[i])
	}
	return string(b)
}
