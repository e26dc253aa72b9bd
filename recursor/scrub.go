package recursor

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"net/netip"
	"unicode/utf8"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// answer is what of a reply is passed on.
type answer struct {
	rcode           wire.RCode
	isSecure        bool           // all of it is authentic: validated, or AD is set by a trusted upstream
	leadsOn         bool           // it ends with an alias: see names.Exchange
	security        cache.Security // of what is from the cache
	isAuthoritative bool
	server          netip.AddrPort // that sent the last part; none if the cache had it
	answers         []wire.Record
	authority       []wire.Record
	extended        *wire.ExtendedError
	isDerived       bool // from other answers: it need not be kept
}

const (
	// maxLinks is how many aliases an answer may have.
	maxLinks = names.MaxAliases
	// maxRecords is how many records are passed on at most: what it takes
	// to compress them is bounded by that.
	maxRecords = 1024
	// maxSignatures is how many signatures of an RRset are passed on: more than are
	// tried (validate.Limits), so that it can be said that there are too many.
	maxSignatures = 16
)

// What is wrong with replies that match the question and cannot be read as an
// answer to it.
var (
	errReferral      = errors.New("referral: the server does not offer recursion")
	errChain         = errors.New("CNAME chain too long")
	errManyRecords   = errors.New("too many records in the answer")
	errSubstitution  = errors.New("CNAME record does not follow from the DNAME record")
	errContradiction = errors.New("NXDOMAIN with records of the name")
	errMalformed     = errors.New("malformed records in the answer")
	errNotTooLong    = errors.New("YXDOMAIN without a DNAME record that makes the name too long")
)

// scrub returns what of a reply to q is to be believed: the records that
// answer the question, in their order - alias by alias and then those asked for -
// and what proves that there are none. All else is left out: other authority
// records, the additional section, DNSSEC records that the client does not want,
// duplicates (RFC 2181 5), and records whose data is not valid for their type.
//
// The answer shares no memory with the reply. It is valid until scrub is called again,
// and q has to live as long.
func (s *scrubber) scrub(reply *upstream.Reply, q wire.Question, do bool) (*answer, error) {
	*s = scrubber{question: q, zone: wire.Root, do: do, reader: s.reader, records: s.records[:0], data: s.data[:0]}
	if err := s.read(reply); err != nil {
		return nil, err
	}
	if s.isReferral(reply.RCode) {
		return nil, errReferral
	}
	return &s.out, nil
}

// isReferral reports whether the reply of a server that is asked to recurse is
// none, but a referral to others.
func (s *scrubber) isReferral(rcode wire.RCode) bool {
	return s.links == 1 && !s.found && s.soa.IsZero() && s.hasNS && rcode == wire.RCodeNoError &&
		!s.reader.Header().Flags.Has(wire.FlagAA) && !s.refersFromDS()
}

// refersFromDS reports whether a question for DS got the referral to the child.
// If there were such records, they would be in there, and be the answer (RFC 4035
// 3.1.4).
func (s *scrubber) refersFromDS() bool {
	return s.question.Type == wire.TypeDS && s.cutsHere
}

