package recursor

import (
	"encoding/binary"
	"errors"
	"unicode/utf8"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// answer is what of a reply is passed on.
type answer struct {
	rcode     wire.RCode
	isSecure  bool // AD: the server says that all of it is authentic
	answers   []wire.Record
	authority []wire.Record
	extended  *wire.ExtendedError
}

const (
	// maxLinks is how many aliases lead to an answer at the most.
	maxLinks = 16
	// maxRecords is how many records are passed on at the most: what it takes
	// to compress them is bounded by that.
	maxRecords = 1024
)

// What is wrong with replies that match the question and cannot be read as an
// answer to it.
var (
	errReferral      = errors.New("it refers to other servers: it does not offer recursion")
	errChain         = errors.New("the answer is a chain of too many aliases")
	errManyRecords   = errors.New("the answer has too many records")
	errSubstitution  = errors.New("the CNAME record does not follow from the DNAME record")
	errContradiction = errors.New("the reply is NXDOMAIN and has the records")
)

// scrub returns what of a reply to q is to be believed: the records that the
// question leads to, in their order - alias by alias and then those asked for -
// and what proves that there are none. All else is left out, for nobody asked:
// other authority records, the additional section, DNSSEC records nobody wants.
//
// The answer shares no memory with the reply.
func scrub(reply *upstream.Reply, q wire.Question, do bool) (*answer, error) {
	return new(scrubber).scrub(reply, q, do)
}

// scrub is the function scrub. What it returns is valid until it is called
// again, and q has to live as long.
func (s *scrubber) scrub(reply *upstream.Reply, q wire.Question, do bool) (*answer, error) {
	*s = scrubber{question: q, zone: wire.Root, do: do, reader: s.reader, records: s.records[:0], data: s.data[:0]}
	if err := s.read(reply); err != nil {
		return nil, err
	}
	if s.links == 1 && !s.found && s.soa.IsZero() && s.hasNS && reply.RCode == wire.RCodeNoError && !s.reader.Header().Flags.Has(wire.FlagAA) {
		return nil, errReferral
	}
	return &s.out, nil
}

// read takes the reply apart.
func (s *scrubber) read(reply *upstream.Reply) error {
	if err := s.reader.Reset(reply.Message); err != nil {
		return err
	}
	s.names[0], s.links = s.question.Name, 1
	if err := s.reader.SkipQuestions(); err != nil {
		return err
	}
	if err := s.section(&s.reader, (*scrubber).takeAnswer); err != nil {
		return err
	}
	if s.found && reply.RCode == wire.RCodeNXDomain {
		return errContradiction
	}
	s.out.rcode = reply.RCode
	s.out.isSecure = s.reader.Header().Flags.Has(wire.FlagAD)
	s.answers = len(s.records)
	if err := s.reader.NextSection(); err != nil {
		return err
	}
	s.ahead = s.reader
	if err := s.section(&s.ahead, (*scrubber).lookAhead); err != nil {
		return err
	}
	if err := s.section(&s.reader, (*scrubber).takeAuthority); err != nil {
		return err
	}
	s.out.answers, s.out.authority = s.records[:s.answers:s.answers], s.records[s.answers:]
	s.out.extended = extendedError(reply.Options)
	return nil
}

// scrubber reads a reply.
type scrubber struct {
	question wire.Question
	zone     wire.Name // what the server is believed about: names at and below it
	do       bool
	reader   wire.Reader
	ahead    wire.Reader // of the authority section, which is read twice

	names    [maxLinks + 1]wire.Name // from the question on, alias by alias
	links    int                     // how many names there are
	expected wire.Name               // the alias that a DNAME record makes of the last
	tooLong  bool                    // that alias is no name
	sets     [2*maxLinks + 1]rrset   // that the answer is made of
	setCount int
	found    bool                    // the records asked for are there
	zones    [maxLinks + 2]wire.Name // whose denials may be relevant
	zoneSize int
	soa      wire.Name // the owner of the SOA record that a negative answer needs
	hasNS    bool

	records []wire.Record
	answers int // how many of them are from the answer section
	data    []byte
	out     answer
}

// rrset is an RRset that is passed on.
type rrset struct {
	owner wire.Name
	kind  wire.Type
}

// section shows each record of class IN of the present section to take, if its
// owner is in the zone.
func (s *scrubber) section(r *wire.Reader, take func(s *scrubber, r *wire.Reader, h wire.RecordHeader) error) error {
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			return nil
		}
		if err == nil && h.Class == wire.ClassIN && h.Name.HasSuffix(s.zone) {
			err = take(s, r, h)
		}
		if err != nil {
			return err
		}
	}
}

