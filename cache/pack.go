package cache

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// ErrNotKept is what [Cache.Put] and [Cache.KeepPart] wrap where an answer must
// not be kept.
var ErrNotKept = errors.New("cache: answer is not to be kept")

var (
	errTruncated = fmt.Errorf("%w: it is truncated", ErrNotKept)
	errNoReply   = fmt.Errorf("%w: it is not the reply to a query", ErrNotKept)
	errQuestion  = fmt.Errorf("%w: it answers another question", ErrNotKept)
	errAlias     = fmt.Errorf("%w: CNAME loop", ErrNotKept)
	errMeta      = fmt.Errorf("%w: not a type of data", ErrNotKept)
	errRCode     = fmt.Errorf("%w: its response code is neither NOERROR nor NXDOMAIN", ErrNotKept)
	errNoSOA     = fmt.Errorf("%w: it is negative, or a referral, and says nothing of its lifetime", ErrNotKept)
	errNoTTL     = fmt.Errorf("%w: a TTL is 0", ErrNotKept)
	errTooLarge  = fmt.Errorf("%w: it is too large", ErrNotKept)
	errRank      = fmt.Errorf("%w: there is a more trustworthy one", ErrNotKept)
	errFlushed   = fmt.Errorf("%w: it was asked for before the last flush", ErrNotKept)
	errSubnet    = fmt.Errorf("%w: it is for one client subnet", ErrNotKept)
	errServers   = fmt.Errorf("%w: it does not delegate the zone it is to be kept for", ErrNotKept)
)

// packer makes entries of replies. It takes them apart and writes them anew, so
// that whatever wrote them, what is kept is well-formed, compressed, without
// OPT, and its TTLs are found.
type packer struct {
	reader wire.Reader
	writer wire.Writer
	space  []byte
	rdata  []byte
	soa    wire.SOA

	question wire.Question
	edns     wire.EDNS // of the reply's OPT, if it had one
	start    int       // of the body in the writer's message
	ends     [4]int    // of each section in the body
	offsets  []uint16  // in the body, of each record's TTL
	kind     kind
	life     uint32 // seconds
	allTypes bool   // nothing of that name exists, whatever the type
	leadsOn  bool   // the answer ends with an alias
	last     wire.Name

	entry []uint64
}

// pack reads reply and decides whether, as what, and how long it may be kept.
// largest is in words.
func (p *packer) pack(reply []byte, rcode wire.RCode, l *lifetimes, largest int) error {
	if err := p.begin(reply, rcode, largest); err != nil {
		return err
	}
	facts, err := p.copySections()
	if err != nil {
		return err
	}
	switch {
	case facts.answers > 0 && !facts.isAnswer:
		return errQuestion
	case rcode == wire.RCodeNXDomain, !facts.hasType && facts.hasSOA:
		p.kind = negative
		if !facts.hasSOA {
			return errNoSOA // RFC 2308 5
		}
	case facts.answers == 0:
		return errNoSOA
	default:
		p.kind = positive
	}
	// With aliases in front NXDOMAIN is said of the last of them (RFC 6604 3).
	p.allTypes = rcode == wire.RCodeNXDomain && facts.answers == 0
	p.leadsOn = p.kind == positive && !facts.isWhole
	return p.age(l)
}

func (p *packer) begin(reply []byte, rcode wire.RCode, largest int) (err error) {
	r := &p.reader
	if err := r.Reset(reply); err != nil {
		return err
	}
	flags := r.Header().Flags
	switch {
	case !flags.Has(wire.FlagQR), flags.Opcode() != wire.OpcodeQuery:
		return errNoReply
	case flags.Has(wire.FlagTC):
		return errTruncated
	case rcode != wire.RCodeNoError && rcode != wire.RCodeNXDomain:
		return errRCode
	}
	if p.question, err = r.Question(); err != nil {
		return errQuestion
	}
	if _, err := r.Question(); err != wire.ErrSectionDone {
		return errQuestion
	}
	if !isKept(p.question) {
		return errMeta
	}
	p.edns, p.last, p.leadsOn = wire.EDNS{}, p.question.Name, false
	p.offsets = p.offsets[:0]
	p.start = wire.HeaderLen + p.question.Name.Len() + 4
	p.writer.Reset(p.space[:0], p.start+8*largest)
	return p.writer.Question(p.question)
}

