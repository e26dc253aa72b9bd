package sign

import (
	"fmt"
	"slices"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// A parent has no reason to believe the first CDS records of a zone, unless the zones of its
// name servers, which are secure already, have copies of them below the names of the
// servers (RFC 9615).

// SignalName is where the copies for a zone are below the name of one of its servers: in
// _dsboot.ZONE._signal.SERVER (RFC 9615 2).
func SignalName(zone, server wire.Name) (wire.Name, error) {
	if server.HasSuffix(zone) { // RFC 9615 4.2: nothing vouches for that name yet
		return server, fmt.Errorf("server %s is in zone %s itself, and cannot vouch for it", server, zone)
	}
	owner, err := server.Prepend("_signal")
	if err != nil {
		return owner, fmt.Errorf("server %s: %w", server, err)
	}
	var labels []string
	for name := zone; !name.IsRoot(); name = name.Parent() {
		labels = append(labels, name.FirstLabel())
	}
	labels = append([]string{signalLabel}, labels...)
	for i := len(labels) - 1; i >= 0; i-- {
		if owner, err = owner.Prepend(labels[i]); err != nil {
			return owner, fmt.Errorf("zone %s below server %s: %w", zone, server, err)
		}
	}
	return owner, nil
}

const signalLabel = "_dsboot"

// isSignal reports whether a record is a copy for another zone.
func isSignal(r *wire.Record) bool {
	return (r.Type == wire.TypeCDS || r.Type == wire.TypeCDNSKEY) && r.Name.FirstLabel() == signalLabel
}

// Signals are the copies that one zone is to have for others: by owner, without the names.
type Signals map[wire.Key]Signal

// Signal is the copies of the records of one zone.
type Signal struct {
	Owner   wire.Name
	Records []wire.Record // CDS and CDNSKEY, whatever their owner
}

// SignalOf is the records of a zone that are copied, and its servers. ok is false if there is
// nothing to copy: the zone has no CDS records, or they ask for no DS records at all (RFC 8078
// 4), which needs no trust that the parent does not have.
func SignalOf(zone *authority.Snapshot) (records []wire.Record, servers []wire.Name, ok bool) {
	for r := range zone.RecordsOf(zone.Origin()) {
		switch r.Type {
		case wire.TypeCDS, wire.TypeCDNSKEY:
			if len(r.Data) < 4 || r.Type == wire.TypeCDS && r.Data[2] == 0 || r.Type == wire.TypeCDNSKEY && r.Data[3] == 0 { // the algorithm
				return nil, nil, false
			}
			records = append(records, r.Clone())
		case wire.TypeNS:
			var ns wire.NS
			c := wire.CursorOver(r.Data)
			if ns.Parse(&c) == nil {
				servers = append(servers, ns.Host)
			}
		}
	}
	return records, servers, len(records) > 0
}

// Put makes these the copies that the zone of a transaction has, and reports how many names
// it changed. Other records stay, also those at the same names; below a zone cut there are none.
func (s Signals) Put(t *authority.Txn) (changed int, err error) {
	has := map[wire.Key][]wire.Record{}
	for r := range t.Base().Unsorted() {
		if isSignal(&r) {
			has[r.Name.Key()] = append(has[r.Name.Key()], r.Clone())
		}
	}
	var differ []*Signal // found before any edit: after one, each look for a zone cut reads all edits
	for key, want := range s {
		if _, isBelow := t.CutOf(want.Owner); !isBelow && !isSameData(has[key], want.Records) {
			differ = append(differ, &want)
		}
	}
	for key, records := range has {
		if _, ok := s[key]; !ok {
			for _, r := range records {
				t.Remove(r)
			}
			changed++
		}
	}
	for _, want := range differ {
		t.RemoveRRset(want.Owner, wire.TypeCDS)
		t.RemoveRRset(want.Owner, wire.TypeCDNSKEY)
		for _, r := range want.Records {
			r.Name = want.Owner
			if err := t.Add(r); err != nil {
				return changed, err
			}
		}
		changed++
	}
	return changed, nil
}

// isSameData compares records but for their owners, in any order.
func isSameData(a, b []wire.Record) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(r wire.Record) bool {
		return !slices.ContainsFunc(b, func(o wire.Record) bool {
			return o.Type == r.Type && o.TTL == r.TTL && string(o.Data) == string(r.Data)
		})
	})
}
