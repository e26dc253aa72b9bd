package sign

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Online is a resolver that signs what the next one answers, as it passes, for
// clients that want signatures: names that are computed have no zone that a [Signer]
// could sign.
//
// It is the authority of one zone. It answers for the SOA, NS and key records of
// the apex itself, and says of every name and type that the next resolver lacks, or
// passes, that they do not exist (compact denial, RFC 9824). What is asked outside the
// zone goes on to the next resolver and comes back as it is.
//
// Signatures are kept in a table of a fixed size, and so many new ones are made in a
// second: more is an error, for an answer without signatures would be bogus.
type Online struct {
	next   names.Resolver
	zone   wire.Name
	soa    *rrset
	ns     *rrset
	types  []wire.Type
	policy Policy
	now    func() time.Time
	// negativeTTL is how long caches remember what does not exist (RFC 9077 3).
	negativeTTL uint32

	keys      atomic.Pointer[[]*Key]
	shift     atomic.Pointer[shift]
	kept      signatureTable
	allowance allowance

	made, found, refused atomic.Uint64
}

// OnlineStats is what an [Online] has counted.
type OnlineStats struct {
	Made    uint64 // signatures
	Found   uint64 // RRsets whose signatures were kept
	Refused uint64 // RRsets that would have needed more signatures than may be made in a second
}

// Stats returns what o has counted.
func (o *Online) Stats() OnlineStats {
	return OnlineStats{Made: o.made.Load(), Found: o.found.Load(), Refused: o.refused.Load()}
}

// OnlineConfig is how answers are signed. The zero value of a field is the default
// that its comment names.
type OnlineConfig struct {
	Zone    wire.Name
	Servers []wire.Name // of the zone: the parent has the same NS records
	Keys    []*Key
	// SOA is the data of the SOA record. Default: the first server is the primary, and
	// what does not exist is not asked again for five minutes.
	SOA *wire.SOA
	// Policy is as for a [Signer]; NSEC3, OptOut, ZONEMD and ForeignKeys are for zones only.
	Policy Policy
	// Types are all that names below the apex can have. A denial of one type does
	// not deny the others, which caches would make use of (RFC 8198). Default:
	// [DefaultOnlineTypes].
	Types []wire.Type
	// KeptSignatures is how many RRsets have their signatures kept, rounded up to a
	// power of two. Default: 16,384.
	KeptSignatures int
	// SignaturesPerSecond is how many are made at the most. Default: 2000.
	SignaturesPerSecond int
	Now                 func() time.Time // default: time.Now
}

// DefaultOnlineTypes are the types that computed names are taken to have.
var DefaultOnlineTypes = []wire.Type{
	wire.TypeA, wire.TypeAAAA, wire.TypeMX, wire.TypeTXT, wire.TypePTR, wire.TypeSRV, wire.TypeNAPTR,
	wire.TypeSSHFP, wire.TypeTLSA, wire.TypeSVCB, wire.TypeHTTPS, wire.TypeCAA, wire.TypeURI, wire.TypeLOC,
}

// apexTTL is the TTL of SOA and NS records.
const apexTTL = 3600

// NewOnline returns a resolver that signs what next answers.
func NewOnline(next names.Resolver, c OnlineConfig) (*Online, error) {
	policy, err := c.Policy.withDefaults()
	if err != nil {
		return nil, err
	}
	switch {
	case c.Zone.IsZero():
		return nil, errors.New("signing answers needs the name of their zone")
	case len(c.Servers) == 0:
		return nil, fmt.Errorf("zone %s: signing answers needs the names of its servers", c.Zone)
	case policy.NSEC3 || policy.ZONEMD != 0 || policy.ForeignKeys:
		return nil, fmt.Errorf("zone %s: answers that are signed one by one have neither NSEC3 nor ZONEMD nor keys of another server", c.Zone)
	case c.KeptSignatures < 0 || c.SignaturesPerSecond < 0:
		return nil, fmt.Errorf("zone %s: fewer than no signatures", c.Zone)
	}
	if c.Types == nil {
		c.Types = DefaultOnlineTypes
	}
	for _, t := range c.Types {
		switch t {
		case wire.TypeNS, wire.TypeSOA, wire.TypeDS, wire.TypeCNAME, wire.TypeDNAME, wire.TypeNXNAME, wire.TypeANY:
			return nil, fmt.Errorf("zone %s: a denial that leaves out %v means something else", c.Zone, t)
		}
	}
	o := &Online{next: next, zone: c.Zone.Clone(), types: slices.Clone(c.Types), policy: policy, now: c.Now}
	if o.now == nil {
		o.now = time.Now
	}
	if c.KeptSignatures == 0 {
		c.KeptSignatures = 16384
	}
	if c.SignaturesPerSecond == 0 {
		c.SignaturesPerSecond = 2000
	}
	o.kept.init(c.KeptSignatures)
	o.allowance.perSecond = c.SignaturesPerSecond
	if c.SOA == nil {
		c.SOA = &wire.SOA{Primary: c.Servers[0], Serial: 1, Refresh: 3600, Retry: 600, Expire: 1209600, Minimum: 300}
		if c.SOA.Mailbox, err = c.Zone.Prepend("hostmaster"); err != nil {
			c.SOA.Mailbox = c.Zone
		}
	}
	o.negativeTTL = min(c.SOA.Minimum, apexTTL)
	o.soa = o.apexSet(wire.TypeSOA, apexTTL, c.SOA.AppendTo(nil, nil))
	o.ns = o.apexSet(wire.TypeNS, apexTTL)
	for _, server := range c.Servers {
		o.ns.Data = append(o.ns.Data, (&wire.NS{Host: server}).AppendTo(nil, nil))
	}
	o.SetKeys(c.Keys)
	if _, err := o.present(); err != nil {
		return nil, err
	}
	return o, nil
}

