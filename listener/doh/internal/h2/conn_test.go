package h2

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// check reports what may not be after a connection has ended.
func (c *Conn) check() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	stored := 0
	for _, s := range c.streams {
		stored += len(s.rest)
		if s.state == waiting && !s.isGone && s.context.Err() == nil {
			return fmt.Errorf("stream %d is still worked on", s.id)
		}
	}
	switch {
	case stored != c.stored:
		return fmt.Errorf("%d octets are stored, not %d", stored, c.stored)
	case c.stored > c.ReplyRoom:
		return fmt.Errorf("%d octets are stored", c.stored)
	case len(c.streams) > c.Streams:
		return fmt.Errorf("%d streams are open", len(c.streams))
	case len(c.free) > keptStreams:
		return fmt.Errorf("%d streams are kept", len(c.free))
	case c.room+c.owed > c.ConnectionRoom:
		return fmt.Errorf("the client may send %d octets, %d more later", c.room, c.owed)
	}
	return nil
}

// Requests are answered at once, later, and by the handler, in the order in which that is done.
func TestRequests(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		c.get(1, "/now")
		c.get(3, "/later")
		c.get(5, "/other")
		c.post(7, "/now")
		c.expect("200, GET., 200, handler .")
		c.WriteData(7, false, []byte("a"))
		c.WriteData(7, false, []byte("b"))
		c.WriteData(7, true, []byte("c"))
		c.expect("200, POSTabc.")
		c.get(9, "/reset")
		c.expect("RST_STREAM INTERNAL_ERROR")
		c.post(11, "/other", "content-length", "5")
		c.WriteDataPadded(11, true, []byte("hello"), make([]byte, 200))
		c.expect("200, handler hello.")
		time.Sleep(time.Second)
		c.expect("200, late.")
		c.post(13, "/now")
		c.WriteData(13, false, []byte("d"))
		c.WriteHeaders(http2.HeadersFrameParam{StreamID: 13, BlockFragment: c.trailer(), EndHeaders: true, EndStream: true})
		c.expect("200, POSTd.")
		c.post(15, "/other", "expect", "100-continue")
		c.expect("100")
		c.WriteData(15, true, nil)
		c.expect("200, handler ., nothing")
		block := c.fields("GET", "/now")
		c.WriteHeaders(http2.HeadersFrameParam{StreamID: 17, BlockFragment: block[:3], EndStream: true})
		c.WriteContinuation(17, false, nil)
		c.WriteContinuation(17, true, block[3:])
		c.expect("200, GET.")
		c.conn.Close()
		if err := <-c.ended; err != io.EOF {
			t.Error(err)
		}
	})
}

func (c *client) trailer() []byte {
	c.block.Reset()
	c.encoder.WriteField(hpack.HeaderField{Name: "x", Value: "y"})
	return c.block.Bytes()
}

// Replies go as far as the client's windows do, and on when they grow.
func TestWindows(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		length := func(stream uint32) (n int) {
			for f := c.next(); f.StreamID != 0; f = c.next() {
				if f.Type == http2.FrameData && f.StreamID == stream {
					n += len(f.data)
				}
			}
			return n
		}
		c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
		c.get(1, "/long")
		if n := length(1); n != 100 {
			t.Errorf("%d octets", n)
		}
		c.WriteWindowUpdate(1, 50)
		if n := length(1); n != 50 {
			t.Errorf("%d octets more", n)
		}
		c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 20000})
		if n := length(1); n != 19850 {
			t.Errorf("%d octets of the rest", n)
		}
		for stream := uint32(3); stream < 9; stream += 2 {
			c.get(stream, "/long")
		}
		// Of the connection 45535 octets are left.
		if n := length(5) + length(7); n > 45535-20000 {
			t.Errorf("%d octets of two replies", n)
		}
		if c.server.stored == 0 {
			t.Error("the window of the connection has no effect")
		}
		c.WriteWindowUpdate(0, 1<<20)
		synctest.Wait()
		if c.server.stored != 0 {
			t.Error("and does not open")
		}
	})
}

// A client that keeps fewer header fields than we might put into its table learns that
// none are (RFC 7541 4.2).
func TestTableOfClient(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		c.WriteSettings(http2.Setting{ID: http2.SettingHeaderTableSize, Val: 0})
		c.get(1, "/now")
		synctest.Wait()
		for f := range c.frames {
			if f.Type == http2.FrameHeaders {
				break
			}
		}
		if c.server.send.resized {
			t.Error("nothing was said")
		}
		c.get(3, "/now")
		c.expect("GET., 200, GET.")
	})
}

// The server ends a connection without losing a request: those it has taken are answered, and the client
// learns which others are for another connection.
func TestStop(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		c.get(1, "/later")
		c.post(3, "/now")
		synctest.Wait()
		c.server.Stop()
		var goAway frame
		for goAway.Type != http2.FrameGoAway {
			goAway = c.next()
		}
		if goAway.code != http2.ErrCodeNo {
			t.Error(goAway)
		}
		c.get(5, "/now")
		c.post(7, "/now")
		c.WriteData(7, true, []byte("b"))
		c.WriteRSTStream(7, http2.ErrCodeCancel)
		c.WriteWindowUpdate(7, 1)
		c.expect("nothing")
		c.WriteData(3, true, []byte("a"))
		c.expect("200, POSTa.")
		time.Sleep(time.Second)
		c.expect("200, late., GOAWAY NO_ERROR")
		time.Sleep(leaveTime)
		if err := <-c.ended; err != ErrStopped {
			t.Error(err)
		}
	})
}

