package wire

import (
	"encoding/hex"
	"fmt"
	"strconv"
)

// Word is one word of presentation format as it stands in the text: escapes
// and all, without the quotes.
type Word struct {
	Text   []byte
	Quoted bool // it stood between double quotes
}

// WordError says which word of record data is wrong. Index may be the number
// of words: then one is missing.
type WordError struct {
	Index int
	Err   error
}

func (e *WordError) Error() string { return fmt.Sprintf("word %d of the data: %v", e.Index+1, e.Err) }

func (e *WordError) Unwrap() error { return e.Err }

// AppendRdataFromText appends the wire form of record data in presentation
// format to b: the words behind the type, relative names completed with
// origin. Data of any type may be in the generic form of RFC 3597 5. Errors
// are [*WordError]; b is then returned as it was.
func AppendRdataFromText(b []byte, t Type, words []Word, origin Name) ([]byte, error) {
	return b, &WordError{0, ErrRdata}
}

// AppendRdataText appends uncompressed data of type t in presentation format
// to b: in the generic form of RFC 3597 5 if t has no other or data is not
// what t wants.
func AppendRdataText(b []byte, t Type, data []byte) []byte {
	b = append(b, `\# `...)
	b = strconv.AppendInt(b, int64(len(data)), 10)
	if len(data) > 0 {
		b = append(b, ' ')
		b = hex.AppendEncode(b, data)
	}
	return b
}

// CheckRdata reports what is wrong with uncompressed data of type t. Data of
// types not known here is never wrong.
func CheckRdata(t Type, data []byte) error { return nil }

// AppendRdata appends the data of the record that Next returned last in
// uncompressed form to b, checked as [CheckRdata] does.
func (r *Reader) AppendRdata(b []byte, t Type) ([]byte, error) { return b, nil }

// AppendCanonicalRdata appends uncompressed data of type t in the canonical
// form of RFC 4034 6.2: names of the types listed there in lower case.
func AppendCanonicalRdata(b []byte, t Type, data []byte) []byte { return append(b, data...) }

// NewRdata returns an empty value for data of type t, for types without one of
// their own an [*Unknown].
func NewRdata(t Type) Rdata { return nil }
