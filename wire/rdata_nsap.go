package wire

import "bytes"

// NSAP is an OSI address; historic (RFC 1706 5).
type NSAP struct {
	Address []byte
}

// Type returns [TypeNSAP].
func (*NSAP) Type() Type { return TypeNSAP }

// Parse reads the wire form.
func (d *NSAP) Parse(c *Cursor) error {
	d.Address = c.Rest()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *NSAP) AppendTo(b []byte, _ *Compressor) []byte {
	return append(b, d.Address...)
}

// Len is the length of the wire form in octets.
func (d *NSAP) Len() int { return len(d.Address) }

func (d NSAP) String() string { return rdataString(&d) }

// nsap reads 0x and hex digits, among which dots mean nothing.
func (w *wordReader) nsap() {
	const what = "0x and an even number of hex digits"
	text := w.word(what)
	if text == nil {
		return
	}
	if !hasPrefixFold(text, "0x") {
		w.expected(what)
		return
	}
	w.dottedHex(text[2:], what)
}

// dottedHex appends the octets of hex digits, among which dots mean nothing.
func (w *wordReader) dottedHex(text []byte, what string) {
	w.hexWord(bytes.ReplaceAll(text, []byte("."), nil), what)
}
