package zonefile

import (
	"bufio"
	"io"
	"iter"
	"strconv"

	"github.com/names-dns/names/wire"
)

// Write writes records, one a line, as [AppendRecord] has them. It buffers what it
// writes.
func Write(to io.Writer, records iter.Seq[wire.Record]) error {
	w := bufio.NewWriter(to)
	var line []byte
	for r := range records {
		line = AppendRecord(line[:0], &r)
		if _, err := w.Write(line); err != nil {
			return err
		}
	}
	return w.Flush()
}

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
