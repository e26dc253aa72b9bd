package dnssec

import (
	"crypto"
	"encoding/asn1"
	"fmt"

	"github.com/names-dns/names/wire"
)

// Status says what a validator does with an algorithm or a type of digest.
type Status uint8

const (
	// Unknown: not in the table. A zone that has nothing else is insecure.
	Unknown Status = iota
	// Refused: must not be used for validation. A zone that has nothing else is
	// insecure.
	Refused
	// ByPolicy: refused unless [Policy] asks for it.
	ByPolicy
	// External: validated when its [Scheme] is added to the table.
	External
	// Supported: validated always.
	Supported
)

var statusNames = [...]string{"unknown", "refused", "by policy", "external", "supported"}

func (s Status) String() string { return statusNames[s] }

// Scheme is how keys and signatures of one algorithm are read, verified and
// made.
type Scheme struct {
	Number wire.Algorithm
	// ParseKey checks the public key field of a DNSKEY record whole and
	// returns what verifies with it. It may keep public.
	ParseKey func(public []byte) (PublicKey, error)
	// AppendKey appends the public key field for a key; an error if it is not
	// a key of this algorithm.
	AppendKey func(b []byte, public crypto.PublicKey) ([]byte, error)
	// Sign returns the signature field for message.
	Sign func(signer crypto.Signer, message []byte) ([]byte, error)
	// Keys is how keys are made and kept. It is nil for the algorithms that are in
	// the table by themselves, whose keys the standard library makes and keeps.
	Keys *KeyScheme
}

// KeyScheme is how keys of an algorithm that the standard library lacks are made and
// kept. Such a key is a seed, as those of RFC 8410 are.
type KeyScheme struct {
	// OID is what keys are called in PKCS #8 and in SubjectPublicKeyInfo (RFC 8410 3).
	OID asn1.ObjectIdentifier
	// Generate makes a key.
	Generate func() (crypto.Signer, error)
	// FromSeed returns the key of a seed. It checks the length.
	FromSeed func(seed []byte) (crypto.Signer, error)
	// Seed returns the seed of a key; false if it is not a key of this algorithm.
	Seed func(crypto.Signer) (seed []byte, ok bool)
	// Public returns the public half that the public key field of a DNSKEY record has.
	// It checks the length, and keeps nothing of field.
	Public func(field []byte) (crypto.PublicKey, error)
}

// PublicKey verifies signatures.
type PublicKey interface {
	// Verify reports whether signature is one over message. Both come from
	// strangers.
	Verify(message, signature []byte) bool
}

// row is an entry of the table of algorithms.
type row struct {
	status Status
	scheme func(Policy) *Scheme
}

// registry says for each algorithm what IANA's registry (RFC 9904 2, with RFC
// 9905 2 and RFC 9906 2) asks of validators. The default for SHA-1 is that of
// RFC 9905: implemented, but treated as unsupported.
var registry = map[wire.Algorithm]row{
	wire.AlgorithmRSAMD5:          {Refused, nil},
	wire.AlgorithmDH:              {Refused, nil}, // not for signatures
	wire.AlgorithmDSA:             {Refused, nil},
	wire.AlgorithmRSASHA1:         {ByPolicy, rsaScheme(wire.AlgorithmRSASHA1, crypto.SHA1, 512)},
	wire.AlgorithmNSEC3DSA:        {Refused, nil},
	wire.AlgorithmNSEC3RSASHA1:    {ByPolicy, rsaScheme(wire.AlgorithmNSEC3RSASHA1, crypto.SHA1, 512)},
	wire.AlgorithmRSASHA256:       {Supported, rsaScheme(wire.AlgorithmRSASHA256, crypto.SHA256, 512)},
	wire.AlgorithmRSASHA512:       {Supported, rsaScheme(wire.AlgorithmRSASHA512, crypto.SHA512, 1024)},
	wire.AlgorithmECCGOST:         {Refused, nil}, // RFC 9906 2
	wire.AlgorithmECDSAP256SHA256: {Supported, ecdsaScheme(wire.AlgorithmECDSAP256SHA256, p256, crypto.SHA256)},
	wire.AlgorithmECDSAP384SHA384: {Supported, ecdsaScheme(wire.AlgorithmECDSAP384SHA384, p384, crypto.SHA384)},
	wire.AlgorithmED25519:         {Supported, ed25519Scheme},
	wire.AlgorithmED448:           {External, nil}, // wire/dnssec/ed448
	wire.AlgorithmSM2SM3:          {Refused, nil},  // "may": no zone is known that has nothing else
	wire.AlgorithmMLDSA44:         {External, nil}, // wire/dnssec/mldsa
	wire.AlgorithmECCGOST12:       {Refused, nil},  // "may", as SM2SM3
}

// AlgorithmStatus is what the table says about an algorithm.
func AlgorithmStatus(n wire.Algorithm) Status { return registry[n].status }

// Kinds are kinds of algorithms, each by what breaks it.
type Kinds uint8

const (
	// Classical algorithms fall with large quantum computers.
	Classical Kinds = 1 << iota
	// PostQuantum ones do not, as far as is known, and are young.
	PostQuantum
)

// KindOf is the kind of an algorithm.
func KindOf(n wire.Algorithm) Kinds {
	if n == wire.AlgorithmMLDSA44 {
		return PostQuantum
	}
	return Classical
}

// Policy is what an operator may choose about algorithms.
type Policy struct {
	// SHA1 makes RSASHA1 and RSASHA1-NSEC3-SHA1 count (RFC 9905 2 wants them
	// treated as unsupported), for signing too.
	SHA1 bool
	// MinRSABits is the shortest modulus. Zero means 1024; less than 512 is
	// taken as 512 (RFC 5702 2).
	MinRSABits int
}

func (p Policy) minRSABits() int {
	if p.MinRSABits == 0 {
		return 1024
	}
	return max(p.MinRSABits, 512)
}

// Algorithms is what counts for one validator or signer. It does not change
// once it is made.
type Algorithms struct {
	schemes [256]*Scheme
}

// NewAlgorithms returns the algorithms of the table that p allows, and extra
// ones, which replace rows of the same number.
func NewAlgorithms(p Policy, extra ...*Scheme) *Algorithms {
	a := new(Algorithms)
	for n, r := range registry {
		if r.status == Supported || r.status == ByPolicy && p.SHA1 {
			a.schemes[n] = r.scheme(p)
		}
	}
	for _, s := range extra {
		a.schemes[s.Number] = s
	}
	return a
}

// Has reports whether signatures of algorithm n are verified.
func (a *Algorithms) Has(n wire.Algorithm) bool { return a.schemes[n] != nil }

// scheme returns the scheme of n, or an error that says why there is none.
func (a *Algorithms) scheme(n wire.Algorithm) (*Scheme, error) {
	if s := a.schemes[n]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("%w: %v is %v", ErrAlgorithm, n, AlgorithmStatus(n))
}
