package ed448

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/cloudflare/circl/sign/ed448"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

var algorithms = dnssec.NewAlgorithms(dnssec.Policy{}, Scheme())

func data(t *testing.T, typ wire.Type, text string) []byte {
	t.Helper()
	var words []wire.Word
	for _, w := range strings.Fields(text) {
		words = append(words, wire.Word{Text: []byte(w)})
	}
	b, err := wire.AppendRdataFromText(nil, typ, words, wire.Root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestExample is RFC 8080 6.2, both keys.
func TestExample(t *testing.T) {
	name := wire.MustParseName("example.com.")
	set := &dnssec.RRset{Name: name, Type: wire.TypeMX, Class: wire.ClassIN, TTL: 3600, Data: [][]byte{data(t, wire.TypeMX, "10 mail.example.com.")}}
	key, err := algorithms.ParseKey(data(t, wire.TypeDNSKEY, "257 3 16 3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA"))
	if err != nil {
		t.Fatal(err)
	}
	if key.Tag != 9713 {
		t.Errorf("tag is %d", key.Tag)
	}
	var sig wire.RRSIG
	c := wire.CursorOver(data(t, wire.TypeRRSIG, "MX 16 2 3600 1440021600 1438207200 9713 example.com. 3cPAHkmlnxcDHMyg7vFC34l0blBhuG1qpwLmjInI8w1CMB29FkEAIJUA0amxWndkmnBZ6SKiwZSAxGILn/NBtOXft0+Gj7FSvOKxE/07+4RQvE581N3Aj/JtIyaiYVdnYtyMWbSNyGEY2213WKsJlwEA"))
	if err := sig.Parse(&c); err != nil {
		t.Fatal(err)
	}
	var form dnssec.Canonical
	form.Set(set)
	message, err := form.AppendSigned(nil, &sig)
	if err != nil || !key.Verify(message, sig.Signature) {
		t.Errorf("signature does not verify: %v", err)
	}
	sig.Signature = bytes.Clone(sig.Signature)
	sig.Signature[5] ^= 1
	if key.Verify(message, sig.Signature) || key.Verify(message, nil) {
		t.Error("another signature verifies")
	}
}

func TestSign(t *testing.T) {
	_, private, err := ed448.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := algorithms.NewSigningKey(wire.AlgorithmED448, 257, private)
	if err != nil {
		t.Fatal(err)
	}
	set := &dnssec.RRset{Name: wire.Root, Type: wire.TypeA, Class: wire.ClassIN, Data: [][]byte{{192, 0, 2, 1}}}
	sig, err := k.Sign(set, wire.Root, 1, 2)
	if err != nil {
		t.Fatal(err)
	}
	var form dnssec.Canonical
	form.Set(set)
	message, _ := form.AppendSigned(nil, sig)
	key, err := algorithms.ParseKey(k.Data())
	if err != nil || !key.Verify(message, sig.Signature) {
		t.Errorf("does not verify: %v", err)
	}
	if _, err := algorithms.ParseKey(append(bytes.Clone(k.Data()), 0)); !errors.Is(err, dnssec.ErrKey) {
		t.Errorf("key with an octet after it: %v", err)
	}
}

// TestWycheproof: see wire/dnssec.
func TestWycheproof(t *testing.T) {
	text, err := os.ReadFile("../../../../shared/data/wycheproof/ed448_test.json")
	if os.IsNotExist(err) {
		t.Skipf("the vectors are not there: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		TestGroups []struct {
			PublicKey struct{ PK string }
			Tests     []struct {
				TcID                      int
				Comment, Msg, Sig, Result string
			}
		}
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	valid := 0
	for _, group := range file.TestGroups {
		public, _ := hex.DecodeString(group.PublicKey.PK)
		key, err := algorithms.ParseKey(append([]byte{1, 0, 3, 16}, public...))
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range group.Tests {
			message, _ := hex.DecodeString(test.Msg)
			signature, _ := hex.DecodeString(test.Sig)
			got := key.Verify(message, signature)
			if got != (test.Result == "valid") {
				t.Errorf("test %d, %s: verifies: %v", test.TcID, test.Comment, got)
			}
			if got {
				valid++
			}
		}
	}
	if valid != 17 {
		t.Errorf("%d signatures verify, not 17", valid)
	}
}
