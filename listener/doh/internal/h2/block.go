package h2

import (
	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// block collects the header fields of a HEADERS frame and of the CONTINUATION frames after it. The framer could
// do that, at ten allocations for each request, which are most of what it would cost.
type block struct {
	decoder *hpack.Decoder
	limit   int // octets, as RFC 9113 6.5.2 counts them

	stream   uint32
	isLast   bool // the client sends nothing after it
	isOwn    bool // it says that the stream depends on itself
	room     int  // what is left of limit
	fields   []hpack.HeaderField
	regular  int  // where those that are not pseudo-fields begin; -1: there is none yet
	isWrong  bool // a field is malformed (RFC 9113 8.2.1, 8.3)
	tooLarge bool
}

func newBlock(limit int) *block {
	b := &block{limit: limit}
	b.decoder = hpack.NewDecoder(tableSize, b.add)
	b.decoder.SetMaxStringLength(limit)
	return b
}

func (b *block) begin(f *http2.HeadersFrame) {
	b.stream, b.isLast = f.StreamID, f.StreamEnded()
	b.isOwn = f.HasPriority() && f.Priority.StreamDep == f.StreamID
	b.room, b.regular, b.isWrong, b.tooLarge = b.limit, -1, false, false
	clear(b.fields) // what they refer to is not kept longer
	if b.fields = b.fields[:0]; cap(b.fields) > keptFields {
		b.fields = nil
	}
	b.decoder.SetEmitEnabled(true)
}

// keptFields is how many fields have room that is kept for the next block.
const keptFields = 32

// decode takes a fragment, all of which has to be decoded, for the table of fields to be
// the client's. What is useless and goes on ends the connection instead (CVE-2024-27316).
func (b *block) decode(fragment []byte, isEnd bool) error {
	if len(fragment) > 2*b.room {
		return http2.ConnectionError(http2.ErrCodeProtocol)
	}
	if _, err := b.decoder.Write(fragment); err != nil {
		return http2.ConnectionError(http2.ErrCodeCompression)
	}
	if !isEnd {
		if b.isWrong || b.tooLarge {
			return http2.ConnectionError(http2.ErrCodeProtocol)
		}
		return nil
	}
	if b.decoder.Close() != nil {
		return http2.ConnectionError(http2.ErrCodeCompression)
	}
	return nil
}

// add takes a field.
func (b *block) add(f hpack.HeaderField) {
	size := len(f.Name) + len(f.Value) + 32
	switch {
	case !b.isValid(f):
		b.isWrong = true
	case size > b.room:
		b.tooLarge = true
	default:
		b.room -= size
		b.fields = append(b.fields, f)
		return
	}
	b.decoder.SetEmitEnabled(false)
}

func (b *block) isValid(f hpack.HeaderField) bool {
	if !httpguts.ValidHeaderFieldValue(f.Value) {
		return false
	}
	if f.IsPseudo() {
		if b.regular >= 0 { // RFC 9113 8.3
			return false
		}
		for i := range b.fields {
			if b.fields[i].Name == f.Name {
				return false
			}
		}
		return true
	}
	if b.regular < 0 {
		b.regular = len(b.fields)
	}
	return isName(f.Name)
}

// isName reports whether a name is a token in lower case (RFC 9113 8.2.1).
func isName(name string) bool {
	for i := range len(name) {
		if c := name[i]; 'A' <= c && c <= 'Z' || !httpguts.IsTokenRune(rune(c)) {
			return false
		}
	}
	return name != ""
}

// hasPseudo reports whether a field is one that only begins a message.
func (b *block) hasPseudo() bool { return len(b.fields) > 0 && b.regular != 0 }
