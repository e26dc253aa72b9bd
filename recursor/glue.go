package recursor

import (
	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/wire"
)

// The address of a name server in the zone that it serves has to come from the
// parent (RFC 9471 3). Some parents leave it out of referrals, and send it only
// in reply to a question for that name.

// fetchGlue asks the servers of the zone above zone for the addresses of one
// of its name servers. Equal questions share one look-up, and one that has failed
// is not repeated for some time.
func (r *Recursor) fetchGlue(f *fetch, q wire.Question, zone wire.Name, stop <-chan struct{}) (*answer, error) {
	key := fetchKeyOf(q)
	key.glueOf = zone.Fold().Wire()
	return r.fetchByKey(f, key, q, stop)
}

// askParent is the only state of a resolution that looks for the glue of a zone.
func askParent(t *resolution) (state, error) {
	q := t.question()
	zone := q.Name.Ancestor(labelsOf(t.fetch.key.glueOf))
	d, err := t.r.delegationOf(zone.Parent())
	if err != nil {
		return nil, err
	}
	t.descend(d)
	t.sendFullName = true
	response, err := t.ask(q)
	if err != nil {
		return nil, err
	}
	glue, err := readGlue(response.message, q.Name)
	if err != nil {
		return nil, err
	}
	switch {
	case len(glue) > 0:
	case response.kind == responseNoData:
		return nil, errNoAddress
	default:
		return nil, errNoGlue
	}
	t.r.storeGlue(zone, glue)
	t.out.answers, t.out.isSecure = glue, false
	return nil, nil
}

// Why the parent did not help. A referral without glue and NXDOMAIN are about the
// addresses of both families.
var (
	errNoGlue    = &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "the zone's parent has no address of its name server"}
	errNoAddress = &Failure{Code: wire.ExtendedErrorNoReachableAuthority, Text: "the zone's parent has no address of that family of its name server"}
)

func labelsOf(zone string) (labels int) {
	for at := 0; zone[at] != 0; at += 1 + int(zone[at]) {
		labels++
	}
	return labels
}

// readGlue returns the addresses of name that stand in message, whether it is a
// referral or an answer.
func readGlue(message []byte, name wire.Name) (glue []wire.Record, err error) {
	var r wire.Reader
	if err := r.Reset(message); err != nil {
		return nil, err
	}
	for {
		h, err := r.Next()
		switch {
		case err == wire.ErrSectionDone:
			if err := r.NextSection(); err != nil {
				return nil, err
			}
			if r.Section() == wire.SectionEnd {
				return glue, nil
			}
		case err != nil:
			return nil, err
		case h.Class != wire.ClassIN || !h.Name.Equal(name) || len(glue) == maxAddresses:
		default:
			if address, ok := addressOf(h.Type, r.Raw()); ok {
				glue = append(glue, wire.Record{Name: name, Type: h.Type, Class: h.Class, TTL: ttlOf(h), Data: address.AsSlice()})
			}
		}
	}
}

// storeGlue adds glue to what is kept of the delegation of zone.
func (r *Recursor) storeGlue(zone wire.Name, glue []wire.Record) {
	found, kept, security, ok := r.cache.FindDelegation(zone, wire.ClassIN, nil)
	if !ok || !found.Equal(zone) {
		return
	}
	m, err := wire.ParseMessage(kept)
	if err != nil {
		return
	}
	m.Additional = append(m.Additional, glue...)
	if b, err := m.AppendTo(nil); err == nil && len(b) <= maxDelegation {
		r.cache.KeepPart(cache.PartDelegation, b, security)
	}
}
