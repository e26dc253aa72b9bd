package dnssec

import (
	"crypto"
	"fmt"

	"github.com/names-dns/names/wire"
)

// SigningKey is a key of a zone that signs.
type SigningKey struct {
	Record wire.DNSKEY
	Tag    uint16
	signer crypto.Signer
	scheme *Scheme
	data   []byte // of Record
}

// NewSigningKey returns a key of algorithm n whose private half is in signer.
// The flags are those of its DNSKEY record. It does not sign what it could not
// verify: the public key is checked as [Algorithms.ParseKey] does.
func (a *Algorithms) NewSigningKey(n wire.Algorithm, flags uint16, signer crypto.Signer) (*SigningKey, error) {
	s, err := a.scheme(n)
	if err != nil {
		return nil, err
	}
	public, err := s.AppendKey(nil, signer.Public())
	if err != nil {
		return nil, err
	}
	k := &SigningKey{
		Record: wire.DNSKEY{Flags: flags, Protocol: dnssecProtocol, Algorithm: n, PublicKey: public},
		signer: signer, scheme: s,
	}
	k.data = k.Record.AppendTo(nil, nil)
	k.Tag = KeyTag(k.data)
	if _, err := a.ParseKey(k.data); err != nil {
		return nil, err
	}
	return k, nil
}

// Data is the data of the DNSKEY record. Do not change it.
func (k *SigningKey) Data() []byte { return k.data }

// DS returns the data for a DS record of the zone.
func (k *SigningKey) DS(zone wire.Name, digestType uint8) (*wire.DS, error) {
	digest, err := AppendDigest(nil, zone, k.data, digestType)
	if err != nil {
		return nil, err
	}
	return &wire.DS{KeyTag: k.Tag, Algorithm: k.Record.Algorithm, DigestType: digestType, Digest: digest}, nil
}

// Sign returns the signature of r, an RRset of zone, valid between inception
// and expiration. The original TTL is that of r.
func (k *SigningKey) Sign(r *RRset, zone wire.Name, inception, expiration wire.Serial) (*wire.RRSIG, error) {
	var c Canonical
	c.Set(r)
	return k.SignCanonical(&c, r, zone, inception, expiration)
}

// SignCanonical is [SigningKey.Sign] for an RRset whose canonical form is
// there already.
func (k *SigningKey) SignCanonical(c *Canonical, r *RRset, zone wire.Name, inception, expiration wire.Serial) (*wire.RRSIG, error) {
	sig := &wire.RRSIG{
		Covered: r.Type, Algorithm: k.Record.Algorithm, Labels: uint8(LabelCount(r.Name)), OriginalTTL: r.TTL,
		Expiration: expiration, Inception: inception, KeyTag: k.Tag, Signer: zone,
	}
	if err := CheckRRSIG(sig, r); err != nil {
		return nil, fmt.Errorf("%w: %v %v: %w", ErrSign, r.Name, r.Type, err)
	}
	message, err := c.AppendSigned(nil, sig)
	if err != nil {
		return nil, fmt.Errorf("%w: %v %v: %w", ErrSign, r.Name, r.Type, err)
	}
	if sig.Signature, err = k.scheme.Sign(k.signer, message); err != nil {
		return nil, fmt.Errorf("%w: %v %v with key %d: %w", ErrSign, r.Name, r.Type, k.Tag, err)
	}
	return sig, nil
}
