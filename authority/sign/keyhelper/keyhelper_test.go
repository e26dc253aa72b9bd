package keyhelper

import (
	"bufio"
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
	"github.com/names-dns/names/wire/dnssec/ed448"
)

// helper runs a helper with keys in a new folder.
func helper(t *testing.T) (path string, stop func()) {
	t.Helper()
	dir := t.TempDir()
	return filepath.Join(dir, "socket"), startHelper(t, dir)
}

func startHelper(t *testing.T, dir string) (stop func()) {
	t.Helper()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	keys, err := NewFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	l, err := Listen(filepath.Join(dir, "socket"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		if err := Serve(ctx, l, keys, slog.New(slog.DiscardHandler)); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); done.Wait() }
	t.Cleanup(stop)
	return stop
}

func init() { sign.AddAlgorithms(ed448.Scheme()) }

// TestKeysOfAHelper: keys of each algorithm are made by a helper, sign, and are read
// again from their files.
func TestKeysOfAHelper(t *testing.T) {
	path, _ := helper(t)
	c := NewClient(path)
	defer c.Close()
	zone, now := wire.MustParseName("example.com."), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for _, algorithm := range []wire.Algorithm{wire.AlgorithmRSASHA256, wire.AlgorithmECDSAP256SHA256, wire.AlgorithmECDSAP384SHA384, wire.AlgorithmED25519, wire.AlgorithmED448} {
		t.Run(algorithm.String(), func(t *testing.T) {
			k, err := sign.GenerateInDevice(c, zone, nil, algorithm, 257, 0, now)
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := k.Write(dir, zone); err != nil {
				t.Fatal(err)
			}
			again, err := sign.ReadKeys(dir, zone)
			if err != nil || len(again) != 1 || again[0].Tag != k.Tag || again[0].Label() != k.Label() {
				t.Fatalf("%v %v", again, err)
			}
			if _, err := again[0].AppendPEM(nil); !errors.Is(err, sign.ErrNoPrivateHalf) {
				t.Errorf("exported: %v", err)
			}
			set := testSet(zone)
			if _, err := again[0].Sign(set, zone, 1, 2); err == nil {
				t.Error("signs without a helper")
			}
			sign.UseDevice(again, c)
			if _, err := again[0].Sign(set, zone, 1, 2); err != nil {
				t.Error(err)
			}
			taken, err := sign.KeyInDevice(c, k.Label(), algorithm, 257, now)
			if err != nil || taken.Tag != k.Tag {
				t.Errorf("%v %v", taken, err)
			}
		})
	}
	if _, err := c.Public("not-there"); err == nil || !strings.Contains(err.Error(), "there is no key") {
		t.Error(err)
	}
	if _, err := c.Generate("one", wire.AlgorithmMLDSA44, 0); err == nil {
		t.Error("made a key of an algorithm that the helper does not know")
	}
	if got := c.Stats(); got.Failed != 2 {
		t.Errorf("%+v", got)
	}
}

// TestServeEnds: a socket that fails ends Serve, though a client is connected.
func TestServeEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ended := make(chan error, 1)
	go func() { ended <- Serve(t.Context(), l, nil, slog.New(slog.DiscardHandler)) }()
	client, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := bufio.NewReader(client).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := l.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error(err)
	}
}

// TestHelperRestarted: a client connects again.
func TestHelperRestarted(t *testing.T) {
	path, stop := helper(t)
	c := NewClient(path)
	defer c.Close()
	if _, err := c.Generate("one", wire.AlgorithmECDSAP256SHA256, 0); err != nil {
		t.Fatal(err)
	}
	stop()
	startHelper(t, filepath.Dir(path))
	digest := sha256.Sum256([]byte("text"))
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := c.Sign("one", digest[:], crypto.SHA256); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if _, err := Listen(path); err == nil {
		t.Error("listens twice")
	}
}

