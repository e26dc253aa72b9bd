package sign

import (
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// digest makes the digest of the zone, which everything else but its own signature is part
// of, and signs it (RFC 8976 3.1).
func (p *pass) digest() error {
	if p.policy.ZONEMD == 0 {
		return nil
	}
	r := p.digestRecord(zonemd.Digest(p.origin, p.t.All(), p.policy.ZONEMD))
	if r.Data == nil {
		return nil // the zone is refused for its SOA record
	}
	if err := p.t.Replace(r); err != nil {
		return err
	}
	set := &rrset{
		RRset: dnssec.RRset{Name: p.origin, Type: r.Type, Class: r.Class, TTL: r.TTL, Data: [][]byte{r.Data}},
		keys:  p.signersOf(r.Type),
	}
	if err := p.makeSignatures([]*rrset{set}); err != nil {
		return err
	}
	return p.put(set)
}

// digestRecord is the ZONEMD record with a digest; nil stands for one that is not known yet.
func (p *pass) digestRecord(digest []byte) (r wire.Record) {
	soa := p.t.RRset(p.origin, wire.TypeSOA)
	if len(soa) != 1 {
		return r
	}
	if digest == nil {
		digest = make([]byte, p.policy.ZONEMD.Size())
	}
	return zonemd.RecordOf(soa[0], digest, p.policy.ZONEMD)
}
