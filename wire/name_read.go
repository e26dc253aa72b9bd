package wire

import (
	"encoding/binary"
	"unsafe"
)

// readName reads the name at msg[at:end] and returns it with the place after
// it. Every pointer must point before the run of labels it was found in, and
// the labels it points to must end there: that is RFC 1035 4.1.4's "prior
// occurrence", and it bounds the work, for each jump goes strictly backward
// (and a name has at most 127 labels to begin with).
func readName(msg []byte, at, end int, names *nameMemory) (Name, int, error) {
	if at+2 <= end && msg[at] >= 0xC0 { // most names are a pointer to one that was read before
		target := int(binary.BigEndian.Uint16(msg[at:]) & maxPointer)
		if known := names.slot(target); known.at == target && HeaderLen <= target && target < at {
			return known.name, at + 2, nil
		}
	}
	first := at              // where the name may be pointed to
	next := 0                // after the name, known at the first pointer
	short := error(ErrShort) // what it is called when the name goes on after end
	b := names.room()
	for {
		run := at // of labels
		var l int
		for at < end {
			if l = int(msg[at]); l == 0 || l > MaxLabelLen {
				break
			}
			at += 1 + l
		}
		if at >= end {
			return Name{}, 0, short
		}
		if len(b)+at-run+1 > MaxNameLen {
			return Name{}, 0, ErrNameTooLong
		}
		if l == 0 {
			if next == 0 {
				next = at + 1
			}
			if len(b)+at-run == 0 {
				return Root, next, nil
			}
			return names.keep(first, append(b, msg[run:at+1]...)), next, nil
		}
		b = append(b, msg[run:at]...)
		if l < 0xC0 {
			return Name{}, 0, ErrLabelType
		}
		if at+2 > end {
			return Name{}, 0, short
		}
		target := int(binary.BigEndian.Uint16(msg[at:]) & maxPointer)
		if target >= run || target < HeaderLen {
			return Name{}, 0, ErrPointer
		}
		if next == 0 {
			next = at + 2
		}
		if len(b) == 0 {
			first = target // the same name, and more likely to be pointed to
		}
		if known := names.slot(target); known.at == target {
			if len(b)+len(known.name.wire) > MaxNameLen {
				return Name{}, 0, ErrNameTooLong
			}
			return names.keep(first, append(b, known.name.wire...)), next, nil
		}
		// What lies between was read: going there again could only loop.
		at, end, short = target, run, ErrPointer
	}
}

// nameMemory is where the names of a message are decompressed to. It only
// grows forward, so a name in it does not change until it is reset.
//
// It remembers where in the message some of the names came from: most
// pointers lead to the start of a name that was just read.
type nameMemory struct {
	buf   []byte
	known [8]knownName
}

// knownName is a name and its offset in the message, 0 if there is none.
type knownName struct {
	at   int
	name Name
}

const (
	nameMemoryFirst = 512 // octets
	nameMemoryMost  = 1 << 16
)

// reset ends the loan of every name.
func (m *nameMemory) reset() {
	m.buf = m.buf[:0]
	poison(m.buf[:cap(m.buf)])
	m.known = [8]knownName{}
}

// room returns an empty slice with room for a name.
func (m *nameMemory) room() []byte {
	if cap(m.buf)-len(m.buf) < MaxNameLen {
		// Names already handed out keep the old memory alive.
		size := min(max(2*cap(m.buf), nameMemoryFirst), nameMemoryMost)
		m.buf = make([]byte, 0, size)
	}
	return m.buf[len(m.buf):]
}

// keep makes b, which came from room, the name that was read at offset at.
func (m *nameMemory) keep(at int, b []byte) Name {
	m.buf = m.buf[:len(m.buf)+len(b)]
	name := Name{unsafe.String(unsafe.SliceData(b), len(b))}
	// The first name is the question's: it is asked for most and keeps its place.
	if k := m.slot(at); k.at != HeaderLen {
		*k = knownName{at, name}
	}
	return name
}

// slot is where a name that was read at offset at is remembered, if it is.
func (m *nameMemory) slot(at int) *knownName { return &m.known[uint(at)%uint(len(m.known))] }

// skipName returns the place after the name at msg[at:end] without looking
// where its pointer leads.
func skipName(msg []byte, at, end int) (int, error) {
	first := at
	for at < end {
		l := int(msg[at])
		switch {
		case l == 0:
			return at + 1, nil
		case l <= MaxLabelLen:
			at += 1 + l
			if at-first >= MaxNameLen {
				return 0, ErrNameTooLong
			}
		case l >= 0xC0:
			if at+2 > end {
				return 0, ErrShort
			}
			return at + 2, nil
		default:
			return 0, ErrLabelType
		}
	}
	return 0, ErrShort
}
