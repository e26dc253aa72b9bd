package wire

import "encoding/binary"

// DSYNC says where to send notifications about a delegation (RFC 9859).
type DSYNC struct {
	About  Type // the type the notification is about, CDS or CSYNC
	Scheme uint8
	Port   uint16
	Target Name
}

// Type returns [TypeDSYNC].
func (*DSYNC) Type() Type { return TypeDSYNC }

// Parse reads the wire form.
func (d *DSYNC) Parse(c *Cursor) error {
	d.About = Type(c.Uint16())
	d.Scheme = c.Uint8()
	d.Port = c.Uint16()
	d.Target = c.Name()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *DSYNC) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = binary.BigEndian.AppendUint16(b, uint16(d.About))
	b = append(b, d.Scheme)
	b = binary.BigEndian.AppendUint16(b, d.Port)
	return d.Target.AppendTo(b)
}

func (d *DSYNC) validate() error { return requireName("Target", d.Target) }

// Len is the length of the wire form in octets.
func (d *DSYNC) Len() int { return 5 + d.Target.Len() }

func (d DSYNC) String() string { return rdataString(&d) }

// schemeNotify is the scheme of RFC 9859: a NOTIFY message.
const schemeNotify = 1

var schemesByName = map[string]uint8{"NOTIFY": schemeNotify}

// dsyncScheme reads a number or the one mnemonic there is.
func (w *wordReader) dsyncScheme() {
	code8(w, "a scheme, NOTIFY or a number from 0 to 255", schemesByName)
}

func appendDSYNCSchemeText(b []byte, scheme uint8) []byte {
	if scheme == schemeNotify {
		return append(b, "NOTIFY"...)
	}
	return appendUint(b, uint64(scheme))
}
