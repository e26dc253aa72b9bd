package sign

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
	"github.com/names-dns/names/wire/dnssec/ed448"
	"github.com/names-dns/names/wire/dnssec/mldsa"
)

func init() { AddAlgorithms(ed448.Scheme()) }

// TestAlgorithmsThatDoNotSign: keys of SHA-1, of an algorithm that only the validator has and
// of one that no program has are refused, wherever they come from, and the error says why.
func TestAlgorithmsThatDoNotSign(t *testing.T) {
	for algorithm, want := range map[wire.Algorithm]string{
		wire.AlgorithmRSASHA1:      "keys of algorithm RSASHA1 do not sign here: for most resolvers the zone would be unsigned (RFC 9905 2)",
		wire.AlgorithmNSEC3RSASHA1: "NSEC3RSASHA1 do not sign here: for most resolvers the zone would be unsigned (RFC 9905 2)",
		wire.AlgorithmMLDSA44:      "keys of algorithm MLDSA44 do not sign here: those of RSASHA256, RSASHA512, ECDSAP256SHA256, ECDSAP384SHA384, ED25519 and ED448 do",
		wire.AlgorithmECCGOST12:    "do not sign here: those of RSASHA256",
	} {
		check := func(what string, err error) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, %s: %v", algorithm, what, err)
			}
		}
		check("asked", CheckAlgorithm(algorithm))
		_, err := GenerateKey(algorithm, wire.FlagZoneKey, 0, start)
		check("made", err)
		of := wire.AlgorithmRSASHA256 // as a file of BIND has it
		text, err := key(t, of, wire.FlagZoneKey).privateText()
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte("Algorithm: 8 (RSASHA256)"), fmt.Appendf(nil, "Algorithm: %d", algorithm), 1)
		_, err = ParsePrivateKey(text, "file", wire.FlagZoneKey)
		check("read", err)
		path := filepath.Join(t.TempDir(), "pem")
		text, err = key(t, of, wire.FlagZoneKey).AppendPEM(nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = ImportKey(path, algorithm, wire.FlagZoneKey, start)
		check("imported", err)
	}
	for _, algorithm := range Algorithms() {
		if err := CheckAlgorithm(algorithm); err != nil || !slices.Contains(allAlgorithms, algorithm) {
			t.Errorf("%v: %v", algorithm, err)
		}
	}
}

// TestAddAlgorithms: an algorithm whose keys cannot be kept is not added.
func TestAddAlgorithms(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("added")
		}
		if CheckAlgorithm(wire.AlgorithmMLDSA44) == nil {
			t.Error("signs")
		}
	}()
	AddAlgorithms(mldsa.Scheme())
}

// pemOfOpenSSL is from "openssl genpkey -algorithm ed448", version 3.0.
const pemOfOpenSSL = `-----BEGIN PRIVATE KEY-----
MEcCAQAwBQYDK2VxBDsEOVXUTiJs6/kZM1mjz+vtbEVtvvfJBDf4S6ncF7rUWLNd
lgBWidxytW1mNEvCR51TWVpgFg3FsE10UA==
-----END PRIVATE KEY-----
`

// publicOfOpenSSL is its DNSKEY record's public key field, as "openssl pkey -pubout" has it.
const publicOfOpenSSL = "XmRatZtS/QlfqR473gIltM7l+VKAhWWcdChZWMbvSlE9K3+NCwPbNk8Jgft1AmBjYaTwUyqa3RGA"

// TestEd448OfOpenSSL: the octets of PKCS #8 are those of OpenSSL, in both directions, and so
// are those of the public half.
func TestEd448OfOpenSSL(t *testing.T) {
	block, _ := pem.Decode([]byte(pemOfOpenSSL))
	k, err := parsePEM(block, 0, wire.FlagZoneKey)
	if err != nil {
		t.Fatal(err)
	}
	if got := k.Record.String(); got != "256 3 16 "+publicOfOpenSSL {
		t.Error(got)
	}
	if text, err := k.AppendPEM(nil); err != nil || string(text) != pemOfOpenSSL {
		t.Errorf("%s %v", text, err)
	}
	der, err := MarshalPublic(k.private.Public())
	if err != nil {
		t.Fatal(err)
	}
	public, err := ParsePublic(der)
	if field, appendErr := ed448.Scheme().AppendKey(nil, public); err != nil || appendErr != nil || !bytes.Equal(field, k.Record.PublicKey) {
		t.Errorf("%x %v %v", field, err, appendErr)
	}
	for what, damaged := range map[string][]byte{
		"cut off": block.Bytes[:len(block.Bytes)-1], "longer": append(slices.Clone(block.Bytes), 0),
		"a short seed": append(slices.Clone(block.Bytes[:12]), 0x04, 0x03, 0x04, 0x01, 7),
	} {
		if what == "a short seed" {
			damaged[1] = byte(len(damaged) - 2)
		}
		if _, err := ParsePrivate(damaged); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := ParsePublic(append(der, 0)); err == nil {
		t.Error("a public half that goes on is read")
	}
	if _, err := ParsePrivate([]byte{0x30, 0x47, 0x02, 0x01, 0, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x71, 0x05, 0}); err == nil {
		t.Error("a key without a seed is read")
	}
}

// TestEd448KeyElsewhere: the public half of a key is kept that is on another machine.
func TestEd448KeyElsewhere(t *testing.T) {
	vault, dir := t.TempDir(), t.TempDir()
	zone := wire.MustParseName("example.")
	k := key(t, wire.AlgorithmED448, RoleKeys.flags())
	if err := k.Write(vault, zone); err != nil {
		t.Fatal(err)
	}
	_, offline, err := ImportOffline(filepath.Join(vault, k.FileName(zone)), start)
	if err != nil {
		t.Fatal(err)
	}
	if err := offline.Write(dir, zone); err != nil {
		t.Fatal(err)
	}
	again, err := ReadKeys(dir, zone)
	if err != nil || len(again) != 1 || !again[0].IsOffline() || string(again[0].Data()) != string(k.Data()) {
		t.Fatal(again, err)
	}
	if _, err := again[0].Sign(&dnssec.RRset{Name: zone, Type: wire.TypeA, Class: wire.ClassIN, Data: [][]byte{{192, 0, 2, 1}}}, zone, 1, 2); !errors.Is(err, errOffline) {
		t.Error(err)
	}
}

// FuzzPKCS8: what is read can be written, and is the same key.
func FuzzPKCS8(f *testing.F) {
	for _, algorithm := range []wire.Algorithm{wire.AlgorithmED25519, wire.AlgorithmED448} { // RSA keys take seconds with coverage
		der, err := MarshalPrivate(key(f, algorithm, wire.FlagZoneKey).private)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, der []byte) {
		private, err := ParsePrivate(der)
		if err != nil {
			return
		}
		text, err := MarshalPrivate(private)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParsePrivate(text)
		if err != nil {
			t.Fatal(err)
		}
		if a, ok := again.(interface{ Equal(any) bool }); ok && !a.Equal(private) {
			t.Error("another key")
		}
		public, err := MarshalPublic(private.Public())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ParsePublic(public); err != nil {
			t.Error(err)
		}
	})
}
