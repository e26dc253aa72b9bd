package recursor

import (
	"sync"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/wire"
)

// What authoritative servers say is kept RRset by RRset, as messages to the
// question that each answers: the links of a chain of aliases under type
// CNAME, what they lead to under the type that was asked for.

// keep keeps what is believed of a response that is no referral. What the cache
// does not take is only not remembered: it has its reasons, and the answer is
// there all the same.
func (r *Recursor) keep(p *response) {
	s := &p.scrubber
	if p.kind == saysNoData && s.soa.IsZero() || p.question.Type == wire.TypeANY {
		return
	}
	k := keepers.Get().(*keeper)
	defer keepers.Put(k)
	for i := range s.links - 1 {
		k.keep(r.cache, s, i, wire.TypeCNAME)
	}
	if p.kind != saysAlias {
		k.keep(r.cache, s, s.links-1, p.question.Type)
	}
}

// keepDelegation keeps d, which a server of zone has sent in message.
func (r *Recursor) keepDelegation(d *delegation, message []byte, zone wire.Name, section wire.Section) {
	k := keepers.Get().(*keeper)
	defer keepers.Put(k)
	if m, err := k.delegationMessage(d, message, zone, section); err == nil {
		r.cache.KeepPart(cache.PartDelegation, m)
	}
}

// keeper writes the messages that are kept.
type keeper struct {
	reader wire.Reader
	writer wire.Writer
	rdata  []byte
}

var keepers = sync.Pool{New: func() any { return new(keeper) }}

// begin begins a message of at most limit octets.
func (k *keeper) begin(limit int) { k.writer.Reset(k.writer.Buffer()[:0], limit) }

// keep keeps what s has of its link number i, under type t.
func (k *keeper) keep(c *cache.Cache, s *scrubber, i int, t wire.Type) {
	isLast := t == s.question.Type && i == s.links-1
	k.begin(maxKept)
	w := &k.writer
	w.Flags = wire.FlagQR | s.reader.Header().Flags&wire.FlagAA
	if isLast {
		w.Flags = w.Flags.WithRCode(s.out.rcode)
	}
	owner := s.names[i]
	if w.Question(wire.Question{Name: owner, Type: t, Class: wire.ClassIN}) != nil {
		return
	}
	w.SetSection(wire.SectionAnswer)
	for j := range s.out.answers {
		if record := &s.out.answers[j]; s.isOfLink(record, owner, t) && writeTo(w, record) != nil {
			return
		}
	}
	if isLast {
		w.SetSection(wire.SectionAuthority)
		for j := range s.out.authority {
			if writeTo(w, &s.out.authority[j]) != nil {
				return
			}
		}
	}
	c.KeepPart(cache.PartAnswer, w.Finish())
}

// isOfLink reports whether record belongs to what is said of owner and type t:
// the records themselves, the DNAME record that an alias follows from, and
// their signatures.
func (s *scrubber) isOfLink(record *wire.Record, owner wire.Name, t wire.Type) bool {
	kind := record.Type
	if kind == wire.TypeRRSIG && t != wire.TypeRRSIG && len(record.Data) >= 2 {
		kind = wire.Type(record.Data[0])<<8 | wire.Type(record.Data[1])
	}
	if kind == wire.TypeDNAME && t == wire.TypeCNAME {
		return owner.Len() > record.Name.Len() && owner.HasSuffix(record.Name)
	}
	return kind == t && record.Name.Equal(owner)
}

func writeTo(w *wire.Writer, r *wire.Record) error {
	return w.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data)
}

// maxKept is how many octets a message that is kept may have; the cache has a
// limit of its own.
const maxKept = 64 << 10

// known is what the cache has on a question.
func (r *Recursor) known(q wire.Question) (*answer, bool) {
	m, ok := r.cache.FindPart(cache.PartAnswer, q, nil)
	if !ok {
		return nil, false
	}
	a, err := readKept(m)
	return a, err == nil
}

// readKept reads a message that was kept. The answer borrows from it.
func readKept(message []byte) (*answer, error) {
	var r wire.Reader
	if err := r.Reset(message); err != nil {
		return nil, err
	}
	a := &answer{rcode: r.Header().Flags.RCode()}
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
