package doq

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/quic-go/quic-go"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// The error codes of RFC 9250 4.3.
const (
	noError       = 0x0
	internalError = 0x1
	protocolError = 0x2
)

// queryTime is how long a client may take to send a query, and to take a reply.
const queryTime = 5 * time.Second

var errProtocol = errors.New("the client does not keep to RFC 9250")

// exchange is the memory for one query.
type exchange struct {
	x     names.Exchange
	query []byte
	space []byte
	out   []byte
}

var exchanges = sync.Pool{New: func() any {
	return &exchange{query: make([]byte, 0, 512), space: make([]byte, 0, 4096)}
}}

// keptBuffer is the largest buffer that is kept for the next query.
const keptBuffer = 16 << 10

func (e *exchange) giveBack() {
	if cap(e.query) > keptBuffer || cap(e.space) > keptBuffer || cap(e.out) > keptBuffer {
		return
	}
	exchanges.Put(e)
}

// serveDoQ answers the queries of a connection, each on a stream of its own, until it
// ends.
func (s *Server) serveDoQ(conn *quic.Conn) {
	peer := peerOf(conn)
	var streams sync.WaitGroup
	defer streams.Wait()
	for {
		stream, err := conn.AcceptStream(conn.Context())
		if err != nil {
			return
		}
		streams.Go(func() {
			if s.answer(stream, conn, peer) == errProtocol {
				s.broken.Add(1)
				conn.CloseWithError(protocolError, "")
			}
		})
	}
}

// peerOf is the client of a connection.
func peerOf(conn *quic.Conn) names.Peer {
	return names.Peer{Transport: names.QUIC, Remote: addrPort(conn.RemoteAddr()), Local: addrPort(conn.LocalAddr()),
		TLS: listener.PeerTLS(conn.ConnectionState().TLS)}
}

// answer answers the query of one stream.
func (s *Server) answer(stream *quic.Stream, conn *quic.Conn, peer names.Peer) (err error) {
	e := exchanges.Get().(*exchange)
	defer e.giveBack()
	stream.SetReadDeadline(time.Now().Add(queryTime))
	if err := e.read(stream); err != nil {
		if err == errProtocol {
			return err
		}
		stream.CancelRead(protocolError)
		stream.CancelWrite(protocolError)
		return err
	}
	if !isAllowed(e.query) {
		return errProtocol
	}
	if !isOver(conn.HandshakeComplete()) {
		if mayRepeat(e.query) {
			s.earlyQueries.Add(1)
		} else if !isDone(stream.Context(), conn.HandshakeComplete()) {
			return nil
		}
	}
	ctx, cancel := context.WithCancel(stream.Context()) // over when the client takes its question back
	defer cancel()
	send := func(message []byte) error {
		e.out = binary.BigEndian.AppendUint16(e.out[:0], uint16(len(message)))
		e.out = append(e.out, message...)
		stream.SetWriteDeadline(time.Now().Add(queryTime))
		_, err := stream.Write(e.out)
		return err
	}
	reply := s.config.Edge.AnswerEach(ctx, &e.x, e.query, peer, e.space, send)
	if reply == nil {
		stream.CancelWrite(internalError)
		return nil
	}
	if err := send(reply); err != nil {
		stream.CancelWrite(internalError)
		return err
	}
	if b := e.x.Reply.Buffer(); cap(b) > cap(e.space) {
		e.space = b[:0]
	}
	return stream.Close()
}

// read reads a query, its length before it, and the end of the stream (RFC 9250 4.2).
func (e *exchange) read(stream io.Reader) error {
	var length [2]byte
	if _, err := io.ReadFull(stream, length[:]); err != nil {
		return ended(err)
	}
	n := int(binary.BigEndian.Uint16(length[:]))
	if n < wire.HeaderLen {
		return errProtocol
	}
	if cap(e.query) < n {
		e.query = make([]byte, 0, n)
	}
	e.query = e.query[:n]
	if _, err := io.ReadFull(stream, e.query); err != nil {
		return ended(err)
	}
	switch n, err := io.ReadFull(stream, length[:1]); {
	case n > 0:
		return errProtocol // more than one query
	case err == io.EOF:
		return nil
	default:
		return err
	}
}

// ended makes an error of the protocol of a stream that ends in the middle of a query.
func ended(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return errProtocol
	}
	return err
}

// isAllowed reports whether a query may come over QUIC: its ID is 0 (RFC 9250 4.2.1), and
// it does not have the keepalive option, which is for TCP (5.5.2).
func isAllowed(query []byte) bool {
	if query[0]|query[1] != 0 {
		return false
	}
	var q wire.Query
	q.Parse(query)
	_, keepalive := q.EDNS.Options.Find(wire.OptionKeepalive)
	return !keepalive
}
