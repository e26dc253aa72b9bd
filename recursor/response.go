package recursor

import (
	"errors"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// responseKind is what the reply of an authoritative server comes to (RFC 1034
// 5.3.3 step 4).
type responseKind uint8

const (
	saysAnswer   responseKind = iota // 4a: the records asked for
	saysNoData                       // 4a: the name has none of that type
	saysNoName                       // 4a: the name does not exist
	saysReferral                     // 4b: other servers know
	saysAlias                        // 4c: another name is to be asked for
)

var responseKindTexts = [...]string{"answer", "no data", "no such name", "referral", "alias"}

func (k responseKind) String() string { return responseKindTexts[k] }

// response is a reply that can be used.
type response struct {
	kind     responseKind
	question wire.Question
	scrubber scrubber  // what is believed of the answer, alias by alias
	child    wire.Name // of a referral: the zone it leads to
	message  []byte
}

// last is the name that the aliases of the response lead to; the name asked
// for if there are none.
func (r *response) last() wire.Name { return r.scrubber.last() }

// Why replies of authoritative servers cannot be used (RFC 1034 5.3.3 step 4d).
var (
	errLame      = errors.New("it is not a server of the zone")
	errUpward    = errors.New("it refers to the zone itself or to one above")
	errNothing   = errors.New("it says neither what it has nor who may have it")
	errNotAnswer = errors.New("the answer is about something else")
)

// classify finds out what a reply to q from a server of zone says. Nothing is
// believed that is not in the zone.
func classify(reply *upstream.Reply, q wire.Question, zone wire.Name) (*response, error) {
	r := &response{question: q, message: reply.Message}
	s := &r.scrubber
	s.question, s.zone, s.do = q, zone, true
	if err := s.read(reply); err != nil {
		return nil, err
	}
	flags := s.reader.Header().Flags
	isAuthoritative := flags.Has(wire.FlagAA)
	switch {
	case !isAuthoritative && flags.Has(wire.FlagRA) && (s.found || s.links > 1 || !s.soa.IsZero()):
		return nil, errLame // what it has is from a cache
	case s.found:
		r.kind = saysAnswer
	case reply.RCode == wire.RCodeYXDomain && s.tooLong:
		r.kind = saysNoName // RFC 6672 2.2: the name the DNAME record makes is too long
	case reply.RCode == wire.RCodeNXDomain:
		if s.links > 1 && !s.last().HasSuffix(zone) {
			r.kind = saysAlias // whether that name exists is for others to say
			break
		}
		if s.soa.IsZero() && !isAuthoritative {
			return nil, errLame
		}
		r.kind = saysNoName
	case !s.soa.IsZero():
		r.kind = saysNoData
	case s.links > 1:
		r.kind = saysAlias
	default:
		return r, r.readReferral(isAuthoritative)
	}
	return r, nil
}

func (s *scrubber) last() wire.Name { return s.names[s.links-1] }

// readReferral looks for the servers that the reply refers to: those of a zone
// below the one asked, which the name is in.
func (r *response) readReferral(isAuthoritative bool) error {
	zone, reader := r.scrubber.zone, &r.scrubber.reader // nothing that it has read is of use
	if err := goTo(reader, r.message, wire.SectionAuthority); err != nil {
		return err
	}
	for {
		h, err := reader.Next()
		if err == wire.ErrSectionDone {
			break
		}
		if err != nil {
			return err
		}
		if h.Type != wire.TypeNS || h.Class != wire.ClassIN || !r.question.Name.HasSuffix(h.Name) {
			continue
		}
		if h.Name.Len() > zone.Len() && h.Name.HasSuffix(zone) {
			if r.question.Type == wire.TypeDS && h.Name.Equal(r.question.Name) {
				continue // it is to say this itself (RFC 4035 3.1.4.1)
			}
			r.kind, r.child = saysReferral, r.question.Name.Ancestor(h.Name.LabelCount())
			return nil
		}
		if !isAuthoritative {
			return errUpward
		}
	}
	if reader.Header().Counts[wire.SectionAnswer] != 0 {
		return errNotAnswer
	}
	if !isAuthoritative {
		return errNothing
	}
	r.kind = saysNoData // without an SOA record: not to be kept (RFC 2308 5)
	return nil
}
