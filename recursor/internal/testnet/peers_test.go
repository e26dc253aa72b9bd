//go:build interop

package testnet

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	_ "github.com/names-dns/names/internal/signedtree/leaftest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

var (
	peerStories = flag.String("stories", "", "play the stories with this in their titles to real resolvers; several are separated by |")
	peerPackets = flag.Int("packets", 0, "show the packets of questions that cause no more than these")
	peerNames   = flag.String("resolvers", "names unbound kresd named", "which resolvers")
)

// insidePeers is set, to the path of our binary, in the process that has a network
// namespace of its own.
const insidePeers = "NAMES_STORIES_BINARY"

// TestPeers plays stories to our binary, Unbound, Knot Resolver and BIND, over
// real sockets and in real time, and logs what each of them makes of them:
//
//	go test -tags interop ./recursor/internal/testnet -run Peers -v -stories 'header and nothing else'
//
// Without -stories it plays one, to see that this works. Each resolver is started
// anew for each story, with an empty cache and without validation. What a story
// expects counts for nothing here; times to wait are 5 s at most.
func TestPeers(t *testing.T) {
	if os.Getenv(insidePeers) == "" {
		playInNamespace(t)
		return
	}
	var titles []string
	if *peerStories != "" {
		titles = strings.Split(*peerStories, "|")
	} else {
		titles = []string{"a header and nothing else"}
	}
	files, err := filepath.Glob("../../testdata/stories/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Parse(filepath.Base(path), string(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range f.Stories {
			if !slices.ContainsFunc(titles, func(title string) bool { return strings.Contains(s.Name, title) }) {
				continue
			}
			for _, name := range strings.Fields(*peerNames) {
				t.Run(f.Name+"/"+s.Name+"/"+name, func(t *testing.T) { playToPeer(t, s, name) })
			}
		}
	}
}

// playInNamespace runs this test again, as the first process of namespaces: port
// 53 of every address is free there, and no resolver outlives it.
func playInNamespace(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "names")
	if out, err := exec.Command("go", "build", "-o", binary, "../../../cmd/names").CombinedOutput(); err != nil {
		t.Fatalf("building names: %v\n%s", err, out)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestPeers$", "-test.v", "-stories", *peerStories, "-resolvers", *peerNames, "-packets", fmt.Sprint(*peerPackets))
	cmd.Env = append(os.Environ(), insidePeers+"="+binary)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fail()
	} else if err != nil {
		t.Skipf("no network namespace: %v", err)
	}
}

var peerAt = netip.MustParseAddrPort("127.0.0.1:5300")

// playToPeer plays s to a resolver and logs what comes of it.
func playToPeer(t *testing.T, s *Story, name string) {
	w := NewWorld(seedOf(s.Name))
	p := &player{t: t, story: s, world: w}
	started := false
	for _, c := range s.commands {
		switch c := c.(type) {
		case *ask:
			if !started {
				w.listen(t, s)
				startPeer(t, w, s, name)
				started = true
			}
			before, begun := len(w.Packets(0)), time.Now()
			replies := make([][]string, c.times)
			var asking sync.WaitGroup
			for i := range c.times {
				asking.Go(func() { replies[i] = askPeer(c, i+1) })
			}
			asking.Wait()
			reply := replies[0]
			if c.times > 1 {
				reply = summary(replies)
			}
			sent := w.Packets(before)
			t.Logf("%s: %s  (sent %d, %v)", c.text, strings.Join(reply, "; "), len(sent), time.Since(begun).Round(10*time.Millisecond))
			for _, line := range strings.Split(strings.TrimSpace(Trace(sent)), "\n") {
				if line != "" && len(sent) <= *peerPackets {
					t.Log("    " + line)
				}
			}
		case *advance:
			// Real time: the clock of another process cannot be advanced, and to ask it
			// whether an entry of its cache has expired would fetch that again.
			<-time.After(min(c.by, 5*time.Second))
		default:
			c.run(p)
		}
	}
}

