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
	return write(to, records, AppendRecord)
}

// WritePortable is [Write] for readers that do not know ALIAS records, a type for private
// use: they have it as one that has no name (RFC 3597 5), in signatures and denials, too.
func WritePortable(to io.Writer, records iter.Seq[wire.Record]) error {
	return write(to, records, appendPortable)
}

func write(to io.Writer, records iter.Seq[wire.Record], appendLine func([]byte, *wire.Record) []byte) error {
	w := bufio.NewWriter(to)
	var line []byte
	for r := range records {
		line = appendLine(line[:0], &r)
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Flush()
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
	b = r.Name.AppendText(b)
	b = append(b, '\t')
	b = strconv.AppendUint(b, uint64(r.TTL), 10)
	b = append(b, '\t')
	b = append(b, r.Class.String()...)
	b = append(b, '\t')
	b = append(b, r.Type.String()...)
	b = append(b, '\t')
	b = wire.AppendRdataText(b, r.Type, r.Data)
	return append(b, '\n')
}
