package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// inside is set, to the resolver it is about, in a process that plays a round
// in namespaces of its own.
const inside = "NAMES_ATTACK_RESOLVER"

// result is what one attack did to one resolver.
type result struct {
	Attack, Server string
	Asked          int
	Sent, Hit      int            // queries to all servers, and to the victim
	Answers        map[string]int // by RCODE, "lost" for none
	Took           time.Duration  // until the last answer
	CPU            time.Duration  // of the resolver
	Burst          int            // octets of answers within burstTime
}

// playInNamespaces plays all rounds at once, each in a process of its own, and
// returns what could be had.
func playInNamespaces(ctx context.Context, servers []string, rounds int, o options) (all []result, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, server := range servers {
		for round := range rounds {
			wg.Go(func() {
				some, err2 := playInNamespace(ctx, server, filepath.Join(o.dir, fmt.Sprintf("%s-%d", server, round+1)), o)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, some...)
				if err2 != nil {
					err = errors.Join(err, fmt.Errorf("%s, round %d: %w", server, round+1, err2))
				}
			})
		}
	}
	wg.Wait()
	return all, err
}

// playInNamespace runs this program again, as the first process of a
// namespace: with its end all that it started ends.
func playInNamespace(ctx context.Context, server, dir string, o options) (results []result, err error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, "-b", o.binary, "-o", dir, "-only", o.only, "-quiet", o.quiet.String(), fmt.Sprintf("-signed=%v", o.signed))
	var out bytes.Buffer
	cmd.Env = append(os.Environ(), inside+"="+server)
	cmd.Stdout, cmd.Stderr = &out, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
	}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	failed := cmd.Run()
	for d := json.NewDecoder(&out); ; {
		var r result
		if err := d.Decode(&r); err == io.EOF {
			return results, failed
		} else if err != nil {
			return results, errors.Join(failed, err)
		}
		results = append(results, r)
	}
}

// playAll plays the attacks to one resolver and prints what came of it.
func playAll(ctx context.Context, server string, n *internet, attacks []attack, o options) error {
	i := slices.IndexFunc(resolvers, func(r resolver) bool { return r.name == server })
	if i < 0 {
		return fmt.Errorf("there is no resolver %s", server)
	}
	if err := os.MkdirAll(o.dir, 0o755); err != nil {
		return err
	}
	hints := filepath.Join(o.dir, "root.hints")
	if err := os.WriteFile(hints, []byte(rootHints), 0o644); err != nil {
		return err
	}
	stop, err := n.serve(ctx)
	if err != nil {
		return err
	}
	defer stop()
	for number, a := range attacks {
		r, err := n.play(ctx, resolvers[i], a, filepath.Join(o.dir, strconv.Itoa(number+1)), hints, o)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
			return err
		}
	}
	return nil
}

const rootHints = `.                   3600000 NS   a.root-servers.net.
a.root-servers.net. 3600000 A    198.41.0.4
a.root-servers.net. 3600000 AAAA 2001:db8:53::4
`

// serve makes every address one of this namespace and answers at all of them.
func (n *internet) serve(ctx context.Context) (stop func(), err error) {
	commands := "link set lo up\nroute add local 0.0.0.0/0 dev lo\nroute add local ::/0 dev lo\n"
	for addr := range n.hosts {
		if addr.Is6() { // or replies cannot be sent from there
			commands += fmt.Sprintf("addr add %s/128 dev lo nodad\n", addr)
		}
	}
	ip := exec.CommandContext(ctx, "ip", "-batch", "-")
	ip.Stdin = strings.NewReader(commands)
	if out, err := ip.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("ip: %w: %s", err, bytes.TrimSpace(out))
	}
	server, err := listener.Listen(listener.Config{
		Endpoints:               listener.Plain(netip.MustParseAddrPort("0.0.0.0:53"), netip.MustParseAddrPort("[::]:53")),
		Resolver:                n,
		Workers:                 1,
		MaxConnectionsPerClient: 1000,
	})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		server.Serve(ctx)
		close(done)
	}()
	return func() { cancel(); <-done }, nil
}

