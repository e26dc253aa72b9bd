package doh

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// zone answers some names of example., notes who asked, and drops drop.example.
type zone struct {
	mu   sync.Mutex
	peer names.Peer
}

func (z *zone) Resolve(_ context.Context, x *names.Exchange) error { return z.TryResolve(x) }

func (z *zone) TryResolve(x *names.Exchange) error {
	z.mu.Lock()
	z.peer = x.Peer
	z.mu.Unlock()
	name := x.Question().Name
	switch name.String() {
	case "www.example.":
		x.Reply.Raw(name, wire.TypeA, wire.ClassIN, 300, []byte{192, 0, 2, 1})
		return x.Reply.Raw(name, wire.TypeA, wire.ClassIN, 60, []byte{192, 0, 2, 2})
	case "long.example.":
		for range 20 {
			x.Reply.Raw(name, wire.TypeTXT, wire.ClassIN, 60, append([]byte{200}, bytes.Repeat([]byte("a"), 200)...))
		}
		return nil
	case "drop.example.":
		return names.ErrDrop
	case "broken.example.":
		return io.ErrUnexpectedEOF
	}
	x.RCode = wire.RCodeNXDomain
	x.Reply.SetSection(wire.SectionAuthority)
	soa := append([]byte{0, 0}, make([]byte, 16)...)
	return x.Reply.Raw(wire.MustParseName("example."), wire.TypeSOA, wire.ClassIN, 900, append(soa, 0, 0, 0, 120))
}

func newHandler(t testing.TB, h Handler) (*Handler, *zone) {
	t.Helper()
	z := new(zone)
	e, err := listener.NewEdge(listener.Config{Resolver: z})
	if err != nil {
		t.Fatal(err)
	}
	h.Edge = e
	return &h, z
}

func query(name string) []byte {
	return wire.AppendQuery(nil, 0, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
}

func get(name string) *http.Request {
	return httptest.NewRequest("GET", "/dns-query?dns="+base64.RawURLEncoding.EncodeToString(query(name)), nil)
}

func post(body []byte) *http.Request {
	r := httptest.NewRequest("POST", "/dns-query", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/dns-message")
	return r
}

func TestHandler(t *testing.T) {
	h, _ := newHandler(t, Handler{})
	unknownLength := post(query("www.example."))
	unknownLength.ContentLength = -1
	otherKind := post(query("www.example."))
	otherKind.Header.Set("Content-Type", "application/json")
	kindWithParameter := post(query("www.example."))
	kindWithParameter.Header.Set("Content-Type", "Application/DNS-Message; charset=x")
	response := query("www.example.")
	response[2] |= 0x80
	for _, c := range []struct {
		what   string
		r      *http.Request
		status int
		cache  string
	}{
		{"GET", get("www.example."), 200, "max-age=60"},
		{"GET with padding", httptest.NewRequest("GET", "/dns-query?dns="+base64.URLEncoding.EncodeToString(query("www.example.")), nil), 200, "max-age=60"},
		{"GET with more", httptest.NewRequest("GET", "/dns-query?a=b&dns="+base64.RawURLEncoding.EncodeToString(query("www.example.")), nil), 200, "max-age=60"},
		{"POST", post(query("www.example.")), 200, "max-age=60"},
		{"POST of no known length", unknownLength, 200, "max-age=60"},
		{"POST with a parameter", kindWithParameter, 200, "max-age=60"},
		{"HEAD", httptest.NewRequest("HEAD", get("www.example.").URL.String(), nil), 200, "max-age=60"},
		{"a name that does not exist", get("no.example."), 200, "max-age=120"},
		{"SERVFAIL", get("broken.example."), 200, "max-age=0"},
		{"nothing", httptest.NewRequest("GET", "/dns-query", nil), 400, ""},
		{"not base64", httptest.NewRequest("GET", "/dns-query?dns=$$$", nil), 400, ""},
		{"not DNS", httptest.NewRequest("GET", "/dns-query?dns=AAAA", nil), 400, ""},
		{"a response", post(response), 400, ""},
		{"an empty body", post(nil), 400, ""},
		{"too long a body", post(make([]byte, 65536)), 413, ""},
		{"too long a parameter", httptest.NewRequest("GET", "/dns-query?dns="+strings.Repeat("A", 90000), nil), 414, ""},
		{"another kind", otherKind, 415, ""},
		{"another method", httptest.NewRequest("PUT", "/dns-query", nil), 405, ""},
		{"another path", httptest.NewRequest("GET", "/", nil), 404, ""},
		{"a path below", httptest.NewRequest("GET", "/dns-query/", nil), 404, ""},
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, c.r)
		if w.Code != c.status || w.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s: status %d, cache %q; want %d, %q", c.what, w.Code, w.Header().Get("Cache-Control"), c.status, c.cache)
		}
		isReply := c.status == 200 && c.r.Method != "HEAD"
		if got := w.Header().Get("Content-Type") == mediaType; got != (c.status == 200) {
			t.Errorf("%s: content type %q", c.what, w.Header().Get("Content-Type"))
		}
		if m, err := wire.ParseMessage(w.Body.Bytes()); (err == nil) != isReply {
			t.Errorf("%s: body %v, %v", c.what, m, err)
		}
	}
}

