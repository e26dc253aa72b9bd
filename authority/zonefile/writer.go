package zonefile

import (
	"strconv"

	"github.com/names-dns/names/wire"
)

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
