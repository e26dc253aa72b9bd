package frame

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"testing/iotest"

	"github.com/names-dns/names/wire"
)

// TestMessagesComeBack: what is appended or written is what is read and cut.
func TestMessagesComeBack(t *testing.T) {
	var messages [][]byte
	var stream bytes.Buffer
	for _, n := range []int{0, 1, 2, 12, 512, 65535} {
		message := bytes.Repeat([]byte{byte(n), 7}, n/2+1)[:n]
		messages = append(messages, message)
		if err := Write(&stream, message); err != nil {
			t.Fatal(err)
		}
	}
	all := stream.Bytes()
	var appended []byte
	for _, message := range messages {
		appended = Append(appended, message)
	}
	if !bytes.Equal(appended, all) {
		t.Error("Append and Write differ")
	}
	rest, buf := all, make([]byte, 100)
	in := iotest.OneByteReader(bytes.NewReader(all))
	for _, want := range messages {
		got, err := Read(in, buf)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%d octets, %v; not %d", len(got), err, len(want))
		}
		if len(want) > 0 && len(want) <= len(buf) && &got[0] != &buf[0] {
			t.Errorf("%d octets are not in the buffer", len(want))
		}
		var ok bool
		if got, rest, ok = Cut(rest); !ok || !bytes.Equal(got, want) {
			t.Fatalf("cut are %d octets, %v; not %d", len(got), ok, len(want))
		}
	}
	if _, err := Read(in, buf); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	if _, _, ok := Cut(rest); ok || len(rest) != 0 {
		t.Errorf("%x is left", rest)
	}
}

// TestPartsOfMessages: a message that is not whole is none.
func TestPartsOfMessages(t *testing.T) {
	whole := Append(nil, []byte("message"))
	for n := range whole {
		_, err := Read(bytes.NewReader(whole[:n]), nil)
		if n == 0 && err != io.EOF || n > 0 && err != io.ErrUnexpectedEOF {
			t.Errorf("%d octets: %v", n, err)
		}
		if _, rest, ok := Cut(whole[:n]); ok || len(rest) != n {
			t.Errorf("%d octets are a message, with %d after it", n, len(rest))
		}
	}
	if err := Write(io.Discard, make([]byte, 65536)); !errors.Is(err, wire.ErrNoSpace) {
		t.Errorf("a message too long: %v", err)
	}
}