// TestSocketOfOthers: a socket that other users can connect to, or that is something else,
// is not asked.
func TestSocketOfOthers(t *testing.T) {
	path, _ := helper(t)
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{path: "users other than its owner", file: "not a socket", file + ".no": "no such file"} {
		if _, err := NewClient(path).Public("one"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := NewFolder(filepath.Dir(file)); err == nil && os.Getuid() == 0 {
		info, _ := os.Stat(filepath.Dir(file))
		t.Errorf("folder with mode %v taken", info.Mode())
	}
}

// TestUsers: processes of other users are not answered.
func TestUsers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "socket")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := checkPeer(conn, os.Geteuid()); err != nil {
		t.Error(err)
	}
	if err := checkPeer(conn, os.Geteuid()+1); err == nil && runtime.GOOS == "linux" {
		t.Error("a process of another user is taken")
	}
}

// silent is a client whose helper accepts connections, greets, and does what do says.
func silent(do func(conn net.Conn)) *Client {
	c := NewClient("test")
	c.dial = func(context.Context) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go do(theirs)
		return ours, nil
	}
	return c
}

// TestHelperThatHangs: each request ends, and while the helper does not reply, most
// requests are not sent.
func TestHelperThatHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		connections := 0
		c := silent(func(conn net.Conn) {
			connections++
			fmt.Fprintln(conn, `{"protocol":"names-keys","version":1}`)
			io.Copy(io.Discard, conn)
			conn.Close()
		})
		if _, err := c.Public("one"); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		for range 1000 {
			if _, err := c.Public("one"); !errors.Is(err, ErrPaused) || !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal(err)
			}
		}
		time.Sleep(pause) // of the bubble's clock
		if _, err := c.Public("one"); errors.Is(err, ErrPaused) {
			t.Error(err)
		}
		synctest.Wait()
		if connections != 2 {
			t.Errorf("%d connections", connections)
		}
		if got := c.Stats(); got.Failed != 1002 || got.Replied != 0 {
			t.Errorf("%+v", got)
		}
	})
}

// TestHelperThatIsWrong: whatever a helper sends, the client reports it.
func TestHelperThatIsWrong(t *testing.T) {
	const hello = `{"protocol":"names-keys","version":1}` + "\n"
	for text, want := range map[string]string{
		"":        "greeting",
		"hello\n": "greeting",
		`{"protocol":"names-keys","version":2}` + "\n": "version 2",
		hello:                                  "waiting for a reply",
		hello + "{\n":                          "reply",
		hello + `{"error":"no token"}` + "\n":  "no token",
		hello + "{}\n":                         "without a signature",
		hello + strings.Repeat("x", maxLine+1): "a line of more than",
	} {
		c := silent(func(conn net.Conn) {
			defer conn.Close()
			if rest, ok := strings.CutPrefix(text, hello); ok {
				io.WriteString(conn, hello)
				bufio.NewReader(conn).ReadString('\n')
				text = rest
			}
			io.WriteString(conn, text)
		})
		if _, err := c.Sign("one", make([]byte, 32), crypto.SHA256); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v", text, err)
		}
	}
}

// TestClientThatIsWrong: a helper answers with an error, and goes on.
func TestClientThatIsWrong(t *testing.T) {
	path, _ := helper(t)
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	read := bufio.NewScanner(conn)
	read.Scan()
	for _, line := range []string{"{", `{"do":"erase","label":"one"}`, `{"do":"sign","label":"a b"}`, `{"do":"sign","label":"one","hash":"MD5"}`,
		`{"do":"sign","label":"one","hash":"SHA-256","digest":"AAAA"}`, `{"do":"public","label":"../one"}`, `{"do":"generate","label":"one"}`} {
		fmt.Fprintln(conn, line)
		if !read.Scan() || !bytes.Contains(read.Bytes(), []byte(`"error"`)) {
			t.Errorf("%s: %s %v", line, read.Bytes(), read.Err())
		}
	}
}

func testSet(zone wire.Name) *dnssec.RRset {
	return &dnssec.RRset{Name: zone, Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: [][]byte{{192, 0, 2, 1}}}
}
