package wire

import (
	"slices"
	"strconv"
)

// Question is what is asked.
type Question struct {
	Name  Name
	Type  Type
	Class Class
}

// Record is a resource record. Data is its rdata in uncompressed wire form.
type Record struct {
	Name  Name
	Type  Type
	Class Class
	TTL   uint32 // seconds
	Data  []byte
}

// RecordHeader is the part of a record before its data.
type RecordHeader struct {
	Name  Name
	Type  Type
	Class Class
	TTL   uint32 // seconds; OPT keeps other things here
}

// Rdata returns the typed value of the data. It borrows from Data.
func (r Record) Rdata() (Rdata, error) {
	d := NewRdata(r.Type)
	c := CursorOver(r.Data)
	if err := d.Parse(&c); err != nil {
		return nil, err
	}
	return d, nil
}

// Clone returns a copy that shares no memory with r.
func (r Record) Clone() Record {
	r.Name = r.Name.Clone()
	r.Data = slices.Clone(r.Data)
	return r
}

// String returns the record as one line of a zone file with nothing left out.
func (r Record) String() string { return string(r.AppendText(nil)) }

// AppendText appends the record in presentation format: owner, TTL, class,
// type and data, a tab between them, names absolute.
//
// Records of the classes ANY and NONE have no data in the prerequisites and
// deletions of RFC 2136; these lines end with the type.
func (r Record) AppendText(b []byte) []byte {
	b = r.Name.AppendText(b)
	b = append(b, '\t')
	b = strconv.AppendUint(b, uint64(r.TTL), 10)
	b = append(b, '\t')
	b = append(b, r.Class.String()...)
	b = append(b, '\t')
	b = append(b, r.Type.String()...)
	if len(r.Data) == 0 && r.Class.mayLackData() {
		return b
	}
	b = append(b, '\t')
	return AppendRdataText(b, r.Type, r.Data)
}

// mayLackData reports whether a record of class c may have empty data whatever
// its type (RFC 2136 2.4, 2.5).
func (c Class) mayLackData() bool { return c == ClassAny || c == ClassNone }

// String returns the question in the order of dig: name, class, type, a tab
// between them.
func (q Question) String() string { return string(q.AppendText(nil)) }

// AppendText appends what [Question.String] returns.
func (q Question) AppendText(b []byte) []byte {
	b = q.Name.AppendText(b)
	b = append(b, '\t')
	b = append(b, q.Class.String()...)
	b = append(b, '\t')
	return append(b, q.Type.String()...)
}
