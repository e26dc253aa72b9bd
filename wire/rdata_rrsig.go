package wire

import "encoding/binary"

// RRSIG is the signature of an RRset (RFC 4034 3.1).
type RRSIG struct {
	Covered     Type
	Algorithm   Algorithm
	Labels      uint8
	OriginalTTL uint32 // seconds
	Expiration  Serial // seconds since 1970
	Inception   Serial // seconds since 1970
	KeyTag      uint16
	Signer      Name
	Signature   []byte
}

// Type returns [TypeRRSIG].
func (*RRSIG) Type() Type { return TypeRRSIG }

// Parse reads the wire form.
func (d *RRSIG) Parse(c *Cursor) error {
	d.Covered = Type(c.Uint16())
	d.Algorithm = Algorithm(c.Uint8())
	d.Labels = c.Uint8()
	d.OriginalTTL = c.Uint32()
	d.Expiration = Serial(c.Uint32())
	d.Inception = Serial(c.Uint32())
	d.KeyTag = c.Uint16()
	d.Signer = c.Name()
	d.Signature = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *RRSIG) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, uint16(d.Covered))
	b = append(b, byte(d.Algorithm), d.Labels)
	b = binary.BigEndian.AppendUint32(b, d.OriginalTTL)
	b = binary.BigEndian.AppendUint32(b, uint32(d.Expiration))
	b = binary.BigEndian.AppendUint32(b, uint32(d.Inception))
	b = binary.BigEndian.AppendUint16(b, d.KeyTag)
	b = d.Signer.AppendTo(b)
	return append(b, d.Signature...)
}

func (d *RRSIG) validate() error { return requireName("Signer", d.Signer) }

// Len is the length of the wire form in octets.
func (d *RRSIG) Len() int { return 18 + d.Signer.Len() + len(d.Signature) }

func (d RRSIG) String() string { return rdataString(&d) }

// SIG is the signature of an RRset of before RFC 4034, or of a message (RFC
// 2931 3).
type SIG struct{ RRSIG }

// Type returns [TypeSIG].
func (*SIG) Type() Type { return TypeSIG }

func (d SIG) String() string { return rdataString(&d) }

// time reads seconds since 1970 or YYYYMMDDHHmmSS (RFC 4034 3.2).
func (w *wordReader) time() {
	text := w.word("a time")
	if text == nil {
		return
	}
	if n, ok := parseUint(text, 1<<32-1); ok && len(text) != len(serialTimeForm) {
		w.append32(uint32(n))
		return
	}
	t, err := ParseSerialTime(text)
	if err != nil {
		w.expected("a time YYYYMMDDHHmmSS or a number of seconds")
	}
	w.append32(uint32(t))
}
