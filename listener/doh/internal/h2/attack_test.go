package h2

import (
	"bytes"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
)

// flood sends until the connection has ended.
func flood(send func(i uint32) error) func(*client) {
	return func(c *client) {
		for i := uint32(0); send(i) == nil; i++ {
			if i == 1<<17 {
				c.t.Error("there is no end to it")
				return
			}
		}
	}
}

// What a client may not do ends the connection, with the reason; most of it is known by its name as
// an attack.
func TestAttacks(t *testing.T) {
	for what, a := range map[string]struct {
		attack func(c *client) // returns when it has sent all, or the connection has ended
		want   http2.ErrCode
	}{
		// CVE-2019-9512, 9515, 9518, and others that cost the client nothing.
		"pings":           {func(c *client) { flood(func(uint32) error { return c.WritePing(false, [8]byte{}) })(c) }, http2.ErrCodeEnhanceYourCalm},
		"acknowledgments": {func(c *client) { flood(func(uint32) error { return c.WritePing(true, [8]byte{}) })(c) }, http2.ErrCodeEnhanceYourCalm},
		"settings":        {func(c *client) { flood(func(uint32) error { return c.WriteSettings() })(c) }, http2.ErrCodeEnhanceYourCalm},
		"priorities": {func(c *client) {
			flood(func(i uint32) error { return c.WritePriority(2*i+1, http2.PriorityParam{StreamDep: 2}) })(c)
		}, http2.ErrCodeEnhanceYourCalm},
		"unknown frames": {func(c *client) { flood(func(uint32) error { return c.WriteRawFrame(99, 0, 0, nil) })(c) }, http2.ErrCodeEnhanceYourCalm},
		"empty data": {func(c *client) {
			c.post(1, "/now")
			flood(func(uint32) error { return c.WriteData(1, false, nil) })(c)
		}, http2.ErrCodeEnhanceYourCalm},
		"padding alone": {func(c *client) {
			c.post(1, "/now")
			flood(func(uint32) error { return c.WriteDataPadded(1, false, nil, make([]byte, 255)) })(c)
		}, http2.ErrCodeEnhanceYourCalm},
		"data after the end": {func(c *client) {
			c.get(1, "/now")
			flood(func(uint32) error { return c.WriteData(1, false, []byte("x")) })(c)
		}, http2.ErrCodeEnhanceYourCalm},
		"windows of an octet (CVE-2019-9511)": {func(c *client) {
			c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
			c.get(1, "/long")
			flood(func(uint32) error { return c.WriteWindowUpdate(1, 1) })(c)
		}, http2.ErrCodeEnhanceYourCalm},
		"continuations without anything": {func(c *client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields("GET", "/now")})
			flood(func(uint32) error { return c.WriteContinuation(1, false, nil) })(c)
		}, http2.ErrCodeEnhanceYourCalm},
		"continuations (CVE-2024-27316)": {func(c *client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields("GET", "/now")})
			flood(func(uint32) error { return c.WriteContinuation(1, false, c.trailer()) })(c)
		}, http2.ErrCodeProtocol},
		"continuations after a wrong field": {func(c *client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: c.fields("GET", "/now", "X", "y")})
			flood(func(uint32) error { return c.WriteContinuation(1, false, c.trailer()) })(c)
		}, http2.ErrCodeProtocol},
		// Requests taken back are worked on, or not, and end the connection either way (CVE-2023-44487).
		"rapid reset, of what does not end": {func(c *client) {
			flood(func(i uint32) error { c.get(2*i+1, "/stubborn"); return c.WriteRSTStream(2*i+1, http2.ErrCodeCancel) })(c)
		}, http2.ErrCodeEnhanceYourCalm},
		"rapid reset, of what ends": {func(c *client) {
			flood(func(i uint32) error {
				c.get(2*i+1, "/never")
				err := c.WriteRSTStream(2*i+1, http2.ErrCodeCancel)
				synctest.Wait()
				return err
			})(c)
		}, http2.ErrCodeEnhanceYourCalm},
		// The same, but the server is led to reset them (CVE-2025-8671).
		"resets by the server": {func(c *client) {
			flood(func(i uint32) error { c.get(2*i+1, "/never"); return c.WriteWindowUpdate(2*i+1, 1<<31-1) })(c)
		}, http2.ErrCodeEnhanceYourCalm},
		"a window that overflows": {func(c *client) { c.WriteWindowUpdate(0, 1<<31-1) }, http2.ErrCodeFlowControl},
		"windows that overflow": {func(c *client) {
			c.get(1, "/never")
			c.WriteWindowUpdate(1, 1<<30)
			c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
		}, http2.ErrCodeFlowControl},
		"more than it may send": {func(c *client) {
			for i := range uint32(10) {
				c.post(2*i+1, "/now")
				c.WriteData(2*i+1, false, make([]byte, 14000))
			}
		}, http2.ErrCodeFlowControl},
		"a promise":             {func(c *client) { c.WriteRawFrame(http2.FramePushPromise, 4, 1, make([]byte, 4)) }, http2.ErrCodeProtocol},
		"a stream of ours":      {func(c *client) { c.get(2, "/now") }, http2.ErrCodeProtocol},
		"a stream left out":     {func(c *client) { c.get(5, "/now"); c.get(3, "/now") }, http2.ErrCodeProtocol},
		"data of no stream":     {func(c *client) { c.WriteData(1, true, nil) }, http2.ErrCodeProtocol},
		"a reset of no stream":  {func(c *client) { c.WriteRSTStream(1, 0) }, http2.ErrCodeProtocol},
		"a window of no stream": {func(c *client) { c.WriteWindowUpdate(1, 1) }, http2.ErrCodeProtocol},
		"a stream again":        {func(c *client) { c.get(1, "/now"); c.get(1, "/now") }, http2.ErrCodeStreamClosed},
		"too large a frame":     {func(c *client) { c.WriteRawFrame(99, 0, 0, make([]byte, maxFrame+1)) }, http2.ErrCodeFrameSize},
		"no HPACK": {func(c *client) {
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: []byte{0xFF, 0xFF}, EndHeaders: true})
		}, http2.ErrCodeCompression},
		"settings without end in a frame": {func(c *client) {
			c.WriteRawFrame(http2.FrameSettings, 0, 0, bytes.Repeat([]byte{0, 4, 0, 0, 1, 0}, 2000))
		}, http2.ErrCodeEnhanceYourCalm},
		"a wrong setting": {func(c *client) { c.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1}) }, http2.ErrCodeProtocol},
	} {
		t.Run(what, func(t *testing.T) {
			connect(t, Config{}, func(t *testing.T, c *client) {
				c.AllowIllegalWrites = true
				goAway := make(chan http2.ErrCode, 1)
				go func() {
					code := http2.ErrCode(1000)
					for f := range c.frames {
						if f.Type == http2.FrameGoAway {
							code = f.code
						}
					}
					goAway <- code
				}()
				a.attack(c)
				time.Sleep(leaveTime)
				err := <-c.ended
				if code := <-goAway; code != a.want {
					t.Errorf("%v, not %v (%v)", code, a.want, err)
				}
			})
		})
	}
}

