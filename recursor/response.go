package recursor

import (
	"errors"
	"net/netip"

	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/wire"
)

// responseKind is what the reply of an authoritative server comes to (RFC 1034
// 5.3.3 step 4).
type responseKind uint8

const (
	responseAnswer   responseKind = iota // 4a: the records asked for
	responseNoData                       // 4a: the name has none of that type
	responseNXDomain                     // 4a: the name does not exist
	responseReferral                     // 4b: other servers know
	responseCNAME                        // 4c: another name is to be asked for
)

var responseKindTexts = [...]string{"answer", "no data", "no such name", "referral", "alias"}

func (k responseKind) String() string { return responseKindTexts[k] }

// response is a reply that can be used.
type response struct {
	kind     responseKind
	question wire.Question
	server   netip.AddrPort // that sent it
	scrubber scrubber       // what is believed of the answer, alias by alias
	child    wire.Name      // of a referral: the zone it refers to
	message  []byte
	said     []part    // name by name, once it is understood
	failure  *Failure  // why it is bogus
	agent    wire.Name // wants to know of failures

	isChecked bool // said was validated

	// isWeak is set for a "no data" without an SOA record: servers send that
	// for names they know nothing of. It counts if no other server says more,
	// and it is not kept (RFC 2308 5).
	isWeak bool
}

// Why replies of authoritative servers cannot be used (RFC 1034 5.3.3 step 4d).
var (
	errLame      = errors.New("not authoritative for the zone")
	errRootLame  = errors.New("root servers' replies are not authoritative: a router or firewall on the way seems to answer in their place; ask that resolver instead, or let port 53 through")
	errUpward    = errors.New("referral to the zone itself or to one that is not below it")
	errLost      = errors.New("authoritative reply with the NS records of another zone")
	errNothing   = errors.New("neither an answer nor a referral")
	errNotAnswer = errors.New("answer to another question")
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
		r.kind = responseAnswer
	case s.tooLong:
		r.kind = responseNXDomain // RFC 6672 2.2: the name the DNAME record makes is too long
	case reply.RCode == wire.RCodeNXDomain:
		if s.links > 1 && !s.last().HasSuffix(zone) {
			r.kind = responseCNAME // whether that name exists is for others to say
			break
		}
		if s.soa.IsZero() && !isAuthoritative {
			return nil, errLame
		}
		r.kind = responseNXDomain
	case !s.soa.IsZero():
		r.kind = responseNoData
	case s.links > 1:
		r.kind = responseCNAME
	default:
		return r, r.readReferral(isAuthoritative)
	}
	return r, nil
}

func (s *scrubber) last() wire.Name { return s.names[s.links-1] }

// readReferral reads a reply that has neither the records asked for nor an
// alias, and no SOA record: a referral to the servers of a zone below the one
// asked, or a "no data" that is weak.
func (r *response) readReferral(isAuthoritative bool) error {
	cut, err := r.cuts()
	switch {
	case err != nil:
		return err
	case !cut.child.IsZero():
		r.kind, r.child = responseReferral, cut.child
		return nil
	case r.scrubber.reader.Header().Counts[wire.SectionAnswer] != 0 && !r.scrubber.hasOthers:
		return errNotAnswer
	case (cut.isAbove || cut.isOffPath) && isAuthoritative:
		return errLost
	case cut.isAbove, cut.isOwn && !isAuthoritative:
		return errUpward
	case !isAuthoritative && !cut.isAsked:
		return errNothing
	}
	r.kind, r.isWeak = responseNoData, true
	return nil
}

// cuts are the zones whose NS records are in the authority section of a reply
// that has no answer.
type cuts struct {
	child     wire.Name // below the zone asked, and the name is in it
	isAsked   bool      // the name itself, the question being for its DS records
	isOwn     bool      // the zone asked
	isAbove   bool      // above the zone asked, or in another branch
	isOffPath bool      // below the zone asked, and the name is not in it
}

func (r *response) cuts() (c cuts, err error) {
	zone, q, reader := r.scrubber.zone, r.question, &r.scrubber.reader // nothing that it has read is of use
	if err := goTo(reader, r.message, wire.SectionAuthority); err != nil {
		return c, err
	}
	var ns wire.NS
	for {
		h, err := reader.Next()
		switch {
		case err == wire.ErrSectionDone:
			return c, nil
		case err != nil:
			return c, err
		case h.Type != wire.TypeNS || h.Class != wire.ClassIN:
		case h.Name.Equal(zone):
			c.isOwn = true
		case !h.Name.HasSuffix(zone):
			c.isAbove = true
		case !q.Name.HasSuffix(h.Name):
			c.isOffPath = true
		case q.Type == wire.TypeDS && h.Name.Equal(q.Name):
			c.isAsked = true // RFC 4035 3.1.4.1: it should have answered this itself
		case c.child.IsZero() && reader.Parse(&ns) == nil:
			c.child = q.Name.Ancestor(h.Name.LabelCount())
		}
	}
}
