package wire

import (
	"errors"
	"testing"
)

func TestHeader(t *testing.T) {
	const octets = "\x12\x34\xa9\xb5\x00\x01\x00\x02\x00\x03\x00\x04"
	h, err := ParseHeader([]byte(octets + "more"))
	if err != nil {
		t.Fatal(err)
	}
	want := Header{ID: 0x1234, Flags: 0xa9b5, Counts: [4]uint16{1, 2, 3, 4}}
	if h != want {
		t.Errorf("header %+v, want %+v", h, want)
	}
	if got := string(h.AppendTo([]byte("x"))); got != "x"+octets {
		t.Errorf("AppendTo gives %q", got)
	}
	for n := range HeaderLen {
		var where *Error
		if _, err := ParseHeader([]byte(octets[:n])); !errors.Is(err, ErrShort) || !errors.As(err, &where) || where.Offset != n {
			t.Errorf("header of %d octets: %v", n, err)
		}
	}
}

func TestFlags(t *testing.T) {
	for _, test := range []struct {
		flag Flags
		bit  uint16
	}{
		{FlagQR, 0x8000}, {FlagAA, 0x0400}, {FlagTC, 0x0200}, {FlagRD, 0x0100},
		{FlagRA, 0x0080}, {FlagZ, 0x0040}, {FlagAD, 0x0020}, {FlagCD, 0x0010},
	} {
		if uint16(test.flag) != test.bit {
			t.Errorf("flag %#x, want %#x", uint16(test.flag), test.bit)
		}
	}
	for opcode := Opcode(0); opcode < 16; opcode++ {
		for rcode := RCode(0); rcode < 16; rcode++ {
			f := Flags(0xFFFF).WithOpcode(opcode).WithRCode(rcode)
			if f.Opcode() != opcode || f.RCode() != rcode || f|0xF<<11|0xF != 0xFFFF {
				t.Errorf("flags %#x for opcode %d, rcode %d", uint16(f), opcode, rcode)
			}
			g := Flags(0).WithOpcode(opcode).WithRCode(rcode)
			if g.Opcode() != opcode || g.RCode() != rcode || g&^(0xF<<11|0xF) != 0 {
				t.Errorf("flags %#x for opcode %d, rcode %d", uint16(g), opcode, rcode)
			}
		}
	}
	if f := Flags(0).WithOpcode(0xFF).WithRCode(0xFFF); f != 0xF<<11|0xF {
		t.Errorf("values that are too large spill into %#x", uint16(f))
	}
	f := FlagQR | FlagAA
	if !f.Has(FlagQR) || !f.Has(FlagQR|FlagAA) || f.Has(FlagQR|FlagRD) {
		t.Error("Has is wrong")
	}
}
