package h2

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

var testLimits = Limits{
	Streams: 10, Header: 4 << 10, ConnectionRoom: 128 << 10, StreamRoom: 16 << 10, ReplyRoom: 96 << 10,
	First: 5 * time.Second, Body: 6 * time.Second, Take: 20 * time.Second, Idle: 30 * time.Second, Write: 5 * time.Second,
}

// byPath answers /now at once, /later after a second, /never when no client wants it, /long-now with
// 20000 octets, and leaves other paths.
type byPath struct{ sent int }

func (d *byPath) Answer(s *Stream) bool {
	ok := AppendField(AppendStatus(nil, 200), "x", "y")
	switch s.Path {
	case "/now":
		s.Reply(ok, append([]byte(s.Method), s.Body...))
	case "/long":
		s.Reply(ok, make([]byte, 20000))
	case "/reset":
		s.Reset()
	case "/later", "/never":
		ctx, wait := s.Later(), time.Second
		if s.Path == "/never" {
			wait = time.Hour
		}
		go func() {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			s.Reply(ok, []byte("late"))
		}()
	case "/stubborn": // works on though no client wants the reply
		s.Later()
		go func() {
			time.Sleep(10 * time.Minute)
			s.Reply(ok, nil)
		}()
	default:
		return false
	}
	return true
}

func (d *byPath) Sent() { d.sent++ }

// client is the other side of a connection, in virtual time.
type client struct {
	*http2.Framer
	t       *testing.T
	conn    net.Conn
	server  *Conn
	encoder *hpack.Encoder
	block   bytes.Buffer
	decoder *hpack.Decoder

	frames chan frame // what the server has sent; closed when it says no more
	ended  chan error // how Serve has ended
}

// frame is a frame of the server.
type frame struct {
	http2.FrameHeader
	status string
	code   http2.ErrCode
	data   []byte
	more   uint32
}

func (f frame) String() string {
	return f.FrameHeader.String() + " " + f.status + " " + f.code.String()
}

// connect runs f with a connection that the server has, and ends both.
func connect(t *testing.T, config Config, f func(t *testing.T, c *client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c := dial(t, config)
		c.conn.SetDeadline(time.Now().Add(time.Hour))
		io.WriteString(c.conn, http2.ClientPreface)
		c.WriteSettings()
		defer c.conn.Close()
		f(t, c)
		c.conn.Close()
		synctest.Wait()
		time.Sleep(time.Hour)
		if err := c.server.check(); err != nil {
			t.Error(err)
		}
	})
}

func dial(t *testing.T, config Config) *client {
	if config.Limits == (Limits{}) {
		config.Limits = testLimits
	}
	if config.Direct == nil {
		config.Direct = new(byPath)
	}
	if config.Handler == nil {
		config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				w.WriteHeader(408)
				return
			}
			w.Write(append([]byte("handler "), body...))
		})
	}
	config.Context, config.Log = context.Background(), slog.New(slog.DiscardHandler)
	here, there := net.Pipe()
	c := &client{t: t, conn: here, Framer: http2.NewFramer(here, here), server: New(addressed{there}, config), frames: make(chan frame, 5000), ended: make(chan error, 1)}
	c.encoder, c.decoder = hpack.NewEncoder(&c.block), hpack.NewDecoder(4096, nil)
	go func() {
		c.ended <- c.server.Serve()
		there.Close()
	}()
	go func() {
		defer close(c.frames)
		for {
			read, err := c.ReadFrame()
			if err != nil {
				return
			}
			f := frame{FrameHeader: read.Header()}
			switch read := read.(type) {
			case *http2.HeadersFrame:
				if !read.HeadersEnded() {
					f.status = "unfinished"
					break
				}
				fields, err := c.decoder.DecodeFull(read.HeaderBlockFragment())
				if err != nil {
					t.Error(err)
					return
				}
				f.status = fields[0].Value
			case *http2.DataFrame:
				f.data = bytes.Clone(read.Data())
			case *http2.RSTStreamFrame:
				f.code = read.ErrCode
			case *http2.GoAwayFrame:
				f.code = read.ErrCode
			case *http2.WindowUpdateFrame:
				f.more = read.Increment
			}
			c.frames <- f
		}
	}()
	return c
}

// addressed is a connection that has an address.
type addressed struct{ net.Conn }

func (addressed) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }

// fields encodes the header fields of a request, and more.
func (c *client) fields(method, path string, more ...string) []byte {
	c.block.Reset()
	all := append([]string{":method", method, ":scheme", "https", ":authority", "ns.example", ":path", path}, more...)
	for i := 0; i < len(all); i += 2 {
		c.encoder.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
	}
	return c.block.Bytes()
}

// get asks for a path.
func (c *client) get(stream uint32, path string, more ...string) error {
	return c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.fields("GET", path, more...), EndHeaders: true, EndStream: true})
}

// post begins a request with a body.
func (c *client) post(stream uint32, path string, more ...string) error {
	return c.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: c.fields("POST", path, more...), EndHeaders: true})
}

// next returns the next frame of the server that is not about the connection. It is the zero
// frame if there is none.
func (c *client) next() frame {
	for {
		synctest.Wait()
		select {
		case f := <-c.frames:
			switch f.Type {
			case http2.FrameSettings, http2.FrameWindowUpdate, http2.FramePing:
				continue
			}
			return f
		default:
			return frame{}
		}
	}
}

// expect compares the next frames, as their types and what is in them, with want.
func (c *client) expect(want string) {
	c.t.Helper()
	var got []string
	for range strings.Count(want, ", ") + 1 {
		got = append(got, c.next().short())
	}
	if strings.Join(got, ", ") != want {
		c.t.Fatalf("%s, not %s", strings.Join(got, ", "), want)
	}
}

func (f frame) short() string {
	switch f.Type {
	case http2.FrameHeaders:
		return f.status
	case http2.FrameData:
		if f.Length == 0 && f.StreamID == 0 {
			return "nothing"
		}
		return strings.TrimRight(string(f.data), "\x00") + f.ending()
	}
	return f.Type.String() + " " + f.code.String()
}

func (f frame) ending() string {
	if f.Flags.Has(http2.FlagDataEndStream) {
		return "."
	}
	return ""
}
