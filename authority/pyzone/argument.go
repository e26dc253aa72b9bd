package pyzone

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/names-dns/names/wire"
)

// form appends the wire form of an argument to b. Its error continues the text
// "argument NAME".
type form func(b []byte, v *value) ([]byte, error)

// domainName is the form of names: absolute with or without a final dot, of
// text or bytes, with the escapes of RFC 1035 5.1.
func domainName(b []byte, v *value) ([]byte, error) {
	switch {
	case v.kind != textString && v.kind != byteString:
		return b, errWant("a name in quotes", v)
	case len(v.octets) == 0:
		return append(b, 0), nil // the root, as Twisted has it
	case string(v.octets) == "@":
		return b, errAtSign
	case v.kind == textString && !isASCII(v.octets):
		return b, errors.New("is not ASCII: write the name in its xn-- form")
	}
	b, err := wire.AppendNameFromText(b, v.octets, wire.Root)
	if err != nil {
		return b, fmt.Errorf("%.100q is not a name: %w", v.octets, err)
	}
	return b, nil
}

// address4 is the form of IPv4 addresses.
func address4(b []byte, v *value) ([]byte, error) {
	a, err := address(v, "an IPv4 address")
	if err != nil {
		return b, err
	}
	if !a.Is4() {
		return b, fmt.Errorf("must be an IPv4 address, not %v", a)
	}
	return append(b, a.AsSlice()...), nil
}

// address6 is the form of IPv6 addresses.
func address6(b []byte, v *value) ([]byte, error) {
	a, err := address(v, "an IPv6 address")
	if err != nil {
		return b, err
	}
	if !a.Is6() || a.Zone() != "" {
		return b, fmt.Errorf("must be an IPv6 address, not %v", a)
	}
	return append(b, a.AsSlice()...), nil
}

func address(v *value, what string) (netip.Addr, error) {
	if v.kind != textString && v.kind != byteString {
		return netip.Addr{}, errWant(what+" in quotes", v)
	}
	a, err := netip.ParseAddr(string(v.octets))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("must be %s, not %.60q", what, v.octets)
	}
	return a, nil
}

// characterString is the form of RFC 1035 3.3's <character-string>. Text is
// sent as UTF-8.
func characterString(b []byte, v *value) ([]byte, error) {
	if v.kind != textString && v.kind != byteString {
		return b, errWant("a string", v)
	}
	if len(v.octets) > 255 {
		return b, fmt.Errorf("has %d octets: a string of a record has at most 255", len(v.octets))
	}
	b = append(b, byte(len(v.octets)))
	return append(b, v.octets...), nil
}

// octets is the form of data that is sent as it is.
func octets(b []byte, v *value) ([]byte, error) {
	if v.kind != textString && v.kind != byteString {
		return b, errWant("a bytes string", v)
	}
	if v.kind == textString && !isASCII(v.octets) {
		return b, errors.New("is not ASCII: write a bytes string, b'...'")
	}
	return append(b, v.octets...), nil
}

// octets16 is octets after their length in two octets.
func octets16(b []byte, v *value) ([]byte, error) {
	return octets(binary.BigEndian.AppendUint16(b, uint16(len(v.octets))), v)
}

func uint8Form(b []byte, v *value) ([]byte, error) {
	n, err := wholeNumber(v, math.MaxUint8)
	return append(b, byte(n)), err
}

func uint16Form(b []byte, v *value) ([]byte, error) {
	n, err := wholeNumber(v, math.MaxUint16)
	return binary.BigEndian.AppendUint16(b, uint16(n)), err
}

func uint48Form(b []byte, v *value) ([]byte, error) {
	n, err := wholeNumber(v, 1<<48-1)
	b = binary.BigEndian.AppendUint16(b, uint16(n>>32))
	return binary.BigEndian.AppendUint32(b, uint32(n)), err
}

func prefixLength(b []byte, v *value) ([]byte, error) {
	n, err := wholeNumber(v, 128)
	return append(b, byte(n)), err
}

// wholeNumber is v as an integer up to most: a number, or a string of digits.
func wholeNumber(v *value, most uint64) (uint64, error) {
	n := v.integer
	switch v.kind {
	case integer:
	case textString, byteString:
		var err error
		if n, err = strconv.ParseUint(strings.TrimSpace(string(v.octets)), 10, 64); err != nil {
			return 0, fmt.Errorf("must be a number, not %.60q", v.octets)
		}
	default:
		return 0, errWant("a number", v)
	}
	if v.negative || n > most {
		return 0, fmt.Errorf("must be a number from 0 to %d", most)
	}
	return n, nil
}

func time16(b []byte, v *value) ([]byte, error) {
	n, err := seconds(v, math.MaxUint16)
	return binary.BigEndian.AppendUint16(b, uint16(n)), err
}

func time32(b []byte, v *value) ([]byte, error) {
	n, err := seconds(v, math.MaxUint32)
	return binary.BigEndian.AppendUint32(b, uint32(n)), err
}

// units are the seconds of each unit of time.
var units = map[byte]float64{
	'S': 1, 'M': 60, 'H': 60 * 60, 'D': 24 * 60 * 60, 'W': 7 * 24 * 60 * 60, 'Y': 365 * 24 * 60 * 60,
}

// seconds is v as a time up to most seconds: a number, or a string of one
// with or without a unit. Fractions of a second are cut off.
func seconds(v *value, most uint64) (uint64, error) {
	n := float64(v.integer)
	switch v.kind {
	case integer:
	case float:
		n = v.float
	case textString, byteString:
		var err error
		if n, err = parseTime(string(v.octets)); err != nil {
			return 0, err
		}
	default:
		return 0, errWant("a time", v)
	}
	if v.negative || math.Trunc(n) > float64(most) {
		return 0, fmt.Errorf("must be a time from 0 to %d seconds", most)
	}
	return uint64(n), nil
}

// parseTime reads a time such as "3600", "1H", "1.5 d".
func parseTime(text string) (float64, error) {
	digits := strings.ToUpper(strings.TrimSpace(text))
	scale := 1.0
	if n := len(digits); n > 0 && units[digits[n-1]] != 0 {
		scale = units[digits[n-1]]
		digits = strings.TrimSpace(digits[:n-1])
	}
	if len(digits) > maxNumber || strings.Trim(digits, "0123456789.") != "" {
		return 0, errTime(text)
	}
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil {
		return 0, errTime(text)
	}
	return n * scale, nil
}

func errTime(text string) error {
	return fmt.Errorf("must be a time such as 3600, '90M' or '1.5H', not %.60q", text)
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
