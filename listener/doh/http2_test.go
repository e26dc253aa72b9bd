package doh

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/names-dns/names/internal/race"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/listener/odoh"
	"github.com/names-dns/names/names"
)

// startNetHTTP serves over TLS by net/http alone, for comparison.
func startNetHTTP(t *testing.T, h http.Handler) (address string) {
	t.Helper()
	cert, err := certificate.MakeSelfSigned([]string{"ns.example"}, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, MaxHeaderBytes: maxHeader, TLSConfig: &tls.Config{Certificates: []tls.Certificate{*cert}, NextProtos: []string{"h2"}}}
	go s.ServeTLS(l, "", "")
	t.Cleanup(func() { s.Close() })
	return l.Addr().String()
}

// Each request has the same answer as from net/http with the same handler: status, header fields and body,
// and the handler or the resolver the same view of the client.
func TestSameAsNetHTTP(t *testing.T) {
	proxies, _ := names.ParsePeerSet("127.0.0.0/8")
	h, z := newHandler(t, Handler{JSON: true, Oblivious: new(odoh.Keys), Proxies: proxies})
	const alternative = `h3=":443"; ma=86400`
	ours, config := startServer(t, ServerConfig{Handler: h, Alternative: func() string { return alternative }})
	theirs := startNetHTTP(t, withAlternative(h, func() string { return alternative }))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true, DisableCompression: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	dns := func(name string) string { return "/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(query(name)) }
	response := query("www.example.")
	response[2] |= 0x80
	type request struct {
		method, target string
		body           []byte
		header         []string
	}
	const isMessage = "Content-Type: " + mediaType
	var all []request
	for _, name := range []string{"www.example.", "long.example.", "no.example.", "broken.example.", "drop.example.", "."} {
		all = append(all, request{"GET", dns(name), nil, nil}, request{"HEAD", dns(name), nil, nil}, request{"POST", "/dns-query", query(name), []string{isMessage}})
	}
	for _, target := range []string{
		"/", "/dns-query", "/dns-query/", "//dns-query", "/dns%2Dquery?dns=AAAA", "/dns-query?dns=", "/dns-query?dns=AAAA", "/dns-query?dns=$$$", "/dns-query?dns=A&dns=B",
		dns("www.example.") + "==", "/dns-query?a=b&" + dns("www.example.")[11:], dns("www.example.") + "&a", "/DNS-QUERY?dns=AAAA", "/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(response),
		"/dns-query?name=www.example", "/dns-query?name=x&what=<b>", "/dns-query?name=long.example&type=TXT", odoh.ConfigsPath, "/dns-query?dns=" + strings.Repeat("A", 10000), "/dns-query?dns=" + strings.Repeat("A", 20000),
	} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			all = append(all, request{method, target, nil, nil})
		}
	}
	for _, header := range [][]string{
		{isMessage}, nil, {"Content-Type: Application/DNS-Message; charset=x"}, {"Content-Type: application/json"}, {"Content-Type: application/oblivious-dns-message"},
		{isMessage, "X-Forwarded-For: 198.51.100.7"}, {isMessage, "X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 198.51.100.8, 127.0.0.1"}, {isMessage, "X-Forwarded-For: x"}, {isMessage, "Expect: 100-continue"},
	} {
		for _, body := range [][]byte{query("www.example."), nil, []byte("x"), response, make([]byte, 65535), make([]byte, 65536), make([]byte, 100000), append(query("www.example."), 0)} {
			all = append(all, request{"POST", "/dns-query", body, header}, request{"POST", "/other", body, header}, request{"GET", dns("www.example."), body, header})
		}
	}
	type answer struct {
		failed  bool
		status  int
		header  http.Header
		body    string
		remote  netip.Addr
		proxied bool
		name    string
	}
	ask := func(r request, address string) (a answer) {
		z.mu.Lock()
		z.peer = names.Peer{}
		z.mu.Unlock()
		req, err := http.NewRequest(r.method, "https://"+address+r.target, bytes.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range r.header {
			name, value, _ := strings.Cut(line, ": ")
			req.Header.Add(name, value)
		}
		reply, err := client.Do(req)
		if err != nil {
			return answer{failed: true}
		}
		defer reply.Body.Close()
		body, err := io.ReadAll(reply.Body)
		a = answer{failed: err != nil, status: reply.StatusCode, header: reply.Header, body: string(body)}
		z.mu.Lock()
		defer z.mu.Unlock()
		a.remote, a.proxied = z.peer.Remote.Addr(), z.peer.Proxy.IsValid()
		if z.peer.TLS != nil {
			a.name = z.peer.TLS.Protocol
		}
		return a
	}
	for _, r := range all {
		a, b := ask(r, ours), ask(r, theirs)
		if strings.Contains(r.target, odoh.ConfigsPath) {
			a.header.Del("Cache-Control") // seconds that are left
			b.header.Del("Cache-Control")
		}
		if !a.failed && a.header.Get("Date") == "" {
			t.Errorf("%.80v: no date", r)
		}
		a.header.Del("Date")
		b.header.Del("Date")
		if a.failed != b.failed || a.status != b.status || a.body != b.body || !maps.EqualFunc(a.header, b.header, slices.Equal) || a.remote != b.remote || a.proxied != b.proxied || a.name != b.name {
			t.Errorf("%.80v:\n%.500v\nnet/http:\n%.500v", r, a, b)
		}
	}
	if len(all) < 350 {
		t.Errorf("%d requests", len(all))
	}
}

