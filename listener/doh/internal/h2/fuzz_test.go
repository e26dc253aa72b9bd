package h2

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// octets is a connection whose client sends given octets, in reads of some length, and takes all.
type octets struct {
	net.Conn
	in   []byte
	each int // 0: all at once
	out  bytes.Buffer
	wait func()
}

func (o *octets) Read(b []byte) (int, error) {
	if o.wait != nil {
		o.wait()
	}
	if len(o.in) == 0 {
		return 0, io.EOF
	}
	n := len(o.in)
	if o.each > 0 {
		n = min(n, o.each)
	}
	n = copy(b, o.in[:n])
	o.in = o.in[n:]
	return n, nil
}

func (o *octets) Write(b []byte) (int, error)    { return o.out.Write(b) }
func (*octets) SetReadDeadline(time.Time) error  { return nil }
func (*octets) SetWriteDeadline(time.Time) error { return nil }
func (*octets) RemoteAddr() net.Addr             { return new(net.TCPAddr) }
func (o *octets) BeforeRead(f func())            { o.wait = f }
func (*octets) Gather()                          {}
func (*octets) Release() error                   { return nil }

// FuzzConn: whatever a client sends, the connection ends, keeps to its limits, and what it has sent is
// HTTP/2.
func FuzzConn(f *testing.F) {
	seed := func(write func(f *http2.Framer, fields func(all ...string) []byte)) {
		var frames, block bytes.Buffer
		e := hpack.NewEncoder(&block)
		framer := http2.NewFramer(&frames, nil)
		framer.AllowIllegalWrites = true
		framer.WriteSettings()
		write(framer, func(all ...string) []byte {
			block.Reset()
			for i := 0; i < len(all); i += 2 {
				e.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
			}
			return bytes.Clone(block.Bytes())
		})
		f.Add(uint8(0), frames.Bytes())
		f.Add(uint8(7), frames.Bytes())
	}
	get := []string{":method", "GET", ":scheme", "https", ":authority", "a", ":path", "/now"}
	seed(func(f *http2.Framer, fields func(...string) []byte) {
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: fields(get...), EndHeaders: true, EndStream: true})
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: fields(append(get[:7:7], "/later", "content-length", "3")...), EndHeaders: true})
		f.WriteData(3, false, []byte("ab"))
		f.WriteDataPadded(3, true, []byte("c"), []byte{0})
		f.WriteRSTStream(3, http2.ErrCodeCancel)
	})
	seed(func(f *http2.Framer, fields func(...string) []byte) {
		f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 10}, http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: fields(append(get[:7:7], "/long")...), EndHeaders: true, EndStream: true})
		f.WriteWindowUpdate(1, 100)
		f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
		f.WriteWindowUpdate(0, 100)
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: fields(append(get[:7:7], "/other")...)})
		f.WriteContinuation(3, true, fields("expect", "100-continue"))
		f.WriteHeaders(http2.HeadersFrameParam{StreamID: 3, BlockFragment: fields("x", "y"), EndHeaders: true, EndStream: true})
		f.WritePing(false, [8]byte{})
		f.WriteGoAway(0, 0, nil)
	})
	f.Fuzz(func(t *testing.T, each uint8, in []byte) {
		conn := &octets{in: append([]byte(http2.ClientPreface), in...), each: int(each)}
		ctx, cancel := context.WithCancel(context.Background())
		c := New(conn, Config{
			Limits: testLimits, Direct: new(byPath), Below: conn, Context: ctx, Log: slog.New(slog.DiscardHandler),
			Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }),
		})
		c.Serve()
		cancel()
		c.mu.Lock()
		requests := c.last
		c.mu.Unlock()
		if err := c.check(); err != nil {
			t.Error(err)
		}
		c.writing.Lock()
		sent := bytes.Clone(conn.out.Bytes())
		c.writing.Unlock()
		checkFrames(t, sent, requests)
	})
}

// checkFrames reports what a client could not read.
func checkFrames(t *testing.T, sent []byte, last uint32) {
	framer := http2.NewFramer(nil, bytes.NewReader(sent))
	decoder := hpack.NewDecoder(4096, nil)
	ended := map[uint32]bool{}
	for {
		frame, err := framer.ReadFrame()
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatalf("%v in %x", err, sent)
		}
		id := frame.Header().StreamID
		switch frame := frame.(type) {
		case *http2.HeadersFrame:
			fields, err := decoder.DecodeFull(frame.HeaderBlockFragment())
			if err != nil || fields[0].Name != ":status" {
				t.Errorf("%v, %v", fields, err)
			}
			if ended[id] || id > last {
				t.Errorf("a reply to request %d of %d", id, last)
			}
			ended[id] = frame.StreamEnded()
		case *http2.DataFrame:
			if ended[id] {
				t.Errorf("data after the end of %d", id)
			}
			ended[id] = frame.StreamEnded()
		}
	}
}
