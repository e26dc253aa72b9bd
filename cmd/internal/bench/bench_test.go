package bench

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
)

func TestBenchSaysWhatIsWrongWithTheCommandLine(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"", "whom to ask?"},
		{"-d f", "whom to ask?"},
		{"@::1", "what to ask?"},
		{"@::1 @::2 a", "there are two servers, @::1 and @::2"},
		{"@::1 a MX more", `what is "more"?`},
		{"@::1 a -d f", "what is asked is in f or it is a"},
		{"@::1 a -p 0", "--port 0 is not between 1 and 65535"},
		{"@::1 a --port dns", `--port: "dns" is not a number`},
		{"@::1 a --time 0s", "--time 0s leaves no time"},
		{"@::1 a --time 2000h", "--time 2000h0m0s is not between"},
		{"@::1 a --runs 0", "--runs 0 asks nothing"},
		{"@::1 a --runs -1", "--runs -1 is not between"},
		{"@::1 a --timeout 1us", "--timeout 1µs is not between 1ms and 1m0s"},
		{"@::1 a --warm-up -1s", "--warm-up -1s is not between"},
		{"@::1 a --window 0", "--window 0 is not between 1 and 65536"},
		{"@::1 a --rate 0", "--rate 0 is not between"},
		{"@::1 a --rate NaN", "--rate NaN is not between"},
		{"@::1 a --rate 5 --window 5", "--rate and --window exclude each other"},
		{"@::1 a --per-connection 5", "give --tcp or --transport too"},
		{"@::1 a --transport doh", "--transport doh is not one of udp, tcp, tls, https, h3, quic"},
		{"@::1 a --tcp --transport tls", "--tcp and --transport tls exclude each other"},
		{"@::1 a --transport quic --rate 5", "--rate is for UDP and TCP"},
		{"@::1 a --transport tls --window 1000", "--window 1000 is not between 1 and 100"},
		{"@::1 a --resume", "--resume is for sessions"},
		{"@::1 a --clients 1025", "--clients 1025 is not between"},
		{"@::1 a --threads 2", "give --clients 2 or more"},
		{"@::1 a --edns 100", "--edns 100 is not between 512 and 65535"},
		{"@::1 a --frobnicate", "there is no option --frobnicate\n"},
		{"@::1 a --theads 2", "there is no option --theads; did you mean --threads?"},
		{"@::1 a -l ever", `-l: "ever" is not a time`},
		{"@::1 a -l NaN", `-l: "NaN" is not a time`},
		{"@::1#54 a -p 55", "@::1#54 and --port 55 are two ports"},
		{"@127.0.0.1:x a", `port "x" is not between`},
		{"-s ::1 @::1 a", "there are two servers"},
		{"-s ::1 a -Q 5 --window 5", "--rate and --window exclude each other"},
	} {
		var stdout, stderr bytes.Buffer
		if code := Run(strings.Fields(test.args), nil, &stdout, &stderr); code != cli.ExitUsage {
			t.Errorf("bench %s: exit code %d", test.args, code)
		}
		if !strings.Contains(stderr.String(), test.want) || stdout.Len() > 0 {
			t.Errorf("bench %s: %q does not say %q", test.args, stderr.String(), test.want)
		}
	}
}

func TestBenchSaysWhatItCannotRead(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "wrong")
	if err := os.WriteFile(wrong, []byte("a A\nb B\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ args, stdin, want string }{
		{"@127.0.0.1 -d no-such-file", "", "names bench: no-such-file: "},
		{"@127.0.0.1 -d " + wrong, "", `wrong:2:3: "B" is not a record type`},
		{"@127.0.0.1 -d -", "a..b A", "standard input:1:1: this is not a name"},
		{"@127.0.0.1 a..b", "", `"a..b" is not a name`},
		{"@127.0.0.1 a B", "", `"B" is not a record type`},
	} {
		var stdout, stderr bytes.Buffer
		if code := Run(strings.Fields(test.args), strings.NewReader(test.stdin), &stdout, &stderr); code != cli.ExitFailed {
			t.Errorf("bench %s: exit code %d", test.args, code)
		}
		if !strings.Contains(stderr.String(), test.want) {
			t.Errorf("bench %s: %q does not say %q", test.args, stderr.String(), test.want)
		}
	}
}

