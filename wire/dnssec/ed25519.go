package dnssec

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"

	"github.com/names-dns/names/wire"
)

type ed25519Key ed25519.PublicKey

// ed25519Scheme is Ed25519 (RFC 8080).
func ed25519Scheme(Policy) *Scheme {
	return &Scheme{
		Number: wire.AlgorithmED25519,
		ParseKey: func(public []byte) (PublicKey, error) {
			if len(public) != ed25519.PublicKeySize {
				return nil, fmt.Errorf("%w: ED25519 key has %d octets, not %d", ErrKey, len(public), ed25519.PublicKeySize)
			}
			return ed25519Key(public), nil
		},
		AppendKey: func(b []byte, public crypto.PublicKey) ([]byte, error) {
			k, ok := public.(ed25519.PublicKey)
			if !ok {
				return b, fmt.Errorf("%w: %T is not an Ed25519 key", ErrSign, public)
			}
			return append(b, k...), nil
		},
		Sign: func(signer crypto.Signer, message []byte) ([]byte, error) {
			return signer.Sign(rand.Reader, message, crypto.Hash(0))
		},
	}
}

func (k ed25519Key) Verify(message, signature []byte) bool {
	return ed25519.Verify(ed25519.PublicKey(k), message, signature) // false for a signature of another length
}
