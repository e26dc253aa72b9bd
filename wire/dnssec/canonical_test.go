package dnssec

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/wiretest"
)

// signedTwin makes the octets of a signature as RFC 4034 3.1.8.1 and 6 say,
// in so many words.
func signedTwin(set *RRset, sig *wire.RRSIG) []byte {
	withoutSignature := *sig
	withoutSignature.Signature = nil
	withoutSignature.Signer = sig.Signer.Fold()
	message := withoutSignature.AppendTo(nil, nil)
	owner := set.Name.Fold()
	if int(sig.Labels) < LabelCount(owner) {
		for owner.LabelCount() > int(sig.Labels) {
			owner = owner.Parent()
		}
		owner, _ = owner.Prepend("*")
	}
	records := map[string]bool{}
	for _, data := range set.Data {
		data = wire.AppendCanonicalRdata(nil, set.Type, data)
		records[string(data)] = true
	}
	var order []string
	for data := range records {
		order = append(order, data)
	}
	slices.Sort(order)
	for _, data := range order {
		message = append(message, owner.Wire()...)
		message = binary.BigEndian.AppendUint16(message, uint16(set.Type))
		message = binary.BigEndian.AppendUint16(message, uint16(set.Class))
		message = binary.BigEndian.AppendUint32(message, sig.OriginalTTL)
		message = binary.BigEndian.AppendUint16(message, uint16(len(data)))
		message = append(message, data...)
	}
	return message
}

func checkAgainstTwin(t *testing.T, set *RRset, sig *wire.RRSIG) {
	t.Helper()
	var c Canonical
	c.Set(set)
	before := []byte("before")
	got, err := c.AppendSigned(before, sig)
	if err != nil {
		if int(sig.Labels) <= LabelCount(set.Name) {
			t.Errorf("%v: %v", set.Name, err)
		}
		return
	}
	if want := append([]byte("before"), signedTwin(set, sig)...); !bytes.Equal(got, want) {
		t.Errorf("%v %v: signed octets are\n%X, not\n%X", set.Name, set.Type, got, want)
	}
}

// TestCanonicalForm: which names are put into lower case, and which are not.
func TestCanonicalForm(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{"A.Example. 300 IN MX 10 Mail.Example.", "000A046D61696C076578616D706C6500"},
		{"A.Example. 300 IN DNAME B.Example.", "0162076578616D706C6500"},
		{"A.Example. 300 IN NSEC B.Example. A", "0142074578616D706C6500000140"}, // RFC 6840 5.1
		{"A.Example. 300 IN HINFO A B", "01410142"},                             // RFC 6840 5.1: not names
		{"A.Example. 300 IN SVCB 1 B.Example.", "00010142074578616D706C6500"},
		{"A.Example. 300 IN TXT ABC", "03414243"},
	} {
		set := rrset(t, c.line)
		var form Canonical
		form.Set(set)
		if got := strings.ToUpper(hexOf(form.data)); got != c.want {
			t.Errorf("%s: %s, not %s", c.line, got, c.want)
		}
	}
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, octet := range b {
		s.WriteByte(digits[octet>>4])
		s.WriteByte(digits[octet&15])
	}
	return s.String()
}

func TestSignedOctets(t *testing.T) {
	sig := &wire.RRSIG{Algorithm: 13, Labels: 2, OriginalTTL: 3600, Expiration: 2, Inception: 1, KeyTag: 77, Signer: wire.MustParseName("EXAMPLE.")}
	for _, lines := range [][]string{
		{"WWW.Example. 300 IN A 192.0.2.2", "www.example. 300 IN A 192.0.2.1"},
		{"www.example. 300 IN A 192.0.2.2", "www.example. 300 IN A 192.0.2.2"}, // twice
		{"www.example. 300 IN MX 10 A.Example.", "www.example. 300 IN MX 10 a.example."},
		{"www.example. 300 IN TXT ab", "www.example. 300 IN TXT a", "www.example. 300 IN TXT a b"},
		{"x.y.www.example. 300 IN A 192.0.2.1"}, // of *.www.example.
		{"*.www.example. 300 IN A 192.0.2.1"},
	} {
		set := rrset(t, lines...)
		sig.Covered = set.Type
		checkAgainstTwin(t, set, sig)
	}
	var c Canonical
	c.Set(rrset(t, "example. 300 IN A 192.0.2.1"))
	if _, err := c.AppendSigned(nil, sig); err == nil {
		t.Error("a signature that counts more labels than the owner has")
	}
}

