package systemd

import (
	"bytes"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/eventually"
)

func env(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// manager is the socket that a service manager reads states from.
func manager(t *testing.T) (path string, read func() string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return path, func() string {
		b := make([]byte, 4096)
		conn.SetReadDeadline(time.Now().Add(eventually.Limit))
		n, err := conn.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func TestStatesReachTheManager(t *testing.T) {
	path, read := manager(t)
	n := NewNotifier(env("NOTIFY_SOCKET", path))
	n.now = func() time.Duration { return 1500 * time.Microsecond }
	for _, c := range []struct {
		send func() error
		want string
	}{
		{func() error { return n.Status("loading\nREADY=1") }, "STATUS=loading READY=1"},
		{func() error { return n.Ready("3 zones") }, "READY=1\nSTATUS=3 zones\nMAINPID=" + strconv.Itoa(os.Getpid())},
		{n.Reloading, "RELOADING=1\nMONOTONIC_USEC=1500"},
		{func() error { return n.ExtendTimeout(2 * time.Second) }, "EXTEND_TIMEOUT_USEC=2000000"},
		{n.Stopping, "STOPPING=1"},
	} {
		if err := c.send(); err != nil {
			t.Fatal(err)
		}
		if got := read(); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}

func TestNothingIsSentWithoutAManager(t *testing.T) {
	for _, path := range []string{"", "relative"} {
		n := NewNotifier(env("NOTIFY_SOCKET", path))
		if err := n.Ready("x"); err != nil {
			t.Errorf("%q: %v", path, err)
		}
		if err := n.Reloading(); err != nil {
			t.Errorf("%q: %v", path, err)
		}
		n.RunWatchdog(context.Background(), env("WATCHDOG_USEC", "1000000"), func() bool { return true })
	}
	if err := NewNotifier(env("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))).Ready("x"); err == nil {
		t.Error("no error for a socket that is not there")
	}
}

func TestWatchdogInterval(t *testing.T) {
	own := strconv.Itoa(os.Getpid())
	for _, c := range []struct {
		usec, pid string
		want      time.Duration
	}{
		{"30000000", "", 30 * time.Second},
		{"30000000", own, 30 * time.Second},
		{"30000000", "1", 0},
		{"", "", 0}, {"x", "", 0}, {"-5", "", 0}, {"0", "", 0}, {"9223372036854775807", "", 0},
	} {
		if got := watchdogInterval(env("WATCHDOG_USEC", c.usec, "WATCHDOG_PID", c.pid)); got != c.want {
			t.Errorf("%q, pid %q: %v, want %v", c.usec, c.pid, got, c.want)
		}
	}
}

func TestWatchdogIsFedWhileAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		asked := 0
		new(Notifier).RunWatchdog(ctx, env("WATCHDOG_USEC", "4000000"), func() bool { asked++; return true })
		if asked != 4 {
			t.Errorf("asked %d times in 9 s, want 4: every 2 s", asked)
		}
	})
}

func TestSocketsOfAnotherProcess(t *testing.T) {
	for _, getenv := range []func(string) string{env(), env("LISTEN_PID", "1", "LISTEN_FDS", "2")} {
		if sockets, err := Sockets(getenv); len(sockets) != 0 || err != nil {
			t.Errorf("got %v, %v", sockets, err)
		}
	}
	own := strconv.Itoa(os.Getpid())
	for _, count := range []string{"", "x", "-1", "100000"} {
		if _, err := Sockets(env("LISTEN_PID", own, "LISTEN_FDS", count)); err == nil {
			t.Errorf("LISTEN_FDS=%q is taken", count)
		}
	}
}

// TestSocketsArePassed starts this test once more, as the manager would.
func TestSocketsArePassed(t *testing.T) {
	if os.Getenv("SYSTEMD_TEST_CHILD") != "" {
		child(t)
		return
	}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	file, err := udp.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var out bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", `LISTEN_PID=$$ exec "$0" -test.run '^TestSocketsArePassed$' -test.v`, os.Args[0])
	cmd.Env = append(os.Environ(), "SYSTEMD_TEST_CHILD=1", "LISTEN_FDS=1", "LISTEN_FDNAMES=dns")
	cmd.ExtraFiles = []*os.File{file}
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if want := "dns " + udp.LocalAddr().String(); !strings.Contains(out.String(), want) {
		t.Errorf("%q is not in\n%s", want, out.String())
	}
}

func child(t *testing.T) {
	sockets, err := Sockets(os.Getenv)
	if err != nil || len(sockets) != 1 {
		t.Fatal(sockets, err)
	}
	conn, err := net.FilePacketConn(sockets[0].File)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(sockets[0].Name, conn.LocalAddr())
}
