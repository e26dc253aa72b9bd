package wire

import (
	"errors"
	"testing"
)

// serialSpace is the serial arithmetic of RFC 1982 for numbers of any width:
// a circle of 2^SERIAL_BITS, SERIAL_BITS from 1 to 64. [Serial] is the space of
// 32 bits, the only one DNS uses, as a type of its own.
type serialSpace uint8

// errSerialBits is returned for numbers that are not of the space, and what is not a
// space.
var errSerialBits = errors.New("number is not of this serial space")

// largest is the last number of the circle.
func (b serialSpace) largest() uint64 { return 1<<b - 1 }

func (b serialSpace) half() uint64 { return 1 << (b - 1) }

func (b serialSpace) has(n uint64) bool { return b >= 1 && b <= 64 && n <= b.largest() }

// Less reports whether i1 comes before i2. It is false both ways for two
// numbers half the circle apart (RFC 1982 3.2), and for numbers that are not
// of the space.
func (b serialSpace) Less(i1, i2 uint64) bool {
	if !b.has(i1) || !b.has(i2) {
		return false
	}
	d := (i2 - i1) & b.largest()
	return d != 0 && d < b.half()
}

// Add returns the number n steps after i. A step of half the circle or more
// is [ErrSerialStep] (RFC 1982 3.1).
func (b serialSpace) Add(i, n uint64) (uint64, error) {
	if !b.has(i) {
		return 0, errSerialBits
	}
	if n >= b.half() {
		return 0, ErrSerialStep
	}
	return (i + n) & b.largest(), nil
}

// RFC 1982 5.1: with two bits the largest step is 1; 0 < 1 < 2 < 3 < 0, and
// 0 and 2, 1 and 3 have no order.
func TestSerialSpaceOfTwoBits(t *testing.T) {
	const space = serialSpace(2)
	for a := range uint64(4) {
		next, err := space.Add(a, 1)
		if err != nil || next != (a+1)%4 {
			t.Errorf("%d + 1 = %d, %v", a, next, err)
		}
		if !space.Less(a, next) || space.Less(next, a) {
			t.Errorf("%d is not below %d", a, next)
		}
		if across := (a + 2) % 4; space.Less(a, across) || space.Less(across, a) {
			t.Errorf("%d and %d have an order", a, across)
		}
		if space.Less(a, a) {
			t.Errorf("%d is below itself", a)
		}
		if _, err := space.Add(a, 2); !errors.Is(err, ErrSerialStep) {
			t.Errorf("%d + 2: %v", a, err)
		}
	}
}

// RFC 1982 5.2: eight bits, where 255 + 1 is 0 and 100 + 100 > 100 but
// 100 + 100 + 100 < 100.
func TestSerialSpaceOfEightBits(t *testing.T) {
	const space = serialSpace(8)
	for _, test := range []struct{ i, n, want uint64 }{
		{255, 1, 0}, {100, 100, 200}, {200, 100, 44}, {0, 127, 127}, {255, 127, 126},
	} {
		if got, err := space.Add(test.i, test.n); err != nil || got != test.want {
			t.Errorf("%d + %d = %d, %v; want %d", test.i, test.n, got, err, test.want)
		}
	}
	for _, pair := range [][2]uint64{
		{0, 1}, {0, 44}, {0, 100}, {44, 100}, {100, 200}, {200, 255}, {255, 0}, {255, 100}, {200, 0}, {200, 44},
	} {
		if !space.Less(pair[0], pair[1]) || space.Less(pair[1], pair[0]) {
			t.Errorf("%d is not below %d", pair[0], pair[1])
		}
	}
	if space.Less(0, 128) || space.Less(128, 0) {
		t.Error("0 and 128 have an order")
	}
	for _, n := range []uint64{128, 255, 1 << 40} {
		if _, err := space.Add(0, n); !errors.Is(err, ErrSerialStep) {
			t.Errorf("0 + %d: %v", n, err)
		}
	}
}

// Numbers of another width are errors, not cut to size.
func TestSerialSpaceKeepsToItself(t *testing.T) {
	for _, test := range []struct {
		space serialSpace
		i     uint64
	}{{8, 256}, {2, 4}, {0, 0}, {65, 0}} {
		if _, err := test.space.Add(test.i, 0); !errors.Is(err, errSerialBits) {
			t.Errorf("%d bits, %d + 0: %v", test.space, test.i, err)
		}
		if test.space.Less(test.i, 1) || test.space.Less(1, test.i) {
			t.Errorf("%d bits: %d has an order", test.space, test.i)
		}
	}
	if got, err := serialSpace(64).Add(1<<64-1, 1); err != nil || got != 0 {
		t.Errorf("64 bits: %d, %v", got, err)
	}
	if got, err := serialSpace(1).Add(1, 0); err != nil || got != 1 {
		t.Errorf("1 bit: %d, %v", got, err)
	}
}

// Serial is the space of 32 bits.
func TestSerialAgainstSpace(t *testing.T) {
	points := []uint32{0, 1, 2, 1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<32 - 2, 1<<32 - 1, 12345, 3000000000}
	for _, a := range points {
		for _, b := range points {
			if got, want := Serial(a).Less(Serial(b)), serialSpace(32).Less(uint64(a), uint64(b)); got != want {
				t.Errorf("%d.Less(%d) = %v, the space says %v", a, b, got, want)
			}
			sum, err := Serial(a).Add(b)
			want, wantErr := serialSpace(32).Add(uint64(a), uint64(b))
			if uint64(sum) != want || !errors.Is(err, wantErr) {
				t.Errorf("%d.Add(%d) = %d, %v; the space says %d, %v", a, b, sum, err, want, wantErr)
			}
		}
	}
}
