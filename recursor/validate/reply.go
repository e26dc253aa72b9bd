package validate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Reply is a reply to one question, its records grouped into RRsets.
type Reply struct {
	Question  wire.Question
	RCode     wire.RCode
	Answer    []*RRset
	Authority []*RRset
	// Partial: the answer may end with an alias, whose target is asked for
	// separately.
	Partial bool
	// Source is for a [Refetcher]: where the reply is from. It is not looked at.
	Source any
}

// isAnswer reports whether the reply answers the question: NXDOMAIN does, REFUSED
// does not.
func (r *Reply) isAnswer() bool {
	return r.RCode == wire.RCodeNoError || r.RCode == wire.RCodeNXDomain || r.RCode == wire.RCodeYXDomain
}

// RRset is an RRset with the signatures that cover it, and what [Validator.Check]
// found out about it.
type RRset struct {
	dnssec.RRset
	Signatures []*wire.RRSIG

	Verdict Verdict
	Reason  Reason
	// Zone is the zone that signed a secure RRset.
	Zone wire.Name
	// Wildcard is the owner that a secure RRset was expanded from, no name if
	// it was not (RFC 4035 5.3.4).
	Wildcard wire.Name
	signedBy *wire.RRSIG
}

func (r *RRset) judgement() judgement { return judgement{verdict: r.Verdict, reason: r.Reason} }

func (r *RRset) judge(j judgement) judgement {
	r.Verdict, r.Reason = j.verdict, j.reason
	return j
}

// what is the RRset as reasons name it.
func (r *RRset) what() string { return plain(r.Name) + " " + r.Type.String() }

// ErrReply is wrapped by errors about messages that are not a reply to one
// question.
var ErrReply = errors.New("not a reply to validate")

// ReplyFromMessage groups the records of a message. Records of other classes
// than the question's, signatures of records that are not there, and RRSIGs
// that cover what is never signed are left out.
func ReplyFromMessage(m *wire.Message) (*Reply, error) {
	if !m.Flags.Has(wire.FlagQR) || len(m.Questions) != 1 {
		return nil, fmt.Errorf("%w: a response with one question is needed", ErrReply)
	}
	r := &Reply{Question: m.Questions[0], RCode: m.RCode}
	r.Answer = Group(m.Answers, r.Question)
	r.Authority = Group(m.Authority, r.Question)
	return r, nil
}

// setKey tells the RRsets of a section apart.
type setKey struct {
	name wire.Key
	typ  wire.Type
}

// Group makes RRsets of the records of one section, in the order of their
// first records. RRSIG records become RRsets only if q asks for them. Each NSEC
// and NSEC3 record is an RRset of its own: a name has one in a zone, and a zone
// cut one in either (RFC 4035 2.3), both of which a chain of aliases may need.
func Group(records []wire.Record, q wire.Question) []*RRset {
	var sets []*RRset
	byKey := make(map[setKey][]*RRset, len(records)) // more than one of NSEC and NSEC3
	for _, record := range records {
		if record.Class != q.Class || record.Type == wire.TypeRRSIG && q.Type != wire.TypeRRSIG {
			continue
		}
		key := setKey{record.Name.Key(), record.Type}
		var set *RRset
		known := byKey[key]
		if len(known) > 0 && record.Type != wire.TypeNSEC && record.Type != wire.TypeNSEC3 {
			set = known[0]
		} else {
			set = &RRset{RRset: dnssec.RRset{Name: record.Name, Type: record.Type, Class: record.Class, TTL: record.TTL}}
			byKey[key] = append(known, set)
			sets = append(sets, set)
		}
		set.TTL = min(set.TTL, record.TTL)
		set.Data = append(set.Data, record.Data)
	}
	for _, record := range records {
		if record.Class != q.Class || record.Type != wire.TypeRRSIG {
			continue
		}
		sig := new(wire.RRSIG)
		c := wire.CursorOver(record.Data)
		if sig.Parse(&c) != nil || !dnssec.MayBeSigned(sig.Covered) {
			continue
		}
		for _, set := range byKey[setKey{record.Name.Key(), sig.Covered}] {
			set.Signatures = append(set.Signatures, sig)
		}
	}
	return sets
}

// find returns the RRset of a name and type, nil if there is none.
func find(sets []*RRset, name wire.Name, t wire.Type) *RRset {
	i := slices.IndexFunc(sets, func(s *RRset) bool { return s.Type == t && s.Name.Equal(name) })
	if i < 0 {
		return nil
	}
	return sets[i]
}
