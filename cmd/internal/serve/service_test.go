package serve

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/cmd/internal/systemd"
	"github.com/names-dns/names/internal/eventually"
)

// TestServiceManager: what systemd receives from the start of a server to its
// end.
func TestServiceManager(t *testing.T) {
	dir := t.TempDir()
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: filepath.Join(dir, "notify"), Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer manager.Close()
	getenv := func(name string) string {
		return map[string]string{"NOTIFY_SOCKET": filepath.Join(dir, "notify"), "WATCHDOG_USEC": "20000"}[name]
	}
	// expect reads states until one has the line, and skips those of the watchdog.
	expect := func(want string) {
		t.Helper()
		manager.SetReadDeadline(time.Now().Add(eventually.Limit))
		buf := make([]byte, 4096)
		for {
			n, err := manager.Read(buf)
			if err != nil {
				t.Fatalf("no %s: %v", want, err)
			}
			if text := string(buf[:n]); strings.Contains(text, want) {
				return
			} else if text != "WATCHDOG=1" {
				t.Errorf("%q is received, and not %s", text, want)
			}
		}
	}
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"a.example\"\n")
	c, _, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	notifier := systemd.NewNotifier(getenv)
	loading, loaded := context.WithCancel(context.Background())
	told := make(chan struct{})
	go func() {
		tellStart(loading, notifier, 1, new(atomic.Int64))
		close(told)
	}()
	expect("STATUS=loading 1 zones")
	expect("EXTEND_TIMEOUT_USEC=")
	loaded()
	<-told
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hangups, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		ended <- serve(ctx, c.Settings, hangups, slog.New(slog.DiscardHandler), func(s *Server) error {
			return s.operate(c, new(slog.LevelVar), notifier, getenv)
		})
	}()
	expect("READY=1\nSTATUS=serving 1 zone\n")
	expect("WATCHDOG=1")
	hangups <- struct{}{}
	expect("RELOADING=1\nMONOTONIC_USEC=")
	expect("READY=1\nSTATUS=serving 1 zone\n")
	cancel()
	expect("STOPPING=1")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// TestStartIsGivenUp: a server whose control socket or metrics cannot be opened
// does not start.
func TestStartIsGivenUp(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "socket"), "not a socket")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	for text, want := range map[string]string{
		"[control]\nsocket = \"socket\"\n":                          "control socket: ",
		"[metrics]\nlisten = [\"" + taken.Addr().String() + "\"]\n": "metrics: ",
	} {
		file := filepath.Join(dir, "names.toml")
		writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"a.example\"\n"+text)
		c, _, err := config.Load(file)
		if err != nil {
			t.Fatal(err)
		}
		err = serve(t.Context(), c.Settings, nil, slog.New(slog.DiscardHandler), func(s *Server) error {
			return s.operate(c, new(slog.LevelVar), nil, func(string) string { return "" })
		})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

const packaging = "../../../packaging"

// TestUnit: the paths of the unit are those that the commands have by default,
// and systemd finds nothing wrong with it, if it is installed.
func TestUnit(t *testing.T) {
	file := packaging + "/systemd/names.service"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Base(filepath.Dir(control.DefaultSocket))
	for _, want := range []string{"\nType=notify\n", " serve --config " + config.DefaultFile + "\n", "\nExecReload=/usr/local/bin/names ctl reload\n", "\nRuntimeDirectory=" + folder + "\n", "\nWatchdogSec="} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s does not have %q", file, want)
		}
	}
	socket, err := os.ReadFile(packaging + "/systemd/names.socket")
	if err != nil {
		t.Fatal(err)
	}
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed: Debian has it in the package systemd")
	}
	installed := strings.ReplaceAll(string(text), "/usr/local/bin/names", "/bin/true")
	dir := t.TempDir()
	unit, socketUnit := filepath.Join(dir, "names.service"), filepath.Join(dir, "names.socket")
	writeFile(t, unit, installed)
	writeFile(t, socketUnit, string(socket))
	if out, err := exec.Command(analyze, "verify", unit, socketUnit).CombinedOutput(); err != nil && strings.Contains(string(out), "names.s") {
		t.Errorf("systemd-analyze: %v\n%s", err, out)
	}
}

// TestExamples: the configurations that come with the package are right.
func TestExamples(t *testing.T) {
	examples, err := filepath.Glob(packaging + "/examples/*.toml")
	if err != nil || len(examples) < 6 {
		t.Fatalf("%v, %v", examples, err)
	}
	socket := regexp.MustCompile(`socket = "` + regexp.QuoteMeta(control.DefaultSocket) + `"`)
	for _, example := range examples {
		text, err := os.ReadFile(example)
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "zones"), 0o755); err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(dir, "zones", "a.zone"), smallZone)
		writeFile(t, filepath.Join(dir, "names.toml"), string(text))
		_, warnings, err := config.Load(filepath.Join(dir, "names.toml"))
		if err != nil || len(warnings) > 0 {
			problems, _ := errors.AsType[config.Problems](err)
			t.Errorf("%s: %v %v", example, problems, warnings)
		}
		if !socket.Match(text) {
			t.Errorf("%s has no control socket, which systemctl reload needs", example)
		}
	}
}
