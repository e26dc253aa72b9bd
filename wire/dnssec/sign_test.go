package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"testing"

	"github.com/names-dns/names/wire"
)

// signers returns a private key of each algorithm that the standard library
// signs with.
func signers(t testing.TB) map[wire.Algorithm]crypto.Signer {
	t.Helper()
	keys := map[wire.Algorithm]crypto.Signer{}
	for _, n := range []wire.Algorithm{5, 7, 8, 10} {
		k, err := rsa.GenerateKey(rand.Reader, 1024)
		if err != nil {
			t.Fatal(err)
		}
		keys[n] = k
	}
	for n, on := range map[wire.Algorithm]elliptic.Curve{13: elliptic.P256(), 14: elliptic.P384()} {
		k, err := ecdsa.GenerateKey(on, rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		keys[n] = k
	}
	_, k, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys[15] = k
	return keys
}

// TestSign: what is signed verifies, and verifies no more when a bit changes.
func TestSign(t *testing.T) {
	for n, signer := range signers(t) {
		k := newSigningKey(t, n, signer)
		set := rrset(t, "*.Example. 300 IN MX 10 A.example.", "*.example. 300 IN MX 5 b.example.")
		sig, err := k.Sign(set, wire.MustParseName("EXAMPLE."), 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		if sig.Labels != 1 || sig.OriginalTTL != 300 || sig.KeyTag != KeyTag(k.Data()) {
			t.Errorf("%v: %v", n, sig)
		}
		key := parseKey(t, k.Data())
		if !verifies(t, key, set, sig) {
			t.Errorf("%v: signature does not verify", n)
		}
		expanded := rrset(t, "x.y.example. 300 IN MX 5 b.example.", "x.y.example. 300 IN MX 10 A.example.")
		if !verifies(t, key, expanded, sig) {
			t.Errorf("%v: signature does not verify for what the wildcard became", n)
		}
		checkSpoiled(t, key, set, sig)
	}
}

// TestSignaturesAreDeterministic: signing twice gives the same octets, ECDSA
// too (RFC 6979). They are different for other records.
func TestSignaturesAreDeterministic(t *testing.T) {
	zone := wire.MustParseName("example.")
	for n, signer := range signers(t) {
		k := newSigningKey(t, n, signer)
		var signatures [][]byte
		for _, line := range []string{"example. 300 IN A 192.0.2.1", "example. 300 IN A 192.0.2.1", "example. 300 IN A 192.0.2.2"} {
			sig, err := k.Sign(rrset(t, line), zone, 1, 2)
			if err != nil {
				t.Fatal(err)
			}
			signatures = append(signatures, sig.Signature)
		}
		if !bytes.Equal(signatures[0], signatures[1]) || bytes.Equal(signatures[0], signatures[2]) {
			t.Errorf("%v: %X", n, signatures)
		}
	}
}

// remoteECDSA is a key in a module of its own: not an *ecdsa.PrivateKey.
type remoteECDSA struct {
	*ecdsa.PrivateKey
	answer func(der []byte) ([]byte, error)
}

func (k remoteECDSA) Sign(random io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	if random == nil {
		return nil, errors.New("no randomness")
	}
	der, err := k.PrivateKey.Sign(random, digest, opts)
	if err != nil {
		return nil, err
	}
	return k.answer(der)
}

// TestSignersElsewhere: keys in modules sign as they like; what is not a
// signature is an error that says which key gave it.
func TestSignersElsewhere(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set, zone := rrset(t, "example. 300 IN A 192.0.2.1"), wire.MustParseName("example.")
	refused := errors.New("refused")
	for _, c := range []struct {
		name   string
		answer func([]byte) ([]byte, error)
		ok     bool
	}{
		{"a signature", func(der []byte) ([]byte, error) { return der, nil }, true},
		{"an octet more", func(der []byte) ([]byte, error) { return append(der, 0), nil }, false},
		{"nothing", func([]byte) ([]byte, error) { return nil, nil }, false},
		{"zero", func([]byte) ([]byte, error) { return []byte{0x30, 6, 2, 1, 0, 2, 1, 0}, nil }, false},
		{"too large", func([]byte) ([]byte, error) {
			n := append([]byte{2, 33}, bytes.Repeat([]byte{0x7f}, 33)...)
			return append(append([]byte{0x30, 70}, n...), n...), nil
		}, false},
		{"a refusal", func([]byte) ([]byte, error) { return nil, refused }, false},
	} {
		k := newSigningKey(t, 13, remoteECDSA{private, c.answer})
		sig, err := k.Sign(set, zone, 1, 2)
		if (err == nil) != c.ok || err != nil && !errors.Is(err, ErrSign) {
			t.Errorf("%s: %v", c.name, err)
		}
		if err == nil && !verifies(t, parseKey(t, k.Data()), set, sig) {
			t.Errorf("%s: does not verify", c.name)
		}
	}
}

func TestNewSigningKeyRefuses(t *testing.T) {
	keys := signers(t)
	for _, c := range []struct {
		name string
		with *Algorithms
		n    wire.Algorithm
		key  crypto.Signer
		want error
	}{
		{"SHA-1 by default", NewAlgorithms(Policy{}), 5, keys[8], ErrAlgorithm},
		{"an unknown algorithm", all, 200, keys[8], ErrAlgorithm},
		{"a key of another kind", all, 13, keys[8], ErrSign},
		{"a key of another kind", all, 8, keys[15], ErrSign},
		{"a key of another kind", all, 15, keys[13], ErrSign},
		{"a key of another curve", all, 13, keys[14], ErrSign},
		{"a modulus below policy", NewAlgorithms(Policy{MinRSABits: 2048}), 8, keys[8], ErrKey},
	} {
		if _, err := c.with.NewSigningKey(c.n, 256, c.key); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	k := newSigningKey(t, 13, keys[13])
	for _, line := range []string{"example. 300 IN RRSIG A 13 1 300 2 1 7 example. AAAA", "other. 300 IN A 192.0.2.1"} {
		if _, err := k.Sign(rrset(t, line), wire.MustParseName("example."), 1, 2); !errors.Is(err, ErrSign) {
			t.Errorf("%s: %v", line, err)
		}
	}
	if _, err := k.DS(wire.Root, DigestGOST); !errors.Is(err, ErrDigestType) {
		t.Error(err)
	}
}

func BenchmarkVerify(b *testing.B) {
	keys := signers(b)
	for _, bits := range []int{1024, 2048, 4096} {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			b.Fatal(err)
		}
		benchVerify(b, "RSASHA256-"+map[int]string{1024: "1024", 2048: "2048", 4096: "4096"}[bits], newSigningKey(b, 8, k))
	}
	for _, n := range []wire.Algorithm{13, 14, 15} {
		benchVerify(b, n.String(), newSigningKey(b, n, keys[n]))
	}
}

func benchVerify(b *testing.B, name string, k *SigningKey) {
	set := rrset(b, "example. 300 IN A 192.0.2.1")
	sig, err := k.Sign(set, wire.MustParseName("example."), 1, 2)
	if err != nil {
		b.Fatal(err)
	}
	key := parseKey(b, k.Data())
	b.Run(name, func(b *testing.B) {
		b.ReportAllocs()
		var c Canonical
		var room []byte
		for b.Loop() {
			c.Set(set)
			message, err := c.AppendSigned(room[:0], sig)
			if err != nil || !key.Verify(message, sig.Signature) {
				b.Fatal("does not verify")
			}
			room = message
		}
	})
}