// listen has all servers of s receive at port 53 of their addresses, which the
// loopback interface gets.
func (w *World) listen(t *testing.T, s *Story) {
	var batch strings.Builder
	batch.WriteString("link set lo up\n")
	var all []netip.Addr
	add := func(a netip.Addr) {
		if a.IsValid() && !a.IsUnspecified() && !slices.Contains(all, a) {
			all = append(all, a)
		}
	}
	for _, c := range s.commands {
		switch c := c.(type) {
		case *setZone:
			for _, a := range c.on {
				add(a)
			}
			for _, r := range c.records {
				if r.Type == wire.TypeA || r.Type == wire.TypeAAAA {
					a, _ := netip.AddrFromSlice(r.Data)
					add(a)
				}
			}
		case *setServers:
			for _, a := range c.addrs {
				add(a)
			}
		}
	}
	for _, a := range all {
		fmt.Fprintf(&batch, "addr replace %s/%d dev lo\n", a, a.BitLen())
	}
	ip := exec.Command("ip", "-batch", "-")
	ip.Stdin = strings.NewReader(batch.String())
	if out, err := ip.CombinedOutput(); err != nil {
		t.Fatalf("ip: %v\n%s", err, out)
	}
	for _, a := range all {
		handle := func(q *upstreamtest.Query) { w.handle(q, a) }
		eventually.Succeed(t, func() error { // IPv6 addresses take a moment
			return upstreamtest.ListenAt(t, netip.AddrPortFrom(a, 53), handle, handle)
		})
	}
}

// askPeer asks the resolver and returns its reply as a story has it.
func askPeer(c *ask, number int) []string {
	edns := c.edns()
	n, err := wire.ParseName(strings.ReplaceAll(c.name, "$", strconv.Itoa(number)))
	if err != nil {
		return []string{err.Error()}
	}
	q := wire.Question{Name: n, Type: c.kind, Class: wire.ClassIN}
	querier := names.Querier{Timeouts: []time.Duration{15 * time.Second}}
	r, err := querier.Query(context.Background(), wire.AppendQuery(nil, 1, c.flags|wire.FlagRD, q, &edns), peerAt)
	if err != nil {
		return []string{"no reply in 15 s"}
	}
	m, err := wire.ParseMessage(r.Message)
	if err != nil {
		return []string{"unreadable: " + err.Error()}
	}
	return slices.DeleteFunc(describe(m), func(line string) bool { return strings.HasPrefix(line, "a") && !strings.HasPrefix(line, "answer") })
}

// quiet is for how long a resolver asks nothing once it has started.
const quiet = 500 * time.Millisecond

// startPeer starts a resolver as the story wants it, until the test ends.
func startPeer(t *testing.T, w *World, s *Story, name string) {
	dir := t.TempDir()
	var hints strings.Builder
	for _, h := range w.Hints() {
		fmt.Fprintf(&hints, ". 3600 NS %s\n", h.Name)
		for _, a := range h.Addrs {
			kind := "A"
			if a.Is6() {
				kind = "AAAA"
			}
			fmt.Fprintf(&hints, "%s 3600 %s %s\n", h.Name, kind, a)
		}
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	hintsFile := write("hints", hints.String())
	binary, args := peerConfig(t, name, dir, hintsFile, s, write)
	if path, err := exec.LookPath(binary); err == nil {
		binary = path
	} else if binary, err = exec.LookPath("/usr/sbin/" + binary); err != nil {
		t.Skipf("%s is not installed", name)
	}
	cmd := exec.Command(binary, args...)
	var out bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(out.String())
		}
	})
	eventually.Succeed(t, func() error { // over TCP nothing has to be asked to see that it is there
		conn, err := net.DialTimeout("tcp", peerAt.String(), time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	})
	begun, asked := time.Now(), len(w.Packets(0))
	eventually.Succeed(t, func() error { // what it asks when it has started; no reply says that this is all
		if n := len(w.Packets(0)); n != asked {
			begun, asked = time.Now(), n
		}
		if time.Since(begun) < quiet {
			return errors.New("it may ask more")
		}
		return nil
	})
}

