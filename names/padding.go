package names

import (
	"bytes"
	"context"
	"encoding/binary"
	"net"

	"github.com/names-dns/names/wire"
)

// paddedQuery is what the length of a padded query is a multiple of, in octets
// (RFC 8467 4.1).
const paddedQuery = 128

// pad returns query as it goes out over conn: padded if the connection
// is encrypted. A query without an OPT record cannot be.
func pad(query []byte, conn net.Conn) []byte {
	at, ok := optionsEnd(query, wire.OptionPadding)
	if !ok || !isEncrypted(conn) {
		return query
	}
	const header = 4 // code and length of the option
	n := len(query) + header
	return at.append(query, wire.OptionPadding, make([]byte, (n+paddedQuery-1)/paddedQuery*paddedQuery-n))
}

// isEncrypted reports whether conn is a tls.Conn, or another with its
// handshake.
func isEncrypted(conn net.Conn) bool {
	_, ok := conn.(interface {
		HandshakeContext(context.Context) error
	})
	return ok
}

// optionPlace is where options are appended to a message: at its end, where
// its OPT record ends, too.
type optionPlace struct {
	lengthAt int // offset of the length of the OPT record's data
	length   int
}

// optionsEnd returns the place for an option in query. ok is false if it
// has no OPT record, or one with that option, or one that is not its last
// record.
func optionsEnd(query []byte, code wire.OptionCode) (at optionPlace, ok bool) {
	var q wire.Query
	if q.Parse(query) != nil || !q.HasEDNS {
		return at, false
	}
	if _, has := q.EDNS.Options.Find(code); has || !bytes.HasSuffix(query, q.EDNS.AppendTo(nil)) {
		return at, false
	}
	n := len(q.EDNS.Options)
	return optionPlace{len(query) - n - 2, n}, true
}

// append returns a copy of query with the option.
func (at optionPlace) append(query []byte, code wire.OptionCode, data []byte) []byte {
	longer := wire.Options(append(make([]byte, 0, len(query)+4+len(data)), query...)).AppendOption(code, data)
	binary.BigEndian.PutUint16(longer[at.lengthAt:], uint16(at.length+4+len(data)))
	return longer
}