// TestBenchHelp: the examples are command lines that work.
func TestBenchHelp(t *testing.T) {
	var stdout, stderr bytes.Buffer
	if code := Run([]string{"--help"}, nil, &stdout, &stderr); code != cli.ExitOK || !strings.Contains(stdout.String(), "Examples:") {
		t.Errorf("exit code %d: %s%s", code, stdout.String(), stderr.String())
	}
	_, examples, _ := strings.Cut(Help, "Examples:\n\n")
	for line := range strings.Lines(examples) {
		_, args, _ := strings.Cut(line, "names bench ")
		var o benchOptions
		var out bytes.Buffer
		if code, done := o.parse(strings.Fields(args), &out, &out); done {
			t.Errorf("%q: exit code %d: %s", line, code, out.String())
		}
	}
}

// benchLoad is the load of a command line, without a server.
func benchLoad(t *testing.T, args, questions string) *load {
	t.Helper()
	var o benchOptions
	var out bytes.Buffer
	if code, done := o.parse(strings.Fields("@127.0.0.1 -d - "+args), &out, &out); done {
		t.Fatalf("%s: exit code %d: %s", args, code, out.String())
	}
	if err := o.resolve(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := o.readQuestions(strings.NewReader(cmp.Or(questions, "a A\nb MX\n")))
	if err != nil {
		t.Fatal(err)
	}
	return newLoad(&o, l)
}

func TestBenchQueries(t *testing.T) {
	for args, want := range map[string]struct {
		size uint16
		do   bool
	}{
		"":                 {},
		"--do":             {1232, true},
		"--edns 4096":      {4096, false},
		"--do --edns 1400": {1400, true},
	} {
		l := benchLoad(t, args, "")
		var b [maxQueryLen]byte
		m, err := wire.ParseMessage(l.appendQuery(b[:0], 0xabcd, 1))
		if err != nil {
			t.Errorf("%s: %v", args, err)
			continue
		}
		q := m.Questions[0]
		if m.ID != 0xabcd || m.Flags != wire.FlagRD || len(m.Questions) != 1 || q.Name.String() != "b." || q.Type != wire.TypeMX || q.Class != wire.ClassIN {
			t.Errorf("%s: asks %v", args, m)
		}
		if (m.EDNS != nil) != (want.size > 0) || m.EDNS != nil && (m.EDNS.UDPSize != want.size || m.EDNS.DO() != want.do) {
			t.Errorf("%s: EDNS is %v", args, m.EDNS)
		}
	}
	longest := strings.Repeat(strings.Repeat("a", 63)+".", 3) + strings.Repeat("a", 61) + " A"
	if n := len(benchLoad(t, "--do", longest).appendQuery(nil, 0, 0)); n != maxQueryLen {
		t.Errorf("the longest query has %d octets, want %d", n, maxQueryLen)
	}
}

// TestClaim: threads that take questions at once get each of them once, and no
// more than there are.
func TestClaim(t *testing.T) {
	l := benchLoad(t, "--runs 500 --warm-up 1s", "")
	if first, n, more := l.claim(0, 5); first != 0 || n != 5 || !more {
		t.Errorf("while warming up: %d from %d", n, first)
	}
	var seen [1000]int
	var mu sync.Mutex
	var threads sync.WaitGroup
	for range 4 {
		threads.Go(func() {
			for {
				first, n, more := l.claim(time.Second, 7)
				mu.Lock()
				for i := range n {
					seen[first+int64(i)]++
				}
				mu.Unlock()
				if !more {
					return
				}
			}
		})
	}
	threads.Wait()
	for i, n := range seen {
		if n != 1 {
			t.Fatalf("question %d was taken %d times", i, n)
		}
	}
}

func TestTook(t *testing.T) {
	for _, test := range []struct {
		args        string
		interrupted bool
		lastReply   time.Duration
		want        time.Duration
	}{
		{"--time 3s", false, 2 * time.Second, 3 * time.Second},
		{"--time 3s", false, 4 * time.Second, 4 * time.Second}, // that of a query sent in time
		{"--time 3s", true, 2 * time.Second, 2 * time.Second},
		{"--time 3s --warm-up 1s", false, 2 * time.Second, 3 * time.Second},
		{"--time 3s --warm-up 1s", true, 0, 0},
		{"--runs 1", false, 2 * time.Second, 2 * time.Second},
		{"--runs 1 --time 3s", false, 2 * time.Second, 3 * time.Second}, // the time was over first
	} {
		l := benchLoad(t, test.args, "")
		l.interrupted.Store(test.interrupted)
		if got := l.took(test.lastReply); got != test.want {
			t.Errorf("%s, interrupted %v, last reply %v: took %v, want %v", test.args, test.interrupted, test.lastReply, got, test.want)
		}
	}
	l := benchLoad(t, "--runs 1 --time 3s", "")
	l.counted.Store(2) // all of them
	if got := l.took(time.Second); got != time.Second {
		t.Errorf("questions used up before the time: took %v", got)
	}
}

func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := benchLoad(t, "--warm-up 1500ms", "")
		l.start = time.Now()
		workers := []*worker{{}, {}}
		var out bytes.Buffer
		over := make(chan struct{})
		var telling sync.WaitGroup
		telling.Go(func() { l.tell(&out, []thread{workers[0], workers[1]}, over) })
		for i := range 3 {
			time.Sleep(time.Second) // virtual
			synctest.Wait()
			for _, w := range workers {
				w.shown.show(&tally{sent: int64(10*i + 20), answered: int64(10*i + 10), lost: int64(i)})
			}
		}
		time.Sleep(500 * time.Millisecond)
		close(over)
		telling.Wait()
		want := "   1 s: warming up\n" +
			"   2 s: 20 answered in the last second, 0 lost; 20 wait\n" +
			"   3 s: 20 answered in the last second, 2 lost; 18 wait\n"
		if out.String() != want {
			t.Errorf("told\n%swant\n%s", out.String(), want)
		}
	})
}