// A stopped server ends connections on which nothing is asked, and those that have not begun.
func TestStopIdle(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		synctest.Wait()
		c.server.Stop()
		c.expect("GOAWAY NO_ERROR")
		time.Sleep(leaveTime)
		if err := <-c.ended; err != ErrStopped {
			t.Error(err)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, Config{})
		c.server.Stop()
		time.Sleep(leaveTime)
		if err := <-c.ended; err != ErrStopped {
			t.Error(err)
		}
	})
}

// Times end what waits for the client, and nothing else.
func TestTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, Config{})
		time.Sleep(testLimits.First + leaveTime)
		if err := <-c.ended; err != ErrIdle {
			t.Errorf("nothing comes: %v", err)
		}
	})
	connect(t, Config{}, func(t *testing.T, c *client) {
		c.post(1, "/other")
		time.Sleep(testLimits.Body)
		c.expect("408, RST_STREAM NO_ERROR")
		c.get(3, "/never")
		time.Sleep(2 * testLimits.Idle)
		c.WriteRSTStream(3, http2.ErrCodeCancel)
		time.Sleep(testLimits.Idle / 2)
		c.WritePing(false, [8]byte{})
		time.Sleep(testLimits.Idle/2 - time.Second)
		c.expect("nothing")
		time.Sleep(time.Second)
		c.expect("GOAWAY NO_ERROR")
		time.Sleep(leaveTime)
		if err := <-c.ended; err != ErrIdle {
			t.Error(err)
		}
	})
}

// A client that reads nothing is given up when it has had its time.
func TestClientThatDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, Config{})
		c.conn.SetReadDeadline(time.Now()) // ends what reads
		synctest.Wait()
		go func() {
			io.WriteString(c.conn, http2.ClientPreface)
			c.WriteSettings()
			for stream := uint32(1); c.get(stream, "/long") == nil; stream += 2 {
			}
		}()
		if err := <-c.ended; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		c.conn.Close()
	})
}

// A reply that comes later and cannot be sent ends the connection then.
func TestLateReplyThatFails(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		c.get(1, "/later")
		synctest.Wait()
		c.server.writing.Lock()
		c.server.conn = cannotWrite{c.server.conn}
		c.server.writing.Unlock()
		began := time.Now()
		if err := <-c.ended; err != io.ErrShortWrite || time.Since(began) != time.Second {
			t.Errorf("%v after %v", err, time.Since(began))
		}
	})
}

type cannotWrite struct{ net.Conn }

func (cannotWrite) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// What handlers do wrong ends their streams; what they leave out is filled in.
func TestHandler(t *testing.T) {
	for what, c := range map[string]struct {
		h    http.HandlerFunc
		want string
	}{
		"nothing": {func(http.ResponseWriter, *http.Request) {}, "200"},
		"a status": {func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(404)
			w.WriteHeader(500)
		}, "404"},
		"no content":   {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); w.Write([]byte("x")) }, "204"},
		"a panic":      {func(http.ResponseWriter, *http.Request) { panic("x") }, "RST_STREAM INTERNAL_ERROR"},
		"an abort":     {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "RST_STREAM INTERNAL_ERROR"},
		"a long reply": {func(w http.ResponseWriter, _ *http.Request) { w.Write(make([]byte, testLimits.ReplyRoom+1)) }, "RST_STREAM INTERNAL_ERROR"},
		"long headers": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X"] = []string{strings.Repeat("a", maxFrame)}
			w.Write([]byte("x"))
		}, "unfinished, CONTINUATION NO_ERROR, x."},
		"the request": {func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Method, r.URL.Path, r.URL.RawQuery, r.Host, r.Header["X"], r.RemoteAddr, r.ContentLength, r.ProtoMajor)
		}, "200, GET/aa=bns.example[y z]192.0.2.1:10 2."},
	} {
		t.Run(what, func(t *testing.T) {
			connect(t, Config{Handler: c.h}, func(t *testing.T, client *client) {
				client.get(1, "/a?a=b", "x", "y", "x", "z")
				client.expect(c.want)
			})
		})
	}
}

// Without a Direct the handler answers everything; paths that are none end their stream.
func TestPaths(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		for i, path := range []string{"%", "a", "/a\x7f"} {
			c.get(uint32(2*i+1), path)
			c.expect("RST_STREAM PROTOCOL_ERROR")
		}
		c.get(7, "*")
		c.expect("200, handler .")
		c.block.Reset()
		c.encoder.WriteField(hpack.HeaderField{Name: ":method", Value: "CONNECT"})
		c.encoder.WriteField(hpack.HeaderField{Name: ":authority", Value: "a:1"})
		c.WriteHeaders(http2.HeadersFrameParam{StreamID: 9, BlockFragment: c.block.Bytes(), EndHeaders: true, EndStream: true})
		c.expect("200, handler .")
	})
}

// Header fields are encoded so that a decoder reads them.
func TestFields(t *testing.T) {
	long := strings.Repeat("v", 40000)
	b := AppendField(AppendField(AppendStatus(AppendStatus(nil, 200), 404), "name", "value"), "n", long)
	for n := range 600 {
		b = AppendField(b, "n", long[:n])
	}
	fields, err := hpack.NewDecoder(4096, nil).DecodeFull(b)
	if err != nil || len(fields) != 604 || fields[0].Value != "200" || fields[1].Value != "404" || fields[2].Name != "name" || fields[2].Value != "value" || fields[3].Value != long {
		t.Fatalf("%d, %v", len(fields), err)
	}
	for n := range 600 {
		if len(fields[4+n].Value) != n {
			t.Errorf("%d octets, not %d", len(fields[4+n].Value), n)
		}
	}
	if frames := appendHeaders(nil, 1, true, b); !bytes.Contains(frames, []byte{0, 0x40, 0, 9, 0}) {
		t.Error("no frame of 16384 octets goes on")
	}
}
