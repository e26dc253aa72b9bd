package sign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/wire"
)

// device is a private key elsewhere, which may be out of order.
type device struct {
	crypto.Signer
	fault func(message []byte) ([]byte, error) // nil: it works
}

func (d *device) Sign(random io.Reader, digest []byte, o crypto.SignerOpts) ([]byte, error) {
	if d.fault != nil {
		return d.fault(digest)
	}
	return d.Signer.Sign(random, digest, o)
}

// TestDeviceOutOfOrder: while a device does not sign, or signs wrongly, the zone stays
// as it is, and valid: edits are refused, since they would be visible unsigned. When the
// device works again, what has fallen due is signed.
func TestDeviceOutOfOrder(t *testing.T) {
	for name, policy := range policies() {
		for fault, do := range map[string]func(d *device) func([]byte) ([]byte, error){
			"fails": func(*device) func([]byte) ([]byte, error) {
				return func([]byte) ([]byte, error) { return nil, errors.New("token is not present") }
			},
			"signs something else": func(d *device) func([]byte) ([]byte, error) {
				return func(digest []byte) ([]byte, error) {
					other := append([]byte(nil), digest...)
					other[0] ^= 1
					return ecdsa.SignASN1(nil, d.Signer.(*ecdsa.PrivateKey), other)
				}
			},
		} {
			t.Run(name+" "+fault, func(t *testing.T) {
				inner := csk(t)[0]
				d := &device{Signer: inner.private}
				signing, err := algorithms.NewSigningKey(wire.AlgorithmECDSAP256SHA256, inner.Record.Flags, d)
				if err != nil {
					t.Fatal(err)
				}
				now := start
				s, err := New(policy, []*Key{{SigningKey: signing, private: d, Publish: start, Activate: start}}, func() time.Time { return now })
				if err != nil {
					t.Fatal(err)
				}
				z := signed(t, s, parse(t, zoneText))
				edit := func() error {
					_, err := z.Update(authority.FromUpdate, func(t *authority.Txn) error {
						return t.Add(wire.Record{Name: wire.MustParseName("new.example."), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, 2, 9}})
					})
					return err
				}
				for range 3 * 24 { // until much falls due
					now = now.Add(time.Hour)
					if _, err := s.Refresh(z); err != nil {
						t.Fatal(err)
					}
				}
				before := z.Snapshot()
				d.fault = do(d)
				failed := 0
				for range 24 {
					now = now.Add(time.Hour)
					if _, err := s.Refresh(z); err != nil {
						failed++
					}
					if err := edit(); err == nil {
						t.Fatal("an edit is visible that could not be signed")
					}
					if z.Snapshot() != before {
						t.Fatal("the zone has changed")
					}
					verify(t, before, now)
				}
				if failed == 0 {
					t.Error("nothing fell due in a day")
				}
				d.fault = nil
				due, err := s.Refresh(z)
				if due == 0 || err != nil {
					t.Errorf("%d are due, %v", due, err)
				}
				if err := edit(); err != nil {
					t.Error(err)
				}
				verify(t, z.Snapshot(), now)
			})
		}
	}
}

// TestWrongSignatureOfMany: one wrong signature of a device among many is found, and so is
// a key in memory that signs wrongly, even if only some of its signatures are verified.
func TestWrongSignatureOfMany(t *testing.T) {
	text := new(strings.Builder)
	text.WriteString("@ 3600 SOA ns hostmaster 1 7200 3600 1209600 300\n@ 3600 NS ns\n")
	for i := range 2 * verifyAll {
		fmt.Fprintf(text, "host%d 300 A 192.0.2.1\n", i)
	}
	inner := csk(t)[0]
	var made atomic.Int32
	once := &device{Signer: inner.private, fault: func(digest []byte) ([]byte, error) {
		if made.Add(1) == verifyAll {
			digest[0] ^= 1
		}
		return ecdsa.SignASN1(nil, inner.private.(*ecdsa.PrivateKey), digest)
	}}
	halves := ed25519.NewKeyFromSeed([]byte(strings.Repeat("a", ed25519.SeedSize)))
	copy(halves[ed25519.SeedSize:], ed25519.NewKeyFromSeed([]byte(strings.Repeat("b", ed25519.SeedSize)))[ed25519.SeedSize:])
	for name, c := range map[string]struct {
		algorithm wire.Algorithm
		private   crypto.Signer
	}{
		"device, once":       {wire.AlgorithmECDSAP256SHA256, once},
		"halves of two keys": {wire.AlgorithmED25519, halves},
	} {
		t.Run(name, func(t *testing.T) {
			signing, err := algorithms.NewSigningKey(c.algorithm, inner.Record.Flags, c.private)
			if err != nil {
				t.Fatal(err)
			}
			s, err := New(Policy{VerifySample: true}, []*Key{{SigningKey: signing, private: c.private}}, func() time.Time { return start })
			if err != nil {
				t.Fatal(err)
			}
			z := authority.NewEmptyZone(wire.MustParseName("example."), wire.ClassIN)
			z.SetPipeline(&authority.Pipeline{Sign: []authority.Stage{s.Stage}})
			if err := z.Replace(authority.FromFile, parse(t, text.String())); err == nil || !strings.Contains(err.Error(), "does not verify") {
				t.Errorf("signed: %v", err)
			}
		})
	}
}
