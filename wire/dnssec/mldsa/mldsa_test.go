package mldsa

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"github.com/cloudflare/circl/sign/mldsa/mldsa44"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

var algorithms = dnssec.NewAlgorithms(dnssec.Policy{}, Scheme())

func TestSign(t *testing.T) {
	_, private, err := mldsa44.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := algorithms.NewSigningKey(wire.AlgorithmMLDSA44, 257, private)
	if err != nil {
		t.Fatal(err)
	}
	if len(k.Record.PublicKey) != 1312 {
		t.Errorf("key has %d octets", len(k.Record.PublicKey))
	}
	set := &dnssec.RRset{Name: wire.Root, Type: wire.TypeA, Class: wire.ClassIN, Data: [][]byte{{192, 0, 2, 1}}}
	sig, err := k.Sign(set, wire.Root, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(sig.Signature) != 2420 {
		t.Errorf("signature has %d octets", len(sig.Signature))
	}
	var form dnssec.Canonical
	form.Set(set)
	message, _ := form.AppendSigned(nil, sig)
	key, err := algorithms.ParseKey(k.Data())
	if err != nil || !key.Verify(message, sig.Signature) {
		t.Errorf("does not verify: %v", err)
	}
	sig.Signature[7] ^= 1
	if key.Verify(message, sig.Signature) || key.Verify(message, nil) {
		t.Error("another signature verifies")
	}
	if _, err := algorithms.ParseKey(append(bytes.Clone(k.Data()), 0)); !errors.Is(err, dnssec.ErrKey) {
		t.Errorf("key with an octet after it: %v", err)
	}
}

// TestWycheproof: see wire/dnssec. DNSSEC has no context string: a vector
// with one is a signature of something else here.
func TestWycheproof(t *testing.T) {
	text, err := os.ReadFile("../../../../shared/data/wycheproof/mldsa_44_verify_test.json")
	if os.IsNotExist(err) {
		t.Skipf("the vectors are not there: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			PublicKey string
			Tests     []struct {
				TcID                           int
				Comment, Msg, Sig, Result, Ctx string
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	valid, contexts, keys := 0, 0, 0
	for _, group := range file.TestGroups {
		public, _ := hex.DecodeString(group.PublicKey)
		key, err := algorithms.ParseKey(append([]byte{1, 0, 3, 18}, public...))
		if err != nil {
			keys++
		}
		for _, test := range group.Tests {
			message, _ := hex.DecodeString(test.Msg)
			signature, _ := hex.DecodeString(test.Sig)
			got := err == nil && key.Verify(message, signature)
			if test.Ctx != "" {
				contexts++
				if got {
					t.Errorf("test %d, %s: verifies without its context", test.TcID, test.Comment)
				}
				continue
			}
			if got != (test.Result == "valid") {
				t.Errorf("test %d, %s: verifies: %v", test.TcID, test.Comment, got)
			}
			if got {
				valid++
			}
		}
	}
	t.Logf("%d valid, %d with a context, %d keys refused", valid, contexts, keys)
	if valid < 70 {
		t.Errorf("only %d signatures verify", valid)
	}
}