func TestBenchReport(t *testing.T) {
	sum := &tally{
		sent: 1000, answered: 990, lost: 8, unfinished: 2, unexpected: 3, truncated: 99,
		sentOctets: 30000, octets: 99000, lastReply: 2 * time.Second, cutShort: 4, failures: 1, firstFailure: context.Canceled,
	}
	sum.rcodes[wire.RCodeNoError], sum.rcodes[wire.RCodeNXDomain] = 891, 99
	for range 990 {
		sum.latency.add(100 * time.Microsecond)
	}
	sum.connecting.add(time.Millisecond)
	sum.late.add(2 * time.Second)
	l := benchLoad(t, "--tcp --rate 500 --time 2s", "")
	l.interrupted.Store(true)
	var text strings.Builder
	if err := newBenchReport(l, sum, 5*time.Millisecond).writeText(&text); err != nil {
		t.Fatal(err)
	}
	const want = `server      127.0.0.1:53 over TCP: 1 client, 1 thread, 500 queries a second
time        2.000 s, interrupted; 2 questions
sent        1000
answered    990 (99.00 %)
lost        8 (0.80 %)
unfinished  2 (0.20 %)
unexpected  3
replies     NOERROR 891 (90.00 %), NXDOMAIN 99 (10.00 %), truncated 99 (10.00 %)
queries/s   495
octets      query 30.0, reply 100.0 on average
latency     min 100.0 us  mean 100.0 us  p50 100.0 us  p90 100.0 us  p99 100.0 us  p99.9 100.0 us  max 100.0 us
sent late   mean 2.000 s  p99 2.000 s  max 2.000 s
connections 1 in mean 1.00 ms, max 1.00 ms; 4 cut short
failures    1, the first: context canceled
generator   5.00 us of processor time a query
`
	if text.String() != want {
		t.Errorf("reports\n%swant\n%s", text.String(), want)
	}
	text.Reset()
	if err := newBenchReport(benchLoad(t, "--runs 1", ""), new(tally), 0).writeText(&text); err != nil {
		t.Fatal(err)
	}
	if got := text.String(); strings.Contains(got, "latency") || !strings.Contains(got, "answered    0\n") || !strings.Contains(got, "window 100") {
		t.Errorf("a run without anything reports\n%s", got)
	}
}

