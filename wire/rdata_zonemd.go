package wire

import "encoding/binary"

// ZONEMD is a digest over the whole zone (RFC 8976 2.2).
type ZONEMD struct {
	Serial        Serial
	Scheme        uint8
	HashAlgorithm uint8
	Digest        []byte
}

// Type returns [TypeZONEMD].
func (*ZONEMD) Type() Type { return TypeZONEMD }

// Parse reads the wire form.
func (d *ZONEMD) Parse(c *Cursor) error {
	d.Serial = Serial(c.Uint32())
	d.Scheme = c.Uint8()
	d.HashAlgorithm = c.Uint8()
	d.Digest = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *ZONEMD) AppendTo(b []byte, _ *Compressor) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(d.Serial))
	b = append(b, d.Scheme, d.HashAlgorithm)
	return append(b, d.Digest...)
}

// Len is the length of the wire form in octets.
func (d *ZONEMD) Len() int { return 6 + len(d.Digest) }

func (d ZONEMD) String() string { return rdataString(&d) }

// zoneDigest reads scheme, hash algorithm and digest.
func (w *wordReader) zoneDigest() {
	scheme := code8[uint8](w, "a scheme, its number from 0 to 255", nil)
	w.digest(nil, func(algorithm uint8) int { return zoneDigestLen(scheme, algorithm) })
}

func appendZoneDigestText(b []byte, c *Cursor) []byte {
	scheme := c.Uint8()
	b = append(appendUint(b, uint64(scheme)), ' ')
	return appendDigestText(b, c, func(algorithm uint8) int { return zoneDigestLen(scheme, algorithm) })
}

// zoneDigestLen is how many octets digests of an algorithm have (RFC 8976
// 2.2.3), 0 where we do not know: only of the scheme SIMPLE is the digest what the
// algorithm gives.
func zoneDigestLen(scheme, algorithm uint8) int {
	switch {
	case scheme != 1:
		return 0
	case algorithm == 1: // SHA-384
		return 48
	case algorithm == 2: // SHA-512
		return 64
	}
	return 0
}