// Which client is meant is what a proxy says, if it is one of ours.
func TestForwardedFor(t *testing.T) {
	proxies, _ := names.ParsePeerSet("192.0.2.0/24", "2001:db8::1")
	h, z := newHandler(t, Handler{Proxies: proxies})
	for _, c := range []struct {
		from  string
		lines []string
		want  string
	}{
		{"192.0.2.1:1000", []string{"198.51.100.7"}, "198.51.100.7"},
		{"192.0.2.1:1000", []string{"10.0.0.1, 198.51.100.7, 192.0.2.2"}, "198.51.100.7"},
		{"192.0.2.1:1000", []string{"10.0.0.1", "198.51.100.8"}, "198.51.100.8"},
		{"192.0.2.1:1000", []string{"[2001:db8::7]"}, "2001:db8::7"},
		{"192.0.2.1:1000", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"192.0.2.1:1000", []string{"nonsense, 192.0.2.2"}, "192.0.2.2"},
		{"192.0.2.1:1000", []string{"nonsense"}, "192.0.2.1"},
		{"192.0.2.1:1000", nil, "192.0.2.1"},
		{"203.0.113.9:1000", []string{"198.51.100.7"}, "203.0.113.9"},
	} {
		r := get("www.example.")
		r.RemoteAddr = c.from
		r.Header["X-Forwarded-For"] = c.lines
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got := z.peer.Remote.Addr().String(); got != c.want || z.peer.Transport != names.HTTPS {
			t.Errorf("%s, %q: %+v", c.from, c.lines, z.peer)
		}
		if isProxied := z.peer.Proxy.IsValid(); isProxied != (c.want != strings.TrimSuffix(c.from, ":1000")) {
			t.Errorf("%s, %q: proxy %v", c.from, c.lines, z.peer.Proxy)
		}
	}
}

// startServer serves over TLS and returns the address and how to connect.
func startServer(t testing.TB, c ServerConfig, with ...func(*Server)) (address string, config *tls.Config) {
	t.Helper()
	if c.Handler == nil {
		c.Handler, _ = newHandler(t, Handler{})
	}
	cert, err := certificate.MakeSelfSigned([]string{"ns.example"}, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	c.TLS = &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"h2", "http/1.1"}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := NewServer(l, c)
	for _, f := range with {
		f(s)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve() }()
	t.Cleanup(func() {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		s.Shutdown(ctx)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}
}

// Many requests at once on one connection all have their replies.
func TestServerOverHTTP2(t *testing.T) {
	address, config := startServer(t, ServerConfig{})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for i := range 40 {
				name := []string{"www.example.", "long.example."}[i%2]
				r, err := client.Post("https://"+address+"/dns-query", mediaType, bytes.NewReader(query(name)))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(r.Body)
				r.Body.Close()
				if m, errMessage := wire.ParseMessage(body); err != nil || errMessage != nil || len(m.Answers) == 0 || r.ProtoMajor != 2 {
					t.Errorf("%v, %v", err, errMessage)
				}
			}
		})
	}
	all.Wait()
	if _, err := client.Get("https://" + address + "/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(query("drop.example."))); err == nil {
		t.Error("a query that gets no reply has one")
	}
}