// patience is how long a client waits for its answer; queries are counted until
// it has none of it left or an answer, and for countTime longer at the most.
const (
	patience  = 20 * time.Second
	countTime = time.Minute
)

// play starts a resolver, asks it and counts.
func (n *internet) play(ctx context.Context, r resolver, a attack, dir, hints string, o options) (result, error) {
	anchor := ""
	if o.signed {
		var err error
		if anchor, err = rootAnchor(); err != nil {
			return result{}, err
		}
	}
	p, err := r.start(ctx, o.binary, dir, hints, anchor)
	if err != nil {
		return result{}, err
	}
	defer p.stop()
	n.settle(ctx, o.quiet)
	n.reset()
	before, err := p.cpu()
	if err != nil {
		return result{}, err
	}
	result := result{Attack: a.name, Server: r.name, Asked: a.times, Answers: map[string]int{}}
	if err := askAll(ctx, a, &result); err != nil {
		return result, err
	}
	n.settle(ctx, o.quiet)
	after, err := p.cpu()
	if err != nil {
		return result, err
	}
	result.CPU = after - before
	result.Sent, result.Hit, _ = n.count(a.victim)
	if err := os.WriteFile(filepath.Join(dir, "queries.log"), []byte(n.queries()), 0o644); err != nil {
		return result, err
	}
	return result, ctx.Err()
}

// settle waits until nothing has been sent for a time.
func (n *internet) settle(ctx context.Context, quiet time.Duration) {
	for began := time.Now(); time.Since(began) < countTime; {
		_, _, last := n.count(nil)
		left := quiet - time.Since(last)
		if left <= 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(left):
		}
	}
}

// askEvery is the time between two questions of one attack.
const askEvery = time.Millisecond

// askAll asks what a wants asked, and waits for all answers.
func askAll(ctx context.Context, a attack, r *result) error {
	var mu sync.Mutex
	var wg sync.WaitGroup
	var answers []answer
	began := time.Now()
	for i := range a.times {
		q, err := a.ask(i + 1)
		if err != nil {
			return err
		}
		wg.Go(func() {
			rcode, octets := ask(ctx, q)
			mu.Lock()
			defer mu.Unlock()
			r.Answers[rcode]++
			r.Took = max(r.Took, time.Since(began))
			answers = append(answers, answer{time.Since(began), octets})
		})
		if a.times > 1 {
			time.Sleep(askEvery)
		}
	}
	wg.Wait()
	r.Burst = burst(answers)
	return nil
}

// ask asks once and does not ask again.
func ask(ctx context.Context, q wire.Question) (rcode string, octets int) {
	querier := names.Querier{Timeouts: []time.Duration{patience}, KeepTruncated: true}
	query := wire.AppendQuery(nil, uint16(rand.Uint32()), wire.FlagRD, q, &wire.EDNS{UDPSize: 1232})
	reply, err := querier.Query(ctx, query, resolverAt)
	if err != nil {
		return "lost", 0
	}
	h, err := wire.ParseHeader(reply.Message)
	if err != nil {
		return "bad", len(reply.Message)
	}
	return h.Flags.RCode().String(), len(reply.Message)
}

// answer is when an answer came, and how large it was.
type answer struct {
	at     time.Duration
	octets int
}

// burstTime is how close answers are that come in one burst.
const burstTime = 50 * time.Millisecond

// burst is the most octets that came within burstTime. It sorts the answers.
func burst(answers []answer) (most int) {
	slices.SortFunc(answers, func(a, b answer) int { return cmp.Compare(a.at, b.at) })
	first, octets := 0, 0
	for _, a := range answers {
		for octets += a.octets; a.at-answers[first].at > burstTime; first++ {
			octets -= answers[first].octets
		}
		most = max(most, octets)
	}
	return most
}
