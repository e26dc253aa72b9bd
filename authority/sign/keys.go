package sign

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Key is a key of a zone, and when it is used. A time that is zero is never,
// but for Publish and Activate, for which it is always.
type Key struct {
	*dnssec.SigningKey
	private  crypto.Signer
	Created  time.Time
	Publish  time.Time // its DNSKEY record is in the zone from then on
	Activate time.Time // it signs from then on
	Inactive time.Time // from then on it does not sign
	Delete   time.Time // its DNSKEY record leaves the zone

	// Progress is what the key does if it is one of a [KeySet], whatever the times
	// say.
	Progress *Progress
	planned  int // a key that is not made yet: the number of it
}

func (k *Key) String() string {
	if k.planned > 0 {
		return fmt.Sprintf("new key %d", k.planned)
	}
	return fmt.Sprintf("key %d", k.Tag)
}

// state is that of a part, if the key is one of a set.
func (k *Key) state(p Part) State {
	if k.Progress == nil {
		return Hidden
	}
	return k.Progress.Parts[p].State
}

// isForParent reports whether the parent is to have a DS record of the key.
func (k *Key) isForParent(now time.Time) bool {
	if k.Progress != nil {
		return k.Progress.IsForParent()
	}
	return k.IsEntryPoint() && k.IsActive(now)
}

// IsEntryPoint reports whether the parent's DS record is to be of this key.
func (k *Key) IsEntryPoint() bool { return k.Record.Flags&wire.FlagSecureEntry != 0 }

// IsPublished reports whether the DNSKEY record is in the zone.
func (k *Key) IsPublished(now time.Time) bool {
	if k.Progress != nil {
		return k.Progress.shows(PartDNSKEY)
	}
	return isReached(k.Publish, now, true) && !isReached(k.Delete, now, false)
}

// IsActive reports whether the key signs.
func (k *Key) IsActive(now time.Time) bool {
	if k.Progress != nil {
		return k.Progress.shows(PartKeySignature) || k.Progress.shows(PartZoneSignature)
	}
	return k.IsPublished(now) && isReached(k.Activate, now, true) && !isReached(k.Inactive, now, false)
}

// isInMemory reports whether the private half is in this process, so that the library signs
// with it.
func (k *Key) isInMemory() bool {
	switch k.private.(type) {
	case *ecdsa.PrivateKey, ed25519.PrivateKey, *rsa.PrivateKey:
		return true
	}
	of, _ := seedOf(k.private)
	return of != nil
}

func isReached(at, now time.Time, ifZero bool) bool {
	if at.IsZero() {
		return ifZero
	}
	return !now.Before(at)
}

// GenerateKey makes a new key. Its DNSKEY record has flags: [wire.FlagZoneKey],
// with [wire.FlagSecureEntry] if the parent's DS record is to be of it. bits is the length of an RSA modulus, 0 for
// 2048; other algorithms have one length only.
func GenerateKey(algorithm wire.Algorithm, flags uint16, bits int, now time.Time) (*Key, error) {
	signer, err := GeneratePrivate(algorithm, bits)
	if err != nil {
		return nil, err
	}
	k, err := newSigningKey(algorithm, flags, signer)
	if err != nil {
		return nil, err
	}
	now = now.UTC().Truncate(time.Second)
	return &Key{SigningKey: k, private: signer, Created: now, Publish: now, Activate: now}, nil
}

// GenerateAnother makes a key whose tag none of the others has: two keys with one tag
// make resolvers try both.
func GenerateAnother(others []*Key, algorithm wire.Algorithm, flags uint16, bits int, now time.Time) (*Key, error) {
	for range 100 {
		k, err := GenerateKey(algorithm, flags, bits, now)
		if err != nil || !hasTag(others, k) {
			return k, err
		}
	}
	return nil, errors.New("every new key has the tag of one that is there")
}

