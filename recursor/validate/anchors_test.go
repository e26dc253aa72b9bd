package validate

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/wire"
)

const (
	ds20326 = "20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D"
	ds38696 = "38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16"
	key2017 = "257 3 8 AwEAAaz/tAm8yTn4Mfeh5eyI96WSVexTBAvkMgJzkKTOiW1vkIbzxeF3+/4RgWOq7HrxRixHlFlExOLAJr5emLvN7SWXgnLh4+B5xQlNVz8Og8kvArMtNROxVQuCaSnIDdD5LKyWbRd2n9WGe2R8PzgCmr3EgVLrjyBxWezF0jLHwVN8efS3rCj/EWgvIWgb9tarpVUDK/b58Da+sqqls3eNbuv7pr+eoZG+SrDK6nWeL3c6H5Apxz7LjVc1uTIdsIXxuOLYA4/ilBmSVIzuDWfdRUfhHdY6+cn8HFRm+2hM8AnXGXws9555KrUB5qihylGa8subX2Nn6UwNR1AkUTV74bU="
)

// rootXML is root-anchors.xml as IANA publishes it, shortened.
const rootXML = `<?xml version="1.0" encoding="UTF-8"?>
<TrustAnchor id="E9724F53-1851-4F86-85E5-F1392102940B" source="http://data.iana.org/root-anchors/root-anchors.xml">
<Zone>.</Zone>
<KeyDigest id="Kjqmt7v" validFrom="2010-07-15T00:00:00+00:00" validUntil="2019-01-11T00:00:00+00:00">
<KeyTag>19036</KeyTag>
<Algorithm>8</Algorithm>
<DigestType>2</DigestType>
<Digest>49AAC11D7B6F6446702E54A1607371607A1A41855200FD2CE1CDDE32F24E8FB5</Digest>
</KeyDigest>
<KeyDigest id="Klajeyz" validFrom="2017-02-02T00:00:00+00:00">
<KeyTag>20326</KeyTag>
<Algorithm>8</Algorithm>
<DigestType>2</DigestType>
<Digest>E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D</Digest>
<PublicKey>ignored</PublicKey>
<Flags>257</Flags>
</KeyDigest>
<KeyDigest id="Kmyv6jo" validFrom="2024-07-18T00:00:00+00:00">
<KeyTag>38696</KeyTag>
<Algorithm>8</Algorithm>
<DigestType>2</DigestType>
<Digest>683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16</Digest>
</KeyDigest>
</TrustAnchor>`

// TestAnchorFiles: each form, and what is in it.
func TestAnchorFiles(t *testing.T) {
	quoted := strings.Replace(key2017, "8 Aw", `8 "Aw`, 1) + `"`
	inLines := strings.Replace(quoted, "+B5", "+B5\n  ", 1)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"DS", ". IN DS " + ds20326 + "\n.\t3600 IN DS " + ds38696, []string{ds20326, ds38696}},
		{"DNSKEY", "; the root\n. 172800 IN DNSKEY " + key2017 + "\n", []string{ds20326}},
		{"over lines", ". IN DS 38696 8 2 ( 683D2D0ACB8C9B712A1948B27F741219\n 298D0A450D612C483AF444A4C0FB2B16 ) ; one\n", []string{ds38696}},
		{"unbound's state", ";;id: . 1\n;;last_queried: 1732887600\n.\t86400\tIN\tDNSKEY\t" + key2017 + " ;{id = 20326 (ksk), size = 2048b} ;;state=2 [  VALID  ]\n", []string{ds20326}},
		{"unbound's state, a missing key", ". DNSKEY " + key2017 + " ;;state=3 [ MISSING ]\n", []string{ds20326}},
		{"unbound's state, a pending key", ". DNSKEY " + key2017 + " ;;state=1 [ ADDPEND ]\n. DS " + ds38696 + "\n", []string{ds38696}},
		{"unbound's state, a revoked key", ". DS " + ds38696 + "\n. DNSKEY " + key2017 + " ;;state=4 [ REVOKED ]", []string{ds38696}},
		{"both records", ". DNSKEY " + key2017 + "\n. DS " + ds20326, []string{ds20326}},
		{"BIND, static", "trust-anchors {\n\t. static-ds " + strings.Replace(ds20326, "2 E", `2 "E`, 1) + "\";\n};", []string{ds20326}},
		{"BIND, initial", "# bind.keys\ntrust-anchors {\n\t. initial-key " + quoted + "; // old\n\t. initial-ds " + strings.Replace(ds38696, "2 6", `2 "6`, 1) + "\"; /* new\n */ };\n", []string{ds20326, ds38696}},
		{"BIND, several lines", "trust-anchors { \".\" initial-key " + inLines + "; };", []string{ds20326}},
		{"BIND, trusted-keys", "trusted-keys { . " + quoted + "; };", []string{ds20326}},
		{"BIND, managed-keys", "managed-keys { . initial-key " + quoted + "; };", []string{ds20326}},
		{"XML", rootXML, []string{ds20326, ds38696}},
	} {
		anchors := new(Anchors)
		if err := anchors.ParseAnchors("anchors", []byte(c.text), now); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, a := range anchors.All() {
			if !a.Zone.IsRoot() {
				t.Errorf("%s: zone %v", c.name, a.Zone)
			}
			got = append(got, a.DS.String())
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, not %v", c.name, got, c.want)
		}
	}
}

