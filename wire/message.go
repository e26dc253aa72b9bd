package wire

import "errors"

// What can be wrong with a whole message besides its octets.
var (
	ErrOPTSection = errors.New("OPT record is outside the additional section")
	ErrRCode      = errors.New("response code above 15 needs EDNS to be sent")
)

// Message is a whole message taken apart: for clients, tools and tests. A
// server reads a [Query] and writes with a [Writer], which allocate nothing.
type Message struct {
	ID         uint16
	Flags      Flags // bits and opcode; its four bits of RCODE are not looked at
	RCode      RCode // all twelve bits
	Questions  []Question
	Answers    []Record
	Authority  []Record
	Additional []Record // without OPT
	EDNS       *EDNS    // the OPT record, nil if there is none; RCode stands for its Extended
}

// ParseMessage reads a whole message, which ends where its counts say: octets
// after that belong to nothing. Otherwise it is strict: a second OPT record,
// data that does not have the form of its type are errors, [*Error] all of
// them. The message shares no memory with b.
func ParseMessage(b []byte) (*Message, error) {
	var r Reader // its name memory becomes the message's
	m := new(Message)
	if _, err := m.parse(&r, nil, b); err != nil {
		return nil, err
	}
	return m, nil
}

// MessageReader parses messages one after the other, each into the memory of the one
// before: for those of a zone transfer.
type MessageReader struct {
	reader  Reader
	message Message
	data    []byte
}

// Parse is [ParseMessage]. The message, and all that is in it, is valid until the next
// call.
func (p *MessageReader) Parse(b []byte) (_ *Message, err error) {
	m := &p.message
	*m = Message{Questions: m.Questions[:0], Answers: m.Answers[:0], Authority: m.Authority[:0], Additional: m.Additional[:0]}
	poison(p.data)
	if p.data, err = m.parse(&p.reader, p.data[:0], b); err != nil {
		return nil, err
	}
	return m, nil
}

// parse makes m, which is empty, the message b. The data of all records is appended to data.
func (m *Message) parse(r *Reader, data, b []byte) ([]byte, error) {
	if err := r.Reset(b); err != nil {
		return data, err
	}
	h := r.Header()
	m.ID, m.Flags, m.RCode = h.ID, h.Flags.WithRCode(0), h.Flags.RCode()
	for {
		q, err := r.Question()
		if err == ErrSectionDone {
			break
		}
		if err != nil {
			return data, err
		}
		m.Questions = append(m.Questions, q)
	}
	for {
		if err := r.NextSection(); err != nil {
			return data, err
		}
		records := m.section(r.Section())
		if records == nil {
			break
		}
		for {
			h, err := r.Next()
			if err == ErrSectionDone {
				break
			}
			if err != nil {
				return data, err
			}
			if h.Type == TypeOPT {
				if err := m.takeOPT(r, h); err != nil {
					return data, err
				}
				continue
			}
			record := Record{Name: h.Name, Type: h.Type, Class: h.Class, TTL: h.TTL}
			if len(r.Raw()) > 0 || !h.Class.mayLackData() {
				start := len(data)
				data, err = r.AppendRdata(data, h.Type)
				if err != nil {
					return data, err
				}
				record.Data = data[start:len(data):len(data)]
			}
			*records = append(*records, record)
		}
	}
	if err := r.Close(); err != nil {
		return data, err
	}
	if m.EDNS != nil {
		m.RCode = m.EDNS.RCode(h.Flags)
	}
	return data, nil
}

func (m *Message) takeOPT(r *Reader, h RecordHeader) error {
	if r.Section() != SectionAdditional {
		return r.fail(r.at, ErrOPTSection)
	}
	if m.EDNS != nil {
		return r.fail(r.at, ErrDuplicateOPT)
	}
	e, err := r.EDNS(h)
	if err != nil {
		return err
	}
	e.Options = append(Options(nil), e.Options...)
	m.EDNS = &e
	return nil
}

// Section returns the records of a section, nil for the question.
func (m *Message) Section(s Section) []Record {
	if records := m.section(s); records != nil {
		return *records
	}
	return nil
}

func (m *Message) section(s Section) *[]Record {
	switch s {
	case SectionAnswer:
		return &m.Answers
	case SectionAuthority:
		return &m.Authority
	case SectionAdditional:
		return &m.Additional
	}
	return nil
}

// AppendTo appends the message in wire form to b, names compressed. The OPT
// record goes to the end of the additional section, in front of a TSIG or
// SIG(0) that has to be last (RFC 8945 5.1, RFC 2931 3.1).
//
// It fails with [ErrNoSpace] if there would be more than 65535 octets, or
// records in a section. On an error b is returned as it was.
func (m *Message) AppendTo(b []byte) ([]byte, error) {
	if m.RCode > 15 && m.EDNS == nil || m.RCode > 0xFFF {
		return b, ErrRCode
	}
	var w Writer
	w.Reset(b, 65535)
	w.ID, w.Flags = m.ID, m.Flags.WithRCode(m.RCode)
	for _, q := range m.Questions {
		if err := w.Question(q); err != nil {
			return b, err
		}
	}
	for s := SectionAnswer; s <= SectionAdditional; s++ {
		w.SetSection(s)
		records := m.Section(s)
		for i, r := range records {
			if s == SectionAdditional && i == len(records)-1 && r.isSignature() {
				if err := m.appendOPT(&w); err != nil {
					return b, err
				}
			}
			if err := w.Raw(r.Name, r.Type, r.Class, r.TTL, r.Data); err != nil {
				return b, err
			}
		}
		if s == SectionAdditional && (len(records) == 0 || !records[len(records)-1].isSignature()) {
			if err := m.appendOPT(&w); err != nil {
				return b, err
			}
		}
	}
	w.Finish()
	return w.Buffer(), nil
}

// isSignature reports whether r, at the end of the additional section, signs
// the whole message: TSIG, or SIG(0), which covers type 0.
func (r Record) isSignature() bool {
	return r.Type == TypeTSIG || r.Type == TypeSIG && len(r.Data) >= 2 && r.Data[0] == 0 && r.Data[1] == 0
}

func (m *Message) appendOPT(w *Writer) error {
	if m.EDNS == nil {
		return nil
	}
	e := *m.EDNS
	e.Extended = uint8(m.RCode >> 4)
	return w.EDNS(&e)
}