// frames connects and speaks HTTP/2 by frames.
func frames(t *testing.T, address string, config *tls.Config) (*http2.Framer, *tls.Conn) {
	t.Helper()
	conn, err := tls.Dial("tcp", address, config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	f.WriteSettings()
	return f, conn
}

func headers(extra ...string) []byte {
	var b bytes.Buffer
	e := hpack.NewEncoder(&b)
	all := append([]string{":method", "GET", ":scheme", "https", ":authority", "ns.example", ":path", get("www.example.").URL.String()}, extra...)
	for i := 0; i < len(all); i += 2 {
		e.WriteField(hpack.HeaderField{Name: all[i], Value: all[i+1]})
	}
	return b.Bytes()
}

// ends reads until the server ends the connection, and reports whether it did.
func ends(f *http2.Framer) bool {
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			e, ok := err.(net.Error)
			return !ok || !e.Timeout()
		}
		if _, ok := frame.(*http2.GoAwayFrame); ok {
			return true
		}
	}
}

// Requests that are taken back at once (CVE-2023-44487), headers without end
// (CVE-2024-27316), headers that unfold: the connection ends, and others are
// answered.
func TestAttacksOverHTTP2(t *testing.T) {
	for what, attack := range map[string]func(f *http2.Framer) error{
		"rapid reset": func(f *http2.Framer) error {
			for i := range uint32(20000) {
				if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*i + 1, BlockFragment: headers(), EndHeaders: true, EndStream: true}); err != nil {
					return err
				}
				if err := f.WriteRSTStream(2*i+1, http2.ErrCodeCancel); err != nil {
					return err
				}
			}
			return nil
		},
		"continuation flood": func(f *http2.Framer) error {
			if err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headers()}); err != nil {
				return err
			}
			var b bytes.Buffer
			hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: "x", Value: strings.Repeat("a", 8000)})
			for range 10000 {
				if err := f.WriteContinuation(1, false, b.Bytes()); err != nil {
					return err
				}
			}
			return nil
		},
	} {
		t.Run(what, func(t *testing.T) {
			// Queries that are given up are worked on all the same, so that they add up
			// however slowly they come.
			blocked := make(chan struct{})
			defer close(blocked)
			e, err := listener.NewEdge(listener.Config{Resolver: names.ResolverFunc(func(context.Context, *names.Exchange) error {
				<-blocked
				return names.ErrDrop
			})})
			if err != nil {
				t.Fatal(err)
			}
			address, config := startServer(t, ServerConfig{Handler: &Handler{Edge: e}})
			f, _ := frames(t, address, config)
			if err := attack(f); err == nil && !ends(f) {
				t.Error("the connection goes on")
			}
		})
	}
}

// A bomb of headers: each request refers to a large one in the table.
func TestHeaderBomb(t *testing.T) {
	address, config := startServer(t, ServerConfig{})
	f, _ := frames(t, address, config)
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	large := hpack.HeaderField{Name: "x", Value: strings.Repeat("a", 3000)}
	b.Write(headers())
	for range 100 {
		encoder.WriteField(large) // an octet each, from the second on
	}
	f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: b.Bytes(), EndHeaders: true, EndStream: true})
	for {
		frame, err := f.ReadFrame()
		if err != nil {
			return // the connection was ended
		}
		if h, ok := frame.(*http2.HeadersFrame); ok {
			status, _ := hpack.NewDecoder(4096, nil).DecodeFull(h.HeaderBlockFragment())
			if status[0].Value != "431" {
				t.Errorf("status %v", status[0])
			}
			return
		}
	}
}

