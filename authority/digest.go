package authority

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/names-dns/names/wire"
)

// Digest identifies the records of a version, whatever their order, the case of
// their owners and how a file writes them: the sum of the SHA-256 of each, word by
// word. So the digest of a version follows from that of another one and the
// difference of both. It tells accidents apart, not forgeries.
type Digest [sha256.Size]byte

// Digest computes the digest of all records.
func (s *Snapshot) Digest() Digest {
	var d digester
	for r := range s.Unsorted() {
		d.add(&r, 1)
	}
	return d.digest()
}

// Apply returns the digest of the version that c results in, if d is that of the
// version c starts from.
func (d Digest) Apply(c *ChangeSet) Digest {
	sum := digester{}
	for i := range sum.words {
		sum.words[i] = binary.BigEndian.Uint64(d[8*i:])
	}
	for i := range c.Removed {
		sum.add(&c.Removed[i], -1)
	}
	for i := range c.Added {
		sum.add(&c.Added[i], 1)
	}
	return sum.digest()
}

// digester sums up records.
type digester struct {
	words [sha256.Size / 8]uint64
	text  []byte // of the last record
	owner []byte // of it, as it is written: the next record may have the same
}

// add adds a record sign times.
func (d *digester) add(r *wire.Record, sign int) {
	b := d.text[:len(d.owner)]
	if string(d.owner) != r.Name.Wire() {
		d.owner, b = r.Name.AppendTo(d.owner[:0]), r.Name.AppendFolded(b[:0])
	}
	b = binary.BigEndian.AppendUint16(b, uint16(r.Type))
	b = binary.BigEndian.AppendUint32(b, r.TTL)
	d.text = append(b, r.Data...)
	sum := sha256.Sum256(d.text)
	for i := range d.words {
		d.words[i] += uint64(sign) * binary.BigEndian.Uint64(sum[8*i:])
	}
}

func (d *digester) digest() (sum Digest) {
	for i, w := range d.words {
		binary.BigEndian.PutUint64(sum[8*i:], w)
	}
	return sum
}
