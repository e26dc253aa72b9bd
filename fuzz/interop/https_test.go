//go:build interop

package interop

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
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