// keep passes a record on.
func (s *scrubber) keep(r *wire.Reader, h wire.RecordHeader) error {
	if len(s.records) == maxRecords {
		return errManyRecords
	}
	start := len(s.data)
	data, err := r.AppendRdata(s.data, h.Type)
	if err != nil {
		return err
	}
	s.data = data
	if h.TTL > 1<<31-1 {
		h.TTL = 0 // RFC 2181 8
	}
	s.records = append(s.records, wire.Record{Name: h.Name, Type: h.Type, Class: h.Class, TTL: h.TTL, Data: data[start:len(data):len(data)]})
	return nil
}

// takeAnswer keeps a record of the answer section if it belongs to the chain
// from the question to its answer.
func (s *scrubber) takeAnswer(r *wire.Reader, h wire.RecordHeader) error {
	last := s.names[s.links-1]
	switch kind := s.question.Type; {
	case h.Name.Equal(last) && (h.Type == kind || kind == wire.TypeANY):
		s.found = true
		s.belongs(h)
		return s.keep(r, h)
	case h.Type == wire.TypeRRSIG:
		return s.takeSignature(r, h)
	case s.found:
		return nil
	case h.Type == wire.TypeCNAME && h.Name.Equal(last):
		return s.follow(r, h)
	case h.Type == wire.TypeDNAME && last.Len() > h.Name.Len() && last.HasSuffix(h.Name) && s.expected.IsZero():
		var d wire.DNAME
		if err := r.Parse(&d); err != nil {
			return err
		}
		s.expected = substitute(last, h.Name, d.Target)
		s.tooLong = s.expected.IsZero()
		s.belongs(h)
		return s.keep(r, h)
	}
	return nil
}

// follow keeps a CNAME record and goes on to the name it leads to.
func (s *scrubber) follow(r *wire.Reader, h wire.RecordHeader) error {
	var d wire.CNAME
	if err := r.Parse(&d); err != nil {
		return err
	}
	if !s.expected.IsZero() && !s.expected.Equal(d.Target) {
		return errSubstitution // RFC 6672 2.2
	}
	if s.links == len(s.names) {
		return errChain
	}
	s.belongs(h)
	target := d.Target
	if !s.expected.IsZero() {
		target, s.expected = s.expected, wire.Name{} // not in the mix of case that the server got
	}
	s.names[s.links] = target
	s.links++
	if err := s.keep(r, h); err != nil {
		return err
	}
	copy(s.records[len(s.records)-1].Data, target.Wire())
	return nil
}

// substitute returns name with target for its suffix owner; no name where that
// is too long.
func substitute(name, owner, target wire.Name) wire.Name {
	prefix := name.Wire()[:name.Len()-owner.Len()]
	n, _, err := wire.NameFromWire(append([]byte(prefix), target.Wire()...))
	if err != nil {
		return wire.Name{}
	}
	return n
}

// belongs notes that the RRset of h is passed on.
func (s *scrubber) belongs(h wire.RecordHeader) {
	if s.setCount < len(s.sets) && !s.isKept(h.Name, h.Type) {
		s.sets[s.setCount] = rrset{h.Name, h.Type}
		s.setCount++
	}
}

func (s *scrubber) isKept(owner wire.Name, kind wire.Type) bool {
	for _, set := range s.sets[:s.setCount] {
		if set.kind == kind && set.owner.Equal(owner) {
			return true
		}
	}
	return false
}

// takeSignature keeps a signature of an RRset that is passed on.
func (s *scrubber) takeSignature(r *wire.Reader, h wire.RecordHeader) error {
	covered, signer, err := readSignature(r)
	if err != nil || !s.do || !s.isKept(h.Name, covered) || !h.Name.HasSuffix(signer) {
		return err
	}
	s.addZone(signer)
	return s.keep(r, h)
}

