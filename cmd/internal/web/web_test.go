package web

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

var verbs = []control.Verb{
	{Name: "status", What: "A secret.", Do: func(context.Context, []string) (any, error) { return "secret", nil }},
	{Name: "stop", What: "A change.", Changes: true, Do: func(context.Context, []string) (any, error) { return "stopped", nil }},
}

const password = "correct horse"

// ask asks the page, and returns status and body.
func ask(h http.Handler, method, path, body string, header map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestPermission: who gets something, and that others get nothing.
func TestPermission(t *testing.T) {
	h := Handler(password, verbs, slog.New(slog.DiscardHandler))
	own := map[string]string{"X-Names": "page"}
	login := func(h http.Handler, password string) *httptest.ResponseRecorder {
		return ask(h, "POST", "/login", fmt.Sprintf(`{"password": %q}`, password), own)
	}
	if w := login(h, "wrong"); w.Code != 401 || w.Header().Get("Set-Cookie") != "" {
		t.Errorf("a wrong password: %d %v", w.Code, w.Header())
	}
	if w := ask(h, "POST", "/login", `{"password": "`+password+`"}`, nil); w.Code != 403 {
		t.Errorf("a password from another page: %d", w.Code)
	}
	w := login(h, password)
	cookie := w.Header().Get("Set-Cookie")
	for _, want := range []string{"HttpOnly", "SameSite=Strict", "Path=/"} {
		if w.Code != 200 || !strings.Contains(cookie, want) {
			t.Fatalf("the right password: %d %q", w.Code, cookie)
		}
	}
	session, _, _ := strings.Cut(cookie, ";")
	for _, test := range []struct {
		name, method, path string
		header             map[string]string
		status             int
	}{
		{"nothing", "GET", "/v1/status", nil, 401},
		{"nothing for the list", "GET", "/v1/", nil, 401},
		{"a session", "GET", "/v1/status", map[string]string{"Cookie": session}, 200},
		{"a session that there is not", "GET", "/v1/status", map[string]string{"Cookie": "names=AAAA"}, 401},
		{"a change by our page", "POST", "/v1/stop", map[string]string{"Cookie": session, "X-Names": "page"}, 200},
		{"a change by another page", "POST", "/v1/stop", map[string]string{"Cookie": session}, 401},
		{"a program", "GET", "/v1/status", map[string]string{"Authorization": "Bearer " + password}, 200},
		{"a wrong program", "GET", "/v1/status", map[string]string{"Authorization": "Bearer x"}, 401},
	} {
		w := ask(h, test.method, test.path, "", test.header)
		if w.Code != test.status || strings.Contains(w.Body.String(), "secret") && test.status != 200 {
			t.Errorf("%s: %d %s", test.name, w.Code, w.Body)
		}
		if w.Header().Get("Content-Security-Policy") != policy {
			t.Errorf("%s: no policy", test.name)
		}
	}
	ask(h, "POST", "/logout", "", map[string]string{"Cookie": session, "X-Names": "page"})
	if w := ask(h, "GET", "/v1/status", "", map[string]string{"Cookie": session}); w.Code != 401 {
		t.Errorf("after the session: %d", w.Code)
	}
	synctest.Test(t, func(t *testing.T) {
		h := Handler(password, verbs, slog.New(slog.DiscardHandler))
		session, _, _ := strings.Cut(login(h, password).Header().Get("Set-Cookie"), ";")
		time.Sleep(sessionTime + time.Second)
		if w := ask(h, "GET", "/v1/status", "", map[string]string{"Cookie": session}); w.Code != 401 {
			t.Errorf("a session of yesterday: %d", w.Code)
		}
		for range 20 {
			login(h, "guess")
		}
		if w := login(h, password); w.Code != 429 {
			t.Errorf("after many guesses: %d", w.Code)
		}
		time.Sleep(2 * time.Second)
		if w := login(h, password); w.Code != 200 {
			t.Errorf("a while later: %d", w.Code)
		}
	})
}

// TestFilesAreOurs: no file of the page refers to another server, and all that it
// refers to are there.
func TestFilesAreOurs(t *testing.T) {
	h := Handler(password, verbs, slog.New(slog.DiscardHandler))
	fs.WalkDir(static, "static", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == "static/uplot":
			return fs.SkipDir // see TestVendored
		case d.IsDir():
			return nil
		}
		text, err := static.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, url := range regexp.MustCompile(`https?://[^"' )]+`).FindAllString(string(text), -1) {
			if url != "http://www.w3.org/2000/svg" { // a name, which nothing is fetched from
				t.Errorf("%s refers to %s", path, url)
			}
		}
		if regexp.MustCompile(`innerHTML|eval\(|document\.write`).Match(text) {
			t.Errorf("%s makes HTML of text", path)
		}
		for _, m := range regexp.MustCompile(`(?:href|src)="([A-Za-z./]+)"`).FindAllStringSubmatch(string(text), -1) {
			if w := ask(h, "GET", "/"+m[1], "", nil); w.Code != 200 {
				t.Errorf("%s refers to %s: %d", path, m[1], w.Code)
			}
		}
		return nil
	})
}