// TestBenchJSONIsDocumented: docs/bench.md has each field, and no other.
func TestBenchJSONIsDocumented(t *testing.T) {
	l := benchLoad(t, "--tcp --rate 5", "")
	l.interrupted.Store(true)
	with := new(tally)
	with.failed(context.Canceled)
	var tcp, udp strings.Builder
	if err := newBenchReport(l, with, 0).writeJSON(&tcp); err != nil {
		t.Fatal(err)
	}
	if err := newBenchReport(benchLoad(t, "", ""), with, 0).writeJSON(&udp); err != nil {
		t.Fatal(err)
	}
	fields := map[string]bool{}
	for _, m := range regexp.MustCompile(`"([a-z0-9_.]+)":`).FindAllStringSubmatch(tcp.String()+udp.String(), -1) {
		fields[m[1]] = true
	}
	page, err := os.ReadFile("../../../docs/bench.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([^|]*)` \\|").FindAllStringSubmatch(string(page), -1) {
		for field := range strings.SplitSeq(m[1], "`, `") {
			documented[field] = true
			if !fields[field] {
				t.Errorf("docs/bench.md has %s, the report has not", field)
			}
		}
	}
	for field := range fields {
		if !documented[field] {
			t.Errorf("docs/bench.md has no row for %s", field)
		}
	}
}

func TestBenchResolvesTheServer(t *testing.T) {
	for server, want := range map[string]string{"192.0.2.1": "192.0.2.1:53", "::1": "[::1]:53", "::ffff:192.0.2.1": "192.0.2.1:53", "fe80::1%lo": "[fe80::1%lo]:53"} {
		o := benchOptions{server: server, port: 53}
		if err := o.resolve(t.Context()); err != nil || o.address != netip.MustParseAddrPort(want) {
			t.Errorf("%s: %v, %v", server, o.address, err)
		}
	}
}

// dnsperf's letters, and servers with their port.
func TestBenchLetters(t *testing.T) {
	for args, want := range map[string]string{
		"-s 127.0.0.1 -p 54 -d f -l 30 -Q 500 -c 4 -T 2":                                  "127.0.0.1 54 f 30s 500 4 2",
		"--server 127.0.0.1#54 --queries f --time 30s --rate 500 --clients 4 --threads 2": "127.0.0.1 54 f 30s 500 4 2",
		"@127.0.0.1:54 -d f -l 0.5 -Q 500 -c 4 -T 2":                                      "127.0.0.1 54 f 500ms 500 4 2",
		"@[::1]:54 -p 54 -d f -l 1m -Q 500 -c 4 -T 2":                                     "::1 54 f 1m0s 500 4 2",
	} {
		var o benchOptions
		var out bytes.Buffer
		if code, done := o.parse(strings.Fields(args), &out, &out); done {
			t.Errorf("%s: exit code %d, %s", args, code, out.String())
		}
		if got := fmt.Sprint(o.server, " ", o.port, " ", o.file, " ", o.time, " ", o.rate, " ", o.clients, " ", o.threads); got != want {
			t.Errorf("%s: %s, want %s", args, got, want)
		}
	}
}
