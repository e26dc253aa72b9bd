package wire

import (
	"bytes"
	"fmt"
)

// Word is one word of presentation format as it is written in the text: escapes
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
// format to b: the words after the type, relative names completed with
// origin. Data of any type may be in the generic form of RFC 3597 5. Errors
// are [*WordError]; b is then returned as it was.
func AppendRdataFromText(b []byte, t Type, words []Word, origin Name) ([]byte, error) {
	w := wordReader{words: words, origin: origin, b: b, start: len(b)}
	l := rdataTypeOf(t).layout
	switch {
	case len(words) > 0 && words[0].isGeneric():
		w.generic(t)
	case l == nil:
		w.fail(0, "data of type %v is known in the generic form only: expected \\# and a length", t)
	default:
		for _, f := range l {
			if f.read(&w); w.err != nil {
				break
			}
		}
	}
	if w.err == nil && w.next < len(words) {
		w.fail(w.next, "expected no more data, found %s", quoteForError(words[w.next].Text))
	}
	if w.err == nil && len(w.b)-w.start > maxRdataLen {
		w.fail(len(words)-1, "%w", ErrRdataTooLong)
	}
	if w.err != nil {
		return b, w.err
	}
	return w.b, nil
}

// isGeneric reports whether the word opens the generic form. Between quotes
// it is text like any other.
func (w Word) isGeneric() bool { return !w.Quoted && string(w.Text) == `\#` }

// generic reads \#, the number of octets, and that many in hex (RFC 3597 5).
func (w *wordReader) generic(t Type) {
	w.next++
	want := w.number("the number of octets", maxRdataLen)
	if w.err != nil {
		return
	}
	first := w.next
	if want > 0 || w.next < len(w.words) {
		w.hexRest("hex digits")
	}
	if w.err != nil {
		return
	}
	if got := len(w.data()); uint64(got) != want {
		w.fail(first, "expected %d octets, found %d", want, got)
		return
	}
	if err := CheckRdata(t, w.data()); err != nil {
		w.fail(min(first, len(w.words)-1), "octets are not data of type %v: %w", t, err)
	}
}

// AppendRdataText appends uncompressed data of type t in presentation format
// to b: in the generic form of RFC 3597 5 if t has no other or data is not
// what t wants.
func AppendRdataText(b []byte, t Type, data []byte) []byte {
	l := rdataTypeOf(t).layout
	if l == nil || len(data) > maxRdataLen {
		return appendGeneric(b, data)
	}
	start := len(b)
	c := CursorOver(data)
	for i, f := range l {
		// A part that may be empty leaves no space after.
		if i > 0 && (c.Len() > 0 || !f.isOptional()) {
			b = append(b, ' ')
		}
		b = f.appendText(b, &c)
	}
	if c.Close() != nil {
		return appendGeneric(b[:start], data)
	}
	return b
}

// isOptional reports whether f is all that is left and may have no text.
func (f field) isOptional() bool {
	switch f {
	case fieldNames, fieldOptionalString, fieldOptionalBase64, fieldTypes, fieldNXTTypes, fieldSvcParams:
		return true
	}
	return false
}

// appendGeneric appends data in the generic form of RFC 3597 5.
func appendGeneric(b, data []byte) []byte {
	b = append(b, `\# `...)
	b = appendUint(b, uint64(len(data)))
	if len(data) > 0 {
		b = appendHex(append(b, ' '), data)
	}
	return b
}

// rdataString is the text of d, for its String method.
func rdataString(d Rdata) string {
	return string(AppendRdataText(nil, d.Type(), d.AppendTo(nil, nil)))
}

// hasPrefixFold reports whether text begins with prefix, case ignored.
func hasPrefixFold(text []byte, prefix string) bool {
	return len(text) >= len(prefix) && bytes.EqualFold(text[:len(prefix)], []byte(prefix))
}