// isKept reports whether answers to q may be kept at all: not those to types
// that are questions only (RFC 6895 3.1), ANY among them, nor those in classes
// that are none.
func isKept(q wire.Question) bool {
	return q.Type != wire.TypeNone && q.Type != wire.TypeOPT && (q.Type < 128 || q.Type > 255) &&
		q.Class != 0 && q.Class != wire.ClassNone && q.Class != wire.ClassAny
}

// facts are what the sections say that decides about their fate.
type facts struct {
	answers  int
	isAnswer bool // something in the answer section is about the name asked
	hasType  bool // ... and something is of the type asked
	isWhole  bool // ... at the end of the aliases
	hasSOA   bool // in the authority section

	strays  int // records of the answer section outside the RRset asked for
	servers int // NS records in the authority section: of the name asked,
	others  int // of other names
}

// copySections writes the three sections, lower TTLs where an RRset has
// several.
func (p *packer) copySections() (f facts, err error) {
	r, w := &p.reader, &p.writer
	for section := wire.SectionAnswer; section <= wire.SectionAdditional; section++ {
		if err := r.NextSection(); err != nil {
			return f, err
		}
		w.SetSection(section)
		set := rrset{}
		for {
			h, err := r.Next()
			if err == wire.ErrSectionDone {
				break
			}
			if err != nil {
				return f, err
			}
			if h.Type == wire.TypeOPT {
				if section != wire.SectionAdditional {
					return f, errMeta
				}
				if p.edns, err = r.EDNS(h); err != nil {
					return f, err
				}
				continue
			}
			if !isKept(wire.Question{Name: h.Name, Type: h.Type, Class: h.Class}) || h.Class != p.question.Class {
				return f, errMeta // TSIG too: what it signs is gone
			}
			ttl := clampWire(h.TTL)
			if section == wire.SectionAnswer {
				if err := p.weighAnswer(&f, h); err != nil {
					return f, err
				}
			}
			if section == wire.SectionAuthority {
				if ttl, err = p.weighAuthority(&f, h, ttl); err != nil {
					return f, err
				}
			}
			if err := p.copyRecord(h, ttl, &set); err != nil {
				return f, err
			}
		}
		p.ends[section] = w.Len() - p.start
	}
	return f, r.Close()
}

// weighAnswer adds to f what a record of the answer section says.
func (p *packer) weighAnswer(f *facts, h wire.RecordHeader) error {
	f.answers++
	f.hasType = f.hasType || h.Type == p.question.Type
	f.isWhole = f.isWhole || h.Type == p.question.Type && h.Name.Equal(p.last)
	isSigned := h.Type == wire.TypeRRSIG
	switch {
	case h.Name.Equal(p.question.Name):
		f.isAnswer = true
		if h.Type != p.question.Type && !isSigned {
			f.strays++
		}
	case (h.Type == wire.TypeDNAME || isSigned) && p.question.Name.HasSuffix(h.Name):
		f.isAnswer = f.isAnswer || !isSigned
		if p.question.Type != wire.TypeCNAME {
			f.strays++
		}
	default:
		f.strays++
	}
	if h.Type == wire.TypeCNAME {
		data := p.reader.Data()
		target := data.CompressedName()
		if target.Equal(p.question.Name) {
			return errAlias
		}
		if h.Name.Equal(p.last) {
			p.last = target
		}
	}
	return nil
}

// weighAuthority adds to f what a record of the authority section says, and
// returns its TTL.
func (p *packer) weighAuthority(f *facts, h wire.RecordHeader, ttl uint32) (uint32, error) {
	switch h.Type {
	case wire.TypeNS:
		if h.Name.Equal(p.question.Name) {
			f.servers++
		} else {
			f.others++
		}
	case wire.TypeSOA:
		if err := p.reader.Parse(&p.soa); err != nil {
			return 0, err
		}
		f.hasSOA = true
		if !f.hasType {
			return negativeTTL(ttl, &p.soa), nil
		}
	}
	return ttl, nil
}

// rrset is the one that is being copied.
type rrset struct {
	owner wire.Name
	kind  wire.Type
	first int // in packer.offsets
	ttl   uint32
}

