// Package ed448 verifies and makes signatures of DNSSEC algorithm 16, Ed448
// (RFC 8080), which the standard library lacks. Give [Scheme] to
// [dnssec.NewAlgorithms], and to AddAlgorithms of package authority/sign if its keys
// are to sign zones; a program that does not import this package does not build what
// it stands on.
package ed448

import (
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"slices"

	"github.com/cloudflare/circl/sign/ed448"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Scheme returns the row of the table of algorithms.
func Scheme() *dnssec.Scheme {
	return &dnssec.Scheme{
		Number: wire.AlgorithmED448,
		ParseKey: func(public []byte) (dnssec.PublicKey, error) {
			if len(public) != ed448.PublicKeySize {
				return nil, fmt.Errorf("%w: ED448 key has %d octets, not %d", dnssec.ErrKey, len(public), ed448.PublicKeySize)
			}
			return key(public), nil
		},
		AppendKey: func(b []byte, public crypto.PublicKey) ([]byte, error) {
			k, ok := public.(ed448.PublicKey)
			if !ok {
				return b, fmt.Errorf("%w: %T is not an Ed448 key", dnssec.ErrSign, public)
			}
			return append(b, k...), nil
		},
		Sign: func(signer crypto.Signer, message []byte) ([]byte, error) {
			return signer.Sign(rand.Reader, message, crypto.Hash(0))
		},
		Keys: &dnssec.KeyScheme{
			OID: asn1.ObjectIdentifier{1, 3, 101, 113}, // RFC 8410 3
			Generate: func() (crypto.Signer, error) {
				_, private, err := ed448.GenerateKey(rand.Reader)
				return private, err
			},
			FromSeed: KeyFromSeed,
			Seed: func(signer crypto.Signer) ([]byte, bool) {
				private, ok := signer.(ed448.PrivateKey)
				if !ok {
					return nil, false
				}
				return private.Seed(), true
			},
			Public: func(field []byte) (crypto.PublicKey, error) {
				if len(field) != ed448.PublicKeySize {
					return nil, fmt.Errorf("%w: ED448 key has %d octets, not %d", dnssec.ErrKey, len(field), ed448.PublicKeySize)
				}
				return ed448.PublicKey(slices.Clone(field)), nil
			},
		},
	}
}

type key ed448.PublicKey

func (k key) Verify(message, signature []byte) bool {
	return len(signature) == ed448.SignatureSize && ed448.Verify(ed448.PublicKey(k), message, signature, "")
}

// KeyFromSeed returns the private key of a seed of 57 octets.
func KeyFromSeed(seed []byte) (crypto.Signer, error) {
	if len(seed) != ed448.SeedSize {
		return nil, fmt.Errorf("%w: seed of an Ed448 key has %d octets, not %d", dnssec.ErrSign, len(seed), ed448.SeedSize)
	}
	return ed448.NewKeyFromSeed(seed), nil
}
