package h2

import (
	"encoding/binary"

	"golang.org/x/net/http2"
)

const (
	maxFrame      = 16 << 10 // octets of a frame that the client sends
	tableSize     = 4096     // octets of the table of header fields that the client has with us (RFC 7541 4.2)
	initialWindow = 65535    // RFC 9113 6.9.2
	maxWindow     = 1<<31 - 1
)

// appendFrame appends the header of a frame (RFC 9113 4.1).
func appendFrame(b []byte, length int, kind http2.FrameType, flags http2.Flags, stream uint32) []byte {
	b = append(b, byte(length>>16), byte(length>>8), byte(length), byte(kind), byte(flags))
	return binary.BigEndian.AppendUint32(b, stream)
}

func appendReset(b []byte, stream uint32, code http2.ErrCode) []byte {
	b = appendFrame(b, 4, http2.FrameRSTStream, 0, stream)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

func appendWindow(b []byte, stream uint32, more int) []byte {
	b = appendFrame(b, 4, http2.FrameWindowUpdate, 0, stream)
	return binary.BigEndian.AppendUint32(b, uint32(more))
}

func appendGoAway(b []byte, last uint32, code http2.ErrCode) []byte {
	b = appendFrame(b, 8, http2.FrameGoAway, 0, 0)
	b = binary.BigEndian.AppendUint32(b, last)
	return binary.BigEndian.AppendUint32(b, uint32(code))
}

// appendSettings says what the client may send.
func (c *Conn) appendSettings(b []byte) []byte {
	settings := []http2.Setting{
		{ID: http2.SettingMaxFrameSize, Val: maxFrame},
		{ID: http2.SettingMaxConcurrentStreams, Val: uint32(c.Streams)},
		{ID: http2.SettingMaxHeaderListSize, Val: uint32(c.Header)},
		{ID: http2.SettingInitialWindowSize, Val: uint32(c.StreamRoom)},
	}
	b = appendFrame(b, 6*len(settings), http2.FrameSettings, 0, 0)
	for _, s := range settings {
		b = binary.BigEndian.AppendUint16(b, uint16(s.ID))
		b = binary.BigEndian.AppendUint32(b, s.Val)
	}
	return appendWindow(b, 0, c.ConnectionRoom-initialWindow)
}

// tally is what the client has done, most of it for nothing.
type tally struct {
	begun bool // it has said how it speaks
	asked bool // since the reader last waited
	idle  int  // frames that ask nothing, since the last request
}

// The most that a client may do for nothing.
const (
	maxIdleFrames = 1000
	maxResets     = 1000
	maxSettings   = 100 // in a frame: each may change all windows
)

// process does what a frame says. An error that is not an [http2.StreamError] ends the connection.
func (c *Conn) process(frame http2.Frame) error {
	switch f := frame.(type) {
	case *http2.HeadersFrame:
		c.block.begin(f)
		return c.onFragment(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.ContinuationFrame: // after such a frame: the framer has seen to that
		return c.onFragment(f.HeaderBlockFragment(), f.HeadersEnded())
	case *http2.DataFrame:
		return c.onData(f)
	case *http2.WindowUpdateFrame:
		return c.onWindow(f.StreamID, int64(f.Increment))
	case *http2.RSTStreamFrame:
		return c.onReset(f.StreamID)
	case *http2.SettingsFrame:
		return c.onSettings(f)
	case *http2.PingFrame:
		if !f.IsAck() {
			c.mu.Lock()
			c.out = append(appendFrame(c.out, 8, http2.FramePing, http2.FlagPingAck, 0), f.Data[:]...)
			c.mu.Unlock()
		}
	case *http2.PriorityFrame:
		if f.StreamDep == f.StreamID { // RFC 7540 5.3.1
			return http2.StreamError{StreamID: f.StreamID, Code: http2.ErrCodeProtocol}
		}
	case *http2.PushPromiseFrame: // RFC 9113 8.4
		return http2.ConnectionError(http2.ErrCodeProtocol)
	case *http2.GoAwayFrame:
		// It asks no more, and closes the connection when it has its replies.
	}
	return nil
}

// onFragment takes header fields, and does what they say when they are whole.
func (c *Conn) onFragment(fragment []byte, isEnd bool) error {
	if err := c.block.decode(fragment, isEnd); err != nil || !isEnd {
		return err
	}
	return c.onHeaders(c.block)
}

// onSettings takes note of what the client wants (RFC 9113 6.5).
func (c *Conn) onSettings(f *http2.SettingsFrame) error {
	if f.IsAck() {
		return nil
	}
	if f.NumSettings() > maxSettings {
		return http2.ConnectionError(http2.ErrCodeEnhanceYourCalm)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err := f.ForeachSetting(func(s http2.Setting) error {
		if err := s.Valid(); err != nil {
			return err
		}
		switch s.ID {
		case http2.SettingHeaderTableSize:
			c.send.resized = true
		case http2.SettingMaxFrameSize:
			// Ours are never larger than every client has to take.
		case http2.SettingInitialWindowSize:
			return c.changeWindows(int64(s.Val))
		}
		return nil
	})
	if err != nil {
		return err
	}
	c.out = appendFrame(c.out, 0, http2.FrameSettings, http2.FlagSettingsAck, 0)
	c.pump()
	return nil
}
