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
		if p := k.Progress; p == nil || !p.IsForParent() {
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
		owner, err := sign.SignalName(zone, server)
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
