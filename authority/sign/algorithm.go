package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// algorithms is what we sign with, added what has been added to those of the standard
// library. Both change in AddAlgorithms only.
var (
	algorithms = dnssec.NewAlgorithms(dnssec.Policy{})
	added      []*dnssec.Scheme
)

// AddAlgorithms has zones signed with algorithms that the standard library lacks, each
// of which is in a package of its own: wire/dnssec/ed448. Their schemes need Keys. Call it
// in an init function, or before anything else of this package is used.
func AddAlgorithms(schemes ...*dnssec.Scheme) {
	for _, s := range schemes {
		if s.Keys == nil {
			panic(fmt.Sprintf("sign: keys of algorithm %v cannot be made or kept", s.Number))
		}
		added = append(added, s)
	}
	algorithms = dnssec.NewAlgorithms(dnssec.Policy{}, added...)
}

// Algorithms are those of keys that sign zones, in the order of their numbers.
func Algorithms() []wire.Algorithm {
	var all []wire.Algorithm
	for n := range 256 {
		if algorithms.Has(wire.Algorithm(n)) {
			all = append(all, wire.Algorithm(n))
		}
	}
	return all
}

// CheckAlgorithm says why keys of an algorithm do not sign zones; nil if they do.
func CheckAlgorithm(n wire.Algorithm) error {
	switch {
	case algorithms.Has(n):
		return nil
	case n == wire.AlgorithmRSASHA1 || n == wire.AlgorithmNSEC3RSASHA1:
		return fmt.Errorf("keys of algorithm %v do not sign here: for most resolvers the zone would be unsigned (RFC 9905 2); exchange them for keys of another algorithm on the server that has them", n)
	}
	var names []string
	for _, a := range Algorithms() {
		names = append(names, a.String())
	}
	last := len(names) - 1
	return fmt.Errorf("keys of algorithm %v do not sign here: those of %s and %s do", n, strings.Join(names[:last], ", "), names[last])
}

// newSigningKey is a key of an algorithm that signs zones.
func newSigningKey(n wire.Algorithm, flags uint16, signer crypto.Signer) (*dnssec.SigningKey, error) {
	if err := CheckAlgorithm(n); err != nil {
		return nil, err
	}
	return algorithms.NewSigningKey(n, flags, signer)
}

// GeneratePrivate makes a private key. bits is the length of an RSA modulus, 0 for 2048; other
// algorithms have one length only.
func GeneratePrivate(algorithm wire.Algorithm, bits int) (private crypto.Signer, err error) {
	switch algorithm {
	case wire.AlgorithmRSASHA256, wire.AlgorithmRSASHA512:
		if bits == 0 {
			bits = 2048
		}
		if bits < 1024 || bits > 4096 {
			return nil, fmt.Errorf("an RSA key of %d bits: 1024 to 4096 are possible (RFC 3110 2, RFC 5702 2.1)", bits)
		}
		private, err = rsa.GenerateKey(rand.Reader, bits)
	case wire.AlgorithmECDSAP256SHA256:
		private, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case wire.AlgorithmECDSAP384SHA384:
		private, err = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case wire.AlgorithmED25519:
		_, private, err = ed25519.GenerateKey(rand.Reader)
	default:
		of := addedOf(algorithm)
		if of == nil {
			return nil, CheckAlgorithm(algorithm)
		}
		private, err = of.Keys.Generate()
	}
	if err != nil {
		return nil, fmt.Errorf("making a key of algorithm %v: %w", algorithm, err)
	}
	return private, nil
}

// addedOf is what was added for an algorithm; nil: nothing.
func addedOf(n wire.Algorithm) *dnssec.Scheme {
	i := slices.IndexFunc(added, func(s *dnssec.Scheme) bool { return s.Number == n })
	if i < 0 {
		return nil
	}
	return added[i]
}

// seedOf is the seed of a private key of an algorithm that was added; nil: it is not one.
func seedOf(private crypto.Signer) (of *dnssec.KeyScheme, seed []byte) {
	for _, s := range added {
		if seed, ok := s.Keys.Seed(private); ok {
			return s.Keys, seed
		}
	}
	return nil, nil
}

// curveKey is a private key in PKCS #8 as RFC 8410 7 has it: the octets of the private key are
// again an OCTET STRING. What may follow, attributes and the public key, is passed over.
type curveKey struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
}

// curvePublic is a public key in SubjectPublicKeyInfo as RFC 8410 4 has it.
type curvePublic struct {
	Algorithm pkix.AlgorithmIdentifier
	Key       asn1.BitString
}

var errTrailing = errors.New("octets follow the key")

// MarshalPrivate is a private key in PKCS #8.
func MarshalPrivate(private crypto.Signer) ([]byte, error) {
	of, seed := seedOf(private)
	if of == nil {
		return x509.MarshalPKCS8PrivateKey(private)
	}
	inner, err := asn1.Marshal(seed)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(curveKey{Algorithm: pkix.AlgorithmIdentifier{Algorithm: of.OID}, PrivateKey: inner})
}

// ParsePrivate reads a private key in PKCS #8.
func ParsePrivate(der []byte) (crypto.Signer, error) {
	var k curveKey
	if rest, err := asn1.Unmarshal(der, &k); err == nil {
		for _, s := range added {
			if !k.Algorithm.Algorithm.Equal(s.Keys.OID) {
				continue
			}
			var seed []byte
			inner, err := asn1.Unmarshal(k.PrivateKey, &seed)
			if err == nil && len(rest)+len(inner) > 0 {
				err = errTrailing
			}
			if err != nil {
				return nil, fmt.Errorf("%v key in PKCS #8: %w", s.Number, err)
			}
			return s.Keys.FromSeed(seed)
		}
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a %T does not sign", parsed)
	}
	return private, nil
}

// MarshalPublic is a public key as SubjectPublicKeyInfo.
func MarshalPublic(public crypto.PublicKey) ([]byte, error) {
	for _, s := range added {
		if field, err := s.AppendKey(nil, public); err == nil {
			return asn1.Marshal(curvePublic{pkix.AlgorithmIdentifier{Algorithm: s.Keys.OID}, asn1.BitString{Bytes: field, BitLength: 8 * len(field)}})
		}
	}
	return x509.MarshalPKIXPublicKey(public)
}

// ParsePublic reads a public key as SubjectPublicKeyInfo.
func ParsePublic(der []byte) (crypto.PublicKey, error) {
	var k curvePublic
	if rest, err := asn1.Unmarshal(der, &k); err == nil {
		for _, s := range added {
			switch {
			case !k.Algorithm.Algorithm.Equal(s.Keys.OID):
			case len(rest) > 0 || k.Key.BitLength%8 != 0:
				return nil, fmt.Errorf("%v key in SubjectPublicKeyInfo: %w", s.Number, errTrailing)
			default:
				return s.Keys.Public(k.Key.Bytes)
			}
		}
	}
	return x509.ParsePKIXPublicKey(der)
}
