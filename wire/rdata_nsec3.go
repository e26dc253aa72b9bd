package wire

import (
	"cmp"
	"encoding/binary"
	"fmt"
)

// NSEC3 says which hashed names and types do not exist (RFC 5155 3.1).
type NSEC3 struct {
	HashAlgorithm uint8
	Flags         uint8
	Iterations    uint16
	Salt          []byte
	NextHashed    []byte
	Types         TypeBitmap
}

// Type returns [TypeNSEC3].
func (*NSEC3) Type() Type { return TypeNSEC3 }

// Parse reads the wire form.
func (d *NSEC3) Parse(c *Cursor) error {
	d.HashAlgorithm = c.Uint8()
	d.Flags = c.Uint8()
	d.Iterations = c.Uint16()
	d.Salt = c.CharacterString()
	d.NextHashed = c.hash()
	d.Types = c.typeBitmap()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NSEC3) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = append(b, d.HashAlgorithm, d.Flags)
	b = binary.BigEndian.AppendUint16(b, d.Iterations)
	b = appendString(b, d.Salt)
	b = appendString(b, d.NextHashed)
	return append(b, d.Types...)
}

func (d *NSEC3) validate() error {
	return cmp.Or(requireString("Salt", d.Salt), requireString("NextHashed", d.NextHashed), requireOctets("NextHashed", d.NextHashed), fieldTypes.require("Types", d.Types))
}

// Len is the length of the wire form in octets.
func (d *NSEC3) Len() int { return 4 + stringLen(d.Salt) + stringLen(d.NextHashed) + len(d.Types) }

func (d NSEC3) String() string { return rdataString(&d) }

// NSEC3PARAM says how names are hashed in the zone (RFC 5155 4.1).
type NSEC3PARAM struct {
	HashAlgorithm uint8
	Flags         uint8
	Iterations    uint16
	Salt          []byte
}

// Type returns [TypeNSEC3PARAM].
func (*NSEC3PARAM) Type() Type { return TypeNSEC3PARAM }

// Parse reads the wire form.
func (d *NSEC3PARAM) Parse(c *Cursor) error {
	d.HashAlgorithm = c.Uint8()
	d.Flags = c.Uint8()
	d.Iterations = c.Uint16()
	d.Salt = c.CharacterString()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NSEC3PARAM) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = append(b, d.HashAlgorithm, d.Flags)
	b = binary.BigEndian.AppendUint16(b, d.Iterations)
	return appendString(b, d.Salt)
}

func (d *NSEC3PARAM) validate() error { return requireString("Salt", d.Salt) }

// Len is the length of the wire form in octets.
func (d *NSEC3PARAM) Len() int { return 4 + stringLen(d.Salt) }

func (d NSEC3PARAM) String() string { return rdataString(&d) }

// FlagOptOut in an NSEC3 record: delegations without DS may lie in between
// (RFC 5155 3.1.2.1).
const FlagOptOut uint8 = 1

// hash reads a hashed name, which cannot be empty (RFC 5155 3.1.5).
func (c *Cursor) hash() []byte {
	h := c.CharacterString()
	if len(h) == 0 {
		c.Fail(fmt.Errorf("%w: hashed name is empty", ErrRdata))
	}
	return h
}

// hashAlgorithmsByName has the one mnemonic that BIND knows.
var hashAlgorithmsByName = map[string]uint8{"SHA-1": 1}

// hashAlgorithm reads a mnemonic or a number.
func (w *wordReader) hashAlgorithm() {
	code8(w, "a hash algorithm, SHA-1 or a number from 0 to 255", hashAlgorithmsByName)
}

// salt reads hex digits, or "-" for no salt (RFC 5155 3.3).
func (w *wordReader) salt() {
	const what = `a salt of at most 255 octets in hex, or "-"`
	text := w.word(what)
	length := len(w.b)
	w.b = append(w.b, 0)
	if text == nil || string(text) == "-" {
		return
	}
	if len(text) > 2*maxStringLen {
		w.expected(what)
		return
	}
	w.hexWord(text, what)
	w.b[length] = byte(len(w.b) - length - 1)
}

func appendSaltText(b, salt []byte) []byte {
	if len(salt) == 0 {
		return append(b, '-')
	}
	return appendHex(b, salt)
}

// hash reads base32 with the extended hex alphabet and without padding
// (RFC 5155 3.3).
func (w *wordReader) hash() {
	const what = "a hashed name of at most 255 octets in base32hex"
	text := w.word(what)
	if text == nil {
		return
	}
	length := len(w.b)
	w.b = append(w.b, 0)
	bits, count := uint32(0), 0
	for _, c := range text {
		d := base32HexValues[c]
		if d > 31 {
			w.expected(what)
			return
		}
		bits = bits<<5 | uint32(d)
		if count += 5; count >= 8 {
			count -= 8
			w.b = append(w.b, byte(bits>>count))
			bits &= 1<<count - 1
		}
	}
	n := len(w.b) - length - 1
	// Whole octets leave fewer than five bits, and those zero.
	if n == 0 || n > maxStringLen || count >= 5 || bits != 0 {
		w.expected(what)
		return
	}
	w.b[length] = byte(n)
}

func appendBase32Hex(b, octets []byte) []byte {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUV"
	bits, count := uint32(0), 0
	for _, c := range octets {
		bits = bits<<8 | uint32(c)
		for count += 8; count >= 5; {
			count -= 5
			b = append(b, digits[bits>>count&31])
		}
	}
	if count > 0 {
		b = append(b, digits[bits<<(5-count)&31])
	}
	return b
}
