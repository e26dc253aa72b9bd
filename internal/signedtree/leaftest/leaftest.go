// Package leaftest adds the algorithms that have packages of their own to those
// that signedtree makes keys of. A test that plays stories imports it.
package leaftest

import (
	"crypto"

	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
	"github.com/names-dns/names/wire/dnssec/ed448"
	"github.com/names-dns/names/wire/dnssec/mldsa"
)

func init() {
	signedtree.Algorithms = dnssec.NewAlgorithms(dnssec.Policy{SHA1: true, MinRSABits: 512}, ed448.Scheme(), mldsa.Scheme())
	signedtree.Signers[wire.AlgorithmED448] = func(seed []byte) (crypto.Signer, error) { return ed448.KeyFromSeed(seed[:57]) }
	signedtree.Signers[wire.AlgorithmMLDSA44] = func(seed []byte) (crypto.Signer, error) { return mldsa.KeyFromSeed(seed[:32]) }
}
