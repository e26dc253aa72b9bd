package signedtree

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"math/big"
	"sync"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// Algorithms are those that [Key] makes keys of. Package leaftest adds those of leaf
// packages, here and to Signers.
var Algorithms = dnssec.NewAlgorithms(dnssec.Policy{SHA1: true, MinRSABits: 512})

// Signers makes private keys of 64 octets. Anybody can make them: they are for
// tests.
var Signers = map[wire.Algorithm]func(seed []byte) (crypto.Signer, error){
	wire.AlgorithmED25519: func(seed []byte) (crypto.Signer, error) {
		return ed25519.NewKeyFromSeed(seed[:ed25519.SeedSize]), nil
	},
	wire.AlgorithmECDSAP256SHA256: func(seed []byte) (crypto.Signer, error) {
		return ecdsa.ParseRawPrivateKey(elliptic.P256(), append([]byte{0}, seed[:31]...))
	},
	wire.AlgorithmECDSAP384SHA384: func(seed []byte) (crypto.Signer, error) {
		return ecdsa.ParseRawPrivateKey(elliptic.P384(), append([]byte{0}, seed[:47]...))
	},
	wire.AlgorithmRSASHA1:      rsaOf(1024),
	wire.AlgorithmNSEC3RSASHA1: rsaOf(1024),
	wire.AlgorithmRSASHA256:    rsaOf(1024),
	wire.AlgorithmRSASHA512:    rsaOf(1024),
}

// rsaOf makes RSA keys of so many bits, the same for the same seed.
func rsaOf(bits int) func(seed []byte) (crypto.Signer, error) {
	return func(seed []byte) (crypto.Signer, error) {
		p, q := prime(seed, 'p', bits/2), prime(seed, 'q', bits/2)
		e, one := big.NewInt(65537), big.NewInt(1)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		d := new(big.Int).ModInverse(e, phi)
		if d == nil {
			return nil, fmt.Errorf("no RSA key of that seed")
		}
		k := &rsa.PrivateKey{PublicKey: rsa.PublicKey{N: new(big.Int).Mul(p, q), E: 65537}, D: d, Primes: []*big.Int{p, q}}
		k.Precompute()
		return k, k.Validate()
	}
}

// prime is the first prime after a number that seed gives, its two highest bits
// set.
func prime(seed []byte, which byte, bits int) *big.Int {
	var octets []byte
	for n := uint64(0); len(octets) < bits/8; n++ {
		sum := sha256.Sum256(binary.BigEndian.AppendUint64(append([]byte{which}, seed...), n))
		octets = append(octets, sum[:]...)
	}
	n := new(big.Int).SetBytes(octets[:bits/8])
	n.SetBit(n, bits-1, 1).SetBit(n, bits-2, 1).SetBit(n, 0, 1)
	for two := big.NewInt(2); !n.ProbablyPrime(8); {
		n.Add(n, two)
	}
	return n
}

type keyID struct {
	zone, name string
	algorithm  wire.Algorithm
	flags      uint16
}

var keys sync.Map // from keyID to *dnssec.SigningKey

// Key returns the key with that name of a zone: always the same one.
func Key(zone wire.Name, name string, n wire.Algorithm, flags uint16) (*dnssec.SigningKey, error) {
	id := keyID{zone.Fold().String(), name, n, flags}
	if k, ok := keys.Load(id); ok {
		return k.(*dnssec.SigningKey), nil
	}
	newSigner := Signers[n]
	if newSigner == nil {
		return nil, fmt.Errorf("no keys of algorithm %v can be made here", n)
	}
	seed := sha512.Sum512([]byte(id.zone + " " + name))
	signer, err := newSigner(seed[:])
	if err != nil {
		return nil, err
	}
	k, err := Algorithms.NewSigningKey(n, flags, signer)
	if err != nil {
		return nil, err
	}
	keys.Store(id, k)
	return k, nil
}