// TestMalformedAnchorFiles: what is wrong, where, and nothing is added.
func TestMalformedAnchorFiles(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "f has neither a DS nor a DNSKEY record to trust"},
		{". DNSKEY " + key2017 + " ;;state=1 [ ADDPEND ]\n", "f has neither a DS nor a DNSKEY record to trust"},
		{". DNSKEY " + key2017 + " ;;state=5 [ REMOVED ]\n\n.. DS 1 8 2 00", `f:3: name "..": label is empty`},
		{"; nothing\n", "f has neither a DS nor a DNSKEY record to trust"},
		{". DS " + ds20326 + "\n. A 192.0.2.1", "f:2: A records are not trust anchors; give DS or DNSKEY records"},
		{"\n.. DS 1 8 2 00", `f:2: name "..": label is empty`},
		{". DS 20326 8 2 E06D", "f:1: word 4 of the data: expected 32 octets for a digest of type 2, found 2"},
		{". IN", "f:1: line ends before DS or DNSKEY"},
		{". IN XX DS", `f:1: expected DS or DNSKEY, found "XX"`},
		{". DS 1 8 2 ( 00", "f: parentheses are not balanced"},
		{". DS 1 8 2 \"00", "f:1: quoted text is not closed"},
		{"trust-anchors { . static-ds 1 8 2 \"00\"; };", "f:1: word 4 of the data: expected 32 octets for a digest of type 2, found 1"},
		{"trust-anchors { . static 1 8 2 \"00\"; };", `f:1: "static" is not a kind of anchor; use static-ds or static-key`},
		{"trust-anchors { . static-ds 1; };", "f:1: anchor has too few words"},
		{"trust-anchors {\n . static-ds 1 }", "f:2: anchor does not end in a semicolon"},
		{". DS " + ds20326 + "\n. DNSKEY " + strings.Replace(key2017, "257", "385", 1), "f:2: key 20454 of . is revoked (flags 385), and must not be trusted; give the key that has taken its place"},
		{"\ntrust-anchors { . initial-key 385 3 8 \"" + strings.Fields(key2017)[3] + "\"; };", "f:2: key 20454 of . is revoked (flags 385), and must not be trusted; give the key that has taken its place"},
		{"example. DNSKEY " + strings.Replace(key2017, "257", "1", 1), "f:1: key 20070 of example is not the key of a zone (flags 1, protocol 3); those have flags 257 or 256, and protocol 3"},
		{"trust-anchors {", "f: statement is not closed; it ends in };"},
		{"options { };", `f:1: expected trust-anchors { ... };, found "options"`},
		{"trust-anchors { /* x", "f:1: comment is not closed"},
		{"<a/>", "f: expected element type <TrustAnchor> but have <a>"},
		{"<TrustAnchor", "f: XML syntax error on line 1: unexpected EOF"},
		{strings.Replace(rootXML, "2017-02-02T", "2017-02-31T", 1), `f: KeyDigest 2: "2017-02-31T00:00:00+00:00" is not a time such as 2026-10-11T00:00:00+00:00`},
		{strings.Replace(rootXML, "<Digest>E0", "<Digest>", 1), "f: KeyDigest 2: word 4 of the data: expected 32 octets for a digest of type 2, found 31"},
		{strings.Replace(rootXML, "<Zone>.</Zone>", "<Zone>..</Zone>", 1), `f: zone: name "..": label is empty`},
		{strings.Repeat(" ", MaxAnchorFile+1), "f has 1048577 octets, at most 1048576 are read"},
	} {
		anchors := new(Anchors)
		err := anchors.ParseAnchors("f", []byte(c.text), now)
		if err == nil || !errors.Is(err, ErrAnchors) || err.Error() != ErrAnchors.Error()+": "+c.want {
			t.Errorf("%.60q: %v, not %q", c.text, err, c.want)
		}
		if n := len(anchors.All()); n != 0 {
			t.Errorf("%.60q: %d anchors added", c.text, n)
		}
	}
}

