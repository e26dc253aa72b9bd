//go:build unix

package serve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/authority/transfer"
	"github.com/names-dns/names/authority/update"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/wire"
)

// TestCrash kills a server at random moments while clients update a zone, and starts
// it again: each update that was acknowledged is there, none is half there, and the
// changes go on to a secondary from where it was. NAMES_CRASHES says how often.
func TestCrash(t *testing.T) {
	crashes := 25
	if testing.Short() {
		crashes = 4
	}
	if n, err := strconv.Atoi(os.Getenv("NAMES_CRASHES")); err == nil {
		crashes = n
	}
	dir := t.TempDir()
	address := freeport.Loopback(t).String()
	server := netip.MustParseAddrPort(address)
	zone, config := filepath.Join(dir, "example.org"), filepath.Join(dir, "names.toml")
	writeFile(t, zone, smallZone+"$GENERATE 1-2000 host$ A 192.0.2.1\n") // larger than what changes
	follower := freeport.Loopback(t).String()
	writeFile(t, config, fmt.Sprintf("[listen]\naddress = [%q]\nworkers = 1\n[journal]\ndir = \"journal\"\n[[zone]]\nname = \"example.org\"\nfile = \"example.org\"\nallow-transfer = [\"127.0.0.1\"]\nalso-notify = [%q]\nnotify-servers = false\n[[zone.update]]\naddresses = [\"127.0.0.1\"]\n", address, follower))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	random := rand.New(rand.NewPCG(15, uint64(crashes)))

	// The secondary, in this process, lives through all of it.
	settings := parse(t, "-i", follower, "--secondary", address+"/example.org", "--secondary-dir", dir)
	said := settings.Zones[0].Said()
	said.Timers = transfer.Timers{MinRefresh: time.Second, MaxRefresh: time.Second, MinRetry: time.Second, MaxRetry: time.Second, MinExpire: time.Hour}
	record := new(logRecorder)
	secondary, err := Start(t.Context(), settings, newLog(record))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- secondary.Run(nil) }()
	defer func() { secondary.cancel(); <-done }()

	name := func(writer, n int, part string) wire.Name {
		return wire.MustParseName(fmt.Sprintf("n%d-%d-%s.example.org", writer, n, part))
	}
	const writers = 3
	var mu sync.Mutex // guards the following
	acknowledged := map[[2]int]bool{}
	next := [writers]int{}
	var last *authority.Snapshot
	var slowest, dearest time.Duration // of the restarts
	for crash := range crashes {
		if crash%100 == 99 {
			t.Logf("%d crashes, %d updates acknowledged, none lost; the slowest restart took %v, the dearest %v of a processor", crash, len(acknowledged), slowest, dearest)
		}
		p := startProcess(t, log, "--config", config)
		ctx, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		for writer := range writers {
			all.Go(func() {
				client := update.Client{Server: server, Timeout: eventually.Limit}
				try := func() error { // it fails while the server starts, and when it is gone
					mu.Lock()
					n := next[writer]
					next[writer]++
					mu.Unlock()
					r := update.NewRequest(wire.MustParseName("example.org"))
					for _, part := range []string{"a", "b"} { // both, or neither
						r.Add(wire.Record{Name: name(writer, n, part), Type: wire.TypeA, Class: wire.ClassIN, TTL: 60, Data: []byte{192, 0, byte(n >> 8), byte(n)}})
					}
					reply, err := client.Send(ctx, r)
					if err == nil && reply.RCode != wire.RCodeNoError {
						err = fmt.Errorf("it says %v", reply.RCode)
					}
					if err == nil {
						mu.Lock()
						acknowledged[[2]int{writer, n}] = true
						mu.Unlock()
					}
					return err
				}
				for ctx.Err() == nil {
					eventually.Try(ctx.Done(), try)
				}
			})
		}
		mu.Lock()
		before := len(acknowledged)
		mu.Unlock()
		err := p.until(func() error {
			mu.Lock()
			defer mu.Unlock()
			if len(acknowledged) <= before+random.IntN(20) {
				return fmt.Errorf("%d updates are acknowledged", len(acknowledged)-before)
			}
			return nil
		})
		if err != nil {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("crash %d: %v\n%s", crash, err, text)
		}
		<-time.After(time.Duration(random.IntN(20_000)) * time.Microsecond) // the moment of the crash is left to chance
		p.Process.Kill()
		cancel()
		all.Wait()
		p.end(t)

		p = startProcess(t, log, "--config", config)
		began := time.Now()
		var s *authority.Snapshot
		err = p.until(func() (err error) {
			s, _, err = transfer.FetchZone(t.Context(), transfer.Primary{Address: server}, transfer.Request{Zone: wire.MustParseName("example.org")})
			return err
		})
		if err != nil {
			text, _ := os.ReadFile(log.Name())
			t.Fatalf("after crash %d: %v\n%s", crash, err, text)
		}
		used, _ := processorTime(p.Process.Pid)
		slowest, dearest = max(slowest, time.Since(began)), max(dearest, used)
		has := func(n wire.Name) bool {
			for range s.RecordsOf(n) {
				return true
			}
			return false
		}
		for writer := range writers {
			for n := range next[writer] {
				a, b := has(name(writer, n, "a")), has(name(writer, n, "b"))
				if a != b {
					t.Fatalf("crash %d: update %d of writer %d is half there", crash, n, writer)
				}
				if acknowledged[[2]int{writer, n}] && !a {
					t.Fatalf("crash %d: update %d of writer %d was acknowledged and is lost", crash, n, writer)
				}
			}
		}
		err = p.until(func() error {
			if now := secondary.set.Zones()[0].Snapshot(); now == nil || now.Serial() != s.Serial() || now.Digest() != s.Digest() {
				return errors.New("the secondary does not get the zone")
			}
			return nil
		})
		if err != nil {
			t.Fatalf("crash %d: %v\n%s", crash, err, record.String())
		}
		last = s
		p.Process.Kill()
		p.end(t)
	}
	whole := strings.Count(record.String(), "incremental=false")
	incremental := strings.Count(record.String(), "incremental=true")
	t.Logf("%d crashes, %d updates acknowledged of %d, %d records, %d incremental transfers; a restart and a transfer took %v, and %v of a processor, at the most",
		crashes, len(acknowledged), next[0]+next[1]+next[2], last.Records(), incremental, slowest, dearest)
	if whole != 1 || incremental < crashes/2 {
		t.Errorf("%d whole and %d incremental transfers:\n%s", whole, incremental, record.String())
	}
}

// until calls try until it returns nil, as long as the process lives and does not use more
// than mostWork. What a restart takes is its work: on a machine that has much else to do, or
// whose disk has, it may take minutes.
func (p *process) until(try func() error) error {
	const mostWork, mostTime = 20 * time.Second, 10 * time.Minute
	began := time.Now()
	for {
		err := try()
		if err == nil {
			return nil
		}
		used, hasUsed := processorTime(p.Process.Pid)
		switch waited := time.Since(began); {
		case hasUsed && used > mostWork, waited > mostTime, !hasUsed && waited > eventually.Limit:
			return fmt.Errorf("for %v, in which it used %v of a processor: %w", waited, used, err)
		}
		select {
		case ended := <-p.ended:
			p.ended <- ended
			return fmt.Errorf("it ended (%v): %w", ended, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// processorTime is what a process has used, where there is a /proc that says so.
func processorTime(pid int) (used time.Duration, ok bool) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, false
	}
	_, rest, _ := strings.Cut(string(text), ") ") // after the name
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, false
	}
	for _, field := range fields[11:13] { // in the kernel and out of it, in hundredths of a second
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, false
		}
		used += time.Duration(n) * 10 * time.Millisecond
	}
	return used, true
}
