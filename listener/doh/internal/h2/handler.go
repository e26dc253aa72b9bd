package h2

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
)

// handle has the handler answer a request, whose body may not be whole, and sends its reply
// when it has returned.
func (c *Conn) handle(ctx context.Context, s *Stream, isWhole bool) {
	r, err := s.request(ctx, isWhole)
	if err != nil {
		s.resetFor(http2.ErrCodeProtocol)
		return
	}
	w := &response{header: http.Header{}, isHead: s.Method == http.MethodHead, room: c.ReplyRoom}
	if !c.ask(w, r) {
		s.Reset()
		return
	}
	fields, body := w.fields(), w.body.Bytes()
	if w.isHead {
		body = nil
	}
	s.Reply(fields, body)
}

// ask returns false if there is no reply: the handler has panicked, or has said too much.
func (c *Conn) ask(w *response, r *http.Request) (hasReply bool) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			c.Log.Error("handler panicked", slog.String("client", r.RemoteAddr), slog.String("panic", fmt.Sprint(p)), slog.String("stack", string(debug.Stack())))
		}
	}()
	c.Handler.ServeHTTP(w, r)
	return !w.failed
}

// request is the request as net/http has it.
func (s *Stream) request(ctx context.Context, isWhole bool) (*http.Request, error) {
	r := &http.Request{
		Method: s.Method, Host: s.Authority, RequestURI: s.Path,
		Proto: "HTTP/2.0", ProtoMajor: 2, Header: make(http.Header, len(s.Fields)),
		ContentLength: s.Length, Body: io.NopCloser(bytes.NewReader(s.Body)),
		RemoteAddr: s.conn.conn.RemoteAddr().String(),
	}
	var err error
	if s.Method == http.MethodConnect {
		r.URL, r.RequestURI = &url.URL{Host: s.Authority}, s.Authority
	} else if r.URL, err = url.ParseRequestURI(s.Path); err != nil {
		return nil, err
	}
	for _, f := range s.Fields {
		name := http.CanonicalHeaderKey(f.Name)
		r.Header[name] = append(r.Header[name], f.Value)
	}
	if r.Host == "" {
		r.Host = r.Header.Get("Host")
	}
	r.Header.Del("Host")
	switch {
	case s.overdue:
		r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(s.Body), failing{os.ErrDeadlineExceeded}))
	case isWhole && len(s.Body) == 0:
		r.Body, r.ContentLength = http.NoBody, 0
	}
	return r.WithContext(ctx), nil
}

// failing is a body that does not come.
type failing struct{ error }

func (f failing) Read([]byte) (int, error) { return 0, f.error }

// response is a reply in the making.
type response struct {
	header http.Header
	sent   http.Header // as it was when the status was set
	status int
	body   bytes.Buffer
	isHead bool
	room   int // for the body
	failed bool
}

var errTooLong = errors.New("reply is too long")

func (w *response) Header() http.Header { return w.header }

func (w *response) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return // interim replies are left out
	}
	w.status, w.sent = status, w.header.Clone()
}

func (w *response) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	switch {
	case w.status == http.StatusNoContent, w.status == http.StatusNotModified:
		return 0, http.ErrBodyNotAllowed
	case w.body.Len()+len(b) > w.room:
		w.failed = true
		return 0, errTooLong
	}
	return w.body.Write(b)
}

// fields are the header fields of the reply, as net/http completes them.
func (w *response) fields() []byte {
	w.WriteHeader(http.StatusOK)
	h := w.sent
	setDefault := func(name, value string) {
		if _, ok := h[name]; !ok {
			h[name] = []string{value}
		}
	}
	hasBody := w.status != http.StatusNoContent && w.status != http.StatusNotModified
	if hasBody && (!w.isHead || w.body.Len() > 0) {
		setDefault("Content-Length", strconv.Itoa(w.body.Len()))
	}
	if w.body.Len() > 0 {
		setDefault("Content-Type", http.DetectContentType(w.body.Bytes()))
	}
	setDefault("Date", time.Now().UTC().Format(http.TimeFormat))
	b := AppendStatus(nil, w.status)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range h {
			if !yield(name) {
				return
			}
		}
	}) {
		switch name {
		case "Connection", "Proxy-Connection", "Keep-Alive", "Transfer-Encoding", "Upgrade": // RFC 9113 8.2.2
			continue
		}
		for _, value := range h[name] {
			b = AppendField(b, strings.ToLower(name), value)
		}
	}
	return b
}
