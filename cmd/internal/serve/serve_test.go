package serve

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

const smallZone = "$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"

// parse reads a command line.
func parse(t *testing.T, args ...string) settings.Settings {
	t.Helper()
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	s, finish := settings.Flags(flags)
	err := flags.Parse(args)
	if err == nil {
		err = finish()
	}
	if err != nil {
		t.Fatalf("%q: %v", args, err)
	}
	return *s
}

// startServer serves with the given command line and returns the address, a
// function that reloads and returns when that is done, and the log so far.
func startServer(t *testing.T, args ...string) (address netip.AddrPort, reload func(), log func() string) {
	t.Helper()
	server, reload, log := startWhole(t, args...)
	return server.listener.Addresses()[0], reload, log
}

func startWhole(t *testing.T, args ...string) (server *Server, reload func(), log func() string) {
	t.Helper()
	return startWith(t, parse(t, append([]string{"-i", "127.0.0.1:0"}, args...)...))
}

// startWith is startWhole for settings.
func startWith(t *testing.T, s settings.Settings) (server *Server, reload func(), log func() string) {
	t.Helper()
	return startAnd(t, s, func(*Server) error { return nil })
}

// startAnd is startWith for a server that is set up once it is ready.
func startAnd(t testing.TB, s settings.Settings, setUp func(*Server) error) (server *Server, reload func(), log func() string) {
	t.Helper()
	record := new(logRecorder)
	ctx, cancel := context.WithCancel(context.Background())
	hangups := make(chan struct{})
	ready := make(chan *Server)
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, s, hangups, slog.New(slog.NewTextHandler(record, nil)), func(s *Server) error {
			err := setUp(s)
			ready <- s
			return err
		})
	}()
	select {
	case server = <-ready:
	case err := <-ended:
		t.Fatalf("the server did not start: %v\n%s", err, record.String())
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the server ended with: %v", err)
		}
	})
	reload = func() {
		hangups <- struct{}{}
		hangups <- struct{}{} // is taken once the first reload is over
	}
	return server, reload, record.String
}

// logRecorder is a log that may be read while it is written.
type logRecorder struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logRecorder) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logRecorder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// waitForLog waits until the log says something.
func waitForLog(t *testing.T, log func() string, want string) {
	t.Helper()
	eventually.Succeed(t, func() error {
		if text := log(); !strings.Contains(text, want) {
			return fmt.Errorf("the log does not say %q:\n%s", want, text)
		}
		return nil
	})
}

// askServer asks over UDP or TCP.
func askServer(t *testing.T, network string, server netip.AddrPort, name string, qtype wire.Type, class wire.Class) *wire.Message {
	t.Helper()
	conn, err := net.Dial(network, server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(eventually.Limit))
	query := wire.AppendQuery(nil, 7, wire.FlagRD, wire.Question{Name: wire.MustParseName(name), Type: qtype, Class: class}, &wire.EDNS{UDPSize: 1232})
	if network == "tcp" {
		query = append([]byte{byte(len(query) >> 8), byte(len(query))}, query...)
	}
	if _, err := conn.Write(query); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 65537)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	reply := buf[:n]
	if network == "tcp" {
		for len(reply) < 2 || len(reply) < 2+int(reply[0])<<8+int(reply[1]) {
			n, err := conn.Read(buf[len(reply):])
			if err != nil {
				t.Fatal(err)
			}
			reply = buf[:len(reply)+n]
		}
		reply = reply[2:]
	}
	m, err := wire.ParseMessage(reply)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func answers(m *wire.Message) string {
	var lines []string
	for _, r := range m.Answers {
		lines = append(lines, strings.ReplaceAll(r.String(), "\t", " "))
	}
	return strings.Join(lines, "\n")
}

func TestServeOverUDPAndTCP(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "example.org")
	writeFile(t, zone, smallZone)
	server, _, _ := startServer(t, "--bindzone", zone, "--nsid", "here")
	for _, network := range []string{"udp", "tcp"} {
		m := askServer(t, network, server, "ns.example.org.", wire.TypeA, wire.ClassIN)
		if got, want := answers(m), "ns.example.org. 60 IN A 192.0.2.1"; got != want {
			t.Errorf("%s: answers %q, want %q", network, got, want)
		}
		m = askServer(t, network, server, "id.server.", wire.TypeTXT, wire.ClassCH)
		if got, want := answers(m), `id.server. 0 CH TXT "here"`; got != want {
			t.Errorf("%s: answers %q, want %q", network, got, want)
		}
		m = askServer(t, network, server, "elsewhere.", wire.TypeA, wire.ClassIN)
		if m.RCode != wire.RCodeRefused {
			t.Errorf("%s: a name outside the zones gets %s", network, m.RCode)
		}
	}
}

