package wire

import (
	"encoding/binary"
	"errors"
)

// ErrNoSpace is returned when what was to be written does not fit the limit.
// The message is as it was before.
var ErrNoSpace = errors.New("message is full")

// ErrSectionOrder is returned for a question outside the question section and
// for a record in it.
var ErrSectionOrder = errors.New("question section is for questions, the others are for records")

// Writer appends a message to a buffer of its caller's, section by section,
// with name compression. It allocates nothing as long as the buffer has room
// for its limit and [WriterSlack] octets more.
//
// Sections are written in their order. The counts and the flags get into the
// header at [Writer.Finish].
type Writer struct {
	ID       uint16
	Flags    Flags
	buf      []byte
	start    int
	limit    int // octets the message may have, the reserve taken off
	reserve  int // octets kept for what comes last: OPT, TSIG
	section  Section
	counts   counts
	compress Compressor
}

// counts are the four counts of a header as one number, as they stand there: a
// Mark stays in registers so.
type counts uint64

// maxCount is the most that one of them can be.
const maxCount = 65535

func (c counts) of(s Section) int { return int(c >> shiftOf(s) & maxCount) }

// add adds n to the count of a section, which must not pass maxCount.
func (c *counts) add(s Section, n int) { *c += counts(n) << shiftOf(s) }

func shiftOf(s Section) uint8 { return 16 * uint8(SectionAdditional-s) }

// WriterSlack is how far above its limit a Writer may write while it finds
// out that something does not fit.
const WriterSlack = 1024

// Reset begins a message of at most limit octets after what b holds.
func (w *Writer) Reset(b []byte, limit int) {
	w.ID, w.Flags = 0, 0
	w.start = len(b)
	w.limit = min(limit, 65535)
	w.reserve = 0
	w.section = SectionQuestion
	w.counts = 0
	w.compress.Reset(len(b))
	var header [HeaderLen]byte
	w.buf = append(b, header[:]...)
}

// Len is the length of the message so far, in octets.
func (w *Writer) Len() int { return len(w.buf) - w.start }

// Limit is the most octets the message may have.
func (w *Writer) Limit() int { return w.limit }

// SetLimit changes the most octets the message may have.
func (w *Writer) SetLimit(limit int) { w.limit = min(limit, 65535) }

// Reserve keeps n octets of the limit free for what is written last, after
// [Writer.Release]. It returns false, and keeps nothing, if they are not free.
func (w *Writer) Reserve(n int) bool {
	if w.Len()+w.reserve+n > w.limit {
		return false
	}
	w.reserve += n
	return true
}

// Release gives the reserve back.
func (w *Writer) Release() { w.reserve = 0 }

// Count is how many records (or questions) section has so far.
func (w *Writer) Count(section Section) int { return w.counts.of(section) }

// Section is the section that is being written.
func (w *Writer) Section() Section { return w.section }

// SetSection goes on to a later section. There is no way back, save by
// [Writer.Rollback], and no section after the additional one.
func (w *Writer) SetSection(s Section) {
	w.section = min(max(w.section, s), SectionAdditional)
}

// Mark is a place to go back to.
type Mark struct {
	len, compressed int // octets of the message, entries of the compressor
	section         Section
	counts          counts
}

// Mark returns the present place.
func (w *Writer) Mark() Mark {
	return Mark{w.Len(), w.compress.count, w.section, w.counts}
}

// Rollback takes back everything written since m.
func (w *Writer) Rollback(m Mark) {
	w.buf = w.buf[:w.start+m.len]
	w.compress.forget(m.compressed, m.len)
	w.section = m.section
	w.counts = m.counts
}

func (w *Writer) hasRoom(n int) bool { return w.Len()+n <= w.limit-w.reserve }

// Question appends a question.
func (w *Writer) Question(q Question) error {
	if w.section != SectionQuestion {
		return ErrSectionOrder
	}
	if q.Name.IsZero() {
		return ErrEmptyName
	}
	known := w.compress.count
	b := w.compress.appendQuestion(w.buf, q.Name) // the owner of most records to come
	b = append(b, byte(q.Type>>8), byte(q.Type), byte(q.Class>>8), byte(q.Class))
	return w.accept(b, known)
}

// accept makes b, which is the buffer with an item appended, the buffer if
// the item fits. Otherwise all is as before, with known names.
func (w *Writer) accept(b []byte, known int) error {
	if len(b)-w.start > w.limit-w.reserve || w.counts.of(w.section) == maxCount {
		w.compress.forget(known, w.Len())
		return ErrNoSpace
	}
	w.buf = b
	w.counts.add(w.section, 1)
	return nil
}

// Record appends a record with typed data to the present section. It refuses
// data with a field that is impossible, see [ValidateRdata].
func (w *Writer) Record(owner Name, class Class, ttl uint32, d Rdata) error {
	if err := w.mayFollow(owner); err != nil {
		return err
	}
	switch d.(type) {
	case *APL, *Unknown: // are appended as they are
		if err := ValidateRdata(d); err != nil {
			return err
		}
	}
	t := d.Type()
	if n := d.Len(); n > shortData && !w.hasRoom(recordFixed+n) {
		return ErrNoSpace
	}
	known := w.compress.count
	b := w.compress.appendOwner(w.buf, owner)
	b = appendRecordHeader(b, t, class, ttl)
	data := len(b)
	b = d.AppendTo(b, &w.compress)
	if len(b) == data { // of other data that is not valid nothing is appended
		if err := ValidateRdata(d); err != nil {
			w.compress.forget(known, w.Len())
			return err
		}
	}
	return w.acceptRecord(b, data, known)
}

