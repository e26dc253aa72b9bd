package wire

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Cookie is a DNS cookie (RFC 7873).
type Cookie struct {
	Client [8]byte
	Server []byte // none, or 8 to 32 octets
}

// OptionCode implements [Option].
func (o *Cookie) OptionCode() OptionCode { return OptionCookie }

// Parse implements [Option].
func (o *Cookie) Parse(data []byte) error {
	if server := len(data) - 8; server != 0 && (server < 8 || server > 32) {
		return fmt.Errorf("%w: %d octets are neither a client cookie of 8 nor one with a server cookie of 8 to 32", ErrOption, len(data))
	}
	copy(o.Client[:], data)
	o.Server = data[8:]
	return nil
}

// Len implements [Option].
func (o *Cookie) Len() int { return 8 + len(o.Server) }

// AppendTo implements [Option].
func (o *Cookie) AppendTo(b []byte) []byte {
	b = append(b, o.Client[:]...)
	return append(b, o.Server...)
}

// AppendText implements [Option]: both cookies as one row of hexadecimal digits.
func (o *Cookie) AppendText(b []byte) []byte {
	b = hex.AppendEncode(b, o.Client[:])
	return hex.AppendEncode(b, o.Server)
}

// ParseText implements [Option]. What dig says of the cookie after it, in
// parentheses, is not looked at.
func (o *Cookie) ParseText(text string) error {
	digits, _, _ := strings.Cut(text, "(")
	data, err := hex.DecodeString(strings.TrimSpace(digits))
	if err != nil {
		return fmt.Errorf("%w: not octets in hexadecimal", ErrOption)
	}
	return o.Parse(data)
}
