package recursor

import (
	"slices"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// An answer made from a wildcard is proved by NSEC or NSEC3 records: no name
// closer to the one asked for exists (RFC 4035 3.1.3.3, RFC 5155 7.2.6). A
// validator needs that of each alias of a chain. So the proof is kept with its
// alias, and goes wherever that goes.

// isExpanded reports whether the alias with that owner was made from a
// wildcard: its signature says that it has fewer labels (RFC 4034 3.1.3). signer
// is the zone.
func isExpanded(answers []wire.Record, owner wire.Name) (signer wire.Name, ok bool) {
	for i := range answers {
		r := &answers[i]
		if r.Type != wire.TypeRRSIG || len(r.Data) < 19 || coveredType(r) != wire.TypeCNAME ||
			int(r.Data[3]) >= dnssec.LabelCount(owner) || !r.Name.Equal(owner) {
			continue
		}
		signer, _, err := wire.NameFromWire(r.Data[18:])
		return signer, err == nil
	}
	return wire.Name{}, false
}

// proofOf calls yield with each record that may prove that the alias with that
// owner was rightly made from a wildcard.
func (a *answer) proofOf(owner wire.Name, yield func(*wire.Record) error) error {
	signer, ok := isExpanded(a.answers, owner)
	if !ok {
		return nil
	}
	for i := range a.authority {
		if r := &a.authority[i]; isDenial(r) && r.Name.HasSuffix(signer) {
			if err := yield(r); err != nil {
				return err
			}
		}
	}
	return nil
}

// addProofs adds what proves the aliases of a to the answer.
func (t *resolution) addProofs(a *answer) {
	for i := range a.answers {
		if a.answers[i].Type == wire.TypeCNAME {
			a.proofOf(a.answers[i].Name, t.addProof)
		}
	}
}

// addProof adds a record to the authority section, unless it is there: one
// record may prove several things.
func (t *resolution) addProof(r *wire.Record) error {
	isSame := func(o wire.Record) bool { return isSameRecord(&o, r) }
	if len(t.out.authority) < maxRecords && !slices.ContainsFunc(t.out.authority, isSame) {
		t.out.authority = append(t.out.authority, *r)
	}
	return nil
}
