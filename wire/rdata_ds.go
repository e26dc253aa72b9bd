package wire

import "encoding/binary"

// DS is the digest of a key of the delegated zone (RFC 4034 5.1).
type DS struct {
	KeyTag     uint16
	Algorithm  Algorithm
	DigestType uint8
	Digest     []byte
}

// Type returns [TypeDS].
func (*DS) Type() Type { return TypeDS }

// Parse reads the wire form.
func (d *DS) Parse(c *Cursor) error {
	d.KeyTag = c.Uint16()
	d.Algorithm = Algorithm(c.Uint8())
	d.DigestType = c.Uint8()
	d.Digest = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *DS) AppendTo(b []byte, _ *Compressor) []byte {
	b = binary.BigEndian.AppendUint16(b, d.KeyTag)
	b = append(b, byte(d.Algorithm), d.DigestType)
	return append(b, d.Digest...)
}

// Len is the length of the wire form in octets.
func (d *DS) Len() int { return 4 + len(d.Digest) }

func (d DS) String() string { return rdataString(&d) }

// CDS is what the parent is to publish as DS (RFC 7344 3.1).
type CDS struct{ DS }

// Type returns [TypeCDS].
func (*CDS) Type() Type { return TypeCDS }

func (d CDS) String() string { return rdataString(&d) }

// DLV is a DS outside the parent zone; historic (RFC 4431 2).
type DLV struct{ DS }

// Type returns [TypeDLV].
func (*DLV) Type() Type { return TypeDLV }

func (d DLV) String() string { return rdataString(&d) }

// TA is a trust anchor in the form of a DS.
type TA struct{ DS }

// Type returns [TypeTA].
func (*TA) Type() Type { return TypeTA }

func (d TA) String() string { return rdataString(&d) }

// digestLen is how many octets digests of a type have (RFC 4034 A.2, RFC 4509,
// RFC 5933, RFC 6605), 0 where we do not know.
func digestLen(digestType uint8) int {
	switch digestType {
	case 1: // SHA-1
		return 20
	case 2, 3: // SHA-256, GOST R 34.11-94
		return 32
	case 4: // SHA-384
		return 48
	}
	return 0
}

// digestTypesByName has the mnemonics that BIND reads.
var digestTypesByName = map[string]uint8{
	"SHA1": 1, "SHA-1": 1, "SHA256": 2, "SHA-256": 2, "GOST": 3, "SHA384": 4, "SHA-384": 4,
}

// digest reads the kind of a digest and the digest in hex, whose length must
// be the one that lengthOf gives for its kind.
func (w *wordReader) digest(kinds map[string]uint8, lengthOf func(uint8) int) {
	kind := code8(w, "a type of digest, its number from 0 to 255", kinds)
	first, before := w.next, len(w.b)
	w.hexRest("hex digits")
	want, got := lengthOf(kind), len(w.b)-before
	if want != 0 && got != want {
		w.fail(first, "expected %d octets for a digest of type %d, found %d", want, kind, got)
	}
}

func appendDigestText(b []byte, c *Cursor, lengthOf func(uint8) int) []byte {
	kind := c.Uint8()
	digest := c.restForText()
	if want := lengthOf(kind); want != 0 && len(digest) != want {
		c.Fail(errNoText) // digest would not read it back
	}
	return appendHex(append(appendUint(b, uint64(kind)), ' '), digest)
}
