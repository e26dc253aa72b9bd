package dnssec

import (
	"crypto"
	"crypto/rand"
	"errors"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// textbookRSA signs with any exponent and modulus, which crypto/rsa does not.
type textbookRSA struct {
	n, d *big.Int
	e    uint64
}

func newTextbookRSA(bits int, e uint64) *textbookRSA {
	one, exponent := big.NewInt(1), new(big.Int).SetUint64(e)
	for {
		p, err := rand.Prime(rand.Reader, bits/2)
		if err != nil {
			panic(err)
		}
		q, err := rand.Prime(rand.Reader, bits-bits/2)
		if err != nil {
			panic(err)
		}
		n := new(big.Int).Mul(p, q)
		phi := new(big.Int).Mul(new(big.Int).Sub(p, one), new(big.Int).Sub(q, one))
		if d := new(big.Int).ModInverse(exponent, phi); d != nil && n.BitLen() == bits {
			return &textbookRSA{n, d, e}
		}
	}
}

func (k *textbookRSA) field() []byte {
	e := new(big.Int).SetUint64(k.e).Bytes()
	return append(append([]byte{byte(len(e))}, e...), k.n.Bytes()...)
}

func (k *textbookRSA) Public() crypto.PublicKey { return k }

func (k *textbookRSA) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	size := len(k.n.Bytes())
	em := append([]byte{0, 1}, make([]byte, size-3-len(digestInfo(opts.HashFunc()))-len(digest))...)
	for i := 2; i < len(em); i++ {
		em[i] = 0xFF
	}
	em = append(append(append(em, 0), digestInfo(opts.HashFunc())...), digest...)
	m := new(big.Int).SetBytes(em)
	return m.Exp(m, k.d, k.n).FillBytes(make([]byte, size)), nil
}

