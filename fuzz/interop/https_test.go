//go:build interop

package interop

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/wire"
)

// TestChromium: a browser that asks only us, over HTTPS, finds a page by its name.
func TestChromium(t *testing.T) {
	i := newIdentity(t)
	file := filepath.Join(t.TempDir(), "page.example.zone")
	if err := os.WriteFile(file, []byte("$ORIGIN page.example.\n$TTL 60\n@ SOA ns a 7 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwww A 127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, https, _ := encryptedOurs(t, i, []zoneFile{{Origin: "page.example.", File: file}})
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "found") }))
	defer page.Close()
	_, port, _ := strings.Cut(page.Listener.Addr().String(), ":")
	for method, variable := range map[string]string{"GET": "{?dns}", "POST": ""} {
		t.Run(method, func(t *testing.T) {
			preferences := fmt.Sprintf(`{"dns_over_https": {"mode": "secure", "templates": "https://127.0.0.1:%s/dns-query%s"}}`, https, variable)
			b := startBrowserWith(t, preferences, "--ignore-certificate-errors-spki-list="+i.pin)
			b.do("Page.navigate", fmt.Sprintf(`{"url": "http://www.page.example:%s/"}`, port))
			b.until(`document.body !== null && document.body.innerText === "found"`)
		})
	}
}

// h2specModule is the conformance test of HTTP/2 as RFC 7540 has it. Its go.mod is ours, since it
// has none: what it needs is always the same.
const h2specModule = `module h2spec

go 1.26

require (
	github.com/fatih/color v1.19.0
	github.com/spf13/cobra v1.10.2
	github.com/summerwind/h2spec v2.2.1+incompatible
	golang.org/x/net v0.62.0
)
`

func TestH2Spec(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(h2specModule), 0o600); err != nil {
		t.Fatal(err)
	}
	build := exec.Command(need(t, "go"), "build", "-mod=mod", "-o", "h2spec", "github.com/summerwind/h2spec/cmd/h2spec")
	build.Dir, build.Env = dir, append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building h2spec: %v\n%s", err, out)
	}
	_, _, https, _ := encryptedOurs(t, newIdentity(t), encryptedZones(t))
	query := wire.AppendQuery(nil, 0, 0, wire.Question{Name: wire.MustParseName("www.crypt.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	// It waits so many seconds for a frame, and in some cases none comes.
	out, err := exec.Command(filepath.Join(dir, "h2spec"), "--host", "127.0.0.1", "--port", https, "--tls", "--insecure", "--timeout", "10",
		"--path", "/dns-query?dns="+base64.RawURLEncoding.EncodeToString(query)).CombinedOutput()
	text := string(out)
	if err != nil || !strings.Contains(text, "145 tests, 145 passed, 0 skipped, 0 failed") {
		_, failures, _ := strings.Cut(text, "\nFailures:")
		t.Errorf("%v\n%s", err, failures)
	}
}

// TestHTTP2Clients: programs that ask much at once have all their replies. dnsperf takes one reply of those
// that come in one record of TLS.
func TestHTTP2Clients(t *testing.T) {
	_, _, https, _ := encryptedOurs(t, newIdentity(t), encryptedZones(t))
	queries := filepath.Join(t.TempDir(), "queries")
	if err := os.WriteFile(queries, []byte("www.crypt.example. A\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	query := wire.AppendQuery(nil, 0, 0, wire.Question{Name: wire.MustParseName("www.crypt.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
	body := filepath.Join(t.TempDir(), "query")
	if err := os.WriteFile(body, query, 0o600); err != nil {
		t.Fatal(err)
	}
	url := "https://127.0.0.1:" + https + "/dns-query"
	get := url + "?dns=" + base64.RawURLEncoding.EncodeToString(query)
	for _, c := range []struct {
		program string
		args    []string
		want    string
	}{
		{"dnsperf", []string{"-m", "doh", "-s", "127.0.0.1", "-p", https, "-O", "doh-uri=" + url, "-d", queries, "-n", "500", "-c", "2", "-q", "50"}, "Queries lost:         0 "},
		{"dnsperf", []string{"-m", "doh", "-s", "127.0.0.1", "-p", https, "-O", "doh-uri=" + url, "-O", "doh-method=POST", "-d", queries, "-n", "500", "-c", "2", "-q", "50"}, "Queries lost:         0 "},
		{"h2load", []string{"-n", "2000", "-c", "4", "-m", "50", "--npn-list=h2", get}, "2000 succeeded, 0 failed, 0 errored"},
		{"h2load", []string{"-n", "2000", "-c", "4", "-m", "50", "--npn-list=h2", "-d", body, "-H", "content-type: application/dns-message", url}, "2000 succeeded, 0 failed, 0 errored"},
		{"nghttp", []string{"-nv", get}, ":status: 200"},
	} {
		out, err := exec.Command(need(t, c.program), c.args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s %q: %v\n%s", c.program, c.args, err, out)
		}
	}
}
