package sign

import (
	"time"

	"github.com/names-dns/names/wire"
)

// State is how many resolvers can have a record of a key. The words are those of
// BIND, which RFC 7583 3.1 describes as times.
type State uint8

const (
	Hidden      State = iota // none
	Rumoured                 // it is published; some have it, some have what was there before
	Omnipresent              // all that have anything have it
	Unretentive              // it is withdrawn; some still have it
)

var stateNames = [...]string{"hidden", "rumoured", "omnipresent", "unretentive"}

func (s State) String() string { return stateNames[s] }

// isShown reports whether the record is published.
func (s State) isShown() bool { return s == Rumoured || s == Omnipresent }

// Part is what a key contributes to the zone or to its parent.
type Part uint8

const (
	PartDNSKEY        Part = iota // its DNSKEY record
	PartKeySignature              // its signature of the DNSKEY RRset
	PartZoneSignature             // its signatures of everything else
	PartDS                        // its DS record, which the parent publishes
	parts
)

var partNames = [parts]string{"DNSKEY", "key signature", "zone signatures", "DS"}

func (p Part) String() string { return partNames[p] }

// Role is what a key is for.
type Role uint8

const (
	RoleAll  Role = iota // it signs everything, and the parent knows it: a CSK
	RoleKeys             // it signs the keys, and the parent knows it: a KSK
	RoleZone             // it signs the rest: a ZSK
)

var roleNames = [...]string{"all", "keys", "zone"}

func (r Role) String() string { return roleNames[r] }

// flags are those of DNSKEY records of such keys.
func (r Role) flags() uint16 {
	if r == RoleZone {
		return wire.FlagZoneKey
	}
	return wire.FlagZoneKey | wire.FlagSecureEntry
}

// has reports whether keys of this role contribute a part.
func (r Role) has(p Part) bool {
	switch p {
	case PartKeySignature, PartDS:
		return r != RoleZone
	case PartZoneSignature:
		return r != RoleKeys
	}
	return true
}

// Progress is how far a key has come on its way into the zone, or out of it.
type Progress struct {
	Role   Role
	Goal   State // Omnipresent or Hidden
	Parts  [parts]PartState
	Active time.Time // since when it signs; zero: it does not yet
	Retire bool      // it is to be exchanged, whatever its age
	// Compromised is that others may know the private key: it leaves the zone as soon as
	// every resolver can do without it, and is not used again.
	Compromised bool

	// DSSeen is since when all servers of the parent have the DS record, DSGone
	// since when none has it. Zero: that has not been seen.
	DSSeen, DSGone time.Time
}

// PartState is the state of a part, and since when and why it is in it.
type PartState struct {
	State State
	Since time.Time
	Why   string
}

// shows reports whether the key contributes a part now.
func (p *Progress) shows(part Part) bool { return p.Role.has(part) && p.Parts[part].State.isShown() }

// IsForParent reports whether the parent is to have the DS record of the key.
func (p *Progress) IsForParent() bool { return p.shows(PartDS) }

// isAll reports whether all parts are in a state.
func (p *Progress) isAll(s State) bool {
	for part := range parts {
		if p.Role.has(part) && p.Parts[part].State != s {
			return false
		}
	}
	return true
}

// IsGone reports whether the key was in use, and no resolver has anything of it.
func (p *Progress) IsGone() bool { return p.Goal == Hidden && p.isAll(Hidden) }

// Summary is the state of a key in one word, as Knot DNS calls it.
func (p *Progress) Summary() string {
	dnskey, signs := p.Parts[PartDNSKEY].State, p.shows(PartKeySignature) || p.shows(PartZoneSignature)
	switch ds := p.Parts[PartDS].State; {
	case p.IsGone():
		return "removed"
	case p.Goal == Omnipresent && dnskey == Hidden && signs:
		return "pre-active"
	case p.Goal == Omnipresent && p.Role != RoleZone && ds == Rumoured:
		return "ready"
	case p.Goal == Omnipresent && p.Role != RoleZone && ds == Hidden && dnskey.isShown():
		return "published"
	case p.Goal == Omnipresent && signs:
		return "active"
	case p.Goal == Omnipresent && dnskey.isShown():
		return "published"
	case p.Goal == Omnipresent:
		return "generated"
	case signs && dnskey.isShown():
		return "retire-active"
	case signs:
		return "post-active"
	}
	return "retired"
}
