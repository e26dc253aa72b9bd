package doq

import (
	"context"

	"github.com/quic-go/quic-go"

	"github.com/names-dns/names/wire"
)

// Early says whether queries that come in early data (0-RTT) may be answered before the
// end of the handshake, which saves their clients a round trip; by default they wait. An
// observer can send such a query again, so only those are answered that may be repeated
// (RFC 9250 4.5). It is in effect for the next connection. HTTP/3 has no early data.
func (s *Server) Early(isAllowed bool) { s.early.Store(isAllowed && s.config.DoQ) }

// isVerified is the key of a value of the context of a connection whose client has shown
// that it is at its address by the token in its first packet (RFC 9000 8.1.3).
type isVerified struct{}

// answersEarly reports whether conn has queries that may be answered before the end of its
// handshake. A client that has not shown its address may have forged it, and what access
// lists, views and limits say of an address would be said of another (RFC 9250 8). A
// certificate is that of the session which is resumed: it counts once the client has shown
// by the handshake that the session is its own.
func (s *Server) answersEarly(conn *quic.Conn) bool {
	state := conn.ConnectionState()
	return state.Used0RTT && s.early.Load() && conn.Context().Value(isVerified{}) != nil && len(state.TLS.PeerCertificates) == 0
}

// mayRepeat reports whether it changes nothing if a query is repeated by others: it asks
// for data, and not for a transfer, which is large. NOTIFY could be repeated, too (RFC 9250
// 4.5); it has no need to be early.
func mayRepeat(query []byte) bool {
	var q wire.Query
	return q.Parse(query) == nil && q.Header.Flags.Opcode() == wire.OpcodeQuery &&
		q.Question.Type != wire.TypeAXFR && q.Question.Type != wire.TypeIXFR
}

// isDone waits for done. It returns false if ctx ends before.
func isDone(ctx context.Context, done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return isOver(done)
	}
}

// isOver reports whether done is closed.
func isOver(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}
