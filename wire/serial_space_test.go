package wire

import (
	"errors"
	"testing"
)

// RFC 1982 5.1: with two bits the largest step is 1; 0 < 1 < 2 < 3 < 0, and
// 0 and 2, 1 and 3 have no order.
func TestSerialSpaceOfTwoBits(t *testing.T) {
	const space = SerialSpace(2)
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
	const space = SerialSpace(8)
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
		space SerialSpace
		i     uint64
	}{{8, 256}, {2, 4}, {0, 0}, {65, 0}} {
		if _, err := test.space.Add(test.i, 0); !errors.Is(err, ErrSerialBits) {
			t.Errorf("%d bits, %d + 0: %v", test.space, test.i, err)
		}
		if test.space.Less(test.i, 1) || test.space.Less(1, test.i) {
			t.Errorf("%d bits: %d has an order", test.space, test.i)
		}
	}
	if got, err := SerialSpace(64).Add(1<<64-1, 1); err != nil || got != 0 {
		t.Errorf("64 bits: %d, %v", got, err)
	}
	if got, err := SerialSpace(1).Add(1, 0); err != nil || got != 1 {
		t.Errorf("1 bit: %d, %v", got, err)
	}
}

// Serial is the space of 32 bits.
func TestSerialAgainstSpace(t *testing.T) {
	points := []uint32{0, 1, 2, 1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<32 - 2, 1<<32 - 1, 12345, 3000000000}
	for _, a := range points {
		for _, b := range points {
			if got, want := Serial(a).Less(Serial(b)), SerialSpace(32).Less(uint64(a), uint64(b)); got != want {
				t.Errorf("%d.Less(%d) = %v, the space says %v", a, b, got, want)
			}
			sum, err := Serial(a).Add(b)
			want, wantErr := SerialSpace(32).Add(uint64(a), uint64(b))
			if uint64(sum) != want || !errors.Is(err, wantErr) {
				t.Errorf("%d.Add(%d) = %d, %v; the space says %d, %v", a, b, sum, err, want, wantErr)
			}
		}
	}
}
