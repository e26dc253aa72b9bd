package settings

import (
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

// Signing says how zones are signed, and where their keys are.
type Signing struct {
	KeyDir   string
	Helper   string   // the Unix socket of a process that has private keys; "": there is none
	Policies []Policy // in the order of their names; one that is missing has the defaults
}

// Policy is a way to sign zones.
type Policy struct {
	Name      string
	Algorithm wire.Algorithm // of keys that are made; 0: ECDSAP256SHA256
	// TwoKeys is that one key signs the keys and one the rest, OneKey that one signs
	// all. Neither: as it is, and one if there are no keys yet.
	TwoKeys, OneKey bool
	// DoubleDS has the parent publish the next DS record before the keys are exchanged.
	DoubleDS bool
	// KeysLifetime is how long a key is used that the parent knows, ZoneLifetime how
	// long another one. 0: for ever.
	KeysLifetime, ZoneLifetime time.Duration
	// MaxTTL, Propagation and DSTTL are times that an exchange of keys waits for. 0:
	// those of [sign.Timing].
	MaxTTL, Propagation, DSTTL time.Duration
	// PurgeKeys is how long the files of a key stay of which no resolver has anything. 0:
	// for ever.
	PurgeKeys time.Duration
	// InHelper is that new keys are made by the key helper, and stay there.
	InHelper bool
	// Unsign takes the DS records out of the parent.
	Unsign bool
	// Signal is how long zones vouch for others that are served here, before the parent knows
	// these: [SignalAlways] or [SignalUntilDS]. "": not at all.
	Signal string
	// Manual is that an operator lets each step of an exchange of keys happen.
	Manual bool
	// NoDSCheck does not ask the parent for DS records: an operator confirms them.
	NoDSCheck bool
	// Parents are the servers of the parent zone. None: they are looked up.
	Parents []netip.AddrPort
	// ParentUpdate are servers of the parent that take dynamic updates of the DS records,
	// tried in this order.
	ParentUpdate []Peer
	// ReportAgent is where parents that are notified report errors to; zero: nowhere.
	ReportAgent wire.Name
	sign.Policy
}

// Equal reports whether two policies are the same.
func (p *Policy) Equal(other *Policy) bool { return reflect.DeepEqual(p, other) }

// Keys is which keys a zone has.
func (p *Policy) Keys() sign.KeyPolicy {
	return sign.KeyPolicy{
		Algorithm: p.Algorithm, TwoKeys: p.TwoKeys, OneKey: p.OneKey, DoubleDS: p.DoubleDS, KeysLifetime: p.KeysLifetime, ZoneLifetime: p.ZoneLifetime, Unsign: p.Unsign, Manual: p.Manual,
		Timing: sign.Timing{KeyTTL: time.Duration(p.KeyTTL) * time.Second, MaxTTL: p.MaxTTL, Propagation: p.Propagation, DS: p.DSTTL},
	}
}

const (
	SignalAlways  = "always"
	SignalUntilDS = "until-ds" // until the parent has the DS record, as far as that is known
)

// HasSignals reports whether zones vouch for others.
func (s *Signing) HasSignals() bool {
	return slices.ContainsFunc(s.Policies, func(p Policy) bool { return p.Signal != "" })
}

// DefaultPolicy is the one that is there without being given.
const DefaultPolicy = "default"

// Policy returns a policy by its name.
func (s *Signing) Policy(name string) (p Policy, ok bool) {
	for _, p := range s.Policies {
		if p.Name == name {
			return p, true
		}
	}
	return Policy{Name: name}, name == DefaultPolicy
}

func checkSigning(s *Settings, found *problems) {
	for _, p := range s.Signing.Policies {
		found.addIf(p.OptOut && !p.NSEC3, "{policy.opt-out} of %s requires {policy.nsec3}", p.Name)
		p.OptOut = p.OptOut && p.NSEC3
		_, err := sign.New(p.Policy, nil, nil)
		found.addIf(err != nil, "{policy.validity} of %s: %v", p.Name, err)
		keys := p.Keys()
		found.addIf(keys.Check() != nil, "{policy.keys-lifetime} of %s: %v", p.Name, keys.Check())
		found.addIf(p.ForeignKeys && !p.Manual, "{policy.foreign-keys} of %s requires {policy.manual}: the other server has to have our next key before we sign with it", p.Name)
		found.addIf(p.InHelper && s.Signing.Helper == "", "{policy.key-store} of %s requires {signing.helper}, the socket of the key helper", p.Name)
		for _, peer := range p.ParentUpdate {
			found.addIf(peer.URL != "", "{policy.parent-update} of %s: %s: updates are sent over TCP; write the address", p.Name, peer.URL)
			found.addIf(peer.Key.IsZero(), "{policy.parent-update} of %s: %v: an update is signed with a TSIG key; write key:NAME@ADDRESS", p.Name, peer.Address)
		}
		found.addIf(!p.ReportAgent.IsZero() && (!p.CDS || p.NoDSCheck), "{policy.report-agent} of %s requires {policy.cds} and {policy.ds-check}: parents are notified of CDS records", p.Name)
		found.addIf(p.NoDSCheck && len(p.Parents) > 0, "{policy.parent} of %s requires {policy.ds-check}", p.Name)
	}
	zones := slices.Clone(s.Zones)
	for _, c := range s.Catalogs {
		zones = append(zones, c.Template)
		for _, group := range c.Groups {
			zones = append(zones, group.Template)
		}
	}
	for _, z := range zones {
		if z.Sign == "" {
			continue
		}
		what := z.Path
		switch {
		case what == "" && z.Origin.IsZero():
			what = "the template of a catalog"
		case what == "":
			what = z.Origin.String()
		}
		var known []string
		for _, p := range s.Signing.Policies {
			known = append(known, p.Name)
		}
		if !slices.Contains(known, DefaultPolicy) {
			known = append(known, DefaultPolicy)
		}
		policy, ok := s.Signing.Policy(z.Sign)
		found.addIf(policy.Signal != "" && z.IsCopy(), "{policy.signal} of %s, by which %s is signed, excludes {zone.primaries}: the records are added to the zone here", z.Sign, what)
		found.addIf(!ok, "{zone.sign} of %s: there is no policy %q: there are %s", what, z.Sign, strings.Join(known, ", "))
		found.addIf(!policy.ReportAgent.IsZero() && !z.Origin.IsZero() && policy.ReportAgent.HasSuffix(z.Origin),
			"{policy.report-agent} of %s, by which %s is signed: %v is in that zone, and may not be reached when it does not work", z.Sign, what, policy.ReportAgent)
		found.addIf(s.Signing.KeyDir == "", "{zone.sign} of %s requires {signing.key-dir}, the folder of the keys", what)
		found.addIf(z.Format != authority.MasterFile, "{zone.sign} of %s: only master files are signed, not pyzones", what)
		found.addIf(z.IsCopy() && !s.hasJournal(&z), "{zone.sign} of %s, with {zone.primaries}, requires {journal.dir}: the serial number that is published has to go on after a restart", what)
		found.addIf(z.SyncAfter > 0, "{zone.sign} of %s excludes {zone.zonefile-sync}: the file stays unsigned", what)
	}
}
