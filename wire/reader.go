package wire

import "encoding/binary"

// Reader walks forward through a message: header, then section by section,
// each record read or skipped. It trusts no count: memory is never sized by
// one, and a message that ends early is an error where it ends.
//
// The zero Reader is ready for [Reader.Reset]. A copy of a Reader remembers a
// place in the same message. Names and data it returns are borrowed: data
// points into the message, names live until the next Reset of this Reader or
// of a copy of it, after which the other may not be used until it is reset.
type Reader struct {
	header  Header
	section Section
	left    uint16 // records left in section, as the header claims
	msg     []byte
	at      int // the next octet
	dataEnd int // end of the data of the record whose header was read last
	names   *nameMemory
	data    Cursor // what Parse reads with; a local one would be allocated each time
}

// Reset begins to read msg. What an earlier message gave stops being valid.
func (r *Reader) Reset(msg []byte) error {
	names := r.names
	if names == nil {
		names = new(nameMemory)
	} else {
		names.reset()
	}
	*r = Reader{msg: msg, names: names, data: Cursor{msg: msg, names: names}}
	h, err := ParseHeader(msg)
	if err != nil {
		return err
	}
	r.header = h
	r.at = HeaderLen
	r.dataEnd = HeaderLen
	r.left = h.Counts[SectionQuestion]
	return nil
}

// Header returns the header as it is in the message.
func (r *Reader) Header() Header { return r.header }

// Section is the section the next record comes from.
func (r *Reader) Section() Section { return r.section }

// Offset is how many octets have been read.
func (r *Reader) Offset() int { return r.at }

// fail says where it went wrong.
func (r *Reader) fail(at int, err error) error { return &Error{r.section, at, err} }

// Question reads the next question, [ErrSectionDone] when there are no more.
func (r *Reader) Question() (Question, error) {
	if r.section != SectionQuestion || r.left == 0 {
		return Question{}, ErrSectionDone
	}
	name, next, err := readName(r.msg, r.at, len(r.msg), r.names)
	if err != nil {
		return Question{}, r.fail(r.at, err)
	}
	if next+4 > len(r.msg) {
		return Question{}, r.fail(next, ErrShort)
	}
	q := Question{
		Name:  name,
		Type:  Type(binary.BigEndian.Uint16(r.msg[next:])),
		Class: Class(binary.BigEndian.Uint16(r.msg[next+2:])),
	}
	r.at, r.dataEnd = next+4, next+4
	r.left--
	return q, nil
}

// SkipQuestions goes on to the first section that holds records.
func (r *Reader) SkipQuestions() error {
	for r.section == SectionQuestion {
		if r.left == 0 {
			r.nextSection()
			return nil
		}
		next, err := skipName(r.msg, r.at, len(r.msg))
		if err == nil && next+4 > len(r.msg) {
			err = ErrShort
		}
		if err != nil {
			return r.fail(r.at, err)
		}
		r.at, r.dataEnd = next+4, next+4
		r.left--
	}
	return nil
}

func (r *Reader) nextSection() {
	r.section++
	if r.section <= SectionAdditional {
		r.left = r.header.Counts[r.section]
	} else {
		r.section, r.left = SectionEnd, 0
	}
}

// NextSection goes on to the next section. What is left of the present one is
// skipped, not looked at more than it takes to find its end.
func (r *Reader) NextSection() error {
	if r.section == SectionQuestion {
		return r.SkipQuestions()
	}
	for r.left > 0 && r.section != SectionEnd {
		if err := r.Skip(); err != nil {
			return err
		}
	}
	r.nextSection()
	return nil
}

// Next reads the header of the next record of the section, [ErrSectionDone]
// when there are no more. Its data may then be read with [Reader.Data] and
// [Reader.Raw]; the call after that skips what was not.
func (r *Reader) Next() (RecordHeader, error) {
	if r.section == SectionQuestion {
		if err := r.SkipQuestions(); err != nil {
			return RecordHeader{}, err
		}
	}
	if r.left == 0 {
		return RecordHeader{}, ErrSectionDone
	}
	start := r.dataEnd
	name, next, err := readName(r.msg, start, len(r.msg), r.names)
	if err != nil {
		return RecordHeader{}, r.fail(start, err)
	}
	if next+10 > len(r.msg) {
		return RecordHeader{}, r.fail(next, ErrShort)
	}
	fixed := r.msg[next : next+10]
	h := RecordHeader{
		Name:  name,
		Type:  Type(binary.BigEndian.Uint16(fixed)),
		Class: Class(binary.BigEndian.Uint16(fixed[2:])),
		TTL:   binary.BigEndian.Uint32(fixed[4:]),
	}
	end := next + 10 + int(binary.BigEndian.Uint16(fixed[8:]))
	if end > len(r.msg) {
		return RecordHeader{}, r.fail(next+8, ErrShort)
	}
	r.at, r.dataEnd = next+10, end
	r.left--
	return h, nil
}

// Skip passes over the next record of the section, [ErrSectionDone] when there
// are no more.
func (r *Reader) Skip() error {
	if r.section == SectionQuestion {
		if err := r.SkipQuestions(); err != nil {
			return err
		}
	}
	if r.left == 0 {
		return ErrSectionDone
	}
	next, err := skipName(r.msg, r.dataEnd, len(r.msg))
	if err == nil && next+10 > len(r.msg) {
		err = ErrShort
	}
	if err != nil {
		return r.fail(r.dataEnd, err)
	}
	end := next + 10 + int(binary.BigEndian.Uint16(r.msg[next+8:]))
	if end > len(r.msg) {
		return r.fail(next+8, ErrShort)
	}
	r.at, r.dataEnd = end, end
	r.left--
	return nil
}

// Data returns a cursor over the data of the record that Next returned last.
// Names in it may be compressed.
func (r *Reader) Data() Cursor {
	return Cursor{msg: r.msg, at: r.at, end: r.dataEnd, names: r.names}
}

// Raw returns the data of the record that Next returned last as it is in
// the message, names compressed as they are. It points into the message.
func (r *Reader) Raw() []byte { return r.msg[r.at:r.dataEnd:r.dataEnd] }

// Parse reads the data of the record that Next returned last into d.
func (r *Reader) Parse(d Rdata) error {
	c := &r.data
	c.at, c.end = r.at, r.dataEnd
	if c.err != nil {
		c.err = nil
	}
	if err := d.Parse(c); err != nil {
		at := c.at
		if c.err != nil {
			at = c.errAt
		}
		return r.fail(at, err)
	}
	return nil
}

// Close reads on to the end of the last record that the header counts, and
// reports what is wrong on the way. Octets after that belong to nothing: the
// message ends where its counts say.
func (r *Reader) Close() error {
	for r.section != SectionEnd {
		if err := r.NextSection(); err != nil {
			return err
		}
	}
	return nil
}