// read takes the reply apart.
func (s *scrubber) read(reply *upstream.Reply) error {
	if err := s.reader.Reset(reply.Message); err != nil {
		return err
	}
	s.names[0], s.links, s.size = s.question.Name, 1, len(reply.Message)
	if err := s.reader.SkipQuestions(); err != nil {
		return err
	}
	if err := s.section(&s.reader, (*scrubber).takeAnswer); err != nil {
		return err
	}
	switch {
	case s.found && reply.RCode == wire.RCodeNXDomain:
		return errContradiction
	case !s.found && s.malformed == s.links:
		return errMalformed
	}
	s.out.rcode = reply.RCode
	switch {
	case s.tooLong:
		s.out.rcode = wire.RCodeYXDomain // RFC 6672 2.2, whatever the server makes of it
	case reply.RCode == wire.RCodeYXDomain:
		return errNotTooLong
	}
	s.out.isSecure = s.reader.Header().Flags.Has(wire.FlagAD)
	if err := s.reader.NextSection(); err != nil {
		return err
	}
	s.ahead = s.reader
	if s.question.Type == wire.TypeDS && !s.found && reply.RCode == wire.RCodeNoError {
		if err := s.section(&s.ahead, (*scrubber).takeReferredDS); err != nil {
			return err
		}
		s.ahead = s.reader
	}
	s.answers = len(s.records)
	s.evenTTLs()
	if err := s.section(&s.ahead, (*scrubber).lookAhead); err != nil {
		return err
	}
	if !s.found && s.soa.IsZero() && !s.prover.IsZero() {
		s.addZone(s.prover) // a denial without an SOA record has its proof all the same
	}
	if err := s.section(&s.reader, (*scrubber).takeAuthority); err != nil {
		return err
	}
	s.out.answers, s.out.authority = s.records[:s.answers:s.answers], s.records[s.answers:]
	s.out.leadsOn = s.links > 1 && !s.found && s.soa.IsZero() && reply.RCode == wire.RCodeNoError
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

	names     [maxLinks + 1]wire.Name   // from the question on, alias by alias
	links     int                       // how many names there are
	expected  wire.Name                 // the alias that a DNAME record makes of the last
	tooLong   bool                      // that alias would be longer than names can be
	sets      [2*maxLinks + 1]passedSet // that the answer is made of
	setCount  int
	found     bool                    // the records asked for are there
	hasOthers bool                    // the name that the aliases lead to has records of other types
	zones     [maxLinks + 2]wire.Name // whose denials may be relevant
	zoneSize  int
	malformed int       // how many names there were when a record that was asked for was dropped
	soaData   wire.SOA  // of the record that is being read
	soa       wire.Name // the owner of the SOA record that a negative answer needs
	prover    wire.Name // the zone whose signed denials are in the authority section
	hasNS     bool      // in the authority section, as in a referral
	cutsHere  bool      // NS records in the authority section are of the name asked for,

	records []wire.Record
	index   map[uint64]int // of records by their hash, once there are many
	answers int            // how many of them are from the answer section
	// signed is the RRset that the last signature covers, and signatures how many of
	// it came one after the other.
	signed     passedSet
	signatures int
	size       int // of the reply, in octets
	data       []byte
	out        answer
}

// passedSet is an RRset that is passed on.
type passedSet struct {
	owner wire.Name
	kind  wire.Type
	ttl   uint32 // the lowest of its records
}

func (p *passedSet) is(owner wire.Name, kind wire.Type) bool {
	return p.kind == kind && !p.owner.IsZero() && p.owner.Equal(owner)
}

