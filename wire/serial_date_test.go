package wire

import (
	"testing"
	"time"
)

func TestSerialNextDated(t *testing.T) {
	today := time.Date(2026, 11, 23, 23, 59, 0, 0, time.UTC)
	for _, test := range []struct{ s, want Serial }{
		{0, 2026112300},
		{1, 2026112300},
		{2003010601, 2026112300},
		{2026112299, 2026112300},
		{2026112300, 2026112301},
		{2026112399, 2026112400}, // more than a hundred versions
		{2026113005, 2026113006}, // the serial was ahead
		{4294967295, 2026112300}, // nearest on the way round
		{4000000000, 4000000001}, // after today on the circle would be a step back
	} {
		if got := test.s.NextDated(today); got != test.want {
			t.Errorf("after %d comes %d, want %d", test.s, got, test.want)
		}
	}
	serial := Serial(0)
	for i := range 1000 {
		next := serial.NextDated(today.Add(time.Duration(i) * time.Hour))
		if !serial.Less(next) {
			t.Fatalf("%d is not after %d", next, serial)
		}
		serial = next
	}
}
