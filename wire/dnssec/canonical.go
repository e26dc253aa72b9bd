package dnssec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/names-dns/names/wire"
)

// RRset is the records of one owner, class and type.
type RRset struct {
	Name  wire.Name
	Type  wire.Type
	Class wire.Class
	TTL   uint32   // seconds; the smallest if they differ
	Data  [][]byte // uncompressed
}

// Canonical is an RRset in canonical form and order (RFC 4034 6), from which
// the octets are made that each of its signatures is over. One value may be
// set again and again and keeps its memory.
type Canonical struct {
	name  wire.Name
	typ   wire.Type
	class wire.Class
	data  []byte // of all records, in canonical form
	spans []span // of each record in data, in canonical order, each once
}

// span is where the data of a record is.
type span struct{ from, to int }

// Set makes c the canonical form of r: names in the data in lower case where
// RFC 4034 6.2 and RFC 6840 5.1 want it, records in order, none twice (RFC
// 4034 6.3). Data that is malformed for its type stays as it is. The name is
// borrowed from r.
func (c *Canonical) Set(r *RRset) {
	c.name, c.typ, c.class = r.Name, r.Type, r.Class
	c.data, c.spans = c.data[:0], c.spans[:0]
	for _, data := range r.Data {
		from := len(c.data)
		c.data = wire.AppendCanonicalRdata(c.data, r.Type, data)
		c.spans = append(c.spans, span{from, len(c.data)})
	}
	if len(c.spans) > 1 {
		slices.SortFunc(c.spans, func(a, b span) int {
			return bytes.Compare(c.data[a.from:a.to], c.data[b.from:b.to])
		})
		c.spans = slices.CompactFunc(c.spans, func(a, b span) bool {
			return bytes.Equal(c.data[a.from:a.to], c.data[b.from:b.to])
		})
	}
}

// Len is how many different records there are.
func (c *Canonical) Len() int { return len(c.spans) }

// AppendSigned appends the octets that sig is a signature over: the data of
// the RRSIG record without its signature, and every record with the original
// TTL, its owner reduced to the wildcard it came from (RFC 4034 3.1.8.1, RFC
// 4035 5.3.2). sig must have passed [CheckRRSIG].
func (c *Canonical) AppendSigned(b []byte, sig *wire.RRSIG) ([]byte, error) {
	var room [wire.MaxNameLen + 2]byte
	owner, err := appendSignedOwner(room[:0], c.name, int(sig.Labels))
	if err != nil {
		return b, err
	}
	const fixed = 2 + 2 + 4 + 2 // type, class, TTL, length
	b = slices.Grow(b, 18+sig.Signer.Len()+len(c.spans)*(len(owner)+fixed)+len(c.data))
	b = binary.BigEndian.AppendUint16(b, uint16(sig.Covered))
	b = append(b, byte(sig.Algorithm), sig.Labels)
	b = binary.BigEndian.AppendUint32(b, sig.OriginalTTL)
	b = binary.BigEndian.AppendUint32(b, uint32(sig.Expiration))
	b = binary.BigEndian.AppendUint32(b, uint32(sig.Inception))
	b = binary.BigEndian.AppendUint16(b, sig.KeyTag)
	b = sig.Signer.AppendFolded(b)
	for _, s := range c.spans {
		b = append(b, owner...)
		b = binary.BigEndian.AppendUint16(b, uint16(c.typ))
		b = binary.BigEndian.AppendUint16(b, uint16(c.class))
		b = binary.BigEndian.AppendUint32(b, sig.OriginalTTL)
		b = binary.BigEndian.AppendUint16(b, uint16(s.to-s.from))
		b = append(b, c.data[s.from:s.to]...)
	}
	return b, nil
}

// appendSignedOwner appends the owner that was signed: name itself, or the
// wildcard above it that has as many labels, the asterisk not counted.
func appendSignedOwner(b []byte, name wire.Name, labels int) ([]byte, error) {
	has := LabelCount(name)
	switch {
	case labels > has:
		return b, fmt.Errorf("%w: it counts %d labels of an owner that has %d", ErrSignature, labels, has)
	case labels < has:
		b = append(b, 1, '*')
		name = name.Ancestor(labels)
	}
	return name.AppendFolded(b), nil
}

// LabelCount is how many labels of an owner an RRSIG counts: neither the root
// nor an asterisk in front (RFC 4034 3.1.3).
func LabelCount(name wire.Name) int {
	n := name.LabelCount()
	if name.IsWildcard() {
		n--
	}
	return n
}
