package wire

import "errors"

// SerialSpace is the serial arithmetic of RFC 1982 for numbers of any width:
// a circle of 2^SERIAL_BITS, SERIAL_BITS from 1 to 64. [Serial] is the space of
// 32 bits, the only one DNS uses, as a type of its own.
type SerialSpace uint8

// ErrSerialBits is returned for numbers that are not of the space, and spaces
// that are none.
var ErrSerialBits = errors.New("number is not of this serial space")

// largest is the last number of the circle.
func (b SerialSpace) largest() uint64 { return 1<<b - 1 }

func (b SerialSpace) half() uint64 { return 1 << (b - 1) }

func (b SerialSpace) has(n uint64) bool { return b >= 1 && b <= 64 && n <= b.largest() }

// Less reports whether i1 comes before i2. It is false both ways for two
// numbers half the circle apart (RFC 1982 3.2), and for numbers that are not
// of the space.
func (b SerialSpace) Less(i1, i2 uint64) bool {
	if !b.has(i1) || !b.has(i2) {
		return false
	}
	d := (i2 - i1) & b.largest()
	return d != 0 && d < b.half()
}

// Add returns the number n steps after i. A step of half the circle or more
// is [ErrSerialStep] (RFC 1982 3.1).
func (b SerialSpace) Add(i, n uint64) (uint64, error) {
	if !b.has(i) {
		return 0, ErrSerialBits
	}
	if n >= b.half() {
		return 0, ErrSerialStep
	}
	return (i + n) & b.largest(), nil
}
