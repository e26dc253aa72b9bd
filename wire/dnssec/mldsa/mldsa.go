// Package mldsa verifies and makes signatures of DNSSEC algorithm 18, ML-DSA-44
// (FIPS 204). Give [Scheme] to [dnssec.NewAlgorithms]; a program that does not
// import this package does not build what it stands on.
package mldsa

import (
	"crypto"
	"crypto/rand"
	"fmt"

	"github.com/cloudflare/circl/sign/mldsa/mldsa44"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Scheme returns the row of the table of algorithms. Keys have 1312 octets,
// signatures 2420; the context string is empty.
func Scheme() *dnssec.Scheme {
	return &dnssec.Scheme{
		Number: wire.AlgorithmMLDSA44,
		ParseKey: func(public []byte) (dnssec.PublicKey, error) {
			k := new(key)
			if err := k.UnmarshalBinary(public); err != nil {
				return nil, fmt.Errorf("%w: MLDSA44 key has %d octets, not %d", dnssec.ErrKey, len(public), mldsa44.PublicKeySize)
			}
			return k, nil
		},
		AppendKey: func(b []byte, public crypto.PublicKey) ([]byte, error) {
			k, ok := public.(*mldsa44.PublicKey)
			if !ok {
				return b, fmt.Errorf("%w: %T is not an ML-DSA-44 key", dnssec.ErrSign, public)
			}
			return append(b, k.Bytes()...), nil
		},
		Sign: func(signer crypto.Signer, message []byte) ([]byte, error) {
			return signer.Sign(rand.Reader, message, crypto.Hash(0))
		},
	}
}

type key struct{ mldsa44.PublicKey }

func (k *key) Verify(message, signature []byte) bool {
	return mldsa44.Verify(&k.PublicKey, message, nil, signature)
}

// KeyFromSeed returns the private key of a seed of 32 octets (FIPS 204 6.1).
func KeyFromSeed(seed []byte) (crypto.Signer, error) {
	if len(seed) != mldsa44.SeedSize {
		return nil, fmt.Errorf("%w: seed of an ML-DSA-44 key has %d octets, not %d", dnssec.ErrSign, len(seed), mldsa44.SeedSize)
	}
	_, private := mldsa44.NewKeyFromSeed((*[mldsa44.SeedSize]byte)(seed))
	return private, nil
}
