// Package frame puts messages into streams, each after its length in two octets (RFC
// 1035 4.2.2), and takes them out.
package frame

import (
	"encoding/binary"
	"io"

	"github.com/names-dns/names/wire"
)

// maxMessage is the longest message that a frame holds, in octets.
const maxMessage = 65535

// Append appends a message of at most 65535 octets after its length.
func Append(b, message []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(message)))
	return append(b, message...)
}

// Write writes a message in one piece (RFC 7766 8). The error is [wire.ErrNoSpace] if
// it is longer than a frame holds.
func Write(w io.Writer, message []byte) error {
	if len(message) > maxMessage {
		return wire.ErrNoSpace
	}
	_, err := w.Write(Append(make([]byte, 0, 2+len(message)), message))
	return err
}

// Read reads a message, into buf if it has the capacity. The error is [io.EOF] if the
// stream ends before a message, [io.ErrUnexpectedEOF] if it ends in one.
func Read(r io.Reader, buf []byte) ([]byte, error) {
	if cap(buf) < 2 {
		buf = make([]byte, 2)
	}
	if _, err := io.ReadFull(r, buf[:2]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint16(buf[:2]))
	if cap(buf) < n {
		buf = make([]byte, n)
	}
	if _, err := io.ReadFull(r, buf[:n]); err == io.EOF {
		return nil, io.ErrUnexpectedEOF
	} else if err != nil {
		return nil, err
	}
	return buf[:n], nil
}

// Cut returns the first message of b and what comes after it. ok is false if b does
// not have all of one.
func Cut(b []byte) (message, rest []byte, ok bool) {
	if len(b) < 2 {
		return nil, b, false
	}
	end := 2 + int(binary.BigEndian.Uint16(b))
	if len(b) < end {
		return nil, b, false
	}
	return b[2:end:end], b[end:], true
}