// TestVendored: what comes from npm is what vendor.sh took from there, with its licence.
func TestVendored(t *testing.T) {
	sums, err := static.ReadFile("static/uplot/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		fields := strings.Fields(line)
		want[fields[1]] = fields[0]
	}
	files, err := static.ReadDir("static/uplot")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() == "SHA256SUMS" {
			continue
		}
		text, err := static.ReadFile("static/uplot/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != want[f.Name()] {
			t.Errorf("%s is not what vendor.sh has taken from npm: %s, want %q", f.Name(), got, want[f.Name()])
		}
		delete(want, f.Name())
	}
	for name := range want {
		t.Errorf("%s is missing; run vendor.sh", name)
	}
}

func TestConfig(t *testing.T) {
	dir := t.TempDir()
	short := filepath.Join(dir, "short")
	if err := os.WriteFile(short, []byte("12345\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	loopback := []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:0")}
	for _, c := range []Config{{Listen: loopback}, {PasswordFile: "x"}, {Listen: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:80")}, PasswordFile: "x"}} {
		if c.Check() == nil {
			t.Errorf("%+v is taken", c)
		}
	}
	for _, path := range []string{short, filepath.Join(dir, "none")} {
		c := Config{Listen: loopback, PasswordFile: path}
		if c.Check() != nil || c.CheckFiles() == nil {
			t.Errorf("%s is taken", path)
		}
	}
}

// TestSketches: what is frequent is found among many, memory is bounded, and what is
// over is forgotten.
func TestSketches(t *testing.T) {
	var s Sketches
	x := new(names.Exchange)
	now := time.Unix(1800000000, 0)
	observe := func(name string, rcode wire.RCode) {
		query := wire.AppendQuery(nil, 1, 0, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, nil)
		if _, err := x.Read(query, names.Peer{Remote: netip.MustParseAddrPort("192.0.2.7:4242")}); err != nil {
			t.Fatal(err)
		}
		x.Received, x.RCode = now, rcode
		s.Observe(x, query, nil)
	}
	for i := range 40000 {
		observe(fmt.Sprintf("n%d.example.", i), 0)
		if i%10 == 0 {
			observe("popular.example.", 0)
			observe(fmt.Sprintf("n%d.a.broken.example.", i), wire.RCodeServFail)
		}
	}
	top := s.Top(3)
	if len(top.Names) != 3 || top.Names[0].Key != "popular.example. A" || top.Names[0].Queries < 3000 || len(top.Clients) != 1 || top.Clients[0].Key != "192.0.2.7" {
		t.Errorf("%+v", top)
	}
	if len(top.Failing) != 1 || top.Failing[0].Key != "broken.example." {
		t.Errorf("%+v", top.Failing)
	}
	if len(s.names) > sketchSize {
		t.Errorf("%d names", len(s.names))
	}
	now = now.Add(time.Hour)
	for range 100 {
		observe("now.example.", 0)
	}
	if top := s.Top(10); len(top.Names) != 1 || top.Names[0].Key != "now.example. A" || len(top.Failing) != 0 {
		t.Errorf("an hour later: %+v", top)
	}
}

// TestTail: the last lines are kept, with their attributes.
func TestTail(t *testing.T) {
	tail := NewTail(slog.DiscardHandler)
	for i := range tailLines + 5 {
		slog.New(tail.WithAttrs(nil)).LogAttrs(t.Context(), slog.LevelInfo, "line", slog.Int("n", i))
		tail.Handle(t.Context(), slog.NewRecord(time.Time{}, slog.LevelInfo, strings.Repeat("long", 1000), 0))
	}
	lines := tail.Lines()
	if len(lines) != tailLines || len(lines[tailLines-1]) != tailWidth {
		t.Errorf("%d lines, the last of %d", len(lines), len(lines[len(lines)-1]))
	}
}