func (p *packer) copyRecord(h wire.RecordHeader, ttl uint32, set *rrset) (err error) {
	// RFC 2181 5.2: differing TTLs count as the lowest. RRSIG is not an RRset of
	// its own.
	if set.kind == h.Type && h.Type != wire.TypeRRSIG && set.owner.Equal(h.Name) {
		ttl = min(ttl, set.ttl)
	} else {
		*set = rrset{owner: h.Name, kind: h.Type, first: len(p.offsets), ttl: ttl}
	}
	if p.rdata, err = p.reader.AppendRdata(p.rdata[:0], h.Type); err != nil {
		return err
	}
	from := p.writer.Len()
	if err := p.writer.Raw(h.Name, h.Type, h.Class, ttl, p.rdata); err != nil {
		return errTooLarge
	}
	p.space = p.writer.Buffer()
	offset := ownerEnd(p.space, from) + 4 - p.start
	if offset > 65535 {
		return errTooLarge
	}
	p.offsets = append(p.offsets, uint16(offset))
	if ttl < set.ttl {
		set.ttl = ttl
		for _, o := range p.offsets[set.first:] {
			binary.BigEndian.PutUint32(p.space[p.start+int(o):], ttl)
		}
	}
	return nil
}

// ownerEnd is the offset after the name that the writer has put at offset at.
func ownerEnd(message []byte, at int) int {
	for {
		switch l := int(message[at]); {
		case l == 0:
			return at + 1
		case l >= 0xC0:
			return at + 2
		default:
			at += 1 + l
		}
	}
}

// age clamps the TTLs and takes the smallest as the life of the whole.
func (p *packer) age(l *lifetimes) error {
	p.life = maxTTL
	for _, o := range p.offsets {
		at := p.space[p.start+int(o):]
		ttl := l.clamp(binary.BigEndian.Uint32(at), p.kind)
		if ttl == 0 {
			return errNoTTL
		}
		binary.BigEndian.PutUint32(at, ttl)
		p.life = min(p.life, ttl)
	}
	return nil
}

// extra is what an entry says in addition to the message.
type extra struct {
	rank     rank
	flags    uint8
	rcode    wire.RCode
	extended uint16 // the code of the extended error plus one, 0 if there was none
}

// assemble lays out the entry of what was packed; see [header]. It is lent
// until the next call.
func (p *packer) assemble(k *key, e extra, largest int) ([]uint64, error) {
	body := p.space[p.start:p.writer.Len()]
	w := &p.writer
	if p.leadsOn {
		e.flags |= keptLead
	}
	h := header{
		1: k.hash,
		2: uint64(e.rank)<<56 | uint64(p.kind)<<48 | uint64(e.extended)<<32 | uint64(p.life),
		3: uint64(e.rcode)<<56 | uint64(e.flags)<<48 | uint64(w.Count(wire.SectionAdditional))<<32 |
			uint64(w.Count(wire.SectionAuthority))<<16 | uint64(w.Count(wire.SectionAnswer)),
		4: uint64(len(body))<<48 | uint64(p.ends[wire.SectionAuthority])<<32 | uint64(p.ends[wire.SectionAnswer])<<16 | uint64(k.len),
	}
	if h.words() > largest || len(body) > 65535 {
		return nil, errTooLarge
	}
	p.entry = append(p.entry[:0], h[:]...)
	for i := range k.words() {
		p.entry = append(p.entry, k.word(i))
	}
	for ; len(body) >= 8; body = body[8:] {
		p.entry = append(p.entry, binary.LittleEndian.Uint64(body))
	}
	if len(body) > 0 {
		var last [8]byte
		copy(last[:], body)
		p.entry = append(p.entry, binary.LittleEndian.Uint64(last[:]))
	}
	for i, o := range p.offsets {
		if i%4 == 0 {
			p.entry = append(p.entry, 0)
		}
		p.entry[len(p.entry)-1] |= uint64(o) << (16 * (i % 4))
	}
	return p.entry, nil
}

// packFailure makes p's result a note that there was no answer, with the text that says
// why as its body.
func (p *packer) packFailure(life uint32, text string) {
	text = text[:min(len(text), names.MaxExtendedText)]
	p.writer.Reset(p.space[:0], wire.HeaderLen+len(text))
	p.writer.Append([]byte(text), 0)
	p.space = p.writer.Buffer()
	p.start, p.ends, p.offsets = wire.HeaderLen, [4]int{}, p.offsets[:0]
	p.kind, p.life, p.allTypes, p.leadsOn = failure, life, false, false
}
