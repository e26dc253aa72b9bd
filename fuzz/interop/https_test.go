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
	"regexp"
	"slices"
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

// h2specFailures are the cases in which net/http does otherwise, on purpose: a SETTINGS
// frame with the same setting twice ends the connection, and requests with headers that HTTP/2
// does not have are answered with 400, as RFC 9113 8.1.1 allows, instead of none.
var h2specFailures = []string{
	`Sends multiple values of SETTINGS_INITIAL_WINDOW_SIZE`,
	`Sends a HEADERS frame that contains the connection-specific header field`,
	`Sends a HEADERS frame that contains the TE header field with any value other than "trailers"`,
}

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
	_, failures, _ := strings.Cut(text, "\nFailures:")
	var failed []string
	for _, m := range regexp.MustCompile(`× \d+: (.*)`).FindAllStringSubmatch(failures, -1) {
		failed = append(failed, strings.TrimSpace(m[1]))
	}
	if !slices.Equal(failed, h2specFailures) || !strings.Contains(text, " 0 skipped, ") {
		t.Errorf("%v: failed are %q\n%s", err, failed, failures)
	}
}