// readSignature reads what an RRSIG record covers and whose it is.
func readSignature(r *wire.Reader) (covered wire.Type, signer wire.Name, err error) {
	raw := r.Raw()
	if len(raw) < 18 {
		return 0, wire.Name{}, wire.ErrShort
	}
	c := r.Data()
	c.Bytes(18) // RFC 4034 3.1: what stands before the signer's name
	signer = c.CompressedName()
	return wire.Type(binary.BigEndian.Uint16(raw)), signer, c.Err()
}

func (s *scrubber) addZone(zone wire.Name) {
	if s.zoneSize < len(s.zones) && !s.isZone(zone) {
		s.zones[s.zoneSize] = zone
		s.zoneSize++
	}
}

func (s *scrubber) isZone(name wire.Name) bool {
	for _, z := range s.zones[:s.zoneSize] {
		if z.Equal(name) {
			return true
		}
	}
	return false
}

// lookAhead finds the zone a negative answer comes from.
func (s *scrubber) lookAhead(_ *wire.Reader, h wire.RecordHeader) error {
	switch {
	case h.Type == wire.TypeNS:
		s.hasNS = true
	case h.Type == wire.TypeSOA && !s.found && s.soa.IsZero() && s.names[s.links-1].HasSuffix(h.Name):
		s.soa = h.Name
		s.addZone(h.Name)
	}
	return nil
}

// takeAuthority keeps what proves a negative answer, or one made from a
// wildcard.
func (s *scrubber) takeAuthority(r *wire.Reader, h wire.RecordHeader) error {
	switch h.Type {
	case wire.TypeSOA:
		if s.isSOA(h.Name) && !s.isKept(h.Name, wire.TypeSOA) {
			s.belongs(h)
			return s.keep(r, h)
		}
	case wire.TypeNSEC, wire.TypeNSEC3:
		if s.do && s.isInZone(h.Name) {
			return s.keep(r, h)
		}
	case wire.TypeRRSIG:
		covered, signer, err := readSignature(r)
		if err != nil || !s.do || !s.isZone(signer) || !h.Name.HasSuffix(signer) {
			return err
		}
		if covered == wire.TypeNSEC || covered == wire.TypeNSEC3 || covered == wire.TypeSOA && s.isSOA(h.Name) {
			return s.keep(r, h)
		}
	}
	return nil
}

func (s *scrubber) isSOA(name wire.Name) bool { return !s.soa.IsZero() && s.soa.Equal(name) }

func (s *scrubber) isInZone(name wire.Name) bool {
	for _, z := range s.zones[:s.zoneSize] {
		if name.HasSuffix(z) {
			return true
		}
	}
	return false
}

// extendedError returns the first extended error in options, its text cut to
// what is passed on; nil if there is none.
func extendedError(options wire.Options) *wire.ExtendedError {
	data, ok := options.Find(wire.OptionExtendedError)
	if !ok {
		return nil
	}
	var e wire.ExtendedError
	if e.Parse(data) != nil {
		return nil
	}
	e.Text = e.Text[:min(len(e.Text), maxExtendedText)]
	for len(e.Text) > 0 && !utf8.ValidString(e.Text) {
		e.Text = e.Text[:len(e.Text)-1]
	}
	return &e
}

// write puts the answer into the reply of x.
func (a *answer) write(x *names.Exchange) error {
	for i := range a.answers {
		if err := writeRecord(x, &a.answers[i]); err != nil {
			return err
		}
	}
	x.Reply.SetSection(wire.SectionAuthority)
	for i := range a.authority {
		if err := writeRecord(x, &a.authority[i]); err != nil {
			return err
		}
	}
	x.RCode = a.rcode
	if a.isSecure && (x.DO() || x.Query.Header.Flags.Has(wire.FlagAD)) {
		x.Reply.Flags |= wire.FlagAD // RFC 6840 5.8
	}
	if a.extended != nil {
		addExtendedError(x, a.extended.Code, a.extended.Text)
	}
	return nil
}

func writeRecord(x *names.Exchange, r *wire.Record) error {
	return x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data)
}
