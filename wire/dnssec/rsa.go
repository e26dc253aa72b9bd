package dnssec

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // hashes are found by number
	_ "crypto/sha256"
	_ "crypto/sha512"
	"encoding/binary"
	"fmt"
	"math/big"

	"github.com/names-dns/names/wire"
)

const (
	maxRSABits     = 4096           // RFC 5702 2
	maxRSAModulus  = maxRSABits / 8 // octets
	maxRSAExponent = 1<<32 + 1      // the largest one in use: that of a TLD
	maxExponentLen = 5              // octets of maxRSAExponent
	shortLen       = 1<<8 - 1       // the longest exponent whose length takes one octet
	minPadding     = 3 + 8          // octets around the digest (RFC 8017 9.2)
)

// rsaKey verifies RSASSA-PKCS1-v1_5 (RFC 8017 8.2.2). crypto/rsa does it if it
// takes the key: it has assembly for it. It takes neither exponents of 2³¹ and
// above nor moduli of less than 1024 bits, which are in use; those keys have a
// public operation of our own. Nothing here is secret.
type rsaKey struct {
	standard *rsa.PublicKey // nil if crypto/rsa refuses the key
	modulus  *big.Int
	exponent *big.Int
	size     int // octets of the modulus
	hash     crypto.Hash
}

const (
	minStandardBits     = 1024
	maxStandardExponent = 1<<31 - 1
)

// rsaScheme returns RSA with hash and a modulus of at least leastBits.
func rsaScheme(n wire.Algorithm, hash crypto.Hash, leastBits int) func(Policy) *Scheme {
	return func(p Policy) *Scheme {
		least := max(leastBits, p.minRSABits())
		return &Scheme{
			Number:    n,
			ParseKey:  func(public []byte) (PublicKey, error) { return parseRSAKey(public, hash, least) },
			AppendKey: appendRSAKey,
			Sign: func(signer crypto.Signer, message []byte) ([]byte, error) {
				h := hash.New()
				h.Write(message)
				return signer.Sign(rand.Reader, h.Sum(nil), hash)
			},
		}
	}
}

// parseRSAKey reads exponent and modulus (RFC 3110 2).
func parseRSAKey(public []byte, hash crypto.Hash, leastBits int) (PublicKey, error) {
	exponent, modulus, err := splitRSAKey(public)
	if err != nil {
		return nil, err
	}
	if len(exponent) > maxExponentLen {
		return nil, fmt.Errorf("%w: RSA exponent has %d octets, at most %d are allowed", ErrKey, len(exponent), maxExponentLen)
	}
	e := uint64(0)
	for _, octet := range exponent {
		e = e<<8 | uint64(octet)
	}
	if e < 3 || e > maxRSAExponent || e&1 == 0 {
		return nil, fmt.Errorf("%w: RSA exponent is %d, not an odd number from 3 to %d", ErrKey, e, uint64(maxRSAExponent))
	}
	if len(modulus) > maxRSAModulus {
		return nil, fmt.Errorf("%w: RSA modulus has %d octets, at most %d are allowed", ErrKey, len(modulus), maxRSAModulus)
	}
	k := &rsaKey{
		modulus: new(big.Int).SetBytes(modulus), exponent: new(big.Int).SetUint64(e),
		size: len(modulus), hash: hash,
	}
	if bits := k.modulus.BitLen(); bits < leastBits || k.modulus.Bit(0) == 0 {
		return nil, fmt.Errorf("%w: RSA modulus has %d bits; an odd one of %d to %d is allowed", ErrKey, bits, leastBits, maxRSABits)
	}
	if k.size < len(digestInfo(hash))+hash.Size()+minPadding {
		return nil, fmt.Errorf("%w: RSA modulus of %d octets is too short for %v", ErrKey, k.size, hash)
	}
	if k.modulus.BitLen() >= minStandardBits && e <= maxStandardExponent {
		k.standard = &rsa.PublicKey{N: k.modulus, E: int(e)}
	}
	return k, nil
}

// splitRSAKey finds exponent and modulus. Neither may start with a zero octet
// (RFC 3110 2).
func splitRSAKey(public []byte) (exponent, modulus []byte, err error) {
	if len(public) < 1 {
		return nil, nil, fmt.Errorf("%w: RSA key is empty", ErrKey)
	}
	length, rest := int(public[0]), public[1:]
	if length == 0 {
		if len(rest) < 2 {
			return nil, nil, fmt.Errorf("%w: RSA key ends in the length of its exponent", ErrKey)
		}
		length, rest = int(binary.BigEndian.Uint16(rest)), rest[2:]
		if length <= shortLen {
			return nil, nil, fmt.Errorf("%w: length of the RSA exponent takes three octets without need", ErrKey)
		}
	}
	if length >= len(rest) {
		return nil, nil, fmt.Errorf("%w: RSA key ends before its modulus", ErrKey)
	}
	exponent, modulus = rest[:length], rest[length:]
	if exponent[0] == 0 || modulus[0] == 0 {
		return nil, nil, fmt.Errorf("%w: RSA exponent or modulus starts with a zero octet", ErrKey)
	}
	return exponent, modulus, nil
}

// appendRSAKey appends the public key field for an *rsa.PublicKey.
func appendRSAKey(b []byte, public crypto.PublicKey) ([]byte, error) {
	k, ok := public.(*rsa.PublicKey)
	if !ok {
		return b, fmt.Errorf("%w: %T is not an RSA key", ErrSign, public)
	}
	exponent := big.NewInt(int64(k.E)).Bytes()
	b = append(b, byte(len(exponent)))
	b = append(b, exponent...)
	return append(b, k.N.Bytes()...), nil
}

// Verify needs a signature as long as the modulus.
func (k *rsaKey) Verify(message, signature []byte) bool {
	var room [64]byte
	h := k.hash.New()
	h.Write(message)
	digest := h.Sum(room[:0])
	if k.standard != nil {
		return rsa.VerifyPKCS1v15(k.standard, k.hash, digest, signature) == nil
	}
	return k.verifyDigest(digest, signature)
}

// verifyDigest raises the signature to the exponent and compares the whole of
// what comes out with the one encoding there is: nothing in it is parsed.
func (k *rsaKey) verifyDigest(digest, signature []byte) bool {
	if len(signature) != k.size {
		return false
	}
	var s big.Int
	s.SetBytes(signature)
	if s.Cmp(k.modulus) >= 0 {
		return false
	}
	s.Exp(&s, k.exponent, k.modulus)
	var got, want [maxRSAModulus]byte
	return bytes.Equal(s.FillBytes(got[:k.size]), k.encode(want[:0], digest))
}

// encode appends EMSA-PKCS1-v1_5 (RFC 8017 9.2).
func (k *rsaKey) encode(b, digest []byte) []byte {
	info := digestInfo(k.hash)
	b = append(b, 0, 1)
	for range k.size - 3 - len(info) - len(digest) {
		b = append(b, 0xFF)
	}
	b = append(b, 0)
	b = append(b, info...)
	return append(b, digest...)
}

// digestInfo is the DER that goes before the digest (RFC 8017 9.2, note 1).
func digestInfo(hash crypto.Hash) []byte {
	switch hash {
	case crypto.SHA1:
		return []byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14}
	case crypto.SHA256:
		return []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	default: // SHA-512
		return []byte{0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40}
	}
}
