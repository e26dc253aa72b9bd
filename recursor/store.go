package recursor

import (
	"slices"
	"sync"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/wire"
)

// What authoritative servers say is kept RRset by RRset, as messages to the
// question that each answers: the links of a chain of aliases under type
// CNAME, what they lead to under the type that was asked for.

// storeResponse stores the parts of a response that is not a referral. A rejected
// entry is not an error: the answer is returned anyway.
func (r *Recursor) storeResponse(p *response) {
	if p.kind == responseNoData && p.scrubber.soa.IsZero() || p.question.Type == wire.TypeANY {
		return
	}
	for i := range p.said {
		r.storePart(&p.said[i])
	}
}

// storePart keeps a part.
func (r *Recursor) storePart(p *part) {
	pw := partWriters.Get().(*partWriter)
	defer partWriters.Put(pw)
	if m, err := pw.partMessage(p); err == nil {
		r.cache.KeepPart(cache.PartAnswer, m, p.security)
	}
}

// storeDelegation keeps d, which a server of zone has sent in message.
func (r *Recursor) storeDelegation(d *delegation, message []byte, zone wire.Name, section wire.Section) {
	pw := partWriters.Get().(*partWriter)
	defer partWriters.Put(pw)
	if m, err := pw.delegationMessage(d, message, zone, section); err == nil {
		r.cache.KeepPart(cache.PartDelegation, m, d.security)
	}
}

// partWriter writes the messages that are kept.
type partWriter struct {
	reader wire.Reader
	writer wire.Writer
	rdata  []byte
}

var partWriters = sync.Pool{New: func() any { return new(partWriter) }}

// begin begins a message of at most limit octets.
func (pw *partWriter) begin(limit int) { pw.writer.Reset(pw.writer.Buffer()[:0], limit) }

// partMessage makes the message that is kept of p. It is lent until k is used
// again.
func (pw *partWriter) partMessage(p *part) ([]byte, error) {
	pw.begin(maxPart)
	w := &pw.writer
	w.Flags = wire.FlagQR.WithRCode(p.rcode)
	if p.isAuthoritative {
		w.Flags |= wire.FlagAA
	}
	if err := w.Question(p.question); err != nil {
		return nil, err
	}
	write := func(r *wire.Record) error {
		ttl := r.TTL
		if p.maxTTL > 0 {
			ttl = min(ttl, p.maxTTL)
		}
		return w.Raw(r.Name, r.Type, r.Class, ttl, r.Data)
	}
	w.SetSection(wire.SectionAnswer)
	if err := forEachRecord(p.answer, write); err != nil {
		return nil, err
	}
	w.SetSection(wire.SectionAuthority)
	if err := forEachRecord(p.authority, write); err != nil {
		return nil, err
	}
	return w.Finish(), nil
}

// isOfLink reports whether record belongs to what is said of owner and type t:
// the records themselves, the DNAME record that an alias follows from, and
// their signatures.
func (s *scrubber) isOfLink(record *wire.Record, owner wire.Name, t wire.Type) bool {
	kind := record.Type
	if t != wire.TypeRRSIG {
		kind = coveredType(record)
	}
	if kind == wire.TypeDNAME && t == wire.TypeCNAME {
		return owner.Len() > record.Name.Len() && owner.HasSuffix(record.Name)
	}
	return kind == t && record.Name.Equal(owner)
}

// maxPart is how many octets a message that is kept may have; the cache has a
// limit of its own.
const maxPart = 64 << 10

// known is what the cache has on a question.
func (r *Recursor) known(q wire.Question) (*answer, bool) {
	m, security, ok := r.cache.FindPart(cache.PartAnswer, q, nil)
	if !ok {
		return nil, false
	}
	a, err := readPart(m, security)
	return a, err == nil
}

// delegatedDS returns the DS records of a zone, if the referral to it had some
// and is still in the cache. Without them it returns what the referral has to
// prove that there are none, for validation only: it has no SOA record, as a
// negative answer needs.
func (r *Recursor) delegatedDS(zone wire.Name, forValidation bool) (*answer, bool) {
	m, security, ok := r.cache.FindPart(cache.PartDelegation, wire.Question{Name: zone, Type: wire.TypeNS, Class: wire.ClassIN}, nil)
	if !ok {
		return nil, false
	}
	kept, err := readPart(m, security)
	if err != nil {
		return nil, false
	}
	a := &answer{security: security, isSecure: security == cache.Secure}
	for _, record := range kept.authority {
		switch {
		case coveredType(&record) == wire.TypeDS && record.Name.Equal(zone):
			a.answers = append(a.answers, record)
		case forValidation && isDenial(&record):
			a.authority = append(a.authority, record)
		}
	}
	hasDS := slices.ContainsFunc(a.answers, func(r wire.Record) bool { return r.Type == wire.TypeDS })
	return a, hasDS || forValidation && len(a.authority) > 0
}

// readPart reads a message that was kept with that status. The answer borrows
// from it.
func readPart(message []byte, security cache.Security) (*answer, error) {
	var r wire.Reader
	if err := r.Reset(message); err != nil {
		return nil, err
	}
	flags := r.Header().Flags
	a := &answer{
		rcode: flags.RCode(), isAuthoritative: flags.Has(wire.FlagAA),
		security: security, isSecure: security == cache.Secure,
	}
	counts := r.Header().Counts
	if err := r.SkipQuestions(); err != nil {
		return nil, err
	}
	var err error
	if a.answers, err = readRecords(&r, int(counts[wire.SectionAnswer])); err != nil {
		return nil, err
	}
	if err := r.NextSection(); err != nil {
		return nil, err
	}
	a.authority, err = readRecords(&r, int(counts[wire.SectionAuthority]))
	return a, err
}

// readRecords reads the records of a section, of which there are count.
func readRecords(r *wire.Reader, count int) ([]wire.Record, error) {
	if count == 0 {
		return nil, nil
	}
	records := make([]wire.Record, 0, min(count, 64))
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			return records, nil
		}
		if err != nil {
			return nil, err
		}
		data, err := r.AppendRdata(nil, h.Type)
		if err != nil {
			return nil, err
		}
		records = append(records, wire.Record{Name: h.Name, Type: h.Type, Class: h.Class, TTL: h.TTL, Data: data})
	}
}
