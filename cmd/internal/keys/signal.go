package keys

import (
	"errors"
	"fmt"
	"io"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/authority/zonefile"
	"github.com/names-dns/names/wire"
)

// signal prints the records by which the zones of name servers, which are secure already,
// vouch for the first keys of a zone: copies of its CDS and CDNSKEY records, below the name
// of each server (RFC 9615 4.1).
func signal(out io.Writer, zone wire.Name, o options) error {
	if len(o.servers) == 0 {
		return errors.New("name the servers of the zone, as its NS records have them")
	}
	set, err := open(zone, o)
	if err != nil {
		return err
	}
	var data []wire.Record
	for _, k := range set.Keys {
		if p := k.Progress; p == nil || p.Goal != sign.Omnipresent || p.Role == sign.RoleZone || p.Parts[sign.PartDS].State == sign.Hidden {
			continue
		}
		ds, err := k.DS(zone, uint8(o.digest))
		if err != nil {
			return err
		}
		data = append(data, wire.Record{Type: wire.TypeCDS, Data: ds.AppendTo(nil, nil)}, wire.Record{Type: wire.TypeCDNSKEY, Data: k.Data()})
	}
	if len(data) == 0 {
		return fmt.Errorf("zone %s has no key yet of which the parent is to have a DS record: \"names keys list\" shows from when", zone)
	}
	for _, server := range o.servers {
		owner, err := signalName(zone, server)
		if err != nil {
			return err
		}
		for _, r := range data {
			r.Name, r.Class, r.TTL = owner, wire.ClassIN, 3600
			if _, err := out.Write(zonefile.AppendRecord(nil, &r)); err != nil {
				return err
			}
		}
	}
	return nil
}

// signalName is where the records for a zone are below the name of one of its servers.
func signalName(zone, server wire.Name) (wire.Name, error) {
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
	labels = append([]string{"_dsboot"}, labels...)
	for i := len(labels) - 1; i >= 0; i-- {
		if owner, err = owner.Prepend(labels[i]); err != nil {
			return owner, fmt.Errorf("zone %s below server %s: %w", zone, server, err)
		}
	}
	return owner, nil
}