// hasTag reports whether one of the keys has the tag of k, revoked or not.
func hasTag(keys []*Key, k *Key) bool {
	revoked := k.tagIfRevoked()
	return slices.ContainsFunc(keys, func(other *Key) bool {
		return other.Tag == k.Tag || other.Tag == revoked || other.tagIfRevoked() == k.Tag
	})
}

// tagIfRevoked is the tag that the record has with the flag of RFC 5011 2.1. It is not always
// the same distance from the other one: the sum can carry (RFC 4034 B).
func (k *Key) tagIfRevoked() uint16 {
	record := k.Record
	record.Flags |= wire.FlagRevoked
	return dnssec.KeyTag(record.AppendTo(nil, nil))
}

// roles is which keys do what at one time.
type roles struct {
	published   []*Key
	forParent   []*Key // with a DS record there, published or not yet
	keySigners  []*Key // of DNSKEY, CDS and CDNSKEY
	zoneSigners []*Key // of everything else
}

// errNoKeys is returned if nothing can be signed.
var errNoKeys = errors.New("there is no active key to sign with")

// rolesAt shares the work. With each algorithm, entry points sign the keys and
// the other keys sign the rest; if there is only one kind, it signs everything
// (RFC 4035 2.2: each algorithm of the DNSKEY RRset signs every RRset).
func rolesAt(keys []*Key, now time.Time) (roles, error) {
	var r roles
	active := map[wire.Algorithm][2][]*Key{}
	isSet := slices.ContainsFunc(keys, func(k *Key) bool { return k.Progress != nil })
	for _, k := range keys {
		if isSet && k.Progress == nil {
			continue // kept for later
		}
		if k.IsPublished(now) {
			r.published = append(r.published, k)
		}
		if k.isForParent(now) {
			r.forParent = append(r.forParent, k)
		}
		if k.Progress != nil {
			if k.Progress.shows(PartKeySignature) {
				r.keySigners = append(r.keySigners, k)
			}
			if k.Progress.shows(PartZoneSignature) {
				r.zoneSigners = append(r.zoneSigners, k)
			}
		} else if k.IsActive(now) {
			kinds := active[k.Record.Algorithm]
			i := 0
			if k.IsEntryPoint() {
				i = 1
			}
			kinds[i] = append(kinds[i], k)
			active[k.Record.Algorithm] = kinds
		}
	}
	for _, kinds := range active {
		zone, entry := kinds[0], kinds[1]
		if len(zone) == 0 {
			zone = entry
		}
		if len(entry) == 0 {
			entry = zone
		}
		r.keySigners = append(r.keySigners, entry...)
		r.zoneSigners = append(r.zoneSigners, zone...)
	}
	if len(r.zoneSigners) == 0 || len(r.published) == 0 {
		return r, errNoKeys
	}
	for _, list := range [...][]*Key{r.published, r.forParent, r.keySigners, r.zoneSigners} {
		slices.SortFunc(list, func(a, b *Key) int {
			return cmp.Or(cmp.Compare(a.Record.Algorithm, b.Record.Algorithm), cmp.Compare(a.Tag, b.Tag))
		})
	}
	return r, nil
}

// signersOf are the keys that sign an RRset of this type.
func (r *roles) signersOf(t wire.Type) []*Key {
	switch t {
	case wire.TypeDNSKEY, wire.TypeCDS, wire.TypeCDNSKEY: // RFC 7344 4.1
		return r.keySigners
	}
	return r.zoneSigners
}

// verifiers are the public halves of the keys.
func (r *roles) verifiers() (map[*Key]*dnssec.Key, error) {
	verifiers := map[*Key]*dnssec.Key{}
	for _, list := range [...][]*Key{r.keySigners, r.zoneSigners} {
		for _, k := range list {
			v, err := algorithms.ParseKey(k.Data())
			if err != nil {
				return nil, err
			}
			verifiers[k] = v
		}
	}
	return verifiers, nil
}
