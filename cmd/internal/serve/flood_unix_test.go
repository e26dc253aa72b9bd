//go:build unix

package serve

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// A hostile server sends each of its replies 64 times, and thousands of names
// of its zone are asked for. The server, a process of its own, still finds the
// names of another zone, gives back the sockets and goroutines that it took,
// and ends with SIGTERM.
func TestFloodOfReplies(t *testing.T) {
	questions := 3000
	if testing.Short() {
		questions = 300
	}
	for title, recursion := range map[string]string{
		"from the root": `from-root = true
query-localhost = true
stub = ["evil.example=%v", "good.example=%v"]
`,
		"through upstream servers": `forward = ["evil.example=%v", "good.example=%v"]
`,
	} {
		t.Run(title, func(t *testing.T) {
			evil := upstreamtest.Listen(t, repliesTimes(64), repliesTimes(1))
			good := upstreamtest.Listen(t, repliesTimes(1), repliesTimes(1))
			address, metrics := freeport.Loopback(t).String(), freeport.Loopback(t).String()
			config := filepath.Join(t.TempDir(), "names.toml")
			writeFile(t, config, fmt.Sprintf(`[listen]
address = [%q]
[recursion]
`+recursion+`[validation]
off = true
[cache]
enabled = true
[metrics]
listen = [%q]
`, address, evil, good, metrics))
			lines, stderr, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer lines.Close()
			p := startProcess(t, stderr, "--config", config)
			stderr.Close()
			ended := false
			t.Cleanup(func() {
				if !ended {
					p.Process.Kill()
				}
			})
			said := bufio.NewScanner(lines)
			for isReady := false; !isReady; isReady = strings.Contains(said.Text(), "service=metrics") { // the last thing that it binds
				if !said.Scan() {
					t.Fatalf("the server ended before it was ready: %v", p.end(t))
				}
			}
			go io.Copy(os.Stderr, lines)
			server := netip.MustParseAddrPort(address)
			ask := func(format string, from, to int) (answered int64) {
				var n atomic.Int64
				var asking sync.WaitGroup
				next := make(chan int)
				for range 32 {
					asking.Go(func() {
						querier := names.Querier{Timeouts: []time.Duration{eventually.Limit}}
						for i := range next {
							q := wire.Question{Name: wire.MustParseName(fmt.Sprintf(format, i)), Type: wire.TypeA, Class: wire.ClassIN}
							r, err := querier.Query(context.Background(), wire.AppendQuery(nil, uint16(i), wire.FlagRD, q, nil), server)
							if err != nil {
								continue
							}
							if h, err := wire.ParseHeader(r.Message); err == nil && h.Flags.RCode() == wire.RCodeNoError && h.Counts[1] == 1 {
								n.Add(1)
							}
						}
					})
				}
				for i := from; i < to; i++ {
					next <- i
				}
				close(next)
				asking.Wait()
				return n.Load()
			}
			ask("n%d.good.example.", 0, 200) // what it keeps is there
			filesBefore, goroutinesBefore := gauges(t, metrics)
			if n := ask("n%d.evil.example.", 0, questions); n < int64(questions)*9/10 {
				t.Errorf("%d of %d names of the hostile server's zone are answered", n, questions)
			}
			if n := ask("n%d.good.example.", 200, 400); n != 200 {
				t.Errorf("%d of 200 names of another zone are answered after the flood", n)
			}
			const kept = 40 // sockets and goroutines that wait for the next question
			eventually.Succeed(t, func() error {
				files, goroutines := gauges(t, metrics)
				counts := fmt.Sprintf("before and after %d questions: %d and %d files, %d and %d goroutines", questions, filesBefore, files, goroutinesBefore, goroutines)
				if files > filesBefore+kept || goroutines > goroutinesBefore+kept {
					return errors.New(counts)
				}
				t.Log(counts)
				return nil
			})
			p.Process.Signal(syscall.SIGTERM)
			ended = true
			if err := p.end(t); err != nil {
				t.Errorf("the server ended with: %v", err)
			}
		})
	}
}

// repliesTimes answers with the authority of the zone of the name, an address
// for each name, and sends that so many times.
func repliesTimes(times int) upstreamtest.Handler {
	return func(q *upstreamtest.Query) {
		m := q.Reply()
		m.Flags |= wire.FlagAA
		asked := q.Questions[0]
		zone := asked.Name.Ancestor(2)
		switch {
		case asked.Type == wire.TypeA:
			m.Answers = upstreamtest.Records(asked.Name, "@ A 192.0.2.66")
		default:
			m.Authority = upstreamtest.Records(zone, "@ SOA ns.invalid. root.invalid. 1 3600 600 86400 60")
		}
		if q.TCP {
			q.SendMessage(m)
			return
		}
		for range times {
			q.SendMessage(m)
		}
	}
}

// gauges returns how many files and goroutines the process of an address for
// metrics has.
func gauges(t *testing.T, address string) (files, goroutines int) {
	t.Helper()
	reply, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer reply.Body.Close()
	for lines := bufio.NewScanner(reply.Body); lines.Scan(); {
		for name, to := range map[string]*int{"process_open_fds ": &files, "go_goroutines ": &goroutines} {
			if value, ok := strings.CutPrefix(lines.Text(), name); ok {
				if *to, err = strconv.Atoi(value); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if goroutines == 0 {
		t.Fatal("no number of goroutines")
	}
	return files, goroutines
}
