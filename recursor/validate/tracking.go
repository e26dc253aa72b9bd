package validate

import (
	"cmp"
	"slices"
	"time"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// KeyStatus is the state of a key of a trust anchor (RFC 5011 4.2).
type KeyStatus uint8

const (
	// KeyPending: seen, signed by a trusted key, and not trusted before it was there
	// for 30 days.
	KeyPending KeyStatus = iota
	// KeyValid: trusted.
	KeyValid
	// KeyMissing: trusted, and not in the zone now.
	KeyMissing
	// KeyRevoked: its owner has said that it is not to be trusted.
	KeyRevoked
	// KeyRemoved: it was revoked for 30 days. It is remembered so that it is never
	// trusted again.
	KeyRemoved
)

var keyStatusTexts = [...]string{"pending", "valid", "missing", "revoked", "removed"}

func (s KeyStatus) String() string { return keyStatusTexts[s] }

// TrackedKey is a key of a trust anchor.
type TrackedKey struct {
	Status KeyStatus
	Since  time.Time // when it got that status
	// Key is the key without its REVOKE bit. It is nil if only a digest is known,
	// which is then in DS: the zone has not shown the key yet.
	Key *wire.DNSKEY
	DS  *wire.DS
}

// Tag is the key tag.
func (k *TrackedKey) Tag() uint16 {
	if k.Key == nil {
		return k.DS.KeyTag
	}
	return dnssec.KeyTag(k.Key.AppendTo(nil, nil))
}

// isSame reports whether k is the key in data, REVOKE bit aside.
func (k *TrackedKey) isSame(zone wire.Name, key *wire.DNSKEY) bool {
	if k.Key != nil {
		return k.Key.Flags == key.Flags&^wire.FlagRevoked && k.Key.Algorithm == key.Algorithm && string(k.Key.PublicKey) == string(key.PublicKey)
	}
	return dnssec.DigestMatches(k.DS, zone, plainKey(key).AppendTo(nil, nil))
}

func plainKey(key *wire.DNSKEY) *wire.DNSKEY {
	plain := *key
	plain.Flags &^= wire.FlagRevoked
	plain.PublicKey = slices.Clone(key.PublicKey)
	return &plain
}

// TrackedZone is what is known of the keys of one trust anchor.
type TrackedZone struct {
	Zone    wire.Name
	Keys    []TrackedKey
	Checked time.Time // when the keys were seen last; zero: never
	Next    time.Time // when to look again
}

// KeyChange is something that happened to a key.
type KeyChange struct {
	Zone   wire.Name
	Tag    uint16
	Status KeyStatus
	// IsNew: the key was not known before. IsGone: it is forgotten, for it went while
	// it was pending.
	IsNew, IsGone bool
}

const (
	// holdDown is for how long a key has to be there before it is trusted, and for
	// how long a revoked one is (RFC 5011 2.4.1, 2.4.2).
	holdDown = 30 * 24 * time.Hour
	// maxTracked is how many keys of a zone are tracked.
	maxTracked = 32
)

// SeenKeys are the keys of a zone, proved with its trust anchor.
type SeenKeys struct {
	Keys []SeenKey
	// TTL is the original TTL, Expires when the first of the signatures does.
	TTL     time.Duration
	Expires time.Time
}

// SeenKey is a key that a zone has now.
type SeenKey struct {
	Key *wire.DNSKEY
	// IsSelfSigned: the key has signed the RRset itself. A key that is revoked has to
	// (RFC 5011 2.1).
	IsSelfSigned bool
}

// Update takes in the keys that the zone has now, and returns what has changed.
func (z *TrackedZone) Update(now time.Time, seen *SeenKeys) (changes []KeyChange) {
	set := func(k *TrackedKey, s KeyStatus) {
		k.Status, k.Since = s, now
		changes = append(changes, KeyChange{Zone: z.Zone, Tag: k.Tag(), Status: s})
	}
	for _, s := range seen.Keys {
		isRevoked := s.Key.Flags&wire.FlagRevoked != 0
		if s.Key.Flags&wire.FlagSecureEntry == 0 || s.Key.Flags&wire.FlagZoneKey == 0 {
			continue
		}
		i := slices.IndexFunc(z.Keys, func(k TrackedKey) bool { return k.isSame(z.Zone, s.Key) })
		if i < 0 {
			if isRevoked || len(z.Keys) >= maxTracked {
				continue // RFC 5011 4.2: a key that was never known is not revoked
			}
			z.Keys = append(z.Keys, TrackedKey{Key: plainKey(s.Key)})
			set(&z.Keys[len(z.Keys)-1], KeyPending)
			changes[len(changes)-1].IsNew = true
			continue
		}
		k := &z.Keys[i]
		if k.Key == nil {
			k.Key, k.DS = plainKey(s.Key), nil
		}
		switch {
		case isRevoked && !s.IsSelfSigned:
		case isRevoked && (k.Status == KeyValid || k.Status == KeyMissing || k.Status == KeyPending):
			set(k, KeyRevoked)
		case isRevoked:
		case k.Status == KeyMissing:
			set(k, KeyValid)
		case k.Status == KeyPending && now.Sub(k.Since) >= holdDown:
			set(k, KeyValid)
		}
	}
	z.Keys = slices.DeleteFunc(z.Keys, func(k TrackedKey) bool {
		isThere := slices.ContainsFunc(seen.Keys, func(s SeenKey) bool { return k.isSame(z.Zone, s.Key) })
		if k.Status == KeyPending && !isThere {
			changes = append(changes, KeyChange{Zone: z.Zone, Tag: k.Tag(), Status: KeyPending, IsGone: true})
			return true
		}
		return false
	})
	for i := range z.Keys {
		k := &z.Keys[i]
		isThere := slices.ContainsFunc(seen.Keys, func(s SeenKey) bool { return k.isSame(z.Zone, s.Key) })
		switch {
		case k.Status == KeyValid && !isThere && k.Key != nil:
			set(k, KeyMissing)
		case k.Status == KeyRevoked && now.Sub(k.Since) >= holdDown:
			set(k, KeyRemoved)
		}
	}
	z.Checked, z.Next = now, now.Add(seen.interval(now, 2, 15*24*time.Hour))
	return changes
}

// Failed notes that the keys could not be seen.
func (z *TrackedZone) Failed(now time.Time) { z.Next = now.Add(time.Hour) }

// interval is how long it is until the keys are looked at again: the given part of
// the TTL or of the time that the signatures have left, between an hour and most
// (RFC 5011 2.3).
func (s *SeenKeys) interval(now time.Time, part int, most time.Duration) time.Duration {
	least := min(s.TTL, s.Expires.Sub(now)) / time.Duration(part)
	return max(time.Hour, min(most, least))
}

// Trusted returns what chains of trust may start with: digests of the keys that are
// valid or missing.
func (z *TrackedZone) Trusted() (trusted []*wire.DS) {
	for i := range z.Keys {
		k := &z.Keys[i]
		switch {
		case k.Status != KeyValid && k.Status != KeyMissing:
		case k.Key == nil:
			trusted = append(trusted, k.DS)
		default:
			data := k.Key.AppendTo(nil, nil)
			if digest, err := dnssec.AppendDigest(nil, z.Zone, data, dnssec.DigestSHA256); err == nil {
				trusted = append(trusted, &wire.DS{KeyTag: dnssec.KeyTag(data), Algorithm: k.Key.Algorithm, DigestType: dnssec.DigestSHA256, Digest: digest})
			}
		}
	}
	return trusted
}

// Configure adds the trust anchors of an operator that are not known yet, as valid:
// a key that was revoked stays so.
func (z *TrackedZone) Configure(now time.Time, configured []*wire.DS) {
	for _, ds := range configured {
		isKnown := slices.ContainsFunc(z.Keys, func(k TrackedKey) bool {
			if k.Key == nil {
				return k.DS.KeyTag == ds.KeyTag && k.DS.DigestType == ds.DigestType && string(k.DS.Digest) == string(ds.Digest)
			}
			return dnssec.DigestMatches(ds, z.Zone, k.Key.AppendTo(nil, nil))
		})
		if !isKnown {
			z.Keys = append(z.Keys, TrackedKey{Status: KeyValid, Since: now, DS: ds})
		}
	}
	slices.SortStableFunc(z.Keys, func(a, b TrackedKey) int { return cmp.Compare(a.Tag(), b.Tag()) })
}
