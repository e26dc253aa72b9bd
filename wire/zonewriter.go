package wire

import (
	"encoding/binary"
	"unsafe"
)

// ZoneWriter writes the records of a zone, or of a difference between two versions, into
// messages. It does so in fewer steps than [Writer.Raw], and makes use of the order that
// such records have: names are compressed where the owner before, the last name in
// data before, or the zone's own name ends as they do, in the same case.
//
// Owners and data are not to change until their message is finished. The records of a
// message are written either by a ZoneWriter or by methods of the Writer.
type ZoneWriter struct {
	w     *Writer
	owner trail
	data  trail // the last name in data
}

// trail is a name that was written, and where the message has it and names that it
// ends with.
type trail struct {
	wire  string
	count int
	known [trailSize]knownSuffix // the longest first
}

// trailSize is how many suffixes are known at the most. Those that are longest are.
const trailSize = 8

// knownSuffix is a name that another one ends with.
type knownSuffix struct {
	len      uint8
	pointers uint8 // that a reader follows from there
	at       NameOffset
}

// Begin begins a message: what was written so far is the question at the most.
func (z *ZoneWriter) Begin(w *Writer, origin Name) {
	z.w = w
	z.owner.count, z.data.count = 0, 0
	w.compress.target = 0
	if q := w.compress.question; q.len != 0 && q.of(w.buf[w.start:]) == origin.wire {
		z.owner.wire = origin.wire
		z.owner.known[0] = knownSuffix{q.len, 0, q.at}
		z.owner.count = 1
	}
}

// Record appends a record whose data is given in uncompressed wire form to the present
// section. Names in data are compressed where RFC 3597 4 allows it. After
// [ErrNoSpace], the message is as it was before, and the next one is to be begun.
func (z *ZoneWriter) Record(owner Name, t Type, class Class, ttl uint32, data []byte) error {
	w := z.w
	at := len(w.buf)
	most := at + MaxNameLen + recordFixed + len(data)
	if most > min(w.start+w.limit-w.reserve, cap(w.buf)) || w.counts.of(w.section) == maxCount || w.section == SectionQuestion || compresses(t) || len(owner.wire) == 0 {
		return z.oneOfFew(owner, t, class, ttl, data)
	}
	// The rest is what nearly all records of a zone have in common, and without checks.
	b := w.buf[:most]
	at += z.owner.put(b[at:], at-w.start, owner.wire)
	header := b[at : at+10]
	binary.BigEndian.PutUint64(header, uint64(t)<<48|uint64(class)<<32|uint64(ttl))
	binary.BigEndian.PutUint16(header[8:], uint16(len(data)))
	w.buf = b[:at+10+copy(b[at+10:], data)]
	w.counts.add(w.section, 1)
	return nil
}

// oneOfFew is [ZoneWriter.Record] for a record that may not fit, or has names in its data.
func (z *ZoneWriter) oneOfFew(owner Name, t Type, class Class, ttl uint32, data []byte) error {
	w := z.w
	if err := w.mayFollow(owner); err != nil {
		return err
	}
	if len(data) > shortData && !w.hasRoom(recordFixed+len(data)) {
		return ErrNoSpace
	}
	b := z.owner.appendFrom(w.buf, w.start, owner.wire, z.owner.find(owner.wire))
	b = appendRecordHeader(b, t, class, ttl)
	at := len(b)
	if compresses(t) {
		b = z.appendData(b, t, data)
	} else {
		b = append(b, data...)
	}
	n := len(b) - at
	if n > 65535 || len(b)-w.start > w.limit-w.reserve || w.counts.of(w.section) == maxCount {
		return ErrNoSpace
	}
	b[at-2], b[at-1] = byte(n>>8), byte(n)
	w.buf = b
	w.counts.add(w.section, 1)
	return nil
}

