//go:build unix

package serve

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// runAsCommand makes the test binary the command itself.
const runAsCommand = "NAMES_TEST_RUN_SERVE"

func TestMain(m *testing.M) {
	if os.Getenv(runAsCommand) != "" {
		os.Exit(Run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// process is a server in a process of its own.
type process struct {
	*exec.Cmd
	ended chan error
}

func startProcess(t *testing.T, stderr *os.File, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(os.Args[0], args...), ended: make(chan error, 1)}
	p.Env = append(os.Environ(), runAsCommand+"=1")
	p.Stderr = stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	return p
}

// end reports how the process ended; one that does not end is killed.
func (p *process) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-p.ended:
		return err
	case <-time.After(eventually.Limit):
		p.Process.Signal(syscall.SIGABRT)
		<-p.ended
		t.Fatal("the server does not end")
		return nil
	}
}

// The server outlives the reader of its log: it does not die when the pipe is
// broken, and no query waits when the pipe is full.
func TestLogWithoutReader(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "example.org")
	writeFile(t, zone, smallZone)
	for _, what := range []string{"gone", "not reading"} {
		t.Run(what, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			address := freeport.Loopback(t).String()
			p := startProcess(t, w, "-i", address, "--bindzone", zone, "-v", "-v")
			w.Close()
			lines := bufio.NewScanner(r)
			for lines.Scan() && !strings.Contains(lines.Text(), "msg=serving") {
			}
			if what == "gone" {
				r.Close()
			}
			conn, err := net.Dial("udp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			q := wire.Question{Name: wire.MustParseName("ns.example.org."), Type: wire.TypeA, Class: wire.ClassIN}
			query, buf := wire.AppendQuery(nil, 7, 0, q, nil), make([]byte, 512)
			for i := range 500 { // some 400 KB of log: more than a pipe holds
				conn.SetDeadline(time.Now().Add(eventually.Limit))
				conn.Write(query)
				if _, err := conn.Read(buf); err != nil {
					t.Fatalf("query %d: %v", i, err)
				}
			}
			p.Process.Signal(syscall.SIGTERM)
			if err := p.end(t); err != nil {
				t.Errorf("the server ended with: %v", err)
			}
		})
	}
}

// Nothing is bound after the signal, even if it comes before a load has ended.
func TestStopBeforeStart(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "example.org")
	writeFile(t, zone, smallZone)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	record := new(logRecorder)
	err := serve(ctx, parse(t, "-i", "127.0.0.1:0", "--bindzone", zone), nil, newLog(record), func(*Server) error { t.Error("the server has started"); return nil })
	if err != nil || strings.Contains(record.String(), "listening") || strings.Contains(record.String(), "level=ERROR") {
		t.Errorf("%v\n%s", err, record.String())
	}
}

// SIGTERM ends the server at any moment of its life: while it starts, loads,
// reloads, saves, is flooded, and while it stops.
func TestStopAtAnyMoment(t *testing.T) {
	moments := 100
	if testing.Short() {
		moments = 8
	}
	dir := t.TempDir()
	var zone, hosts strings.Builder
	zone.WriteString(smallZone)
	for i := range 20000 {
		fmt.Fprintf(&zone, "h%d A 192.0.2.1\n", i)
		fmt.Fprintf(&hosts, "0.0.0.0 ads%d.example\n", i)
	}
	writeFile(t, filepath.Join(dir, "hosts"), hosts.String())
	args := []string{"-c", "--forward", "127.0.0.1:9", "--hosts-file", filepath.Join(dir, "hosts"), "--cache-file", filepath.Join(dir, "cache"), "-v"}
	for i := range 4 {
		path := filepath.Join(dir, fmt.Sprintf("z%d.example", i))
		writeFile(t, path, zone.String())
		args = append(args, "--bindzone", path)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, uint64(time.Now().UnixNano())))
	address := freeport.Loopback(t).String()
	for range moments {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		var log bytes.Buffer
		read := make(chan struct{})
		go func() { io.Copy(&log, r); close(read) }()
		p := startProcess(t, w, append([]string{"-i", address}, args...)...)
		w.Close()
		wait := time.Duration(random.IntN(int(400 * time.Millisecond)))
		what := disturb(p, address, dir, wait, random)
		p.Process.Signal(syscall.SIGTERM)
		err = p.end(t)
		<-read
		r.Close()
		// Before the command handles signals, the signal itself ends it.
		if status, ok := p.ProcessState.Sys().(syscall.WaitStatus); err != nil && (!ok || status.Signal() != syscall.SIGTERM) {
			t.Errorf("after %v of %s the server ended with: %v\n%s", wait, what, err, log.String())
		}
	}
}

// disturb does something to a server for a while.
func disturb(p *process, address, dir string, wait time.Duration, random *rand.Rand) (what string) {
	over := time.After(wait)
	switch random.IntN(4) {
	case 0:
		<-over
		return "rest"
	case 1: // reloads, with a zone that becomes a FIFO or a file again
		zone := filepath.Join(dir, "z1.example")
		for hangups := 0; ; {
			select {
			case <-over:
				return fmt.Sprintf("%d reloads", hangups)
			case <-time.After(20 * time.Millisecond):
			}
			if !ready(address) { // before, SIGHUP would end it, and a FIFO keep it from starting
				continue
			}
			if hangups == 0 {
				os.Rename(zone, zone+".kept")
				os.Link(filepath.Join(dir, "fifo"), zone)
				defer os.Rename(zone+".kept", zone)
			}
			p.Process.Signal(syscall.SIGHUP)
			hangups++
		}
	default: // queries, some of which wait for a server that does not reply
		conn, err := net.Dial("udp", address)
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		for n := 0; ; n++ {
			select {
			case <-over:
				return fmt.Sprintf("%d queries", n)
			default:
				q := wire.Question{Name: wire.MustParseName(fmt.Sprintf("h%d.z2.example.", n)), Type: wire.TypeA, Class: wire.ClassIN}
				if n%4 == 0 {
					q.Name = wire.MustParseName(fmt.Sprintf("n%d.elsewhere.example.", n))
				}
				conn.Write(wire.AppendQuery(nil, uint16(n), wire.FlagRD, q, nil))
			}
		}
	}
}

// ready reports whether the server takes connections.
func ready(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// A usage error ends the command before anything else.
func TestRunUsage(t *testing.T) {
	var out bytes.Buffer
	if code := Run([]string{"--secondary", "192.0.2.1"}, &out, &out); code != cli.ExitUsage {
		t.Errorf("exit code %d, %s", code, out.String())
	}
}