// One client has a share of the connections only.
func TestConnectionsOfAClient(t *testing.T) {
	refused := make(chan netip.Prefix, 2)
	address, config := startServer(t, ServerConfig{MaxConnectionsPerClient: 3, Refused: func(client netip.Prefix) { refused <- client }})
	for i := range 5 {
		conn, err := tls.Dial("tcp", address, config)
		if (err == nil) != (i < 3) {
			t.Errorf("connection %d: %v", i, err)
		}
		if err == nil {
			defer conn.Close()
		}
	}
	if client := <-refused; client.String() != "127.0.0.1/32" {
		t.Errorf("refused %v", client)
	}
}

// Limits that change hold for the next connection, and end none that is open.
func TestLimitsChange(t *testing.T) {
	var server *Server
	address, config := startServer(t, ServerConfig{MaxConnections: 1}, func(s *Server) { server = s })
	try := func(want bool) {
		t.Helper()
		conn, err := tls.Dial("tcp", address, config)
		if (err == nil) != want {
			t.Errorf("a connection: %v", err)
		}
		if err == nil {
			t.Cleanup(func() { conn.Close() })
		}
	}
	try(true)
	try(false)
	server.Limit(0, 2)
	try(true)
	try(false)
	server.Limit(3, 0)
	try(true)
	try(false)
	if c := server.Stats(); c.Connections != 6 || c.Ends.Refused != 3 {
		t.Errorf("%+v", c)
	}
}

// Clients that begin too many connections are refused before TLS; those of a proxy are not
// asked about.
func TestAdmission(t *testing.T) {
	asked := 0
	admit := func(client netip.Addr) bool {
		asked++
		return asked < 2
	}
	s, address, config := serving(t, ServerConfig{Admit: admit})
	for i := range 2 {
		conn, err := tls.Dial("tcp", address, config)
		if (err == nil) != (i < 1) {
			t.Errorf("connection %d: %v", i, err)
		}
		if err == nil {
			defer conn.Close()
		}
	}
	if got := s.Stats(); got.Connections != 2 || got.Ends.Refused != 1 {
		t.Errorf("%+v", got)
	}
	if l := NewServer(nil, ServerConfig{Admit: admit}).listener; l.admit != nil {
		t.Error("connections of a proxy are limited")
	}
}

// A client is asked about by its address, not by that of its network: it may be loopback,
// or without a limit.
func TestAdmissionOfAddress(t *testing.T) {
	var asked netip.Addr
	server, client := net.Pipe()
	defer client.Close()
	l := NewServer(oneConnection{conn: from{server, "[::1]:4711"}}, ServerConfig{TLS: new(tls.Config), Admit: func(a netip.Addr) bool {
		asked = a
		return true
	}}).listener
	if conn, err := l.Accept(); err != nil || asked != netip.IPv6Loopback() {
		t.Errorf("asked about %v (%v)", asked, err)
	} else {
		conn.Close()
	}
}

// oneConnection accepts a connection.
type oneConnection struct {
	net.Listener
	conn net.Conn
}

func (o oneConnection) Accept() (net.Conn, error) { return o.conn, nil }

// from is a connection from an address.
type from struct {
	net.Conn
	address string
}

func (f from) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(f.address))
}

func FuzzHandler(f *testing.F) {
	f.Add("dns="+base64.RawURLEncoding.EncodeToString(query("www.example.")), "198.51.100.1, 192.0.2.1")
	f.Add("dns=AAAA&dns=%41", ",,")
	proxies, _ := names.ParsePeerSet("any")
	h, _ := newHandler(f, Handler{Proxies: proxies})
	f.Fuzz(func(t *testing.T, parameters, forwarded string) {
		r := httptest.NewRequest("GET", "/dns-query", nil)
		r.URL.RawQuery = parameters
		r.Header.Set("X-Forwarded-For", forwarded)
		w := httptest.NewRecorder()
		func() {
			defer func() {
				if p := recover(); p != nil && p != http.ErrAbortHandler {
					panic(p)
				}
			}()
			h.ServeHTTP(w, r)
		}()
		if w.Code == http.StatusOK && w.Body.Len() < wire.HeaderLen && w.Header().Get("Content-Length") != "" {
			t.Errorf("a reply of %d octets", w.Body.Len())
		}
	})
}
