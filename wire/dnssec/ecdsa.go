package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"

	"github.com/names-dns/names/wire"
)

// curve is one of the two of RFC 6605.
type curve struct {
	elliptic.Curve
	size int // octets of a coordinate, and of either half of a signature
}

var (
	p256 = curve{elliptic.P256(), 32}
	p384 = curve{elliptic.P384(), 48}
)

// maxDER is room for two integers of 48 octets in DER.
const maxDER = 3 + 2*(2+1+48)

type ecdsaKey struct {
	*ecdsa.PublicKey
	hash crypto.Hash
	size int
}

// ecdsaScheme returns ECDSA on a curve (RFC 6605 4): keys and signatures are
// two numbers of fixed length.
func ecdsaScheme(n wire.Algorithm, on curve, hash crypto.Hash) func(Policy) *Scheme {
	s := &Scheme{
		Number: n,
		ParseKey: func(public []byte) (PublicKey, error) {
			if len(public) != 2*on.size {
				return nil, fmt.Errorf("%w: %v key has %d octets, not %d", ErrKey, n, len(public), 2*on.size)
			}
			point := append(make([]byte, 0, 1+2*on.size), 4) // uncompressed (SEC 1 2.3.3)
			k, err := ecdsa.ParseUncompressedPublicKey(on.Curve, append(point, public...))
			if err != nil {
				return nil, fmt.Errorf("%w: %v key is not a point on the curve", ErrKey, n)
			}
			return &ecdsaKey{k, hash, on.size}, nil
		},
		AppendKey: func(b []byte, public crypto.PublicKey) ([]byte, error) {
			k, ok := public.(*ecdsa.PublicKey)
			if !ok || k.Curve != on.Curve {
				return b, fmt.Errorf("%w: %T is not a key of %v", ErrSign, public, n)
			}
			point, err := k.Bytes()
			if err != nil {
				return b, fmt.Errorf("%w: %w", ErrSign, err)
			}
			return append(b, point[1:]...), nil
		},
		Sign: func(signer crypto.Signer, message []byte) ([]byte, error) {
			return signECDSA(signer, message, hash, on.size)
		},
	}
	return func(Policy) *Scheme { return s }
}

// Verify puts the two halves of the signature into DER, which is what
// crypto/ecdsa reads.
func (k *ecdsaKey) Verify(message, signature []byte) bool {
	if len(signature) != 2*k.size {
		return false
	}
	var room [maxDER]byte
	r, s := trimZeros(signature[:k.size]), trimZeros(signature[k.size:])
	der := append(room[:0], 0x30, byte(integerLen(r)+integerLen(s)))
	der = appendInteger(appendInteger(der, r), s)
	var sum [64]byte
	h := k.hash.New()
	h.Write(message)
	return ecdsa.VerifyASN1(k.PublicKey, h.Sum(sum[:0]), der)
}

// trimZeros drops leading zeros down to one octet.
func trimZeros(n []byte) []byte {
	for len(n) > 1 && n[0] == 0 {
		n = n[1:]
	}
	return n
}

// integerLen is the length of a positive INTEGER in DER.
func integerLen(n []byte) int { return 2 + int(n[0]>>7) + len(n) }

func appendInteger(b, n []byte) []byte {
	b = append(b, 2, byte(integerLen(n)-2))
	if n[0]&0x80 != 0 {
		b = append(b, 0)
	}
	return append(b, n...)
}

// signECDSA signs deterministically (RFC 6979) if the key is in memory: zones
// signed twice are the same then, and a bad source of randomness cannot give
// the key away. A key elsewhere signs as it likes.
func signECDSA(signer crypto.Signer, message []byte, hash crypto.Hash, size int) ([]byte, error) {
	h := hash.New()
	h.Write(message)
	random := io.Reader(rand.Reader)
	if _, ok := signer.(*ecdsa.PrivateKey); ok {
		random = nil
	}
	der, err := signer.Sign(random, h.Sum(nil), hash)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(der, &pair); err != nil || len(rest) != 0 {
		return nil, fmt.Errorf("signer returned no ECDSA signature: %w", err)
	}
	if pair.R.Sign() <= 0 || pair.S.Sign() <= 0 || pair.R.BitLen() > 8*size || pair.S.BitLen() > 8*size {
		return nil, fmt.Errorf("signer returned an ECDSA signature out of range")
	}
	signature := make([]byte, 2*size)
	pair.R.FillBytes(signature[:size])
	pair.S.FillBytes(signature[size:])
	return signature, nil
}
