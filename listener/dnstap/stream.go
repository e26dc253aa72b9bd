package dnstap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// contentType is what the streams hold.
const contentType = "protobuf:dnstap.Dnstap"

// Control frames of Frame Streams.
const (
	acceptFrame = 1
	startFrame  = 2
	stopFrame   = 3
	readyFrame  = 4
	finishFrame = 5

	contentTypeField = 1
	maxControlFrame  = 512
)

// appendControl appends a control frame: a length of zero that tells it from
// data, its own length, its type and the content type.
func appendControl(b []byte, frame uint32, withContentType bool) []byte {
	length := uint32(4)
	if withContentType {
		length += 8 + uint32(len(contentType))
	}
	b = binary.BigEndian.AppendUint32(b, 0)
	b = binary.BigEndian.AppendUint32(b, length)
	b = binary.BigEndian.AppendUint32(b, frame)
	if withContentType {
		b = binary.BigEndian.AppendUint32(b, contentTypeField)
		b = binary.BigEndian.AppendUint32(b, uint32(len(contentType)))
		b = append(b, contentType...)
	}
	return b
}

// readControl reads a control frame of the type wanted, and checks that the
// reader at the other end takes our content type if it names any.
func readControl(r io.Reader, wanted uint32) error {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	length := binary.BigEndian.Uint32(head[4:])
	if binary.BigEndian.Uint32(head[:]) != 0 || length < 4 || length > maxControlFrame {
		return errors.New("malformed control frame")
	}
	frame := make([]byte, length)
	if _, err := io.ReadFull(r, frame); err != nil {
		return err
	}
	if got := binary.BigEndian.Uint32(frame); got != wanted {
		return fmt.Errorf("control frame of type %d instead of %d", got, wanted)
	}
	fields := frame[4:]
	isNamed := false
	for len(fields) > 0 {
		if len(fields) < 8 {
			return errors.New("malformed control frame")
		}
		kind, size := binary.BigEndian.Uint32(fields), binary.BigEndian.Uint32(fields[4:])
		if uint64(size) > uint64(len(fields)-8) {
			return errors.New("malformed control frame")
		}
		if kind == contentTypeField {
			if string(fields[8:8+size]) == contentType {
				return nil
			}
			isNamed = true
		}
		fields = fields[8+size:]
	}
	if isNamed {
		return errors.New("the reader does not take " + contentType)
	}
	return nil
}

// open starts a stream. With a reader at the other end that speaks (a socket) it
// is asked first; a file just starts.
func open(w io.Writer, r io.Reader) error {
	if r != nil {
		if _, err := w.Write(appendControl(nil, readyFrame, true)); err != nil {
			return err
		}
		if err := readControl(r, acceptFrame); err != nil {
			return err
		}
	}
	_, err := w.Write(appendControl(nil, startFrame, true))
	return err
}

// finish ends a stream, and waits for a reader that speaks to say that it has
// all of it.
func finish(w io.Writer, r io.Reader) error {
	if _, err := w.Write(appendControl(nil, stopFrame, false)); err != nil {
		return err
	}
	if r == nil {
		return nil
	}
	return readControl(r, finishFrame)
}