// Queries that take time are answered when they are, others meanwhile; those that are taken back end.
func TestSlowQueries(t *testing.T) {
	release, given := make(chan struct{}), make(chan struct{})
	e, err := listener.NewEdge(listener.Config{Resolver: &waits{release: release, given: given}})
	if err != nil {
		t.Fatal(err)
	}
	address, config := startServer(t, ServerConfig{Handler: &Handler{Edge: e}})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	url := func(name string) string { return "https://" + address + get(name).URL.String() }
	ctx, cancel := context.WithCancel(t.Context())
	r, _ := http.NewRequestWithContext(ctx, "GET", url("given.up."), nil)
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := client.Do(r); err == nil {
			t.Error("an answer to what was given up")
		}
	})
	for range 20 {
		all.Go(func() {
			r, err := client.Get(url("slow."))
			if err != nil || r.StatusCode != 200 || r.Header.Get("Cache-Control") != "max-age=7" {
				t.Errorf("%v, %v", r, err)
			}
			r.Body.Close()
		})
	}
	for range 20 {
		r, err := client.Get(url("fast."))
		if err != nil || r.StatusCode != 200 {
			t.Fatalf("%v, %v", r, err)
		}
		r.Body.Close()
	}
	cancel()
	<-given
	close(release)
	all.Wait()
	if s := e.Stats(); s.HTTPSQueries != 41 || s.Slow != 21 || s.Replies != 40 {
		t.Errorf("%d queries, %d slow, %d replies", s.HTTPSQueries, s.Slow, s.Replies)
	}
}

// waits answers fast. at once, slow. when it is released, and given.up. never.
type waits struct{ release, given chan struct{} }

func (w *waits) TryResolve(x *names.Exchange) error {
	if x.Question().Name.String() != "fast." {
		return names.ErrSlow
	}
	return nil
}

func (w *waits) Resolve(ctx context.Context, x *names.Exchange) error {
	switch x.Question().Name.String() {
	case "slow.":
		<-w.release
		return x.Reply.Raw(x.Question().Name, 1, 1, 7, make([]byte, 4))
	case "given.up.":
		<-ctx.Done()
		close(w.given)
		return names.ErrDrop
	}
	return nil
}

// A server that stops answers what it was asked on connections that are open.
func TestShutdownLosesNothing(t *testing.T) {
	release := make(chan struct{})
	e, err := listener.NewEdge(listener.Config{Resolver: &waits{release: release}})
	if err != nil {
		t.Fatal(err)
	}
	s, address, config := serving(t, ServerConfig{Handler: &Handler{Edge: e}})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			r, err := client.Get("https://" + address + get("slow.").URL.String())
			if err != nil || r.StatusCode != 200 {
				t.Errorf("%v, %v", r, err)
				return
			}
			if _, err := io.ReadAll(r.Body); err != nil {
				t.Error(err)
			}
			r.Body.Close()
		})
	}
	for e.Stats().Slow < 10 {
		if r, err := client.Get("https://" + address + get("fast.").URL.String()); err == nil {
			r.Body.Close()
		}
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		s.Shutdown(context.Background())
	}()
	for !s.listener.stopping.Load() {
	}
	close(release)
	all.Wait()
	<-stopped
}

// A hit costs one allocation, that of the frame which the framer returns.
func TestAllocationsOfHits(t *testing.T) {
	if race.Enabled {
		t.Skip("the race detector allocates")
	}
	for _, method := range []string{"GET", "POST"} {
		const batches = 1000
		if n := testing.AllocsPerRun(1, func() { hits(t, method, batches) }) / (batches * batchSize); n > 1.1 {
			t.Errorf("%s: %.2f allocations", method, n)
		}
	}
}