// TestReloadIsAllOrNothing: of two zones one becomes wrong and one better.
func TestReloadIsAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good.example"), filepath.Join(dir, "bad.example")
	writeFile(t, good, smallZone)
	writeFile(t, bad, smallZone)
	server, reload, log := startServer(t, "--bindzone", good, "--bindzone", bad)
	writeFile(t, good, strings.ReplaceAll(smallZone, "192.0.2.1", "192.0.2.2"))
	writeFile(t, bad, strings.ReplaceAll(smallZone, "192.0.2.1", "192.0.2.2")+"oops A 1.2.3\n")
	reload()
	for name, want := range map[string]string{
		"ns.good.example.": "ns.good.example. 60 IN A 192.0.2.2",
		"ns.bad.example.":  "ns.bad.example. 60 IN A 192.0.2.1",
	} {
		if got := answers(askServer(t, "udp", server, name, wire.TypeA, wire.ClassIN)); got != want {
			t.Errorf("after the reload: %q, want %q", got, want)
		}
	}
	for _, want := range []string{bad + ":5:8: ", "still serving the previous version"} {
		if !strings.Contains(log(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log())
		}
	}
}

// Of many zones the log tells sums, and of each only what has changed or is
// wrong.
func TestManyZonesAreToldInSums(t *testing.T) {
	dir := t.TempDir()
	path := func(i int) string { return filepath.Join(dir, fmt.Sprintf("z%d.example", i)) }
	write := func(i int, text string) {
		if err := os.WriteFile(path(i), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var args []string
	for i := range manyZones {
		write(i, smallZone)
		args = append(args, "--bindzone", path(i))
	}
	_, reload, log := startServer(t, args...)
	write(3, strings.Replace(smallZone, "SOA ns h 1", "SOA ns h 2", 1))
	write(4, "nonsense")
	reload()
	for _, want := range []string{
		`"zones loaded" zones=100 records=300`, `"zone changed" zone=z3.example. serial=2`, `"reload failed, still serving the previous version"`,
		`"zones reloaded" zones=100 changed=1 failed=1`,
	} {
		if !strings.Contains(log(), want) {
			t.Errorf("the log does not say %s:\n%s", want, log())
		}
	}
	for _, wrong := range []string{`"zone loaded"`, `"zone has not changed"`} {
		if strings.Contains(log(), wrong) {
			t.Errorf("the log says %s:\n%s", wrong, log())
		}
	}
}

// TestReloadKeepsTheZonesName: a file that turns into another zone is refused.
func TestReloadKeepsTheZonesName(t *testing.T) {
	zone := filepath.Join(t.TempDir(), "zone.py")
	const text = "zone = [SOA('%', mname='ns.%', rname='h.%', serial=1, refresh=1, retry=1, expire=1, minimum=1), NS('%', 'ns.%'), A('ns.%', '192.0.2.1')]\n"
	writeFile(t, zone, strings.ReplaceAll(text, "%", "one.example"))
	server, reload, log := startServer(t, "--pyzone", zone)
	writeFile(t, zone, strings.ReplaceAll(text, "%", "two.example"))
	reload()
	if m := askServer(t, "udp", server, "ns.one.example.", wire.TypeA, wire.ClassIN); len(m.Answers) != 1 {
		t.Errorf("the zone is gone: %v", m)
	}
	if !strings.Contains(log(), "the file now holds the zone two.example.") {
		t.Errorf("the log does not say why:\n%s", log())
	}
}

func TestServeRefusesBadZonesBeforeItBinds(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "one.example"), filepath.Join(dir, "two.example")
	writeFile(t, one, smallZone+"a CNAME b\na A 192.0.2.1\n")
	writeFile(t, two, "nonsense\n")
	var stderr bytes.Buffer
	code := Run([]string{"-i", "127.0.0.1", "-p", "0", "--bindzone", one, "--bindzone", two}, &stderr, &stderr)
	if code != cli.ExitFailed {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{one + ":5:1", two + ":1:9", "names check"} {
		if !strings.Contains(stderr.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, stderr.String())
		}
	}
}

func TestServeSaysWhatIsWrongWithTheCommandLine(t *testing.T) {
	isWrongUsage(t, []wrongUsage{
		{"--bindzone", "--bindzone needs a value"},
		{"--bindzone x=", `--bindzone "x=": there is no file`},
		{"--bindzone a..b=f", "label is empty"},
		{"-p 70000 --bindzone f", "--port 70000 is not between 0 and 65535"},
		{"-p dns --bindzone f", `-p: "dns" is not a number`},
		{"-i localhost --bindzone f", `"localhost" is not an IP address`},
		{"--frobnicate", "there is no option --frobnicate\n"},
		{"--forwrd 192.0.2.1", "did you mean --forward?"},
		{"--secondary 192.0.2.1", "there is no zone: write ADDR/ZONE"},
		{"--secondary example.net/example.org", "is not an IP address"},
		{"--secondary key:k/example.org", "there is no @ after the name of the key"},
		{"--secondary-dir /tmp --bindzone x", "--secondary-dir requires --secondary"},
		{"--allow-transfer 192.0.2.1/33", "--allow-transfer: "},
		{"--also-notify here", "--also-notify: "},
		{"f", "zones are given with --bindzone or --pyzone"},
		{"-c --serve-stale 1h", "a time for --serve-stale is written as --serve-stale=1h"},
		{"--max-udp-size 100 --bindzone f", "--max-udp-size 100 is not between 512 and 4096"},
		{"--cookie-secret 0011 --bindzone f", "32 hexadecimal digits"},
		{"--cookie-secret 00112233445566778899aabbccddeefg --bindzone f", "32 hexadecimal digits"},
		{"--workers -1 --bindzone f", "--workers -1 is not between"},
		{"-v=3 --bindzone f", "takes no value"},
	})
}

// wrongUsage is a command line, and what is said of it.
type wrongUsage struct{ args, want string }

func isWrongUsage(t *testing.T, lines []wrongUsage) {
	t.Helper()
	for _, line := range lines {
		var stdout, stderr bytes.Buffer
		if code := Run(strings.Fields(line.args), &stdout, &stderr); code != cli.ExitUsage {
			t.Errorf("serve %s: exit code %d", line.args, code)
		}
		if !strings.Contains(stderr.String(), line.want) {
			t.Errorf("serve %s: %q does not say %q", line.args, stderr.String(), line.want)
		}
	}
}

// Servers with the same secret know each other's cookies. A query for only
// but a cookie says whether the one it has is good.
func TestServeCookieSecret(t *testing.T) {
	const first, second = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
	zone := filepath.Join(t.TempDir(), "example.org")
	writeFile(t, zone, smallZone)
	ask := func(server netip.AddrPort, cookie []byte) (wire.RCode, []byte) {
		t.Helper()
		conn, err := net.Dial("udp", server.String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(eventually.Limit))
		opt := wire.EDNS{UDPSize: 1232, Options: wire.Options{}.AppendOption(wire.OptionCookie, cookie)}
		header := wire.Header{ID: 7, Counts: [4]uint16{wire.SectionAdditional: 1}}
		if _, err := conn.Write(opt.AppendTo(header.AppendTo(nil))); err != nil {
			t.Fatal(err)
		}
		buf := make([]byte, 1232)
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		m, err := wire.ParseMessage(buf[:n])
		if err != nil || m.EDNS == nil {
			t.Fatalf("reply %x: %v", buf[:n], err)
		}
		got, _ := m.EDNS.Options.Find(wire.OptionCookie)
		return m.RCode, bytes.Clone(got)
	}
	maker, _, _ := startServer(t, "--bindzone", zone, "--cookie-secret", first)
	rcode, cookie := ask(maker, []byte("12345678"))
	if rcode != wire.RCodeNoError || len(cookie) != 24 {
		t.Fatalf("%v, cookie %x", rcode, cookie)
	}
	for _, c := range []struct {
		args []string
		want wire.RCode
	}{
		{[]string{"--cookie-secret", first}, wire.RCodeNoError},
		{[]string{"--cookie-secret", second, "--cookie-secret", first}, wire.RCodeNoError},
		{[]string{"--cookie-secret", second}, wire.RCodeBadCookie},
		{nil, wire.RCodeBadCookie},
	} {
		server, _, _ := startServer(t, append([]string{"--bindzone", zone}, c.args...)...)
		if rcode, _ := ask(server, cookie); rcode != c.want {
			t.Errorf("%q: %v, want %v", c.args, rcode, c.want)
		}
	}
}

func newLog(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
