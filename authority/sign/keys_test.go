package sign

import (
	"slices"
	"testing"

	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// TestKeyTagsAreAvoided: a new key has no tag that another one has, or would have if it were
// revoked (RFC 5011 2.1); if there is none left, that is an error.
func TestKeyTagsAreAvoided(t *testing.T) {
	others := make([]*Key, 0, 1<<16)
	for tag := range 1 << 16 {
		if tag&3 != 0 { // and 128 more is taken as well
			others = append(others, &Key{SigningKey: &dnssec.SigningKey{Tag: uint16(tag)}})
		}
	}
	for range 5 {
		k, err := GenerateAnother(others, wire.AlgorithmED25519, wire.FlagZoneKey, 0, start)
		if err != nil {
			t.Fatal(err)
		}
		if k.Tag&3 != 0 {
			t.Errorf("tag %d is taken", k.Tag)
		}
	}
	for tag := range 1 << 14 {
		others = append(others, &Key{SigningKey: &dnssec.SigningKey{Tag: uint16(tag * 4)}})
	}
	if k, err := GenerateAnother(others, wire.AlgorithmED25519, wire.FlagZoneKey, 0, start); err == nil {
		t.Errorf("tag %d is taken", k.Tag)
	}
}

// TestTagsOfRevokedKeys: what counts as taken is the tag that the record has with the flag
// set, also where its sum carries.
func TestTagsOfRevokedKeys(t *testing.T) {
	carries := 0
	for carries < 3 {
		k := key(t, wire.AlgorithmED25519, wire.FlagZoneKey)
		data := slices.Clone(k.Data())
		data[1] |= byte(wire.FlagRevoked)
		revoked := dnssec.KeyTag(data)
		if revoked != k.Tag+wire.FlagRevoked {
			carries++
		}
		if !hasTag([]*Key{k}, &Key{SigningKey: &dnssec.SigningKey{Tag: revoked}}) {
			t.Errorf("tag %d of the key that is revoked is free, %d of the key is not", revoked, k.Tag)
		}
	}
}
