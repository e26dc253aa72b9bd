package zonefile

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"

	"github.com/names-dns/names/wire"
)

// Write writes records, one a line, as [AppendRecord] has them. It buffers what it
// writes.
func Write(to io.Writer, records iter.Seq[wire.Record]) error {
	return write(to, records, new(lineWriter).append)
}

// WritePortable is [Write] for readers that do not know ALIAS records, a type for private
// use: they have it as one that has no name (RFC 3597 5), in signatures and denials, too.
func WritePortable(to io.Writer, records iter.Seq[wire.Record]) error {
	return write(to, records, appendPortable)
}

// bufferSize is how much is written at once, in octets.
const bufferSize = 64 << 10

func write(to io.Writer, records iter.Seq[wire.Record], appendLine func([]byte, *wire.Record) []byte) error {
	w := bufio.NewWriterSize(to, bufferSize)
	var record wire.Record // one for all
	for record = range records {
		if _, err := w.Write(appendLine(w.AvailableBuffer(), &record)); err != nil {
			return err
		}
	}
	return w.Flush()
}

// lineWriter appends lines as [AppendRecord] does. It keeps what one line has in common
// with those before: the owner, and what is between that and the data.
type lineWriter struct {
	name, owner []byte // wire form and text
	middles     [8]middle
}

// middle is TTL, class and type.
type middle struct {
	ttl   uint32
	class wire.Class
	kind  wire.Type
	text  []byte // nil: there is none yet
}

func (w *lineWriter) append(b []byte, r *wire.Record) []byte {
	if string(w.name) != r.Name.Wire() {
		w.name, w.owner = r.Name.AppendTo(w.name[:0]), r.Name.AppendText(w.owner[:0])
	}
	m := &w.middles[int(r.Type)%len(w.middles)]
	if m.text == nil || m.ttl != r.TTL || m.class != r.Class || m.kind != r.Type {
		*m = middle{r.TTL, r.Class, r.Type, appendMiddle(m.text[:0], r)}
	}
	b = append(b, w.owner...)
	b = append(b, m.text...)
	b = wire.AppendRdataText(b, r.Type, r.Data)
	return append(b, '\n')
}

// appendPortable is [AppendRecord] for [WritePortable].
func appendPortable(b []byte, r *wire.Record) []byte {
	start := len(b)
	b = AppendRecord(b, r)
	switch {
	case r.Type == wire.TypeALIAS:
		return fmt.Appendf(b[:start], "%s\t%d\t%s\tTYPE%d\t\\# %d %X\n", r.Name, r.TTL, r.Class, r.Type, len(r.Data), r.Data)
	case bytes.Contains(b[start:], []byte("ALIAS")) && namesTypes(r.Type):
		return append(b[:start], withoutALIAS.Replace(string(b[start:]))...)
	}
	return b
}

// namesTypes reports whether records of a type say for which others they are.
func namesTypes(t wire.Type) bool {
	return t == wire.TypeRRSIG || t == wire.TypeNSEC || t == wire.TypeNSEC3 || t == wire.TypeCSYNC
}

// withoutALIAS replaces the type where it is a word. Spaces in names are escaped.
var withoutALIAS = strings.NewReplacer("\tALIAS ", "\tTYPE65401 ", " ALIAS ", " TYPE65401 ", " ALIAS\n", " TYPE65401\n")

// AppendRecord appends r to b as one line that reads back to the same record
// whatever the origin: absolute owner, TTL in seconds, class, type and data,
// with tabs between, and a line feed.
func AppendRecord(b []byte, r *wire.Record) []byte {
	b = appendMiddle(r.Name.AppendText(b), r)
	b = wire.AppendRdataText(b, r.Type, r.Data)
	return append(b, '\n')
}

// appendMiddle appends TTL, class and type, with tabs around and between them.
func appendMiddle(b []byte, r *wire.Record) []byte {
	b = append(b, '\t')
	b = strconv.AppendUint(b, uint64(r.TTL), 10)
	b = append(b, '\t')
	b = append(b, r.Class.String()...)
	b = append(b, '\t')
	b = append(b, r.Type.String()...)
	return append(b, '\t')
}
