package wire

import (
	"cmp"
	"fmt"
)

// CAA says who may issue certificates for the owner (RFC 8659 4.1).
type CAA struct {
	Flags uint8
	Tag   []byte // ASCII letters and digits
	Value []byte
}

// Type returns [TypeCAA].
func (*CAA) Type() Type { return TypeCAA }

// Parse reads the wire form.
func (d *CAA) Parse(c *Cursor) error {
	d.Flags = c.Uint8()
	d.Tag = c.caaTag()
	d.Value = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *CAA) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = append(b, d.Flags)
	b = appendString(b, d.Tag)
	return append(b, d.Value...)
}

func (d *CAA) validate() error {
	return cmp.Or(requireString("Tag", d.Tag), requireCAATag("Tag", d.Tag))
}

// Len is the length of the wire form in octets.
func (d *CAA) Len() int { return 1 + stringLen(d.Tag) + len(d.Value) }

func (d CAA) String() string { return rdataString(&d) }

// FlagCritical in a CAA record: an issuer that does not understand the tag must not
// issue (RFC 8659 4.1).
const FlagCritical uint8 = 128

// caaTag reads a tag: one or more ASCII letters and digits.
func (c *Cursor) caaTag() []byte {
	tag := c.CharacterString()
	if c.err == nil && !isCAATag(tag) {
		c.Fail(fmt.Errorf("%w: tag is not made of letters and digits", ErrRdata))
	}
	return tag
}

func isCAATag(tag []byte) bool {
	for _, c := range tag {
		if !isDigit(c) && (fold[c] < 'a' || fold[c] > 'z') {
			return false
		}
	}
	return len(tag) > 0 && len(tag) <= maxStringLen
}

// caaTag reads a tag from text.
func (w *wordReader) caaTag() {
	const what = "a tag of letters and digits"
	tag := w.word(what)
	if tag == nil {
		return
	}
	if !isCAATag(tag) {
		w.expected(what)
		return
	}
	w.b = appendString(w.b, tag)
}
