package update

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Policy says which clients may change which records of a zone. For each record
// the first rule counts that is about the client, the name and the type; if there
// is none the update is refused. The zero value allows nothing.
type Policy []Rule

// Rule is about some clients, names and types. What it does not say is not
// restricted, except the types.
type Rule struct {
	// Deny refuses what the rule is about.
	Deny bool

	// Clients are those that the rule is about. Nil: all. Over UDP addresses can be
	// forged: such a rule should have keys, too.
	Clients names.PeerMatcher
	// Keys are the TSIG keys of which the client has proved one. One that begins
	// with an asterisk as its first label stands for all below the rest. None: the
	// client needs no key.
	Keys []wire.Name
	// Streams leaves out clients over UDP whose address is not proved by a cookie.
	Streams bool

	// Names are those that may be changed, compared as Match says. None: all of
	// the zone.
	Names []Pattern
	Match Match

	// Types are those that may be changed. None: all but those that the zone
	// itself rests on: SOA, NS, and what DNSSEC and ZONEMD consist of (see
	// [IsOrdinary]).
	Types []TypeLimit
}

// Pattern is a name, or stands for one that depends on the client.
type Pattern struct {
	Name wire.Name // if Of is OfName
	Of   Subject
}

// Subject is where the name of a pattern comes from.
type Subject uint8

const (
	// OfName is a name that is given.
	OfName Subject = iota
	// OfKey is the name of the client's key.
	OfKey
	// OfAddress is the name of the client's address below in-addr.arpa or
	// ip6.arpa. The address has to be proved: by a transport over which it cannot
	// be forged, or by a cookie.
	OfAddress
)

// Match is how a name is compared with a pattern.
type Match uint8

const (
	// MatchEqual is the name itself.
	MatchEqual Match = iota
	// MatchSub is all names below it.
	MatchSub
	// MatchSubOrEqual is both.
	MatchSubOrEqual
	// MatchPattern is names with as many labels, of which each that is an asterisk
	// in the pattern may be any one.
	MatchPattern
)

var matchNames = [...]string{"equal", "sub", "sub-or-equal", "pattern"}

func (m Match) String() string {
	if int(m) < len(matchNames) {
		return matchNames[m]
	}
	return fmt.Sprintf("match %d", uint8(m))
}

// ParseMatch reads "equal", "sub", "sub-or-equal" or "pattern".
func ParseMatch(text string) (Match, error) {
	if i := slices.Index(matchNames[:], text); i >= 0 {
		return Match(i), nil
	}
	return 0, fmt.Errorf("match %q is not one of %s", text, strings.Join(matchNames[:], ", "))
}

// ParsePattern reads a name, {key} or {address}.
func ParsePattern(text string) (Pattern, error) {
	switch text {
	case "{key}":
		return Pattern{Of: OfKey}, nil
	case "{address}":
		return Pattern{Of: OfAddress}, nil
	}
	if strings.ContainsAny(text, "{}") {
		return Pattern{}, fmt.Errorf("%q is not a name, {key} or {address}", text)
	}
	name, err := wire.ParseName(text)
	if err != nil {
		return Pattern{}, fmt.Errorf("%q is not a name, {key} or {address}: %w", text, err)
	}
	return Pattern{Name: name}, nil
}

func (p Pattern) String() string {
	switch p.Of {
	case OfKey:
		return "{key}"
	case OfAddress:
		return "{address}"
	}
	return p.Name.String()
}

// TypeLimit is a type that may be changed, and how many records of it a name may
// have after the update has added some.
type TypeLimit struct {
	Type wire.Type // ANY: all but RRSIG, NSEC and NSEC3
	Most int       // 0: any number
}

// ParseTypeLimit reads a type, or one with a number in parentheses, as in
// "TXT(3)".
func ParseTypeLimit(text string) (TypeLimit, error) {
	word, rest, hasLimit := strings.Cut(text, "(")
	kind, err := wire.ParseType(word)
	switch {
	case err != nil:
		return TypeLimit{}, err
	case kind.IsQuestionOnly() && kind != wire.TypeANY:
		return TypeLimit{}, fmt.Errorf("a zone has no records of type %v", kind)
	case !hasLimit:
		return TypeLimit{Type: kind}, nil
	}
	digits, ok := strings.CutSuffix(rest, ")")
	most, err := strconv.ParseUint(digits, 10, 16)
	if !ok || err != nil || most == 0 {
		return TypeLimit{}, fmt.Errorf("%q is not a type with a number of records, as in TXT(3)", text)
	}
	return TypeLimit{kind, int(most)}, nil
}

func (l TypeLimit) String() string {
	if l.Most == 0 {
		return l.Type.String()
	}
	return fmt.Sprintf("%v(%d)", l.Type, l.Most)
}

// IsOrdinary reports whether a rule without types is about t.
func IsOrdinary(t wire.Type) bool {
	switch t {
	case wire.TypeSOA, wire.TypeNS, wire.TypeDNSKEY, wire.TypeCDNSKEY, wire.TypeCDS, wire.TypeNSEC3PARAM, wire.TypeZONEMD:
		return false
	}
	return !isDerived(t)
}

// Concerns reports whether any rule allows the client anything: if not, the
// client learns nothing of the zone.
func (p Policy) Concerns(peer *names.Peer) bool {
	return slices.ContainsFunc(p, func(r Rule) bool { return !r.Deny && r.isAbout(peer) })
}