// Raw appends a record whose data is given in uncompressed wire form to the
// present section. Names in data are compressed where RFC 3597 4 allows it.
func (w *Writer) Raw(owner Name, t Type, class Class, ttl uint32, data []byte) error {
	if err := w.mayFollow(owner); err != nil {
		return err
	}
	if len(data) > shortData && !w.hasRoom(recordFixed+len(data)) {
		return ErrNoSpace
	}
	known := w.compress.count
	b := w.compress.appendOwner(w.buf, owner)
	b = appendRecordHeader(b, t, class, ttl)
	at := len(b)
	b = w.compress.appendRdata(b, t, data)
	return w.acceptRecord(b, at, known)
}

// RawAt is [Writer.Raw] for an owner that is in the message already.
func (w *Writer) RawAt(owner NameOffset, t Type, class Class, ttl uint32, data []byte) error {
	hasNames := compresses(t)
	switch {
	case w.section == SectionQuestion:
		return ErrSectionOrder
	case owner == 0:
		return ErrEmptyName
	case !w.hasRoom(pointedFixed+len(data)) && (!hasNames || len(data) > shortData): // compression may save octets
		return ErrNoSpace
	}
	b := append(w.buf, 0xC0|byte(owner>>8), byte(owner), byte(t>>8), byte(t), byte(class>>8), byte(class),
		byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), byte(len(data)>>8), byte(len(data)))
	if !hasNames && w.counts.of(w.section) < maxCount { // most records: what is left of it is a copy
		w.buf = append(b, data...)
		w.counts.add(w.section, 1)
		w.compress.target = 0
		return nil
	}
	known, at := w.compress.count, len(b)
	return w.acceptRecord(w.compress.appendRdata(b, t, data), at, known)
}

// Owner is where the owner of the record (or the question) stands that Raw,
// Record or Question wrote last; 0 if that cannot be pointed to.
func (w *Writer) Owner() NameOffset { return w.compress.owner.at }

// Target is where the last name is in the data of the record that Raw or
// RawAt wrote last; 0 if there is none, or it cannot be pointed to.
func (w *Writer) Target() NameOffset { return w.compress.target }

const (
	// recordFixed is what a record takes at the least besides its data: an
	// owner that is the root, type, class, TTL, length.
	recordFixed = 1 + 10
	// pointedFixed is that where the owner is a pointer.
	pointedFixed = 2 + 10
	// shortData is data that is written before it is known to fit: it is
	// within the slack even after the longest owner. No data whose names may
	// be compressed is longer, SOA's 530 octets being the most.
	shortData = WriterSlack - MaxNameLen - 10
)

// mayFollow reports what speaks against a record of that owner here.
func (w *Writer) mayFollow(owner Name) error {
	if w.section == SectionQuestion {
		return ErrSectionOrder
	}
	if owner.IsZero() {
		return ErrEmptyName
	}
	return nil
}

// appendRecordHeader appends what stands between owner and data, the length
// not known yet.
func appendRecordHeader(b []byte, t Type, class Class, ttl uint32) []byte {
	return append(b, byte(t>>8), byte(t), byte(class>>8), byte(class),
		byte(ttl>>24), byte(ttl>>16), byte(ttl>>8), byte(ttl), 0, 0)
}

// acceptRecord is accept for a record whose data begins at offset data of b.
func (w *Writer) acceptRecord(b []byte, data, known int) error {
	n := len(b) - data
	if n > 65535 {
		w.compress.forget(known, w.Len())
		return ErrNoSpace
	}
	b[data-2], b[data-1] = byte(n>>8), byte(n)
	return w.accept(b, known)
}

// Finish writes the header and returns the message. The writer may go on
// afterwards.
func (w *Writer) Finish() []byte {
	message := w.buf[w.start:]
	binary.BigEndian.PutUint16(message, w.ID)
	binary.BigEndian.PutUint16(message[2:], uint16(w.Flags))
	binary.BigEndian.PutUint64(message[4:], uint64(w.counts))
	return message
}

// Buffer returns the whole buffer, with what stood before the message.
func (w *Writer) Buffer() []byte { return w.buf }

// Append appends octets of a caller's own to the present section, records
// written by other means: count of them. Their names are not remembered for
// compression.
func (w *Writer) Append(b []byte, count int) error {
	if !w.hasRoom(len(b)) || w.counts.of(w.section)+count > maxCount {
		return ErrNoSpace
	}
	w.buf = append(w.buf, b...)
	w.counts.add(w.section, count)
	return nil
}

// MoveTo goes on in another buffer, into which what was written is copied
// after what it holds. The buffer is made larger if it is too small.
func (w *Writer) MoveTo(b []byte) {
	message := w.buf[w.start:]
	need := w.limit + WriterSlack
	if cap(b)-len(b) < need {
		b = append(make([]byte, 0, len(b)+need), b...)
	}
	w.start = len(b)
	w.compress.start = w.start
	w.buf = append(b, message...)
}
