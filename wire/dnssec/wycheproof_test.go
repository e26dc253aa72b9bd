package dnssec

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/names-dns/names/wire"
)

// wycheproofDir is where the vectors of Project Wycheproof may lie; they are
// not part of the repository.
const wycheproofDir = "../../../shared/data/wycheproof"

type wycheproofFile struct {
	TestGroups []struct {
		PublicKey json.RawMessage
		Tests     []struct {
			TcID     int
			Comment  string
			Msg, Sig string
			Result   string
			Flags    []string
		}
	}
}

// TestWycheproof: vectors that attack verifiers. Two things are different
// here: an RSA signature without the NULL of its hash algorithm
// ("acceptable") is refused, for RFC 8017 9.2 has one encoding; and keys are
// given in the form of DNSKEY records, so there are no keys in bad DER.
func TestWycheproof(t *testing.T) {
	for _, c := range []struct {
		file      string
		algorithm wire.Algorithm
		key       func(t *testing.T, public json.RawMessage) []byte
		valid     int
	}{
		{"rsa_signature_2048_sha256_test.json", wire.AlgorithmRSASHA256, wycheproofRSA, 9},
		{"rsa_signature_2048_sha512_test.json", wire.AlgorithmRSASHA512, wycheproofRSA, 8},
		{"rsa_signature_4096_sha256_test.json", wire.AlgorithmRSASHA256, wycheproofRSA, 7},
		{"ecdsa_secp256r1_sha256_p1363_test.json", wire.AlgorithmECDSAP256SHA256, wycheproofPoint, 173},
		{"ecdsa_secp384r1_sha384_p1363_test.json", wire.AlgorithmECDSAP384SHA384, wycheproofPoint, 193},
		{"ed25519_test.json", wire.AlgorithmED25519, wycheproofEdwards, 88},
	} {
		t.Run(c.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(wycheproofDir, c.file))
			if os.IsNotExist(err) {
				t.Skipf("the vectors are not there: %v", err)
			}
			if err != nil {
				t.Fatal(err)
			}
			var file wycheproofFile
			if err := json.Unmarshal(text, &file); err != nil {
				t.Fatal(err)
			}
			valid := 0
			for _, group := range file.TestGroups {
				data := append([]byte{1, 0, 3, byte(c.algorithm)}, c.key(t, group.PublicKey)...)
				key, err := all.ParseKey(data)
				if err != nil {
					t.Errorf("key %X: %v", data, err)
					continue
				}
				for _, test := range group.Tests {
					got := key.Verify(unhex(t, test.Msg), unhex(t, test.Sig))
					if k, ok := key.public.(*rsaKey); ok { // both public operations
						digest := k.hash.New()
						digest.Write(unhex(t, test.Msg))
						if own := k.verifyDigest(digest.Sum(nil), unhex(t, test.Sig)); own != got {
							t.Errorf("test %d, %s: crypto/rsa verifies: %v, our own operation: %v", test.TcID, test.Comment, got, own)
						}
					}
					if got != (test.Result == "valid") {
						t.Errorf("test %d, %s %v: verifies: %v", test.TcID, test.Comment, test.Flags, got)
					}
					if got {
						valid++
					}
				}
			}
			if valid != c.valid {
				t.Errorf("%d signatures verify, not %d", valid, c.valid)
			}
		})
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func wycheproofRSA(t *testing.T, public json.RawMessage) []byte {
	var k struct{ Modulus, PublicExponent string }
	if err := json.Unmarshal(public, &k); err != nil {
		t.Fatal(err)
	}
	e, n := trimZeros(unhex(t, k.PublicExponent)), trimZeros(unhex(t, k.Modulus))
	return append(append([]byte{byte(len(e))}, e...), n...)
}

func wycheproofPoint(t *testing.T, public json.RawMessage) []byte {
	var k struct{ Uncompressed string }
	if err := json.Unmarshal(public, &k); err != nil {
		t.Fatal(err)
	}
	return unhex(t, k.Uncompressed)[1:]
}

func wycheproofEdwards(t *testing.T, public json.RawMessage) []byte {
	var k struct{ PK string }
	if err := json.Unmarshal(public, &k); err != nil {
		t.Fatal(err)
	}
	return unhex(t, k.PK)
}