func peerConfig(t *testing.T, name, dir, hints string, s *Story, write func(name, text string) string) (binary string, args []string) {
	root := true // its servers are asked
	type zone struct {
		kind, name string
		servers    []string
	}
	var zones []zone
	for _, setting := range s.settings {
		words := setting.Words
		if words[0] != "stub" && words[0] != "forward" {
			t.Skipf("others cannot be set to %v", words)
		}
		zones = append(zones, zone{words[0], words[1], words[2:]})
		if words[1] == "." {
			root = false
		}
	}
	var text strings.Builder
	switch name {
	case "names":
		args = []string{"serve", "-i", peerAt.String(), "-c", "--no-validation"}
		if root {
			args = append(args, "--from-root", "--root-hints", hints)
		}
		for _, z := range zones {
			for _, a := range z.servers {
				if z.name == "." {
					args = append(args, "--"+z.kind, a)
				} else {
					args = append(args, "--"+z.kind, z.name+"="+a)
				}
			}
		}
		return os.Getenv(insidePeers), args
	case "unbound":
		fmt.Fprintf(&text, `server:
	interface: %s@%d
	num-threads: 1
	directory: %q
	pidfile: ""
	chroot: ""
	username: ""
	use-syslog: no
	do-daemonize: no
	module-config: "iterator"
	root-hints: %q
	do-not-query-localhost: no
remote-control:
	control-enable: no
`, peerAt.Addr(), peerAt.Port(), dir, hints)
		for _, z := range zones {
			fmt.Fprintf(&text, "%s-zone:\n\tname: %q\n", z.kind, z.name)
			for _, a := range z.servers {
				fmt.Fprintf(&text, "\t%s-addr: %s\n", z.kind, a)
			}
		}
		return "unbound", []string{"-d", "-c", write("unbound.conf", text.String())}
	case "kresd":
		if err := os.Mkdir(filepath.Join(dir, "cache"), 0o700); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&text, `net.listen('%s', %d, { kind = 'dns' })
trust_anchors.remove('.')
modules = { 'hints' }
hints.root_file('%s')
cache.open(64 * MB, 'lmdb://%s/cache')
`, peerAt.Addr(), peerAt.Port(), hints, dir)
		for _, z := range zones {
			fmt.Fprintf(&text, "policy.add(policy.suffix(policy.%s({'%s'}), policy.todnames({'%s'})))\n", strings.ToUpper(z.kind), strings.Join(z.servers, "','"), z.name)
		}
		return "kresd", []string{"-n", "-c", write("kresd.conf", text.String()), dir}
	case "named":
		fmt.Fprintf(&text, `controls { };
options {
	directory %q;
	pid-file none;
	lock-file none;
	session-keyfile none;
	listen-on port %d { %s; };
	listen-on-v6 { none; };
	dnssec-validation no;
	empty-zones-enable no;
	minimal-responses yes;
};
`, dir, peerAt.Port(), peerAt.Addr())
		if root {
			fmt.Fprintf(&text, "zone \".\" { type hint; file %q; };\n", hints)
		}
		for _, z := range zones {
			servers := strings.Join(z.servers, "; ")
			if z.kind == "forward" {
				fmt.Fprintf(&text, "zone %q { type forward; forward only; forwarders { %s; }; };\n", z.name, servers)
			} else {
				fmt.Fprintf(&text, "zone %q { type static-stub; server-addresses { %s; }; };\n", z.name, servers)
			}
		}
		return "named", []string{"-g", "-n", "1", "-c", write("named.conf", text.String())}
	}
	t.Fatalf("there is no resolver %s", name)
	return "", nil
}
