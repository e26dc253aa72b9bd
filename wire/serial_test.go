package wire

import (
	"errors"
	"testing"
	"time"
)

// Rows SER-1 and SER-2: the points of RFC 1982 5.1, 5.2 and 7 in 32 bits.
func TestSerialOrder(t *testing.T) {
	for _, test := range []struct {
		a, b Serial
		cmp  int
		ok   bool
	}{
		{0, 0, 0, true},
		{0, 1, -1, true},
		{1, 0, 1, true},
		{0, 44, -1, true},
		{0xFFFFFFFF, 0, -1, true},
		{0, 0x7FFFFFFF, -1, true},
		{0, 0x80000000, 0, false}, // no order, both ways
		{0x80000000, 0, 0, false},
		{0, 0x80000001, 1, true},
		{5, 0x80000005, 0, false},
	} {
		cmp, ok := test.a.Compare(test.b)
		if cmp != test.cmp || ok != test.ok {
			t.Errorf("%d.Compare(%d) = %d, %v; want %d, %v", test.a, test.b, cmp, ok, test.cmp, test.ok)
		}
		if less := test.a.Less(test.b); less != (test.ok && test.cmp < 0) {
			t.Errorf("%d.Less(%d) = %v", test.a, test.b, less)
		}
	}
}

func TestSerialAdd(t *testing.T) {
	for _, test := range []struct {
		s    Serial
		n    uint32
		want Serial
		err  error
	}{
		{0, 0, 0, nil},
		{1, 1, 2, nil},
		{0xFFFFFFFF, 1, 0, nil},
		{0x80000000, 0x7FFFFFFF, 0xFFFFFFFF, nil},
		{7, 0x80000000, 0, ErrSerialStep},
	} {
		got, err := test.s.Add(test.n)
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%d.Add(%d) = %d, %v; want %d, %v", test.s, test.n, got, err, test.want, test.err)
		}
	}
	if Serial(4294967295).String() != "4294967295" {
		t.Error("String is not the number")
	}
	seen := map[Serial]bool{1: true} // serials are values: == and maps work
	if !seen[Serial(1)] || seen[2] {
		t.Error("serials cannot be keys")
	}
}

// Row SER-3: the time form of RFC 4034 3.2, which begins again in 2106.
func TestSerialTime(t *testing.T) {
	for _, test := range []struct {
		text   string
		serial Serial
		again  string
	}{
		{"19700101000000", 0, "19700101000000"},
		{"20030220173103", 1045762263, "20030220173103"},
		{"20380119031408", 1 << 31, "20380119031408"},
		{"21060207062815", 0xFFFFFFFF, "21060207062815"},
		{"21060207062816", 0, "19700101000000"},
		{"21060207062817", 1, "19700101000001"},
	} {
		s, err := ParseSerialTime(test.text)
		if err != nil || s != test.serial {
			t.Errorf("ParseSerialTime(%q) = %d, %v; want %d", test.text, s, err, test.serial)
		}
		if got := string(s.AppendTime(nil)); got != test.again {
			t.Errorf("%d as time = %s, want %s", s, got, test.again)
		}
	}
	for _, text := range []string{"", "2003022017310", "200302201731030", "20031320173103", "20030230173103", "2003022017310x", "20030220173103.5"} {
		if s, err := ParseSerialTime(text); err == nil {
			t.Errorf("ParseSerialTime(%q) = %d", text, s)
		}
	}
	near := time.Date(2106, 2, 7, 6, 28, 10, 0, time.UTC)
	if got := Serial(5).Time(near); got.Unix() != 1<<32+5 {
		t.Errorf("serial 5 near the end of the circle is %s", got)
	}
	if got := Serial(0xFFFFFFF0).Time(time.Unix(1<<32+5, 0)); got.Unix() != 0xFFFFFFF0 {
		t.Errorf("a serial before the turn is %s after it", got)
	}
}