// section calls take with each record of class IN of the present section whose
// owner is in the zone. A record whose data take cannot read is dropped: where it
// ends is known all the same.
func (s *scrubber) section(r *wire.Reader, take func(s *scrubber, r *wire.Reader, h wire.RecordHeader) error) error {
	for {
		h, err := r.Next()
		if err == wire.ErrSectionDone {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Class != wire.ClassIN || !h.Name.HasSuffix(s.zone) {
			continue
		}
		if err := take(s, r, h); err != nil {
			if _, isData := errors.AsType[*wire.Error](err); !isData {
				return err
			}
			s.recordDropped(r, h)
		}
	}
}

// recordDropped records that the record of h was dropped.
func (s *scrubber) recordDropped(r *wire.Reader, h wire.RecordHeader) {
	if r.Section() != wire.SectionAnswer {
		return
	}
	last, asked := s.names[s.links-1], s.question.Type
	isSet := h.Name.Equal(last) && (h.Type == asked || h.Type == wire.TypeCNAME || asked == wire.TypeANY)
	if isSet || h.Type == wire.TypeDNAME && last.HasSuffix(h.Name) {
		s.malformed = s.links
	}
}

// pass passes a record on.
func (s *scrubber) pass(r *wire.Reader, h wire.RecordHeader) error {
	if len(s.records) == maxRecords {
		return errManyRecords
	}
	if s.data == nil {
		s.data = make([]byte, 0, s.size) // more only where names are compressed
	}
	start := len(s.data)
	data, err := r.AppendRdata(s.data, h.Type)
	if err != nil {
		return err
	}
	record := wire.Record{Name: h.Name, Type: h.Type, Class: h.Class, TTL: ttlOf(h), Data: data[start:len(data):len(data)]}
	if s.isDuplicate(&record) {
		return nil
	}
	s.data = data
	s.records = append(s.records, record)
	return nil
}

// ttlOf returns the TTL of a record: 0 if its highest bit is set (RFC 2181 8).
func ttlOf(h wire.RecordHeader) uint32 {
	if h.TTL > 1<<31-1 {
		return 0
	}
	return h.TTL
}

// fewRecords is how many records are compared one by one. To compare more would
// cost the square of their number.
const fewRecords = 32

// isDuplicate reports whether the same record is passed on already (RFC 2181 5).
func (s *scrubber) isDuplicate(r *wire.Record) bool {
	if len(s.records) < fewRecords {
		for i := range s.records {
			if isSameRecord(&s.records[i], r) {
				return true
			}
		}
		return false
	}
	if s.index == nil {
		s.index = make(map[uint64]int, 2*fewRecords)
		for i := range s.records {
			s.index[hashOf(&s.records[i])] = i
		}
	}
	hash := hashOf(r)
	if i, ok := s.index[hash]; ok {
		return isSameRecord(&s.records[i], r)
	}
	s.index[hash] = len(s.records)
	return false
}

// isSameRecord reports whether a and b are one record, TTLs aside.
func isSameRecord(a, b *wire.Record) bool {
	return a.Type == b.Type && a.Name.Equal(b.Name) && bytes.Equal(a.Data, b.Data)
}

var hashSeed = maphash.MakeSeed()

func hashOf(r *wire.Record) uint64 {
	var h maphash.Hash
	h.SetSeed(hashSeed)
	var name [wire.MaxNameLen]byte
	h.Write(r.Name.AppendFolded(name[:0]))
	h.Write([]byte{byte(r.Type >> 8), byte(r.Type)})
	h.Write(r.Data)
	return h.Sum64()
}

// takeAnswer keeps a record of the answer section if it belongs to the chain
// from the question to its answer.
func (s *scrubber) takeAnswer(r *wire.Reader, h wire.RecordHeader) error {
	last := s.names[s.links-1]
	switch kind := s.question.Type; {
	case h.Name.Equal(last) && (h.Type == kind || kind == wire.TypeANY):
		if err := s.pass(r, h); err != nil {
			return err
		}
		s.found = true
		s.belongs(h)
		if h.Type == wire.TypeRRSIG { // of ANY: where the denials come from, too
			if _, signer, err := readSignature(r); err != nil || !h.Name.HasSuffix(signer) {
				return err
			} else {
				s.addZone(signer)
			}
		}
		return nil
	case h.Type == wire.TypeRRSIG:
		return s.takeSignature(r, h)
	case s.found, s.tooLong:
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
		return s.pass(r, h)
	case h.Name.Equal(last):
		s.hasOthers = true
	}
	return nil
}

// takeReferredDS keeps what a referral says of the zone it is to: its DS records
// are the answer to a question for them, for they are the parent's (RFC 4035
// 3.1.4.1).
func (s *scrubber) takeReferredDS(r *wire.Reader, h wire.RecordHeader) error {
	switch {
	case !h.Name.Equal(s.last()):
		return nil
	case h.Type == wire.TypeDS:
		return s.takeAnswer(r, h)
	case h.Type == wire.TypeRRSIG:
		return s.takeSignature(r, h)
	}
	return nil
}

// follow keeps a CNAME record and goes on to its target.
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
	if err := s.pass(r, h); err != nil {
		return err
	}
	copy(s.records[len(s.records)-1].Data, target.Wire())
	return nil
}

// substitute returns name with target for its suffix owner; no name if that
// is too long.
func substitute(name, owner, target wire.Name) wire.Name {
	prefix := name.Wire()[:name.Len()-owner.Len()]
	n, _, err := wire.NameFromWire(append([]byte(prefix), target.Wire()...))
	if err != nil {
		return wire.Name{}
	}
	return n
}

// belongs records that the RRset of h is passed on.
func (s *scrubber) belongs(h wire.RecordHeader) {
	if set := s.set(h.Name, h.Type); set != nil {
		set.ttl = min(set.ttl, ttlOf(h))
	} else if s.setCount < len(s.sets) {
		s.sets[s.setCount] = passedSet{h.Name, h.Type, ttlOf(h)}
		s.setCount++
	}
}

// set returns the RRset that is passed on, nil if that one is not.
func (s *scrubber) set(owner wire.Name, kind wire.Type) *passedSet {
	for i := range s.sets[:s.setCount] {
		if set := &s.sets[i]; set.kind == kind && set.owner.Equal(owner) {
			return set
		}
	}
	return nil
}

