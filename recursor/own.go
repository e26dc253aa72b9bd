package recursor

import (
	"sync"

	"github.com/names-dns/names/cache"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// ownZones are the zones that this process serves itself. What is in them is
// not looked for elsewhere: they are asked, at once, and their data is not
// kept, so that a change of a zone shows at once.
type ownZones struct {
	zones      names.Resolver // nil: there are none
	isAsServer bool           // replies are as one of their servers would send them, with DNSSEC
	pool       sync.Pool      // of *ownQuestion
}

// ownQuestion is a question to zones of our own.
type ownQuestion struct {
	x     names.Exchange
	query []byte
}

// ask asks for q. The reply is lent until the question is put back.
func (o *ownZones) ask(q wire.Question) (own *ownQuestion, ok bool) {
	if o.zones == nil {
		return nil, false
	}
	own, _ = o.pool.Get().(*ownQuestion)
	if own == nil {
		own = new(ownQuestion)
	}
	var edns *wire.EDNS
	if o.isAsServer {
		edns = &wire.EDNS{UDPSize: 65535, Flags: wire.FlagDO}
	}
	own.query = wire.AppendQuery(own.query[:0], 0, 0, q, edns)
	own.x.Read(own.query, names.Peer{Transport: names.TCP}) // it is well-formed
	own.x.Begin(own.x.Reply.Buffer()[:0], 65535)
	if names.Try(o.zones, &own.x) != nil {
		o.pool.Put(own)
		return nil, false
	}
	return own, true
}

// have reports whether the answer to q is in the zones.
func (o *ownZones) have(q wire.Question) bool {
	own, ok := o.ask(q)
	if !ok {
		return false
	}
	defer o.pool.Put(own)
	return !isReferral(&own.x)
}

// place reports whether a name is in one of the zones, or below a cut in one.
func (o *ownZones) place(name wire.Name) (isIn, isBelow bool) {
	own, ok := o.ask(wire.Question{Name: name, Type: minimisedType, Class: wire.ClassIN})
	if !ok {
		return false, false
	}
	defer o.pool.Put(own)
	isBelow = isReferral(&own.x)
	return !isBelow, isBelow
}

// answer returns the answer to q.
func (o *ownZones) answer(q wire.Question) (*answer, bool) {
	own, ok := o.ask(q)
	if !ok {
		return nil, false
	}
	defer o.pool.Put(own)
	if isReferral(&own.x) {
		return nil, false
	}
	a, err := readPart(own.message(), cache.Unchecked)
	return a, err == nil
}

// message is the reply.
func (q *ownQuestion) message() []byte {
	q.x.Reply.Flags = q.x.Reply.Flags.WithRCode(q.x.RCode)
	return append([]byte(nil), q.x.Reply.Finish()...)
}

// delegation returns the servers of the zone cut that name is below, nil if
// there is none.
func (o *ownZones) delegation(name wire.Name) *delegation {
	own, ok := o.ask(wire.Question{Name: name, Type: minimisedType, Class: wire.ClassIN})
	if !ok {
		return nil
	}
	defer o.pool.Put(own)
	if !isReferral(&own.x) {
		return nil
	}
	message := append([]byte(nil), own.x.Reply.Finish()...)
	r := new(wire.Reader)
	if goTo(r, message, wire.SectionAuthority) != nil {
		return nil
	}
	h, err := r.Next()
	if err != nil || h.Type != wire.TypeNS {
		return nil
	}
	child := name.Ancestor(h.Name.LabelCount())
	d, err := readDelegation(r, message, child, wire.Root, wire.SectionAuthority)
	if err != nil || len(d.servers) == 0 {
		return nil
	}
	d.source = fromOwn
	return &d
}

// stopAtOwn cuts the chain of aliases at the first name that is in a zone of
// our own. It reports whether there is one.
func (s *scrubber) stopAtOwn(own *ownZones) bool {
	if own.zones == nil {
		return false
	}
	for i := 1; i < s.links; i++ {
		if own.have(wire.Question{Name: s.names[i], Type: s.question.Type, Class: wire.ClassIN}) {
			s.stopAt(i)
			return true
		}
	}
	return false
}

// stopAtEnd cuts the chain of aliases at the first name that is not in zone. It reports
// whether there is one.
func (s *scrubber) stopAtEnd(zone wire.Name) bool {
	for i := 1; i < s.links; i++ {
		if !s.names[i].HasSuffix(zone) {
			s.stopAt(i)
			return true
		}
	}
	return false
}

// stopAt leaves of the answer only the aliases that lead to name number i.
func (s *scrubber) stopAt(i int) {
	kept := s.out.answers[:0]
	for j := range s.out.answers {
		for _, owner := range s.names[:i] {
			if s.isOfLink(&s.out.answers[j], owner, wire.TypeCNAME) {
				kept = append(kept, s.out.answers[j])
				break
			}
		}
	}
	s.out.answers = kept
	proofs := s.out.authority[:0]
	for j := range s.out.authority {
		if isDenial(&s.out.authority[j]) {
			proofs = append(proofs, s.out.authority[j])
		}
	}
	s.out.authority = proofs
	s.links, s.found, s.soa = i+1, false, wire.Name{}
	s.out.rcode, s.out.leadsOn = wire.RCodeNoError, true
}

// isDenial reports whether a record is NSEC or NSEC3, or a signature of one.
func isDenial(record *wire.Record) bool {
	t := coveredType(record)
	return t == wire.TypeNSEC || t == wire.TypeNSEC3
}

// lookInOwn looks for the present name in zones of our own, if an alias has led
// there, or if it is a name server's. A chain ends there: the answer leads on,
// for [Access] to go on from (RFC 1034 4.3.2).
func (t *resolution) lookInOwn() (done bool) {
	q := t.question()
	switch {
	case t.fetch.depth > 0:
		a, ok := t.r.own.answer(q)
		if ok {
			t.finish(a)
		}
		return ok
	case len(t.seen) > 0 && t.r.own.have(q):
		t.out.leadsOn = true
		return true
	}
	return false
}