// TestUnusableAnchors: a zone has one that counts, or is named.
func TestUnusableAnchors(t *testing.T) {
	digest := strings.Fields(ds20326)[3]
	for text, want := range map[string]string{
		". DS " + ds20326: "[]",
		". DS " + ds20326 + "\n. DS 1 3 2 " + digest:                                "[]",
		". DS 1 3 2 " + digest + "\na. DS 1 3 2 " + digest:                          "[. a.]",
		". DS 60000 8 3 " + digest + "\na. DS " + ds20326:                           "[.]",
		". DS 1 3 2 " + digest + "\n. DS " + ds20326 + "\n. DS 65000 3 2 " + digest: "[]",
	} {
		anchors := new(Anchors)
		if err := anchors.ParseAnchors("f", []byte(text), now); err != nil {
			t.Errorf("%s: %v", text, err)
		} else if got := fmt.Sprint(anchors.Unusable(algorithms)); got != want {
			t.Errorf("%s: %s, not %s", text, got, want)
		}
	}
}

// TestRevokedAnchor: a program cannot trust a revoked key either.
func TestRevokedAnchor(t *testing.T) {
	anchors := new(Anchors)
	key := newKey(t, ".").Record
	key.Flags |= wire.FlagRevoked
	if err := anchors.AddDNSKEY(wire.Root, &key); err == nil || len(anchors.All()) != 0 {
		t.Errorf("%v, %v", err, anchors.All())
	}
}

// TestRootAnchors: the built-in ones are those of Debian's dns-root-data, if it
// is there, and tell an old configuration.
func TestRootAnchors(t *testing.T) {
	var got []string
	for _, a := range RootAnchors().All() {
		got = append(got, a.DS.String())
	}
	if !slices.Equal(got, []string{ds20326, ds38696}) {
		t.Errorf("%v", got)
	}
	if text, err := os.ReadFile("/usr/share/dns/root.key"); err == nil {
		anchors := new(Anchors)
		if err := anchors.ParseAnchors("root.key", text, now); err != nil {
			t.Error(err)
		}
		for _, a := range anchors.All() {
			if !slices.Contains(got, a.DS.String()) {
				t.Errorf("root.key has %v", a.DS)
			}
		}
	}
	w := family(t)
	w.config.Anchors = RootAnchors()
	w.v = New(w.config)
	w.want(". SOA", Bogus, "no DNSKEY record of . is the one of its trust anchor, keys 20326, 38696")
	old := new(Anchors)
	if old.LacksRootKey() {
		t.Error("no anchors at all")
	}
	for _, step := range []struct {
		ds   string
		want bool
	}{{ds20326, true}, {ds38696, false}} {
		if err := old.ParseAnchors("f", []byte(". DS "+step.ds), now); err != nil {
			t.Fatal(err)
		}
		if old.LacksRootKey() != step.want {
			t.Errorf("with %s: %v", step.ds, !step.want)
		}
	}
}

// FuzzAnchors: a file of trust anchors is an error that says where, or anchors
// that come back the same from their own text.
func FuzzAnchors(f *testing.F) {
	f.Add([]byte(". DS " + ds20326))
	f.Add([]byte(". IN DNSKEY ( " + key2017 + " ) ; x"))
	f.Add([]byte("trust-anchors { . static-ds 1 8 2 \"00\"; /* */ };"))
	f.Add([]byte(rootXML))
	f.Fuzz(func(t *testing.T, text []byte) {
		anchors := new(Anchors)
		if err := anchors.ParseAnchors("f", text, now); err != nil {
			if !errors.Is(err, ErrAnchors) || len(anchors.All()) > 0 {
				t.Errorf("%v, %d anchors", err, len(anchors.All()))
			}
			return
		}
		var lines strings.Builder
		for _, a := range anchors.All() {
			line := wire.Record{Name: a.Zone, Type: wire.TypeDS, Class: wire.ClassIN, Data: a.DS.AppendTo(nil, nil)}
			lines.WriteString(line.String() + "\n")
		}
		again := new(Anchors)
		if err := again.ParseAnchors("again", []byte(lines.String()), now.Add(time.Hour)); err != nil {
			t.Fatalf("%v\n%s", err, lines.String())
		}
		if len(again.All()) != len(anchors.All()) {
			t.Errorf("%d anchors become %d", len(anchors.All()), len(again.All()))
		}
	})
}

// FuzzTwin: the validator and its twin agree about whatever tree and damage a
// seed makes.
func FuzzTwin(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { twinOnTree(t, seed, map[Verdict]int{}) })
}