// TestRSASizes: moduli and exponents that real zones have and crypto/rsa
// refuses.
func TestRSASizes(t *testing.T) {
	set := rrset(t, "a.example. 300 IN A 192.0.2.1")
	for _, c := range []struct {
		algorithm wire.Algorithm
		bits      int
		e         uint64
	}{
		{wire.AlgorithmRSASHA256, 1024, 1<<32 + 1}, // a TLD's key-signing key
		{wire.AlgorithmRSASHA256, 1024, 3},
		{wire.AlgorithmRSASHA256, 1024, 65537},
		{wire.AlgorithmRSASHA256, 1280, 65537},
		{wire.AlgorithmRSASHA256, 1025, 65537}, // not whole octets
		{wire.AlgorithmRSASHA256, 1031, 1<<31 + 11},
		{wire.AlgorithmRSASHA256, 512, 65537}, // by policy
		{wire.AlgorithmRSASHA512, 1024, 65537},
		{wire.AlgorithmRSASHA1, 512, 3},
		{wire.AlgorithmNSEC3RSASHA1, 768, 65537},
	} {
		k := newTextbookRSA(c.bits, c.e)
		record := wire.DNSKEY{Flags: wire.FlagZoneKey, Protocol: 3, Algorithm: c.algorithm, PublicKey: k.field()}
		data := record.AppendTo(nil, nil)
		key, err := all.ParseKey(data)
		if err != nil {
			t.Errorf("%v of %d bits with exponent %d: %v", c.algorithm, c.bits, c.e, err)
			continue
		}
		signing := &SigningKey{Record: record, Tag: KeyTag(data), signer: k, scheme: all.schemes[c.algorithm], data: data}
		sig, err := signing.Sign(set, wire.MustParseName("example."), 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		if !verifies(t, key, set, sig) {
			t.Errorf("%v of %d bits with exponent %d does not verify", c.algorithm, c.bits, c.e)
		}
		if k := key.public.(*rsaKey); (k.standard != nil) != (c.bits >= 1024 && c.e < 1<<31) {
			t.Errorf("%v of %d bits with exponent %d: crypto/rsa: %v", c.algorithm, c.bits, c.e, k.standard != nil)
		}
		checkSpoiled(t, key, rrset(t, "a.example. 300 IN A 192.0.2.1"), sig)
		// A signature that is the modulus more stands for the same number.
		more := new(big.Int).Add(new(big.Int).SetBytes(sig.Signature), k.n)
		if more.BitLen() <= 8*len(sig.Signature) {
			sig.Signature = more.FillBytes(make([]byte, len(sig.Signature)))
			if verifies(t, key, set, sig) {
				t.Errorf("%v: a signature above the modulus verifies", c.algorithm)
			}
		}
		if _, err := NewAlgorithms(Policy{SHA1: true}).ParseKey(data); (err == nil) != (c.bits >= 1024) {
			t.Errorf("%v of %d bits by default: %v", c.algorithm, c.bits, err)
		}
	}
}

// TestMalformedKeys: the shape of keys is checked once, when they are parsed.
func TestMalformedKeys(t *testing.T) {
	odd := func(octets int) string { return "\x80" + strings.Repeat("\x00", octets-2) + "\x01" }
	point := func(n wire.Algorithm) string {
		for _, e := range examples {
			if r := record(t, e.key); wire.Algorithm(r.Data[3]) == n {
				return string(r.Data[4:])
			}
		}
		t.Fatal("no example")
		return ""
	}
	p256, p384, ed := point(wire.AlgorithmECDSAP256SHA256), point(wire.AlgorithmECDSAP384SHA384), point(wire.AlgorithmED25519)
	offCurve := []byte(p256)
	offCurve[63] ^= 1
	for _, c := range []struct {
		name, data string
		want       string // empty if the key is accepted
	}{
		{"no data", "", "malformed DNSKEY: data has 0 octets"},
		{"no algorithm", "\x01\x00\x03", "malformed DNSKEY: data has 3 octets"},
		{"protocol", "\x01\x00\x02\x0f" + ed, "malformed DNSKEY: protocol is 2, not 3"},
		{"refused algorithm", "\x01\x00\x03\x01" + ed, "algorithm is not supported: RSAMD5 is refused"},
		{"unknown algorithm", "\x01\x00\x03\xC8" + ed, "algorithm is not supported: 200 is unknown"},
		{"external algorithm", "\x01\x00\x03\x10" + ed, "algorithm is not supported: ED448 is external"},
		{"RSA, empty", "\x01\x00\x03\x08", "malformed DNSKEY: RSA key is empty"},
		{"RSA, no exponent", "\x01\x00\x03\x08\x00", "malformed DNSKEY: RSA key ends in the length of its exponent"},
		{"RSA, no modulus", "\x01\x00\x03\x08\x01\x03", "malformed DNSKEY: RSA key ends before its modulus"},
		{"RSA, long form without need", "\x01\x00\x03\x08\x00\x00\x01\x03" + odd(128), "malformed DNSKEY: length of the RSA exponent takes three octets without need"},
		{"RSA, exponent 1", "\x01\x00\x03\x08\x01\x01" + odd(128), "malformed DNSKEY: RSA exponent is 1, not an odd number from 3 to 4294967297"},
		{"RSA, exponent even", "\x01\x00\x03\x08\x01\x04" + odd(128), "malformed DNSKEY: RSA exponent is 4, not an odd number from 3 to 4294967297"},
		{"RSA, exponent 2^32+3", "\x01\x00\x03\x08\x05\x01\x00\x00\x00\x03" + odd(128), "malformed DNSKEY: RSA exponent is 4294967299, not an odd number from 3 to 4294967297"},
		{"RSA, exponent of 6 octets", "\x01\x00\x03\x08\x06\x01\x00\x00\x00\x00\x03" + odd(128), "malformed DNSKEY: RSA exponent has 6 octets, at most 5 are allowed"},
		{"RSA, exponent of 300 octets", "\x01\x00\x03\x08\x00\x01\x2c" + odd(300) + odd(128), "malformed DNSKEY: RSA exponent has 300 octets, at most 5 are allowed"},
		{"RSA, exponent with a zero", "\x01\x00\x03\x08\x02\x00\x03" + odd(128), "malformed DNSKEY: RSA exponent or modulus starts with a zero octet"},
		{"RSA, modulus with a zero", "\x01\x00\x03\x08\x01\x03\x00" + odd(128), "malformed DNSKEY: RSA exponent or modulus starts with a zero octet"},
		{"RSA, modulus even", "\x01\x00\x03\x08\x01\x03\x80" + strings.Repeat("\x00", 127), "malformed DNSKEY: RSA modulus has 1024 bits; an odd one of 512 to 4096 is allowed"},
		{"RSA, 504 bits", "\x01\x00\x03\x08\x01\x03" + odd(63), "malformed DNSKEY: RSA modulus has 504 bits; an odd one of 512 to 4096 is allowed"},
		{"RSA, 4104 bits", "\x01\x00\x03\x08\x01\x03" + odd(513), "malformed DNSKEY: RSA modulus has 513 octets, at most 512 are allowed"},
		{"RSA/SHA-512, 1016 bits", "\x01\x00\x03\x0a\x01\x03" + odd(127), "malformed DNSKEY: RSA modulus has 1016 bits; an odd one of 1024 to 4096 is allowed"},
		{"RSA, 4096 bits", "\x01\x00\x03\x08\x01\x03" + odd(512), ""},
		{"P-256", "\x01\x00\x03\x0d" + p256, ""},
		{"P-256, an octet after it", "\x01\x00\x03\x0d" + p256 + "\x00", "malformed DNSKEY: ECDSAP256SHA256 key has 65 octets, not 64"},
		{"P-256, cut", "\x01\x00\x03\x0d" + p256[:63], "malformed DNSKEY: ECDSAP256SHA256 key has 63 octets, not 64"},
		{"P-256, not on the curve", "\x01\x00\x03\x0d" + string(offCurve), "malformed DNSKEY: ECDSAP256SHA256 key is not a point on the curve"},
		{"P-384", "\x01\x00\x03\x0e" + p384, ""},
		{"P-384 with a key of P-256", "\x01\x00\x03\x0e" + p256, "malformed DNSKEY: ECDSAP384SHA384 key has 64 octets, not 96"},
		{"Ed25519", "\x01\x00\x03\x0f" + ed, ""},
		{"Ed25519, an octet after it", "\x01\x00\x03\x0f" + ed + "\x00", "malformed DNSKEY: ED25519 key has 33 octets, not 32"},
		{"Ed25519, empty", "\x01\x00\x03\x0f", "malformed DNSKEY: ED25519 key has 0 octets, not 32"},
	} {
		_, err := all.ParseKey([]byte(c.data))
		switch {
		case c.want == "" && err != nil, c.want != "" && (err == nil || err.Error() != c.want):
			t.Errorf("%s: %v, not %q", c.name, err, c.want)
		case err != nil && !errors.Is(err, ErrKey) && !errors.Is(err, ErrAlgorithm):
			t.Errorf("%s: %v wraps nothing", c.name, err)
		}
	}
}

// TestVerifyGarbage: keys in shape, signatures that are not.
func TestVerifyGarbage(t *testing.T) {
	r := mathrand.New(mathrand.NewPCG(1, 2))
	for _, e := range examples {
		key := parseKey(t, record(t, e.key).Data)
		for length := range 600 {
			garbage := make([]byte, length)
			for i := range garbage {
				garbage[i] = byte(r.Uint32())
			}
			if key.Verify([]byte("message"), garbage) || key.Verify(nil, make([]byte, length)) {
				t.Errorf("%s: garbage of %d octets verifies", e.from, length)
			}
		}
	}
}
