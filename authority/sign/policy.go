package sign

import (
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/zonemd"
	"github.com/names-dns/names/wire"
)

// Policy is how a zone is signed. The zero value of a field is the default that
// its comment names.
type Policy struct {
	// KeyTTL is the TTL of DNSKEY, CDS and CDNSKEY records, in seconds. Default:
	// 3600.
	KeyTTL uint32
	// Validity is how long a signature is valid, counted from the time when it
	// was due. Default: 14 days.
	Validity time.Duration
	// Refresh is how long before its end a signature is made again. Default: 5
	// days. It must be less than Validity, and longer than secondaries and caches
	// can hold on to old data.
	Refresh time.Duration
	// NSEC3 proves with hashed names (RFC 5155), with no additional iterations and
	// no salt (RFC 9276 3.1). Default: NSEC.
	NSEC3 bool
	// OptOut leaves delegations without DS records out of the NSEC3 chain
	// (RFC 5155 6).
	OptOut bool
	// CDS publishes CDS and CDNSKEY records for the keys that the parent is to
	// have DS records of (RFC 7344).
	CDS bool
	// ForeignKeys keeps DNSKEY records of keys that the signer does not have: another
	// server signs the zone, too, with keys of its own (RFC 8901, model 2). Default: they are
	// refused with [ErrForeignKeys].
	ForeignKeys bool
	// VerifySample verifies one in sixteen of the signatures that keys in memory make of
	// more than 256 RRsets at once, which more than halves what a first signing costs.
	// Default: a zone has no signature that was not verified. Those of other processes
	// are verified in any case.
	VerifySample bool
	// Serial is how the serial number goes on if the change does not bring one that is ahead of
	// what is published. Default: by one.
	Serial authority.SerialPolicy
	// ZONEMD makes a digest of each version with this hash (RFC 8976): each change
	// reads the whole zone. Default: none. A zone that is signed has no other digest.
	ZONEMD zonemd.Hash
}

// early is how long before now a signature made now has begun, for resolvers
// whose clock is slow.
const early = time.Hour

// withDefaults fills in what is zero, and checks the rest.
func (p Policy) withDefaults() (Policy, error) {
	if p.KeyTTL == 0 {
		p.KeyTTL = 3600
	}
	if p.Validity == 0 {
		p.Validity = 14 * 24 * time.Hour
	}
	if p.Refresh == 0 {
		p.Refresh = min(5*24*time.Hour, p.Validity/2)
	}
	switch {
	case p.Refresh < 0 || p.Refresh >= p.Validity:
		return p, fmt.Errorf("signatures are made again %v before their end, but are valid for %v only", p.Refresh, p.Validity)
	case p.Validity-p.Refresh < steps*time.Second:
		return p, fmt.Errorf("signatures would be made again every %v; the least is %v", p.Validity-p.Refresh, steps*time.Second)
	case p.Validity > 10*365*24*time.Hour:
		return p, fmt.Errorf("signatures valid for %v; the most is ten years", p.Validity)
	case p.OptOut && !p.NSEC3:
		return p, errors.New("opt-out needs NSEC3")
	}
	return p, nil
}

// steps is into how many parts the time between two signatures is divided: what
// falls due in one part is signed together.
const steps = 256

// Step is how often [Signer.Refresh] finds something to do.
func (p Policy) Step() time.Duration {
	p, _ = p.withDefaults()
	return (p.Validity - p.Refresh) / steps
}

// window is from when to when the signature of an RRset is valid that is made at
// now. It stays the same until the signature is due again.
func (p Policy) window(owner wire.Name, t wire.Type, now time.Time) (inception, expiration wire.Serial) {
	step := int64((p.Validity - p.Refresh) / steps / time.Second)
	period := step * steps
	var room [wire.MaxNameLen + 2]byte
	h := fnv.New64a()
	h.Write(append(owner.AppendFolded(room[:0]), byte(t>>8), byte(t)))
	offset := int64(h.Sum64()%steps) * step
	due := (now.Unix()-offset)/period*period + offset
	return wire.SerialFromTime(time.Unix(due, 0).Add(-early)), wire.SerialFromTime(time.Unix(due, 0).Add(p.Validity))
}