// Allows checks that the client may make all updates of a request (RFC 2136 3.3),
// before they are made. The error is an [*Error].
func (p Policy) Allows(peer *names.Peer, r *Request, t *authority.Txn) error {
	if len(p) == 0 {
		return refuse(wire.RCodeRefused, "no client may update the zone")
	}
	var about Policy // what is left for this client
	for _, rule := range p {
		if rule.isAbout(peer) {
			about = append(about, rule)
		}
	}
	for i := range r.Updates {
		u := &r.Updates[i]
		kinds := []wire.Type{u.Type}
		if u.Type == wire.TypeANY {
			// All that goes has to be allowed.
			kinds = removable(t, u.Name)
			if u.Name.Equal(r.Zone) {
				kinds = slices.DeleteFunc(kinds, func(k wire.Type) bool { return k == wire.TypeSOA || k == wire.TypeNS })
			}
			if len(kinds) == 0 {
				kinds = []wire.Type{wire.TypeANY}
			}
		}
		for _, kind := range kinds {
			if limit, ok := about.find(peer, u.Name, kind); !ok || limit == nil {
				return refuse(wire.RCodeRefused, "client may not change %v records of %v", kind, u.Name)
			}
		}
	}
	return nil
}

// keepsSigned refuses changes of a zone that was signed elsewhere: validators would
// not believe what comes of it. A client that may change signatures brings them.
func (p Policy) keepsSigned(peer *names.Peer, r *Request, t *authority.Txn) error {
	if len(r.Updates) == 0 || t.Before().Signed() == "" || t.HasSigner() {
		return nil
	}
	if limit, _ := p.find(peer, r.Zone, wire.TypeRRSIG); limit != nil {
		return nil
	}
	return refuse(wire.RCodeRefused, "zone %v was signed elsewhere, and the client may not change RRSIG records", r.Zone)
}

// Limits checks the numbers of records after the updates were made. The error is
// an [*Error].
func (p Policy) Limits(peer *names.Peer, r *Request, t *authority.Txn) error {
	for i := range r.Updates {
		u := &r.Updates[i]
		if u.Class != r.Class {
			continue
		}
		limit, _ := p.find(peer, u.Name, u.Type)
		if limit == nil || limit.Most == 0 {
			continue
		}
		if n := len(t.RRset(u.Name, u.Type)); n > limit.Most {
			return refuse(wire.RCodeRefused, "%v would have %d %v records, more than %d", u.Name, n, u.Type, limit.Most)
		}
	}
	return nil
}

// anyNumber is the limit of rules that have none.
var anyNumber TypeLimit

// find returns the first rule's answer about a name and a type: nil if it denies.
func (p Policy) find(peer *names.Peer, name wire.Name, kind wire.Type) (limit *TypeLimit, ok bool) {
	for i := range p {
		rule := &p[i]
		if !rule.isAbout(peer) || !rule.hasName(peer, name) {
			continue
		}
		limit, ok := rule.limitOf(kind)
		if !ok {
			continue
		}
		if rule.Deny {
			return nil, true
		}
		return limit, true
	}
	return nil, false
}

// isAbout reports whether the rule is about the client.
func (r *Rule) isAbout(peer *names.Peer) bool {
	switch {
	case r.Clients != nil && !r.Clients.Matches(peer):
		return false
	case r.Streams && !isProved(peer):
		return false
	case len(r.Keys) == 0:
		return true
	case peer.Key.IsZero():
		return false
	}
	return slices.ContainsFunc(r.Keys, func(key wire.Name) bool {
		if key.IsWildcard() && key.LabelCount() > 0 {
			return !peer.Key.Equal(key.Parent()) && peer.Key.HasSuffix(key.Parent())
		}
		return key.Equal(peer.Key)
	})
}

// isProved reports whether the client's address cannot be forged.
func isProved(peer *names.Peer) bool { return peer.Transport != names.UDP || peer.CookieValid }

// hasName reports whether the rule is about a name.
func (r *Rule) hasName(peer *names.Peer, name wire.Name) bool {
	if len(r.Names) == 0 {
		return true
	}
	return slices.ContainsFunc(r.Names, func(p Pattern) bool {
		want := p.Name
		switch p.Of {
		case OfKey:
			want = peer.Key
		case OfAddress:
			if !isProved(peer) {
				return false
			}
			want = wire.ReverseName(peer.Remote.Addr())
		}
		return !want.IsZero() && r.Match.matches(want, name)
	})
}

func (m Match) matches(want, name wire.Name) bool {
	switch m {
	case MatchEqual:
		return name.Equal(want)
	case MatchSub:
		return name.HasSuffix(want) && !name.Equal(want)
	case MatchSubOrEqual:
		return name.HasSuffix(want)
	case MatchPattern:
		return matchesPattern(want, name)
	}
	return false
}

// matchesPattern compares label by label.
func matchesPattern(want, name wire.Name) bool {
	for !want.IsRoot() && !name.IsRoot() {
		if w := want.FirstLabel(); w != "*" && !isLabel(w, name.FirstLabel()) {
			return false
		}
		want, name = want.Parent(), name.Parent()
	}
	return want.IsRoot() && name.IsRoot()
}

// limitOf returns the limit of a type, and whether the rule is about it.
func (r *Rule) limitOf(kind wire.Type) (*TypeLimit, bool) {
	if len(r.Types) == 0 {
		return &anyNumber, IsOrdinary(kind)
	}
	for i := range r.Types {
		if l := &r.Types[i]; l.Type == kind || l.Type == wire.TypeANY && !isDerived(kind) {
			return l, true
		}
	}
	// The removal of a name that has nothing needs no certain type.
	return &anyNumber, kind == wire.TypeANY
}

// isLabel compares labels without their case (RFC 4343).
func isLabel(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if wire.FoldByte(a[i]) != wire.FoldByte(b[i]) {
			return false
		}
	}
	return true
}
