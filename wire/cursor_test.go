package wire

import (
	"errors"
	"testing"
)

func TestCursor(t *testing.T) {
	const octets = "\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x02ab\x01n\x00xyrest"
	read := func(octets string) (values []any, err error) {
		c := CursorOver([]byte(octets))
		values = append(values, c.Uint8(), c.Uint16(), c.Uint32(), c.Uint48(), c.Uint64(),
			string(c.CharacterString()), c.Name().String(), string(c.Bytes(2)), c.Len(), string(c.Rest()))
		return values, c.Close()
	}
	want := []any{uint8(1), uint16(0x0203), uint32(0x04050607), uint64(0x08090a0b0c0d), uint64(0x0e0f101112131415),
		"ab", "n.", "xy", 4, "rest"}
	got, err := read(octets)
	if err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("value %d is %v, want %v", i, got[i], want[i])
		}
	}
	for n := range len(octets) - len("rest") {
		if _, err := read(octets[:n]); !errors.Is(err, ErrShort) {
			t.Errorf("cut to %d octets: %v", n, err)
		}
	}
}

func TestCursorKeepsTheFirstError(t *testing.T) {
	c := CursorOver([]byte("\x05ab"))
	if s := c.CharacterString(); s != nil || c.Err() != ErrShort {
		t.Errorf("%q, %v", s, c.Err())
	}
	if c.Uint8() != 0 || c.Len() != 0 || len(c.Rest()) != 0 || !c.Name().IsZero() {
		t.Error("there is something to read after an error")
	}
	c.Fail(ErrRdata)
	if err := c.Close(); err != ErrShort {
		t.Errorf("Close says %v", err)
	}

	c = CursorOver([]byte("ab"))
	c.Uint8()
	if err := c.Close(); err != ErrTrailing {
		t.Errorf("with an octet left, Close says %v", err)
	}
	c = CursorOver([]byte("ab"))
	if c.Bytes(-1) != nil || c.Err() != ErrShort {
		t.Error("a negative length is read")
	}
	c = CursorOver([]byte(twelve + "\xc0\x0c"))
	c.Bytes(12)
	if c.Name(); c.Err() != ErrCompressed {
		t.Errorf("a pointer outside a message: %v", c.Err())
	}
	var zero Cursor
	if zero.Name(); zero.Err() != ErrShort {
		t.Errorf("a zero cursor: %v", zero.Err())
	}
}

// What is handed out cannot be appended into the message.
func TestCursorBytesAreCapped(t *testing.T) {
	msg := []byte("abcdef")
	c := CursorOver(msg)
	_ = append(c.Bytes(2), 'X')
	if string(msg) != "abcdef" {
		t.Errorf("message is now %q", msg)
	}
}