// put writes an owner into b, where there is room for it, and returns its length there.
func (t *trail) put(b []byte, at int, wire string) int {
	label := 1 + int(wire[0])
	own := 0 // how many of the known suffixes are the name before as a whole
	if t.count > 0 && int(t.known[0].len) == len(t.wire) {
		if own = 1; wire == t.wire {
			binary.BigEndian.PutUint16(b, 0xC000|uint16(t.known[0].at))
			return 2
		}
	}
	isNear := at <= maxPointer
	if own < t.count && isNear == (own == 1) {
		parent := t.known[own]
		rest := len(t.wire) - int(parent.len)
		if isSibling := int(parent.len) == len(wire)-label && rest == 1+int(t.wire[0]) && wire[label:] == t.wire[rest:]; isSibling && parent.pointers <= maxDepth-2 {
			copy(b, wire[:label])
			binary.BigEndian.PutUint16(b[label:], 0xC000|uint16(parent.at))
			t.wire = wire
			if isNear {
				t.known[0] = knownSuffix{uint8(len(wire)), parent.pointers + 1, NameOffset(at)}
			}
			return label + 2
		}
	}
	return len(t.appendFrom(b[:0], -at, wire, t.find(wire)))
}

// appendData appends data that has names which may be compressed.
func (z *ZoneWriter) appendData(b []byte, t Type, data []byte) []byte {
	shape := nameShapes[t]
	before := min(int(shape.before), len(data))
	b = append(b, data[:before]...)
	data = data[before:]
	for range shape.count {
		n, err := wireNameLen(data)
		if err != nil {
			break // octets that are not a name are copied as they are
		}
		b = z.appendTarget(b, unsafe.String(unsafe.SliceData(data), n))
		data = data[n:]
	}
	return append(b, data...)
}

// appendTarget appends a name in data.
func (z *ZoneWriter) appendTarget(b []byte, wire string) []byte {
	inOwner, inData := z.owner.find(wire), z.data.find(wire)
	if inOwner < z.owner.count && (inData == z.data.count || z.owner.known[inOwner].len >= z.data.known[inData].len) {
		z.data, inData = z.owner, inOwner
	}
	return z.data.appendFrom(b, z.w.start, wire, inData)
}

// find returns which of the known suffixes is the longest that a name ends with and
// that it may point to; t.count for none.
func (t *trail) find(wire string) int {
	for i := range t.count {
		k := t.known[i&(trailSize-1)]
		rest := len(wire) - int(k.len)
		if rest < 0 || k.pointers > maxDepth-2 || wire[rest:] != t.wire[len(t.wire)-int(k.len):] {
			continue
		}
		at := 0
		for at < rest {
			at += 1 + int(wire[at])
		}
		if at == rest {
			return i
		}
	}
	return t.count
}

// appendFrom appends a name which ends as the known suffix with that index does.
func (t *trail) appendFrom(b []byte, start int, wire string, found int) []byte {
	at, rest, pointers := len(b)-start, len(wire)-1, uint8(0)
	if found < t.count {
		k := t.known[found]
		rest, pointers = len(wire)-int(k.len), k.pointers+1
		b = append(b, wire[:rest]...)
		b = append(b, 0xC0|byte(k.at>>8), byte(k.at))
	} else {
		b = append(b, wire...)
	}
	t.wire = wire
	if found > 0 || rest > 0 && at <= maxPointer {
		t.learn(at, rest, pointers, found)
	}
	return b
}

// learn makes the known suffixes those of a name that was written at offset at: its own
// labels, the first rest octets, and then the suffix with that index and those after it.
func (t *trail) learn(at, rest int, pointers uint8, found int) {
	var known [trailSize]knownSuffix
	n := 0
	for i := 0; i < rest && at+i <= maxPointer && n < trailSize-1; i += 1 + int(t.wire[i]) {
		known[n] = knownSuffix{uint8(len(t.wire) - i), pointers, NameOffset(at + i)}
		n++
	}
	if older := t.known[found:t.count]; len(older) > 0 {
		n += copy(known[n:], older)
		known[n-1] = older[len(older)-1] // the zone's own name, which all owners end with
	}
	t.known, t.count = known, n
}
