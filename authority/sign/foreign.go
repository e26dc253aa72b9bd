package sign

import (
	"fmt"
	"slices"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Two servers that do not know each other's private keys can sign one zone if the DNSKEY
// records of each have the keys of both (RFC 8901, model 2): whatever a resolver has from
// the one verifies with what it has from the other. The DNSKEY records of the other server
// are records like any others: they come with the zone, and go with an edit.

// foreignKey is the DNSKEY record of a key of another server.
type foreignKey struct {
	data   []byte
	record wire.DNSKEY
}

// foreignKeys are those that the zone has, if the policy keeps them.
func (p *pass) foreignKeys() (all []foreignKey, err error) {
	if !p.policy.ForeignKeys {
		return nil, nil
	}
	for _, r := range p.t.RRset(p.origin, wire.TypeDNSKEY) {
		if p.isOwnKey(r.Data) {
			continue
		}
		k := foreignKey{data: slices.Clone(r.Data)}
		c := wire.CursorOver(r.Data)
		if err := k.record.Parse(&c); err != nil {
			return nil, fmt.Errorf("zone %s: DNSKEY record: %w", p.origin, err)
		}
		all = append(all, k)
	}
	return all, nil
}

// isOwnKey reports whether DNSKEY data is of a key of the signer, in use or not: one that
// was withdrawn must not stay because it seems to be of another server.
func (p *pass) isOwnKey(data []byte) bool {
	return slices.ContainsFunc(p.known, func(k *Key) bool { return string(k.Data()) == string(data) })
}

// checkForeignKeys looks at the DNSKEY records that the transaction brings. What the
// zone had before is not refused: without signatures, it would end.
func (p *pass) checkForeignKeys() error {
	before := p.t.Before()
	for _, r := range p.t.RRset(p.origin, wire.TypeDNSKEY) {
		if p.isOwnKey(r.Data) || before != nil && hasRecord(before, r) {
			continue
		}
		tag := dnssec.KeyTag(r.Data)
		if !p.policy.ForeignKeys {
			return fmt.Errorf("zone %s: DNSKEY record with tag %d: %w", p.origin, tag, ErrForeignKeys)
		}
		var record wire.DNSKEY
		c := wire.CursorOver(r.Data)
		switch err := record.Parse(&c); {
		case err != nil:
			return fmt.Errorf("zone %s: DNSKEY record: %w", p.origin, err)
		case record.Flags&wire.FlagZoneKey == 0 || record.Flags&wire.FlagRevoked != 0 || record.Protocol != 3:
			return fmt.Errorf("zone %s: DNSKEY record with tag %d is not of a key that signs zones: flags %d, protocol %d", p.origin, tag, record.Flags, record.Protocol)
		case !slices.ContainsFunc(p.zoneSigners, func(k *Key) bool { return k.Record.Algorithm == record.Algorithm }):
			// RFC 8901: resolvers may want a signature of each algorithm of the DNSKEY records.
			return fmt.Errorf("zone %s: DNSKEY record with tag %d is of algorithm %v, with which the zone is not signed here: both servers have to use the same", p.origin, tag, record.Algorithm)
		}
	}
	return nil
}

// hasRecord reports whether a version has a record, whatever its TTL.
func hasRecord(s *authority.Snapshot, r wire.Record) bool {
	for have := range s.RecordsOf(r.Name) {
		if have.Type == r.Type && string(have.Data) == string(r.Data) {
			return true
		}
	}
	return false
}
