package control

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/bound"
)

// verbs are those of a server of tests.
var verbs = []Verb{
	{Name: "status", What: "One object.", Do: func(context.Context, []string) (any, error) {
		return map[string]any{"zones": 3, "cache": map[string]any{"used": 7}, "evil": "a\x1b[31mb"}, nil
	}},
	{Name: "list", Arguments: "[NAME]", What: "A table.", Do: func(_ context.Context, args []string) (any, error) {
		return []struct {
			Name string `json:"name"`
			Size int    `json:"rtt_ms"`
		}{{strings.Join(append([]string{"a"}, args...), ""), 1}, {"longer", 20}}, nil
	}},
	{Name: "empty", What: "A table without rows.", Do: func(context.Context, []string) (any, error) { return []string{}, nil }},
	{Name: "flush name", Arguments: "NAME", Changes: true, What: "A change.", Do: func(_ context.Context, args []string) (any, error) { return "flushed " + args[0], nil }},
	{Name: "flush all", Changes: true, What: "Fails.", Do: func(context.Context, []string) (any, error) { return nil, errors.New("there is no cache") }},
	{Name: "level", Arguments: "WORD", What: "Wants a certain word.", Do: func(_ context.Context, args []string) (any, error) {
		return nil, Usagef("%q is not a level", args[0])
	}},
}

func listenForTest(t *testing.T) (socket string, s *bound.Servers) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "control.sock")
	s, err := serveAt(socket, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return socket, s
}

// serveAt answers verbs at a socket.
func serveAt(socket string, log *slog.Logger) (*bound.Servers, error) {
	return bound.Serve(log, AtSocket(socket, Handler(verbs, log), log))
}

// TestCommand: what is printed, and with which exit code.
func TestCommand(t *testing.T) {
	socket, _ := listenForTest(t)
	for _, test := range []struct {
		args   string
		code   int
		stdout string // the whole of it
		stderr string // a part
	}{
		{"status", 0, "cache used  7\nevil        a?[31mb\nzones       3\n", ""},
		{"list", 0, "NAME    RTT MS\na       1\nlonger  20\n", ""},
		{"empty", 0, "none\n", ""},
		{"--json empty", 0, "[]\n", ""},
		{"list b", 0, "NAME    RTT MS\nab      1\nlonger  20\n", ""},
		{"--json list", 0, `[{"name":"a","rtt_ms":1},{"name":"longer","rtt_ms":20}]` + "\n", ""},
		{"list --json", 0, `[{"name":"a","rtt_ms":1},{"name":"longer","rtt_ms":20}]` + "\n", ""},
		{"flush name a&b=c", 0, "flushed a&b=c\n", ""},
		{"flush all", 1, "", "names ctl: there is no cache\n"},
		{"flush", 2, "", "names ctl flush name NAME\n  names ctl flush all"},
		{"flush name", 2, "", "an argument is missing; write names ctl flush name NAME"},
		{"list a b", 2, "", `"b" is an argument too many`},
		{"level x", 2, "", `"x" is not a level`},
		{"flush --help", 0, "NAME        ARGUMENTS  WHAT       CHANGES\nflush name  NAME       A change.  true\nflush all              Fails.     true\n", ""},
		{"flush name x -h", 0, "NAME        ARGUMENTS  WHAT       CHANGES\nflush name  NAME       A change.  true\n", ""},
		{"stats --help", 2, "", "there is no verb stats"},
		{"stats", 2, "", "there is no verb stats; did you mean status?"},
		{"", 2, "", "say what to do"},
		{"--jsn list", 2, "", "did you mean --json?"},
	} {
		var stdout, stderr bytes.Buffer
		code := Run(append([]string{"--socket", socket}, strings.Fields(test.args)...), &stdout, &stderr)
		if code != test.code || stdout.String() != test.stdout || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s: code %d\n%s%s", test.args, code, stdout.String(), stderr.String())
		}
	}
	var stdout, stderr bytes.Buffer
	if code := Run([]string{"--socket", socket + "x", "status"}, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), "is the server running") {
		t.Errorf("without a server: %d %s", code, stderr.String())
	}
	if Run([]string{"--socket", socket, "help"}, &stdout, &stderr); !strings.Contains(stdout.String(), "flush name  NAME       A change.              true") {
		t.Errorf("help prints\n%s", stdout.String())
	}
}

// Other programs speak plain HTTP.
func TestHTTP(t *testing.T) {
	socket, _ := listenForTest(t)
	c, err := newClient(reach{socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		method, path string
		status       int
		body         string
	}{
		{"GET", "/v1/list", 200, `"longer"`},
		{"GET", "/v1/list?arg=x&arg=y", 400, "too many"},
		{"GET", "/v1/", 200, `"flush name"`},
		{"POST", "/v1/flush/name?arg=x", 200, `"flushed x"`},
		{"GET", "/v1/flush/name?arg=x", 405, "it takes POST"},
		{"POST", "/v1/list", 405, "takes GET"},
		{"POST", "/v1/flush/all", 409, `{"error":"there is no cache"}`},
		{"GET", "/v1/nothing", 404, "GET /v1/ lists them"},
		{"GET", "/", 404, "error"},
	} {
		request, err := http.NewRequest(test.method, "http://names"+test.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		body.ReadFrom(response.Body)
		response.Body.Close()
		if response.StatusCode != test.status || !strings.Contains(body.String(), test.body) || response.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %s %s", test.method, test.path, response.Status, body.String())
		}
	}
}

// TestSocket: its mode, one that a crash has left, one of a server that runs, and
// a file that is not a socket.
func TestSocket(t *testing.T) {
	socket, s := listenForTest(t)
	info, err := os.Stat(socket)
	if err != nil || info.Mode() != os.ModeSocket|0o660 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	log := slog.New(slog.DiscardHandler)
	if _, err := serveAt(socket, log); err == nil || !strings.Contains(err.Error(), "another server answers") {
		t.Errorf("a second server: %v", err)
	}
	s.Close()
	if _, err := os.Lstat(socket); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the socket is left: %v", err)
	}

	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()
	s, err = serveAt(socket, log)
	if err != nil {
		t.Fatalf("after a crash: %v", err)
	}
	s.Close()
	if entries, _ := os.ReadDir(filepath.Dir(socket)); len(entries) > 0 {
		t.Errorf("%v are left", entries)
	}

	if err := os.WriteFile(socket, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := serveAt(socket, log); err == nil || !strings.Contains(err.Error(), "is not a socket") {
		t.Errorf("in place of a file: %v", err)
	}
	if text, _ := os.ReadFile(socket); string(text) != "mine" {
		t.Errorf("the file has become %q", text)
	}
}
