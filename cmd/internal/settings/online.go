package settings

import (
	"cmp"
	"net/netip"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// Online is a zone whose answers are signed as they pass.
type Online struct {
	Zone      wire.Name
	Servers   []wire.Name      // of the zone
	From      []netip.AddrPort // servers that compute the answers; none: zones that are served here
	Policy    string           // "": the default one
	Types     []wire.Type      // that names can have; none: those of package sign
	PerSecond int              // signatures, at the most; 0: as package sign has it
	Kept      int              // signatures; 0: as package sign has it
}

// PolicyName is the name of the policy.
func (o *Online) PolicyName() string { return cmp.Or(o.Policy, DefaultPolicy) }

// Config is how answers are signed by a policy and with keys.
func (o *Online) Config(p *Policy, keys []*sign.Key) sign.OnlineConfig {
	return sign.OnlineConfig{
		Zone: o.Zone, Servers: o.Servers, Keys: keys, Policy: p.Policy, Types: o.Types, KeptSignatures: o.Kept, SignaturesPerSecond: o.PerSecond,
	}
}

// maxOnline bounds zones whose answers are signed: each query is compared with all of them.
const maxOnline = 64

func checkOnline(s *Settings, found *problems) {
	found.addIf(len(s.Online) > maxOnline, "{online.name}: %d zones; at most %d can have their answers signed", len(s.Online), maxOnline)
	for i := range s.Online {
		o := &s.Online[i]
		found.addIf(s.Signing.KeyDir == "", "{online.name} of %v requires {signing.key-dir}, the folder of the keys", o.Zone)
		policy, ok := s.Signing.Policy(o.PolicyName())
		found.addIf(!ok, "{online.policy} of %v: there is no policy %q", o.Zone, o.Policy)
		found.addIf(policy.Signal != "", "{online.policy} of %v: a zone whose answers are computed has no records to vouch for others; {policy.signal} is for zones only", o.Zone)
		key, err := sign.GenerateKey(wire.AlgorithmED25519, wire.FlagZoneKey|wire.FlagSecureEntry, 0, time.Now())
		if err == nil {
			config := o.Config(&policy, []*sign.Key{key})
			config.KeptSignatures = 1
			_, err = sign.NewOnline(names.Chain{}, config)
		}
		found.addIf(err != nil, "{online.name}: %v", err)
		for _, other := range s.Online[:i] {
			found.addIf(other.Zone.Equal(o.Zone), "{online.name} %v is given twice", o.Zone)
		}
		for _, z := range s.Zones {
			found.addIf(z.Sign != "" && z.Origin.Equal(o.Zone), "{online.name} %v excludes {zone.sign} of that zone: it would be signed twice", o.Zone)
		}
	}
}