// TestLongestOwnerAndLargestRRset: nothing has a fixed size. The owner has 255
// octets, the records fill a message of 64 KiB, and what is signed is many
// times that.
func TestLongestOwnerAndLargestRRset(t *testing.T) {
	label := strings.Repeat("a", 63)
	owner, err := wire.NameFromLabels(label, label, label, strings.Repeat("a", 61))
	if err != nil || owner.Len() != wire.MaxNameLen {
		t.Fatal(err, owner.Len())
	}
	r := rand.New(rand.NewPCG(1, 2))
	many := &RRset{Name: owner, Type: 65280, Class: wire.ClassIN}
	for range 65535 / (2 + 10 + 3) { // each owner a pointer
		many.Data = append(many.Data, []byte{byte(r.Uint32()), byte(r.Uint32()), byte(r.Uint32())})
	}
	large := &RRset{Name: owner, Type: 65280, Class: wire.ClassIN, Data: [][]byte{make([]byte, 65535)}}
	names := &RRset{Name: owner, Type: wire.TypeNS, Class: wire.ClassIN}
	for i := range 5000 { // each compressed to a few octets in the message
		name, err := wire.NameFromLabels(string([]byte{byte(i), byte(i >> 8), 'A'}), label, label, strings.Repeat("a", 60))
		if err != nil {
			t.Fatal(err)
		}
		names.Data = append(names.Data, name.AppendTo(nil))
	}
	for _, set := range []*RRset{many, large, names} {
		for _, labels := range []uint8{4, 3, 1, 0} {
			checkAgainstTwin(t, set, &wire.RRSIG{Covered: set.Type, Labels: labels, Signer: owner})
		}
	}
	digest, err := AppendDigest(nil, owner, make([]byte, 65535), DigestSHA256)
	if err != nil || len(digest) != 32 {
		t.Error(err, len(digest))
	}
	longest := strings.Repeat("\x01a", 127)
	name, _, err := wire.NameFromWire([]byte(longest + "\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := HashName(name, MaxIterations, make([]byte, 255)); err != nil {
		t.Error(err)
	}
}

// TestSetAgain: a Canonical that was used for another RRset remembers nothing.
func TestSetAgain(t *testing.T) {
	var c Canonical
	c.Set(rrset(t, "b.example. 300 IN TXT a", "b.example. 300 IN TXT b"))
	set := rrset(t, "a.example. 300 IN A 192.0.2.1")
	c.Set(set)
	sig := &wire.RRSIG{Covered: wire.TypeA, Labels: 2, Signer: wire.MustParseName("example.")}
	got, err := c.AppendSigned(nil, sig)
	if err != nil || !bytes.Equal(got, signedTwin(set, sig)) {
		t.Errorf("%X, %v", got, err)
	}
}

// TestNoAllocs: the canonical form and the octets to verify take no memory
// once there is some, tags, digests' comparisons and hashes none at all.
func TestNoAllocs(t *testing.T) {
	var (
		c       Canonical
		room    = make([]byte, 0, 1024)
		set     = rrset(t, "a.example. 300 IN MX 10 b.example.", "a.example. 300 IN MX 5 a.example.")
		sig     = &wire.RRSIG{Covered: wire.TypeMX, Labels: 2, Signer: wire.MustParseName("example.")}
		key     = record(t, examples[1].key)
		owner   = wire.MustParseName("0p9mhaveqvm6t7vbl5lop2u3t2rp3tom.example.")
		nsec3   = record(t, "x. 300 IN NSEC3 1 1 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A").Data
		ed      = parseKey(t, record(t, examples[5].key).Data)
		edSig   = rrsig(t, examples[5].sig)
		message []byte
	)
	c.Set(rrset(t, examples[5].set...))
	message, err := c.AppendSigned(nil, edSig)
	if err != nil {
		t.Fatal(err)
	}
	wiretest.NoAllocs(t, "canonical form", func() {
		c.Set(set)
		if _, err := c.AppendSigned(room, sig); err != nil {
			t.Error(err)
		}
	})
	wiretest.NoAllocs(t, "key tag", func() { KeyTag(key.Data) })
	wiretest.NoAllocs(t, "hash", func() {
		if _, err := HashName(owner, 10, message); err != nil {
			t.Error(err)
		}
	})
	wiretest.NoAllocs(t, "NSEC3", func() {
		if _, err := ParseNSEC3(owner, nsec3); err != nil {
			t.Error(err)
		}
	})
	wiretest.NoAllocs(t, "Ed25519", func() {
		if !ed.Verify(message, edSig.Signature) {
			t.Error("does not verify")
		}
	})
}
