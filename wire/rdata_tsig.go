package wire

import (
	"cmp"
	"encoding/binary"
)

// TSIG is the authentication code of a message (RFC 8945 4.2).
type TSIG struct {
	Algorithm  Name
	TimeSigned uint64 // seconds since 1970
	Fudge      uint16 // seconds
	MAC        []byte
	OriginalID uint16
	Error      RCode
	Other      []byte
}

// Type returns [TypeTSIG].
func (*TSIG) Type() Type { return TypeTSIG }

// Parse reads the wire form.
func (d *TSIG) Parse(c *Cursor) error {
	d.Algorithm = c.Name()
	d.TimeSigned = c.Uint48()
	d.Fudge = c.Uint16()
	d.MAC = c.sized()
	d.OriginalID = c.Uint16()
	d.Error = RCode(c.Uint16())
	d.Other = c.sized()
	return c.Close()
}

// AppendTo appends the wire form.
func (d *TSIG) AppendTo(b []byte, _ *Compressor) []byte {
	if d.validate() != nil {
		return b
	}
	b = d.Algorithm.AppendTo(b)
	b = appendUint48(b, d.TimeSigned)
	b = binary.BigEndian.AppendUint16(b, d.Fudge)
	b = appendSized(b, d.MAC)
	b = binary.BigEndian.AppendUint16(b, d.OriginalID)
	b = binary.BigEndian.AppendUint16(b, uint16(d.Error))
	return appendSized(b, d.Other)
}

func (d *TSIG) validate() error {
	return cmp.Or(requireName("Algorithm", d.Algorithm), requireUint48("TimeSigned", d.TimeSigned), requireLength("MAC", d.MAC, maxRdataLen), requireLength("Other", d.Other, maxRdataLen))
}

// Len is the length of the wire form in octets.
func (d *TSIG) Len() int { return 12 + d.Algorithm.Len() + sizedLen(d.MAC) + sizedLen(d.Other) }

func (d TSIG) String() string { return rdataString(&d) }

// errorBadSig is what TSIG and TKEY call the number that elsewhere is BADVERS
// (RFC 8945 3).
const errorBadSig = "BADSIG"

// errorCode reads an RCODE of 16 bits, a mnemonic or a number.
func (w *wordReader) errorCode() {
	text := w.word("a response code")
	if text == nil {
		return
	}
	n, ok := parseUint(text, 1<<16-1)
	if !ok {
		r, err := ParseRCode(string(text))
		switch {
		case err == nil:
			n = uint64(r)
		case len(text) == len(errorBadSig) && hasPrefixFold(text, errorBadSig):
			n = uint64(RCodeBadVers)
		default:
			w.expected("a response code")
		}
	}
	w.append16(uint16(n))
}

func appendErrorCodeText(b []byte, r RCode) []byte {
	if r == RCodeBadVers {
		return append(b, errorBadSig...)
	}
	return append(b, r.String()...)
}

// sizedLen is what appendSized appends.
func sizedLen(octets []byte) int { return 2 + min(len(octets), maxRdataLen) }

// appendSized appends octets after their length in 16 bits.
func appendSized(b, octets []byte) []byte {
	octets = octets[:min(len(octets), maxRdataLen)]
	b = binary.BigEndian.AppendUint16(b, uint16(len(octets)))
	return append(b, octets...)
}