func (s *scrubber) isPassed(owner wire.Name, kind wire.Type) bool { return s.set(owner, kind) != nil }

// evenTTLs gives all records of an RRset the lowest of their TTLs (RFC 2181 5.2).
func (s *scrubber) evenTTLs() {
	for i := range s.records {
		if set := s.set(s.records[i].Name, s.records[i].Type); set != nil {
			s.records[i].TTL = set.ttl
		}
	}
}

// takeSignature keeps a signature of an RRset that is passed on.
func (s *scrubber) takeSignature(r *wire.Reader, h wire.RecordHeader) error {
	covered, signer, err := readSignature(r)
	if err != nil || !s.do || !s.isPassed(h.Name, covered) || !h.Name.HasSuffix(signer) {
		return err
	}
	s.addZone(signer)
	if !s.signed.is(h.Name, covered) {
		s.signed, s.signatures = passedSet{owner: h.Name, kind: covered}, 0
	}
	if s.signatures == maxSignatures {
		return nil
	}
	before := len(s.records)
	err = s.pass(r, h)
	s.signatures += len(s.records) - before
	return err
}

// readSignature reads what an RRSIG record covers and whose it is.
func readSignature(r *wire.Reader) (covered wire.Type, signer wire.Name, err error) {
	raw := r.Raw()
	c := r.Data()
	c.Bytes(18) // RFC 4034 3.1: the fields before the signer's name
	signer = c.CompressedName()
	if err := c.Err(); err != nil {
		return 0, wire.Name{}, &wire.Error{Section: r.Section(), Offset: r.Offset(), Err: err}
	}
	return wire.Type(binary.BigEndian.Uint16(raw)), signer, nil
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
func (s *scrubber) lookAhead(r *wire.Reader, h wire.RecordHeader) error {
	switch {
	case h.Type == wire.TypeNS:
		s.hasNS = true
		s.cutsHere = s.cutsHere || h.Name.Equal(s.question.Name)
	case h.Type == wire.TypeSOA && !s.found && s.soa.IsZero() && s.names[s.links-1].HasSuffix(h.Name):
		if err := r.Parse(&s.soaData); err != nil {
			return err
		}
		s.soa = h.Name
		s.addZone(h.Name)
	case h.Type == wire.TypeRRSIG && s.do && s.prover.IsZero():
		covered, signer, err := readSignature(r)
		if err != nil {
			return err
		}
		if isProof := covered == wire.TypeNSEC || covered == wire.TypeNSEC3; isProof && h.Name.HasSuffix(signer) && s.last().HasSuffix(signer) {
			s.prover = signer
		}
	}
	return nil
}

// takeAuthority keeps what proves a negative answer, or one made from a
// wildcard.
func (s *scrubber) takeAuthority(r *wire.Reader, h wire.RecordHeader) error {
	switch h.Type {
	case wire.TypeSOA:
		if s.isSOA(h.Name) && !s.isPassed(h.Name, wire.TypeSOA) {
			if err := s.pass(r, h); err != nil {
				return err
			}
			s.belongs(h)
		}
	case wire.TypeNSEC, wire.TypeNSEC3:
		if s.do && s.isInZone(h.Name) {
			return s.pass(r, h)
		}
	case wire.TypeRRSIG:
		covered, signer, err := readSignature(r)
		if err != nil || !s.do || !s.isZone(signer) || !h.Name.HasSuffix(signer) {
			return err
		}
		if covered == wire.TypeNSEC || covered == wire.TypeNSEC3 || covered == wire.TypeSOA && s.isSOA(h.Name) {
			return s.pass(r, h)
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
	e.Text = e.Text[:min(len(e.Text), names.MaxExtendedText)]
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
	x.RCode, x.LeadsOn, x.Derived = a.rcode, a.leadsOn, a.isDerived
	if a.isSecure && (x.DO() || x.Query.Header.Flags.Has(wire.FlagAD)) {
		x.Reply.Flags |= wire.FlagAD // RFC 6840 5.8
	}
	if a.extended != nil {
		x.AddExtendedError(a.extended.Code, a.extended.Text)
	}
	return nil
}

func writeRecord(x *names.Exchange, r *wire.Record) error {
	return x.Reply.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data)
}
