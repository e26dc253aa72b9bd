package dnssec

import (
	"crypto"
	"strconv"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// all is every algorithm of this package, moduli of 512 bits included.
var all = NewAlgorithms(Policy{SHA1: true, MinRSABits: 512})

// record reads "owner TTL class type data", without blanks between quotes.
func record(t testing.TB, line string) wire.Record {
	t.Helper()
	words := strings.Fields(line)
	ttl, err := strconv.ParseUint(words[1], 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	class, err := wire.ParseClass(words[2])
	if err != nil {
		t.Fatal(err)
	}
	typ, err := wire.ParseType(words[3])
	if err != nil {
		t.Fatal(err)
	}
	var data []wire.Word
	for _, w := range words[4:] {
		data = append(data, wire.Word{Text: []byte(strings.Trim(w, `"`)), Quoted: w[0] == '"'})
	}
	r := wire.Record{Name: wire.MustParseName(words[0]), Type: typ, Class: class, TTL: uint32(ttl)}
	if r.Data, err = wire.AppendRdataFromText(nil, typ, data, wire.Root); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	return r
}

// rrset reads records of one RRset.
func rrset(t testing.TB, lines ...string) *RRset {
	t.Helper()
	var set *RRset
	for _, line := range lines {
		r := record(t, line)
		if set == nil {
			set = &RRset{Name: r.Name, Type: r.Type, Class: r.Class, TTL: r.TTL}
		}
		set.Data = append(set.Data, r.Data)
	}
	return set
}

// rrsig reads an RRSIG record.
func rrsig(t testing.TB, line string) *wire.RRSIG {
	t.Helper()
	data, err := record(t, line).Rdata()
	if err != nil {
		t.Fatal(err)
	}
	return data.(*wire.RRSIG)
}

// verifies reports whether sig is key's over set.
func verifies(t testing.TB, key *Key, set *RRset, sig *wire.RRSIG) bool {
	t.Helper()
	if err := CheckRRSIG(sig, set); err != nil {
		t.Fatal(err)
	}
	var c Canonical
	c.Set(set)
	message, err := c.AppendSigned(nil, sig)
	if err != nil {
		t.Fatal(err)
	}
	return key.Verify(message, sig.Signature)
}

// newSigningKey is NewSigningKey where it cannot fail.
func newSigningKey(t testing.TB, n wire.Algorithm, signer crypto.Signer) *SigningKey {
	t.Helper()
	k, err := all.NewSigningKey(n, wire.FlagZoneKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func parseKey(t testing.TB, data []byte) *Key {
	t.Helper()
	k, err := all.ParseKey(data)
	if err != nil {
		t.Fatal(err)
	}
	return k
}
