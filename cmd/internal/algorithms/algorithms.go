// Package algorithms says which algorithms of DNSSEC the program has: those of the
// standard library, and those that are in packages of their own, which only the program
// imports. A package of the program that reads keys of zones imports this one.
package algorithms

import (
	"fmt"
	"strings"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
	"github.com/names-dns/names/wire/dnssec/ed448"
	"github.com/names-dns/names/wire/dnssec/mldsa"
)

func init() { sign.AddAlgorithms(ed448.Scheme()) }

// Validated returns the algorithms that signatures are verified of.
func Validated() *dnssec.Algorithms {
	return dnssec.NewAlgorithms(dnssec.Policy{}, ed448.Scheme(), mldsa.Scheme())
}

// Signing are the names of the algorithms that zones are signed with, the first one by
// default.
var Signing = []string{"ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519", "ED448", "RSASHA256", "RSASHA512"}

// ParseSigning reads the name, or the number, of an algorithm that zones are signed with.
func ParseSigning(text string) (n wire.Algorithm, err error) {
	n, ok := wire.ParseAlgorithm(text)
	if !ok {
		last := len(Signing) - 1
		return 0, fmt.Errorf("%q is not one of %s and %s", text, strings.Join(Signing[:last], ", "), Signing[last])
	}
	return n, sign.CheckAlgorithm(n)
}