func (o *Online) apexSet(t wire.Type, ttl uint32, data ...[]byte) *rrset {
	return &rrset{RRset: dnssec.RRset{Name: o.zone, Type: t, Class: wire.ClassIN, TTL: ttl, Data: data}}
}

// SetKeys exchanges the keys.
func (o *Online) SetKeys(keys []*Key) {
	keys = slices.Clone(keys)
	o.keys.Store(&keys)
}

// Resolve asks the next resolver, and signs what it says if x wants that.
func (o *Online) Resolve(ctx context.Context, x *names.Exchange) error {
	switch {
	case !o.owns(x.Question()):
		return o.next.Resolve(ctx, x)
	case o.isOwn(x.Question()):
		return o.finish(x, names.ErrPass, true)
	}
	return o.finish(x, o.next.Resolve(ctx, x), true)
}

// TryResolve is Resolve if neither the next resolver has to wait nor a signature is
// missing.
func (o *Online) TryResolve(x *names.Exchange) error {
	switch {
	case !o.owns(x.Question()):
		return names.Try(o.next, x)
	case o.isOwn(x.Question()):
		return o.finish(x, names.ErrPass, false)
	}
	options := x.ReplyEDNS.Options
	err := o.finish(x, names.Try(o.next, x), false)
	if err == names.ErrSlow {
		x.ReplyEDNS.Options = options // the next resolver adds its own again
	}
	return err
}

func (o *Online) owns(q wire.Question) bool {
	return q.Class == wire.ClassIN && q.Name.HasSuffix(o.zone)
}

// isOwn reports whether the next resolver has no say in a question.
func (o *Online) isOwn(q wire.Question) bool {
	switch q.Type {
	case wire.TypeRRSIG, wire.TypeNXNAME:
		return true
	case wire.TypeSOA, wire.TypeNS, wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY, wire.TypeDS:
		return q.Name.Equal(o.zone)
	}
	return false
}

// finish makes of what the next resolver said the answer of the zone. Without mayMake,
// it is [names.ErrSlow] if a signature would have to be made.
func (o *Online) finish(x *names.Exchange, said error, mayMake bool) error {
	if said != nil && said != names.ErrPass {
		return said
	}
	x.ReplyEDNS.Flags |= x.Query.EDNS.Flags & wire.FlagCO // RFC 9824 5
	if said == nil && (x.RCode != wire.RCodeNoError && x.RCode != wire.RCodeNXDomain || x.Reply.Flags.Has(wire.FlagTC)) {
		return nil // no answer that could be signed
	}
	if said == nil && !x.DO() {
		x.Reply.Flags |= wire.FlagAA
		return nil
	}
	switch x.Question().Type {
	case wire.TypeNXNAME: // RFC 9824 3.5
		x.RCode = wire.RCodeFormErr
		x.AddExtendedError(wire.ExtendedErrorInvalidQueryType, "")
		return nil
	case wire.TypeRRSIG: // there are no RRsets that it could mean, and denying it is impossible
		x.RCode = wire.RCodeRefused
		x.AddExtendedError(wire.ExtendedErrorNotSupported, "signatures are not there by themselves")
		return nil
	}
	now, err := o.present()
	if err != nil {
		return err
	}
	a := answers.Get().(*onlineAnswer)
	defer a.release()
	a.begin(o, now, x)
	if said == nil {
		err = a.read()
	} else {
		a.lookUp()
	}
	if err == nil && x.DO() {
		err = a.sign(mayMake)
	}
	if err != nil {
		x.Restart()
		return err
	}
	a.write()
	return nil
}

var answers = sync.Pool{New: func() any { return new(onlineAnswer) }}

// shift is a time in which the same keys sign.
type shift struct {
	pass
	keys  *[]*Key
	until time.Time
	apex  []*rrset
	types []wire.Type // that the apex has
}

// shiftLength is how soon the times of keys are looked at again.
const shiftLength = time.Minute

// present is the shift of now.
func (o *Online) present() (*shift, error) {
	now, keys := o.now(), o.keys.Load()
	if s := o.shift.Load(); s != nil && s.keys == keys && !now.Before(s.now) && now.Before(s.until) {
		return s, nil
	}
	s := &shift{keys: keys, until: now.Add(min(shiftLength, o.policy.Step()))}
	s.policy, s.now, s.origin, s.class, s.denialTTL = o.policy, now, o.zone, wire.ClassIN, o.negativeTTL
	var err error
	if s.roles, err = rolesAt(*keys, now); err != nil {
		return nil, fmt.Errorf("zone %s: %w", o.zone, err)
	}
	if s.verifiers, err = s.roles.verifiers(); err != nil {
		return nil, fmt.Errorf("zone %s: %w", o.zone, err)
	}
	made, err := s.apexSets()
	if err != nil {
		return nil, fmt.Errorf("zone %s: %w", o.zone, err)
	}
	s.apex = []*rrset{o.soa, o.ns}
	for _, set := range made {
		if len(set.data) > 0 {
			s.apex = append(s.apex, o.apexSet(set.kind, set.ttl, set.data...))
		}
	}
	for _, set := range s.apex {
		s.types = append(s.types, set.Type)
	}
	o.shift.Store(s)
	return s, nil
}
