package doh

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/names-dns/names/listener/doh/internal/h2"
	"github.com/names-dns/names/names"
)

// script is a connection whose client sends the same requests again and again, a batch in each
// read, and takes all replies.
type script struct {
	net.Conn
	opening []byte
	batch   func() []byte
	batches int
	wait    func()
	sent    int
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.opening) == 0 {
		s.wait()
		if s.batches == 0 {
			return 0, io.EOF
		}
		s.batches--
		s.opening = s.batch()
	}
	n := copy(b, s.opening)
	s.opening = s.opening[n:]
	return n, nil
}

func (s *script) Write(b []byte) (int, error) {
	s.sent += len(b)
	return len(b), nil
}

func (s *script) BeforeRead(f func())            { s.wait = f }
func (*script) Gather()                          {}
func (*script) Release() error                   { return nil }
func (*script) SetReadDeadline(time.Time) error  { return nil }
func (*script) SetWriteDeadline(time.Time) error { return nil }
func (*script) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("192.0.2.1:1"))
}

const batchSize = 10

// requests returns batches of requests as browsers send them: from the second on, the header fields
// are in the table that both sides have.
func requests(method string) (opening []byte, batch func() []byte) {
	var block, frames bytes.Buffer
	encoder, f := hpack.NewEncoder(&block), http2.NewFramer(&frames, nil)
	fields := []string{":method", method, ":scheme", "https", ":authority", "ns.example", ":path", "/dns-query",
		"accept", mediaType, "accept-language", "*", "user-agent", "Chrome", "accept-encoding", "identity"}
	if method == "GET" {
		fields[7] = get("www.example.").URL.String()
	} else {
		fields = append(fields, "content-type", mediaType, "content-length", "29")
	}
	body := query("www.example.")
	begin := func(stream uint32) []byte {
		frames.Reset()
		for i := range uint32(batchSize) {
			block.Reset()
			for j := 0; j < len(fields); j += 2 {
				encoder.WriteField(hpack.HeaderField{Name: fields[j], Value: fields[j+1]})
			}
			f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream + 2*i, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: method == "GET"})
			if method == "POST" {
				f.WriteData(stream+2*i, true, body)
			}
		}
		return bytes.Clone(frames.Bytes())
	}
	f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 30})
	f.WriteWindowUpdate(0, 1<<30)
	opening = append([]byte(http2.ClientPreface), frames.Bytes()...)
	opening = append(opening, begin(1)...)
	next := uint32(1 + 2*batchSize)
	again := begin(next)
	return opening, func() []byte {
		for at := 0; at < len(again); at += 9 + int(again[at])<<16 + int(again[at+1])<<8 + int(again[at+2]) {
			binary.BigEndian.PutUint32(again[at+5:], next)
			if again[at+4]&byte(http2.FlagDataEndStream) != 0 {
				next += 2
			}
		}
		return again
	}
}

// hits serves batches of requests that are answered at once.
func hits(t testing.TB, method string, batches int) {
	h, _ := newHandler(t, Handler{})
	s := NewServer(nil, ServerConfig{Handler: h})
	conn := &script{batches: batches}
	conn.opening, conn.batch = requests(method)
	c := h2.New(conn, h2.Config{
		Limits: limits, Context: context.Background(), Handler: h, Log: slog.New(slog.DiscardHandler),
		Direct: &direct{server: s, peer: names.Peer{Transport: names.HTTPS, Remote: netip.MustParseAddrPort("192.0.2.1:1")}},
		Below:  conn,
	})
	if err := c.Serve(); err != io.EOF {
		t.Fatal(err)
	}
	if n := h.Edge.Stats().HTTPSQueries; n != uint64((batches+1)*batchSize) || conn.sent < int(n)*100 {
		t.Fatalf("%d queries, %d octets of replies", n, conn.sent)
	}
}

func BenchmarkHit(b *testing.B) {
	for _, method := range []string{"GET", "POST"} {
		b.Run(method, func(b *testing.B) {
			b.ReportAllocs()
			hits(b, method, (b.N+batchSize-1)/batchSize)
		})
	}
}
