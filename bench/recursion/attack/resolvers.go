package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// resolverAt is where a resolver listens. Port 53 is the internet's.
var resolverAt = netip.MustParseAddrPort("127.0.0.1:5300")

// resolver is a program that resolves from the root. It validates if there is a
// trust anchor, the data of a DS record; all else is as it comes.
type resolver struct {
	name, binary string
	// configure returns the arguments; text goes to the file whose name it has.
	configure func(dir, hints, anchor string) (args []string, file, text string)
}

var resolvers = []resolver{
	{"names", "", func(dir, hints, anchor string) ([]string, string, string) {
		args := []string{"serve", "-i", resolverAt.String(), "--from-root", "--root-hints", hints, "-c"}
		if anchor == "" {
			return args, "", ""
		}
		file := filepath.Join(dir, "anchor")
		return append(args, "--trust-anchor", file), file, ". DS " + anchor + "\n"
	}},
	{"unbound", "unbound", func(dir, hints, anchor string) ([]string, string, string) {
		modules := `"iterator"`
		if anchor != "" {
			modules = fmt.Sprintf("\"validator iterator\"\n\ttrust-anchor: %q", ". DS "+anchor)
		}
		file := filepath.Join(dir, "unbound.conf")
		return []string{"-d", "-c", file}, file, fmt.Sprintf(`server:
	interface: %s@%d
	directory: %q
	pidfile: ""
	chroot: ""
	username: ""
	use-syslog: no
	do-daemonize: no
	module-config: %s
	root-hints: %q
remote-control:
	control-enable: no
`, resolverAt.Addr(), resolverAt.Port(), dir, modules, hints)
	}},
	{"kresd", "kresd", func(dir, hints, anchor string) ([]string, string, string) {
		trust := "trust_anchors.remove('.')"
		if anchor != "" {
			trust += fmt.Sprintf("\ntrust_anchors.add('. DS %s')", anchor)
		}
		file := filepath.Join(dir, "kresd.conf")
		return []string{"-n", "-c", file, dir}, file, fmt.Sprintf(`net.listen('%s', %d, { kind = 'dns' })
%s
modules = { 'hints' }
hints.root_file('%s')
cache.open(100 * MB, 'lmdb://%s')
`, resolverAt.Addr(), resolverAt.Port(), trust, hints, filepath.Join(dir, "cache"))
	}},
	{"named", "named", func(dir, hints, anchor string) ([]string, string, string) {
		validation, trust := "no", ""
		if words := strings.Fields(anchor); len(words) > 3 {
			validation, trust = "yes", fmt.Sprintf("trust-anchors { . static-ds %s %q; };\n", strings.Join(words[:3], " "), strings.Join(words[3:], ""))
		}
		file := filepath.Join(dir, "named.conf")
		return []string{"-g", "-c", file}, file, fmt.Sprintf(`controls { };
options {
	directory %q;
	pid-file none;
	lock-file none;
	session-keyfile none;
	listen-on port %d { %s; };
	listen-on-v6 { none; };
	dnssec-validation %s;
	empty-zones-enable no;
};
%szone "." { type hint; file %q; };
`, dir, resolverAt.Port(), resolverAt.Addr(), validation, trust, hints)
	}},
}

func resolverNames() (list []string) {
	for _, r := range resolvers {
		list = append(list, r.name)
	}
	return list
}

// build builds the binary of names.
func build(ctx context.Context, path string) error {
	where := exec.CommandContext(ctx, "go", "list", "-f", "{{.Dir}}", "github.com/names-dns/names/wire")
	where.Stderr = os.Stderr
	dir, err := where.Output()
	if err != nil {
		return fmt.Errorf("go list, in the directory bench: %w", err)
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", path, "./cmd/names")
	cmd.Dir, cmd.Stderr = filepath.Dir(string(dir)), os.Stderr
	return cmd.Run()
}

// process is a resolver that runs.
type process struct {
	cmd    *exec.Cmd
	exited chan struct{}
}

// start starts r with an empty cache and waits until it answers.
func (r resolver) start(ctx context.Context, binary, dir, hints, anchor string) (*process, error) {
	if r.binary != "" {
		binary = r.binary
	}
	path, err := exec.LookPath(binary)
	if err != nil {
		// Debian keeps servers where only root's search path leads.
		if path, err = exec.LookPath(filepath.Join("/usr/sbin", binary)); err != nil {
			return nil, fmt.Errorf("%s is not installed", binary)
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "cache"), 0o755); err != nil {
		return nil, err
	}
	args, file, text := r.configure(dir, hints, anchor)
	if file != "" {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	out, err := os.Create(filepath.Join(dir, "printed.log"))
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(path, args...), exited: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.exited)
	}()
	if err := p.await(ctx); err != nil {
		p.stop()
		return nil, fmt.Errorf("%w; see %s", err, out.Name())
	}
	return p, nil
}

// startTime is how long a resolver may take until it answers.
const startTime = time.Minute

// await asks until a name is found that no attack needs: the root is known
// then.
func (p *process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	q := wire.Question{Name: wire.MustParseName("www.bystander."), Type: wire.TypeA, Class: wire.ClassIN}
	querier := names.Querier{Timeouts: []time.Duration{2 * time.Second}}
	for {
		reply, err := querier.Query(ctx, wire.AppendQuery(nil, 1, wire.FlagRD, q, nil), resolverAt)
		if err == nil {
			if m, err := wire.ParseMessage(reply.Message); err == nil && m.RCode == wire.RCodeNoError && len(m.Answers) == 1 {
				return nil
			}
		}
		select {
		case <-p.exited:
			return fmt.Errorf("it ended: %v", p.cmd.ProcessState)
		case <-ctx.Done():
			return errors.New("it does not answer")
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// cpu is the processor time that the process has taken. Its clock is asked by its
// number here; /proc has that of another namespace.
func (p *process) cpu() (time.Duration, error) {
	const allThreads = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	err := unix.ClockGettime(int32(^p.cmd.Process.Pid)<<3|allThreads, &t)
	return time.Duration(t.Nano()), err
}

// stop ends the process: politely, then not.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.exited:
	case <-time.After(10 * time.Second):
		p.cmd.Process.Kill()
		<-p.exited
	}
}