// Requests that are malformed end their stream, and no more.
func TestMalformed(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		stream := uint32(1)
		refused := func(what, code string, send func()) {
			t.Helper()
			send()
			if f := c.next(); f.short() != "RST_STREAM "+code || f.StreamID != stream {
				t.Errorf("%s: %v", what, f)
			}
			stream += 2
		}
		for _, more := range [][]string{
			{"connection", "close"}, {"transfer-encoding", "chunked"}, {"te", "gzip"}, {"X", "y"}, {"", "y"}, {"x y", "z"}, {"x", "y\nz"},
			{":protocol", "websocket"}, {":path", "/"}, {":status", "200"}, {"x", "y", ":a", "b"}, {"content-length", "-1"}, {"content-length", "1", "content-length", "2"},
		} {
			refused(strings.Join(more, " "), "PROTOCOL_ERROR", func() { c.get(stream, "/now", more...) })
		}
		refused("no path", "PROTOCOL_ERROR", func() { c.get(stream, "") })
		refused("a body of another length", "PROTOCOL_ERROR", func() { c.post(stream, "/now", "content-length", "2"); c.WriteData(stream, true, []byte("x")) })
		refused("no body of a length", "PROTOCOL_ERROR", func() { c.get(stream, "/now", "content-length", "2") })
		refused("two beginnings", "PROTOCOL_ERROR", func() { c.post(stream, "/now"); c.post(stream, "/now") })
		refused("a request as trailer", "PROTOCOL_ERROR", func() { c.post(stream, "/now"); c.get(stream, "/now") })
		refused("headers after the end", "STREAM_CLOSED", func() { c.get(stream, "/stubborn"); c.get(stream, "/now") })
		refused("a window that overflows", "FLOW_CONTROL_ERROR", func() { c.get(stream, "/stubborn"); c.WriteWindowUpdate(stream, 1<<31-1) })
		refused("more than its window", "FLOW_CONTROL_ERROR", func() {
			c.post(stream, "/now")
			c.WriteDataPadded(stream, false, make([]byte, 8000), make([]byte, 255))
			c.WriteData(stream, false, make([]byte, 8001))
			c.WriteRawFrame(http2.FrameData, 8, stream, append([]byte{200}, make([]byte, 500)...))
		})
		refused("that depends on itself", "PROTOCOL_ERROR", func() {
			c.AllowIllegalWrites = true
			c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.fields("GET", "/now"), EndHeaders: true, EndStream: true, Priority: http2.PriorityParam{StreamDep: stream}})
		})
		c.get(stream, "/now")
		c.expect("200, GET.")
	})
}

