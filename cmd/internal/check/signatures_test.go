package check

import (
	"bytes"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// TestCheckWrongSignatures signs a zone, and damages it afterwards.
func TestCheckWrongSignatures(t *testing.T) {
	origin := wire.MustParseName("example.")
	key, err := dnssec.NewAlgorithms(dnssec.Policy{}).NewSigningKey(wire.AlgorithmED25519, 257, ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	dnskey := string(wire.AppendRdataText(nil, wire.TypeDNSKEY, key.Data()))
	sets := []struct{ owner, kind, data string }{
		{"example.", "SOA", "ns.example. host.example. 1 3600 900 604800 300"},
		{"example.", "NS", "ns.example."},
		{"example.", "DNSKEY", dnskey},
		{"example.", "NSEC", "ns.example. NS SOA RRSIG NSEC DNSKEY"},
		{"ns.example.", "A", "192.0.2.1"},
		{"ns.example.", "NSEC", "example. A RRSIG NSEC"},
	}
	var zone strings.Builder
	for _, s := range sets {
		kind, err := wire.ParseType(s.kind)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&zone, "%s 300 %s %s\n", s.owner, s.kind, s.data)
		var words []wire.Word
		for _, w := range strings.Fields(s.data) {
			words = append(words, wire.Word{Text: []byte(w)})
		}
		data, err := wire.AppendRdataFromText(nil, kind, words, wire.Root)
		if err != nil {
			t.Fatal(err)
		}
		set := dnssec.RRset{Name: wire.MustParseName(s.owner), Type: kind, Class: wire.ClassIN, TTL: 300, Data: [][]byte{data}}
		sig, err := key.Sign(&set, origin, 0, 1<<31-1)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&zone, "%s 300 RRSIG %s\n", s.owner, wire.AppendRdataText(nil, wire.TypeRRSIG, sig.AppendTo(nil, nil)))
	}
	good := zone.String()
	for name, c := range map[string]struct{ zone, want string }{
		"sound":                 {good, ""},
		"another address":       {strings.Replace(good, "A 192.0.2.1", "A 192.0.2.2", 1), "1 signatures do not verify with the keys of the zone, that of ns.example. A by key"},
		"a key that is missing": {strings.Replace(good, dnskey, "257 3 15 "+strings.Repeat("A", 42)+"E=", 1), "signatures are by keys that the zone does not have"},
	} {
		path := filepath.Join(t.TempDir(), "example")
		if err := os.WriteFile(path, []byte(c.zone), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		Run([]string{"--origin", "example.", path}, strings.NewReader(""), &stdout, &stderr)
		out := stdout.String() + stderr.String()
		if c.want == "" && strings.Contains(out, "sig-wrong") || !strings.Contains(out, c.want) {
			t.Errorf("%s: %q is not in\n%s", name, c.want, out)
		}
	}
}

// A digest that does not match is an error, as names serve has it.
func TestDigest(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "example")
	zone := "@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400\n@ 86400 NS ns1\n@ 86400 NS ns2\nns1 3600 A 203.0.113.63\nns2 3600 AAAA 2001:db8::63\n"
	digest := "@ 86400 ZONEMD 2018031900 1 1 c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c\n" // RFC 8976 A.1
	for text, want := range map[string]string{
		zone:                                    "",
		zone + digest:                           "",
		zone + digest + "more 60 A 192.0.2.1\n": "ZONEMD digest does not match: the zone has the sha384 digest",
		zone + strings.Replace(digest, "2018031900", "2018031901", 1):              "for serial number 2018031901",
		zone + strings.Replace(digest, " 1 1 ", " 1 3 ", 1):                        "",
		zone + strings.Replace(digest, " 1 1 ", " 1 2 ", 1)[:len(digest)-1] + "ab": "expected 64 octets",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr strings.Builder
		code := Run([]string{"--origin", "example.", path}, strings.NewReader(""), &stdout, &stderr)
		if (code == 0) != (want == "") || !strings.Contains(stderr.String(), want) {
			t.Errorf("code %d, want %q\n%s%s", code, want, stdout.String(), stderr.String())
		}
	}
}
