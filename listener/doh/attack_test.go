package doh

import (
	"context"
	"net/http"
	"testing"

	"golang.org/x/net/http2"
)

// A client that takes all its streams, gives no window for the replies and does not let
// them go has no more than a connection's streams; others are answered.
func TestStreamsWithoutWindow(t *testing.T) {
	address, config := startServer(t, ServerConfig{})
	f, _ := frames(t, address, config)
	f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	refused := 0
	for i := range uint32(2 * maxStreams) {
		if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: headers(), EndHeaders: true, EndStream: true}); err != nil {
			break // it was ended
		}
	}
	for refused == 0 {
		frame, err := f.ReadFrame()
		if err != nil {
			break
		}
		switch frame := frame.(type) {
		case *http2.RSTStreamFrame:
			if frame.ErrCode == http2.ErrCodeRefusedStream || frame.ErrCode == http2.ErrCodeProtocol {
				refused++
			}
		case *http2.GoAwayFrame:
			refused++
		case *http2.DataFrame:
			t.Fatal("data without a window")
		}
	}
	other := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	defer other.CloseIdleConnections()
	r, err := other.Get("https://" + address + get("www.example.").URL.String())
	if err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("another client: %v, %v", r, err)
	}
	if err == nil {
		r.Body.Close()
	}
}

// Frames that cost their sender nothing - SETTINGS, PING, PRIORITY, empty DATA - end
// the connection when what is to be sent for them is not read, and take no query from
// others.
func TestFloodOfControlFrames(t *testing.T) {
	for what, frame := range map[string]func(f *http2.Framer) error{
		"settings": func(f *http2.Framer) error { return f.WriteSettings() },
		"pings":    func(f *http2.Framer) error { return f.WritePing(false, [8]byte{}) },
		"resets":   func(f *http2.Framer) error { return f.WriteRSTStream(1, http2.ErrCodeCancel) },
	} {
		t.Run(what, func(t *testing.T) {
			address, config := startServer(t, ServerConfig{})
			f, conn := frames(t, address, config)
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				for ctx.Err() == nil {
					if frame(f) != nil {
						return
					}
				}
			}()
			other := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
			defer other.CloseIdleConnections()
			for range 20 {
				r, err := other.Get("https://" + address + get("www.example.").URL.String())
				if err != nil || r.StatusCode != http.StatusOK {
					t.Fatalf("another client: %v, %v", r, err)
				}
				r.Body.Close()
			}
			cancel()
			conn.Close()
			<-ended
		})
	}
}
