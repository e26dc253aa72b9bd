package transfer

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

// TestUsage: each mistake in a command line has its error, and no server is asked.
func TestUsage(t *testing.T) {
	for args, want := range map[string]string{
		"":                                      "say which zone",
		"example.org":                           "say which server: @SERVER",
		"@192.0.2.1":                            "say which zone",
		"example..org @192.0.2.1":               "example..org",
		"example.org @192.0.2.1 file more":      `"more" is an argument too many`,
		"example.org @192.0.2.1 -p 65536":       "-p: 65536 is not a port",
		"example.org @192.0.2.1 --timeout 0":    "--timeout: 0s is not a time",
		"example.org @192.0.2.1 -y nonsense":    "-y: ",
		"example.org @192.0.2.1 -k a -y b:YQ==": "give one of the two",
		"example.org @192.0.2.1 --from here":    `--from: "here" is not an address`,
	} {
		var stdout, stderr strings.Builder
		code := Run(strings.Fields(args), &stdout, &stderr)
		if code != 2 || !strings.Contains(stderr.String(), want) || stdout.Len() > 0 {
			t.Errorf("%s: code %d, %q does not say %q", args, code, stderr.String(), want)
		}
	}
}

// TestStopped: a transfer that is stopped leaves the file as it was, and no other.
func TestStopped(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("a process cannot send itself signals here")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		c.Read(make([]byte, 512)) // the query: the signals are watched for by now
		if p, err := os.FindProcess(os.Getpid()); err == nil {
			p.Signal(syscall.SIGTERM)
		}
		c.Read(make([]byte, 1)) // the end of the connection
	}()
	dir := t.TempDir()
	file := filepath.Join(dir, "zone")
	if err := os.WriteFile(file, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	code := Run([]string{"example.org", "@" + l.Addr().String(), file}, &stdout, &stderr)
	text, err := os.ReadFile(file)
	if code != 1 || err != nil || string(text) != "old" || !strings.Contains(stderr.String(), "zone example.org. from 127.0.0.1:") {
		t.Errorf("code %d, %q, %v: %s", code, text, err, stderr.String())
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}
