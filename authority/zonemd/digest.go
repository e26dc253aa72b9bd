// Package zonemd answers the question "is this zone, as a whole, what its owner
// made?": digests of zones (RFC 8976), which a zone has in ZONEMD records at its
// apex.
//
// [Verify] checks a version of a zone. [Verifier] and [Generator] are stages of an
// [authority.Pipeline]: one refuses a zone whose digest does not match before it is
// visible, the other puts the digest of each new version into it.
package zonemd

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"fmt"
	"hash"
	"iter"
	"slices"

	"github.com/names-dns/names/wire"
)

// Hash is a hash algorithm (RFC 8976 5.3).
type Hash uint8

const (
	SHA384 Hash = 1
	SHA512 Hash = 2
)

// simple is the only scheme: one digest over all records (RFC 8976 3.3).
const simple = 1

// minDigest is the shortest digest, in octets (RFC 8976 2.2.4).
const minDigest = 12

func (h Hash) String() string {
	switch h {
	case SHA384:
		return "sha384"
	case SHA512:
		return "sha512"
	}
	return fmt.Sprintf("hash algorithm %d", uint8(h))
}

// ParseHash reads "sha384" or "sha512".
func ParseHash(text string) (Hash, error) {
	for _, h := range []Hash{SHA384, SHA512} {
		if text == h.String() {
			return h, nil
		}
	}
	return 0, fmt.Errorf("hash algorithm %q is not one of sha384, sha512", text)
}

// Size is how many octets a digest has. h has to be known.
func (h Hash) Size() int { return h.new().Size() }

// new returns the hash, nil if it is not known.
func (h Hash) new() hash.Hash {
	switch h {
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	}
	return nil
}

// Digest is the digest over the records of a zone, which come in the canonical
// order of their owners (RFC 4034 6.1), as [authority.Snapshot.All] yields them. Its
// ZONEMD records and their signatures are left out. h has to be known.
func Digest(origin wire.Name, records iter.Seq[wire.Record], h Hash) []byte {
	return digests(origin, records, []Hash{h})[0]
}

// digests computes several digests in one pass.
func digests(origin wire.Name, records iter.Seq[wire.Record], list []Hash) [][]byte {
	hashes := make([]hash.Hash, len(list))
	for i, h := range list {
		hashes[i] = h.new()
	}
	var o ownerRecords
	flush := func() {
		b := o.sorted()
		for _, h := range hashes {
			h.Write(b)
		}
	}
	for r := range records {
		if isDigest(origin, &r) {
			continue
		}
		if !o.name.Equal(r.Name) {
			flush()
			o.reset(r.Name)
		}
		o.add(&r)
	}
	flush()
	sums := make([][]byte, len(hashes))
	for i, h := range hashes {
		sums[i] = h.Sum(nil)
	}
	return sums
}

// isDigest reports whether the digest leaves a record out (RFC 8976 3.3.1).
func isDigest(origin wire.Name, r *wire.Record) bool {
	switch r.Type {
	case wire.TypeZONEMD:
	case wire.TypeRRSIG:
		if len(r.Data) < 2 || wire.Type(binary.BigEndian.Uint16(r.Data)) != wire.TypeZONEMD {
			return false
		}
	default:
		return false
	}
	return r.Name.Equal(origin)
}

// ownerRecords are the records of one name in canonical form.
type ownerRecords struct {
	name   wire.Name
	folded []byte // in wire form
	data   []byte // of all records, one after the other
	list   []canonicalRecord
	out    []byte
}

type canonicalRecord struct {
	kind     wire.Type
	class    wire.Class
	ttl      uint32
	from, to int // in data
}

func (o *ownerRecords) reset(name wire.Name) {
	o.name = name
	o.folded, o.data, o.list = name.AppendFolded(o.folded[:0]), o.data[:0], o.list[:0]
}

func (o *ownerRecords) add(r *wire.Record) {
	from := len(o.data)
	o.data = wire.AppendCanonicalRdata(o.data, r.Type, r.Data)
	o.list = append(o.list, canonicalRecord{r.Type, r.Class, r.TTL, from, len(o.data)})
}

// sorted returns the records in canonical order, in wire form (RFC 8976 3.3.2,
// 3.3.3). Of equal ones there is one.
func (o *ownerRecords) sorted() []byte {
	data := func(r canonicalRecord) []byte { return o.data[r.from:r.to] }
	slices.SortFunc(o.list, func(a, b canonicalRecord) int {
		if a.kind != b.kind {
			return int(a.kind) - int(b.kind)
		}
		return bytes.Compare(data(a), data(b))
	})
	o.out = o.out[:0]
	for i, r := range o.list {
		if i > 0 && r.kind == o.list[i-1].kind && bytes.Equal(data(r), data(o.list[i-1])) {
			continue
		}
		o.out = append(o.out, o.folded...)
		o.out = binary.BigEndian.AppendUint16(o.out, uint16(r.kind))
		o.out = binary.BigEndian.AppendUint16(o.out, uint16(r.class))
		o.out = binary.BigEndian.AppendUint32(o.out, r.ttl)
		o.out = binary.BigEndian.AppendUint16(o.out, uint16(r.to-r.from))
		o.out = append(o.out, data(r)...)
	}
	return o.out
}