// There are so many requests at once; more are turned away, unharmed.
func TestStreamsAreBounded(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		for i := range uint32(testLimits.Streams) {
			c.get(2*i+1, "/later")
		}
		c.get(99, "/now")
		c.expect("RST_STREAM REFUSED_STREAM")
		time.Sleep(time.Second)
		c.expect(strings.Repeat("200, late., ", testLimits.Streams) + "nothing")
		c.get(101, "/now")
		c.expect("200, GET.")
	})
}

// Replies for which the client gives no window are so many, and for so long.
func TestRepliesAreBounded(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		for i := range uint32(5) {
			c.get(2*i+1, "/long")
		}
		c.expect("200, 200, 200, 200, RST_STREAM ENHANCE_YOUR_CALM")
		time.Sleep(testLimits.Take)
		c.expect("RST_STREAM CANCEL, RST_STREAM CANCEL, RST_STREAM CANCEL, RST_STREAM CANCEL")
		if c.server.stored != 0 {
			t.Errorf("%d octets are kept", c.server.stored)
		}
		c.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 100})
		c.get(11, "/now")
		c.expect("200, GET.")
	})
}

// A header field that is sent once and referred to many times does not unfold.
func TestHeaderBombIsRefused(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		more := []string{}
		for range 100 {
			more = append(more, "x", strings.Repeat("a", 3000))
		}
		c.get(1, "/now", more...)
		c.expect("431")
		c.get(3, "/now") // the tables of both sides are still the same
		c.expect("200, GET.")
	})
}

// A body is taken as far as there is room for it.
func TestLongBodies(t *testing.T) {
	connect(t, Config{}, func(t *testing.T, c *client) {
		c.WriteWindowUpdate(0, 1<<24)
		for stream := uint32(1); stream < 40; stream += 2 { // more than the window of the connection
			c.post(stream, "/other")
			c.WriteData(stream, false, make([]byte, testLimits.StreamRoom))
			c.expect("200, handler , ., RST_STREAM NO_ERROR")
		}
		c.post(41, "/other", "content-length", "1000000")
		c.expect("200, handler ., RST_STREAM NO_ERROR")
	})
}

// A connection takes little memory while nothing is asked, whatever was before.
func TestIdleMemory(t *testing.T) {
	var conns []*Conn
	var before, after runtime.MemStats
	const count = 200
	runtime.GC()
	runtime.ReadMemStats(&before)
	for range count {
		in := &octets{in: []byte(http2.ClientPreface + "\x00\x00\x00\x04\x00\x00\x00\x00\x00")}
		c := New(in, Config{Limits: testLimits, Direct: new(byPath), Context: t.Context()})
		if err := c.Serve(); err != io.EOF {
			t.Fatal(err)
		}
		conns = append(conns, c)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if each := (after.HeapAlloc - before.HeapAlloc) / count; each > 4<<10 {
		t.Errorf("%d octets", each)
	}
	runtime.KeepAlive(conns)
}
