package recursor

import (
	"encoding/binary"
	"net/netip"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/wire"
)

// rrset is an RRset as it goes from a reply to the cache: with the signatures
// that cover it.
type rrset struct {
	owner      wire.Name
	kind       wire.Type
	records    []wire.Record
	signatures []wire.Record // RRSIG
}

// part is what a response says of one name on the way from the question to the
// answer: an alias with the DNAME record that it follows from, under type CNAME,
// or what the last name has of the type asked for. It is validated and kept as a
// whole, so the proofs that a negative answer or a wildcard needs are in it.
type part struct {
	question        wire.Question
	rcode           wire.RCode
	isAuthoritative bool
	answer          []rrset
	authority       []rrset // the SOA record of a negative answer, and proofs
	security        cache.Security
	why             *wire.ExtendedError // it is insecure, for clients; nil: they need not know
	maxTTL          uint32              // for how long it may be kept, in seconds; 0: its TTLs say
	servers         []netip.AddrPort    // that sent it and what was bogus before it, if they are known
}

// parts returns what the response says, name by name.
func (r *response) parts() []part {
	s := &r.scrubber
	if r.kind == responseReferral {
		return []part{r.referralPart()}
	}
	isAuthoritative := s.reader.Header().Flags.Has(wire.FlagAA)
	parts := make([]part, 0, s.links)
	for _, owner := range s.names[:s.links-1] {
		p := part{question: wire.Question{Name: owner, Type: wire.TypeCNAME, Class: wire.ClassIN}, isAuthoritative: isAuthoritative}
		p.answer = rrsetsOf(s.recordsOf(owner, wire.TypeCNAME), wire.TypeCNAME)
		var proofs []wire.Record
		s.out.proofOf(owner, func(r *wire.Record) error {
			proofs = append(proofs, *r)
			return nil
		})
		p.authority = rrsetsOf(proofs, wire.TypeCNAME)
		parts = append(parts, p)
	}
	if r.kind == responseCNAME {
		return parts
	}
	q := wire.Question{Name: s.last(), Type: s.question.Type, Class: wire.ClassIN}
	records := s.recordsOf(q.Name, q.Type)
	if s.tooLong {
		records = s.out.answers // the DNAME record that makes the name too long
	}
	return append(parts, part{
		question: q, rcode: s.out.rcode, isAuthoritative: isAuthoritative,
		answer: rrsetsOf(records, q.Type), authority: rrsetsOf(s.out.authority, q.Type),
	})
}

// referralPart returns what a referral says of the DS records of the zone it
// refers to: those, or what proves that there are none.
func (r *response) referralPart() part {
	p := part{question: wire.Question{Name: r.child, Type: wire.TypeDS, Class: wire.ClassIN}}
	var ds, proofs []wire.Record
	reader := &r.scrubber.reader
	if goTo(reader, r.message, wire.SectionAuthority) != nil {
		return p
	}
	records, err := readRecords(reader, int(reader.Header().Counts[wire.SectionAuthority]))
	if err != nil {
		return p
	}
	for i := range records {
		record := &records[i]
		switch {
		case record.Class != wire.ClassIN || !record.Name.HasSuffix(r.scrubber.zone):
		case record.Name.Equal(r.child) && coveredType(record) == wire.TypeDS:
			ds = append(ds, *record)
		case isDenial(record):
			proofs = append(proofs, *record)
		}
	}
	p.answer, p.authority = rrsetsOf(ds, wire.TypeDS), rrsetsOf(proofs, wire.TypeDS)
	return p
}

// recordsOf returns the records of the answer that belong to owner and type t.
func (s *scrubber) recordsOf(owner wire.Name, t wire.Type) (records []wire.Record) {
	for i := range s.out.answers {
		if t == wire.TypeANY && s.out.answers[i].Name.Equal(owner) || s.isOfLink(&s.out.answers[i], owner, t) {
			records = append(records, s.out.answers[i])
		}
	}
	return records
}

// partOf returns what the cache has as the answer to q, as it was kept.
func partOf(q wire.Question, a *answer) part {
	return part{
		question: q, rcode: a.rcode, isAuthoritative: a.isAuthoritative, security: a.security,
		answer: rrsetsOf(a.answers, q.Type), authority: rrsetsOf(a.authority, q.Type),
	}
}

// setKey is what makes records an RRset.
type setKey struct {
	owner wire.Key
	kind  wire.Type
}

// rrsetsOf makes RRsets of records, in the order of their first ones. Signatures
// of RRsets that are not there are left out; they are RRsets themselves only if
// that is what was asked for.
func rrsetsOf(records []wire.Record, asked wire.Type) []rrset {
	if len(records) == 0 {
		return nil
	}
	sets := make([]rrset, 0, min(len(records), 8))
	var index map[setKey]int // once there are many: to compare all would cost the square of their number
	find := func(owner wire.Name, kind wire.Type) int {
		if index != nil {
			if i, ok := index[setKey{owner.Key(), kind}]; ok {
				return i
			}
			return -1
		}
		for i := range sets {
			if sets[i].kind == kind && sets[i].owner.Equal(owner) {
				return i
			}
		}
		return -1
	}
	for i := range records {
		record := &records[i]
		if record.Type == wire.TypeRRSIG && asked != wire.TypeRRSIG {
			continue
		}
		at := find(record.Name, record.Type)
		if at < 0 {
			at = len(sets)
			sets = append(sets, rrset{owner: record.Name, kind: record.Type})
			if index != nil {
				index[setKey{record.Name.Key(), record.Type}] = at
			} else if len(sets) == fewRecords {
				index = make(map[setKey]int, 2*fewRecords)
				for j := range sets {
					index[setKey{sets[j].owner.Key(), sets[j].kind}] = j
				}
			}
		}
		sets[at].records = append(sets[at].records, *record)
	}
	for i := range records {
		if record := &records[i]; record.Type == wire.TypeRRSIG && asked != wire.TypeRRSIG {
			if at := find(record.Name, coveredType(record)); at >= 0 {
				sets[at].signatures = append(sets[at].signatures, *record)
			}
		}
	}
	return sets
}

// coveredType returns the type of a record; for a signature, that of what it
// signs.
func coveredType(r *wire.Record) wire.Type {
	if r.Type == wire.TypeRRSIG && len(r.Data) >= 2 {
		return wire.Type(binary.BigEndian.Uint16(r.Data))
	}
	return r.Type
}

// forEachRecord calls yield with all records of sets, each RRset followed by its
// signatures.
func forEachRecord(sets []rrset, yield func(*wire.Record) error) error {
	for i := range sets {
		for j := range sets[i].records {
			if err := yield(&sets[i].records[j]); err != nil {
				return err
			}
		}
		for j := range sets[i].signatures {
			if err := yield(&sets[i].signatures[j]); err != nil {
				return err
			}
		}
	}
	return nil
}
