package wire

// Rdata is the data of one type of record: a struct with the fields of its
// RFC. Pointers to them are what implements it.
type Rdata interface {
	// Type is the record type the data is for.
	Type() Type
	// Parse reads the wire form, which must end where the cursor does. Byte
	// slices and names in the result are borrowed from the cursor.
	Parse(c *Cursor) error
	// AppendTo appends the wire form to b, with names compressed by c where
	// RFC 3597 4 allows it for the type; a nil c compresses nothing.
	AppendTo(b []byte, c *Compressor) []byte
	// Len is the length of the uncompressed wire form in octets.
	Len() int
}

// compresses reports whether names in the data of t may be compressed: those
// of RFC 1035 and no others (RFC 3597 4).
func compresses(t Type) bool {
	switch t {
	case TypeNS, TypeMD, TypeMF, TypeCNAME, TypeSOA, TypeMB, TypeMG, TypeMR, TypePTR, TypeMINFO, TypeMX:
		return true
	}
	return false
}

// appendRdata appends uncompressed data of type t with its names compressed
// where that is allowed.
func (c *Compressor) appendRdata(b []byte, t Type, data []byte) []byte {
	switch t {
	case TypeNS, TypeCNAME, TypePTR, TypeMB, TypeMG, TypeMR, TypeMD, TypeMF:
		b, _ = c.appendName(b, data)
		return b
	case TypeMX:
		if len(data) < 3 {
			break
		}
		b = append(b, data[:2]...)
		b, _ = c.appendName(b, data[2:])
		return b
	case TypeSOA, TypeMINFO:
		b, data = c.appendName(b, data)
		b, data = c.appendName(b, data)
	}
	return append(b, data...)
}

// appendName appends the name that data starts with and returns what is
// behind it. Octets that are no name are copied as they are.
func (c *Compressor) appendName(b, data []byte) ([]byte, []byte) {
	n, _, err := BorrowName(data)
	if err != nil {
		return append(b, data...), nil
	}
	return c.AppendName(b, n), data[n.Len():]
}
