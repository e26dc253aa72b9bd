//go:build interop

package recursion

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// process is a server that runs.
type process struct {
	Name   string
	Addrs  []netip.AddrPort
	log    string // path of what it printed
	exited chan struct{}
	cmd    *exec.Cmd
}

// start runs a program until the test ends. Its arguments are what configure
// returns, which may write to the directory it is given; the program stays in
// the foreground and touches nothing outside.
func start(t *testing.T, name, binary string, addrs []netip.AddrPort, configure func(dir string) ([]string, error)) *process {
	t.Helper()
	path := need(t, binary)
	dir := t.TempDir()
	args, err := configure(dir)
	if err != nil {
		t.Fatal(err)
	}
	p := &process{
		Name:   name,
		Addrs:  addrs,
		log:    filepath.Join(dir, "printed.log"),
		exited: make(chan struct{}),
		cmd:    exec.Command(path, args...),
	}
	out, err := os.Create(p.log)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("starting %s: %v", name, err)
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	t.Cleanup(p.stop)
	return p
}

// need returns the path of a program. If it is not installed the test is
// skipped, but in CI it fails: there, not to compare is a fault.
func need(t *testing.T, binary string) string {
	t.Helper()
	path, err := exec.LookPath(binary)
	if err != nil {
		// Debian keeps servers where only root's search path leads.
		path, err = exec.LookPath(filepath.Join("/usr/sbin", binary))
	}
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed: %v", binary, err)
		}
		t.Skipf("%s is not installed: %v", binary, err)
	}
	return path
}

// await asks each of the process's addresses until it answers for each zone.
func (p *process) await(t *testing.T, zones ...*zone) {
	t.Helper()
	querier := names.Querier{Timeouts: []time.Duration{time.Second}}
	for _, addr := range p.Addrs {
		for _, z := range zones {
			query := wire.AppendQuery(nil, 1, wire.FlagRD, wire.Question{Name: z.Name, Type: wire.TypeSOA, Class: wire.ClassIN}, nil)
			err := eventually.Try(p.exited, func() error {
				reply, err := querier.Query(context.Background(), query, addr)
				if err != nil {
					return err
				}
				h, err := wire.ParseHeader(reply.Message)
				if err == nil && h.Flags.RCode() != wire.RCodeNoError {
					err = fmt.Errorf("it says %s", h.Flags.RCode())
				}
				return err
			})
			if err != nil {
				t.Fatalf("%s, zone %s: %v\nit printed:\n%s", p.Name, z.Name, err, p.printed())
			}
		}
	}
}

// stop ends the process: politely, then not.
func (p *process) stop() {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); errors.Is(err, os.ErrProcessDone) {
		return
	}
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second): // for what does not end by itself
		p.cmd.Process.Kill()
		<-p.exited
	}
}

// printed is the end of what the process printed.
func (p *process) printed() string {
	b, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	if lines := bytes.Split(b, []byte("\n")); len(lines) > 30 {
		b = bytes.Join(lines[len(lines)-30:], []byte("\n"))
	}
	return string(b)
}
