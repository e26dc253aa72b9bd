package wire

import (
	"encoding/base64"
	"strconv"
)

// What fields look like in presentation format. Every function appends and
// reads back as the same octets.

func appendUint(b []byte, n uint64) []byte { return strconv.AppendUint(b, n, 10) }

// appendQuoted appends text between quotes, as dig prints it.
func appendQuoted(b, text []byte) []byte {
	b = append(b, '"')
	for _, c := range text {
		if c == ' ' || isPlain[c] {
			b = append(b, c)
			continue
		}
		b = appendEscaped(b, c, c == '"' || c == '\\')
	}
	return append(b, '"')
}

// appendStringsText appends a list of character-strings in wire form.
func appendStringsText(b []byte, list CharacterStrings) []byte {
	first := true
	for s := range list.All() {
		if !first {
			b = append(b, ' ')
		}
		first = false
		b = appendQuoted(b, s)
	}
	return b
}

// appendNamesText appends the names up to the end of the data.
func appendNamesText(b []byte, c *Cursor) []byte {
	for first := true; c.Len() > 0; first = false {
		if !first {
			b = append(b, ' ')
		}
		b = c.Name().AppendText(b)
	}
	return b
}

func appendHex(b, octets []byte) []byte {
	const digits = "0123456789ABCDEF"
	for _, c := range octets {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

func appendLowerHex(b, octets []byte) []byte {
	const digits = "0123456789abcdef"
	for _, c := range octets {
		b = append(b, digits[c>>4], digits[c&15])
	}
	return b
}

func appendBase64(b, octets []byte) []byte { return base64.StdEncoding.AppendEncode(b, octets) }

// appendSizedText appends the number of octets and, if there are any, the
// octets.
func appendSizedText(b, octets []byte) []byte {
	b = appendUint(b, uint64(len(octets)))
	if len(octets) == 0 {
		return b
	}
	return appendBase64(append(b, ' '), octets)
}

func appendTypeText(b []byte, t Type) []byte { return append(b, t.String()...) }

// restForText reads all that is left, and fails if that is nothing: a part of
// hex or base64 without a digit would not be there in the text.
func (c *Cursor) restForText() []byte {
	b := c.Rest()
	if len(b) == 0 {
		c.Fail(errNoText)
	}
	return b
}

// stringLen is what appendString appends.
func stringLen(s []byte) int { return 1 + min(len(s), maxStringLen) }
