package serve

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/control"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/wire"
)

var updateFiles = flag.Bool("update", false, "write what is generated")

// ctl runs names ctl.
func ctl(socket string, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	code = control.Run(append([]string{"--socket", socket}, args...), &out, &err)
	return code, out.String(), err.String()
}

// spaces are those between the columns of a table.
var spaces = regexp.MustCompile(" +")

// TestVerbs asks a whole server with names ctl.
func TestVerbs(t *testing.T) {
	dir := t.TempDir()
	file, socket := filepath.Join(dir, "names.toml"), filepath.Join(dir, "control.sock")
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	writeFile(t, filepath.Join(dir, "upstream.example"), smallZone)
	upstream, _, _ := startServer(t, "--bindzone", filepath.Join(dir, "upstream.example"))
	text := "[listen]\naddress = [\"127.0.0.1:0\"]\n[control]\nsocket = \"control.sock\"\n[[zone]]\nfile = \"a.example\"\n" +
		fmt.Sprintf("[recursion]\nforward = [\"%v\"]\n[cache]\nenabled = true\nfile = \"cache\"\n", upstream)
	writeFile(t, file, text)
	server, log := startFromFile(t, file)
	askServer(t, "udp", server.listener.Addresses()[0], "ns.upstream.example.", wire.TypeA, wire.ClassIN)

	eventually.Succeed(t, func() error { // a worker adds to the counters after the reply has left
		if n := server.listener.Stats().UDPQueries; n != 1 {
			return fmt.Errorf("%d queries are counted", n)
		}
		return nil
	})
	for _, test := range []struct {
		args string
		code int
		says string // in what is printed
	}{
		{"status", 0, "zones loaded 1\n"},
		{"zones", 0, "a.example. loaded 1"},
		{"zones a.example", 0, "records 3\n"},
		{"zones ns.a.example", 1, "it is a name in the zone a.example."},
		{"zones b..example", 2, "is not a domain name"},
		{"servers", 0, upstream.String()},
		{"stats", 0, "listener udp queries 1\n"},
		{"stats", 0, "cache stored failures 0\n"},
		{"cache look ns.upstream.example", 0, "192.0.2.1"},
		{"cache look ns.upstream.example A", 0, "NOERROR"},
		{"cache look ns.upstream.example AX", 2, "AX"},
		{"cache save", 0, filepath.Join(dir, "cache")},
		{"cache flush type ns.upstream.example AAAA", 0, "forgotten 0\n"},
		{"cache flush subtree upstream.example", 0, "forgotten 1\n"},
		{"cache flush name ns.upstream.example", 0, "forgotten 0\n"},
		{"cache flush all", 0, "forgotten 0\n"},
		{"log", 0, "queries off\n"},
		{"log queries all", 0, "queries all\n"},
		{"log queries slow", 0, "queries slow\n"},
		{"log queries lines", 2, "write off, all, failures or slow"},
		{"log follow name b.example 10s", 0, "following name b.example. until "},
		{"log follow client 192.0.2.0/24", 0, "client 192.0.2.0/24 until "},
		{"log follow client here", 2, "here"},
		{"log follow name b.example 2h", 2, "is not a time between 1s and 1h"},
		{"log follow off", 0, "queries slow\n"},
		{"log level debug", 0, "level debug\n"},
		{"log level loud", 2, "write debug, info"},
		{"config diff", 0, ""},
		{"zones find A.ex", 0, "a.example. loaded 1 3 "},
		{"zones find b.ex", 0, ""},
		{"zones find a many", 2, "\"many\" is not a number of zones"},
		{"reload a.example", 0, "zones 1\nadded 0\nremoved 0\nchanged 0\n"},
		{"reload b.example", 1, "there is no zone b.example. here"},
		{"reload", 0, "zones 1\n"},
	} {
		code, stdout, stderr := ctl(socket, strings.Fields(test.args)...)
		if code != test.code || !strings.Contains(spaces.ReplaceAllString(stdout+stderr, " "), test.says) {
			t.Errorf("%s: code %d\n%s%s", test.args, code, stdout, stderr)
		}
	}
	if _, stdout, _ := ctl(socket, "log"); !strings.Contains(stdout, "queries  off") || !strings.Contains(stdout, "info") {
		t.Errorf("after a reload the log is\n%s", stdout)
	}

	writeFile(t, file, text+"serve-stale = \"1h\"\n[journal]\ndir = \"j\"\n")
	code, stdout, stderr := ctl(socket, "config", "diff", "--json")
	var differences []diffReply
	if err := json.Unmarshal([]byte(stdout), &differences); err != nil || code != 0 || len(differences) != 2 ||
		!differences[0].Restart || differences[0].Setting != "journal.dir" || differences[1].Restart {
		t.Errorf("config diff: %d %s%s %v", code, stdout, stderr, err)
	}
	if code, _, stderr := ctl(socket, "reload"); code != 1 || !strings.Contains(stderr, "journal.dir cannot change while the server runs") {
		t.Errorf("reload: %d %s", code, stderr)
	}
	writeFile(t, file, text+"serve-stale = 1\n")
	if code, _, stderr := ctl(socket, "reload"); code != 1 || !strings.Contains(stderr, "names.toml:12:15: cache.serve-stale") {
		t.Errorf("reload of a broken file: %d %s", code, stderr)
	}
	if code, stdout, stderr := ctl(socket, "stop"); code != 0 {
		t.Errorf("stop: %d %s%s", code, stdout, stderr)
	}
	<-server.ctx.Done()
	if !strings.Contains(log(), "msg=control verb=stop") {
		t.Errorf("the log does not have the verb:\n%s", log())
	}
}

// TestTrace: a name of a zone, one that other servers know, and what fails, each
// with a sentence that says so.
func TestTrace(t *testing.T) {
	upstream := startUpstream(t, smallZone)
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"a.example\"\n[recursion]\nfrom-root = true\nroot-hints = \"hints\"\nquery-localhost = true\nstub = [\"up.example="+upstream.String()+"\"]\n[validation]\noff = true\n[cache]\nenabled = true\n[control]\nsocket = \"s\"\n")
	writeFile(t, filepath.Join(dir, "hints"), ". 60 NS root.\nroot. 60 A 127.0.0.1\n")
	startFromFile(t, file)
	for _, test := range []struct {
		question string
		outcome  string
		step     string // one of the sentences
	}{
		{"ns.a.example A", "there is an answer of 1 records", "this server has the zone a.example., serial 1"},
		{"no.a.example A", "the name does not exist", "this server has the zone a.example."},
		{"ns.a.example MX", "the name exists and has no record of type MX", "this server has the zone"},
		{"ns.up.example A", "there is an answer of 1 records", "asking " + upstream.String() + " for ns.up.example. A"},
		{"localhost A", "there is an answer of 1 records", "the name is one of the hosts file, or local"},
	} {
		code, stdout, stderr := ctl(socket, append([]string{"--json", "trace"}, append(strings.Fields(test.question), "messages")...)...)
		var reply traceReply
		if err := json.Unmarshal([]byte(stdout), &reply); err != nil || code != 0 || !strings.Contains(reply.Outcome, test.outcome) ||
			!slices.ContainsFunc(reply.Steps, func(s traceStep) bool { return strings.Contains(s.What, test.step) }) {
			t.Errorf("%s: %v %s%s", test.question, err, stdout, stderr)
		}
	}
	if code, stdout, _ := ctl(socket, "trace", "ns.a.example"); code != 0 || !strings.Contains(stdout, "\nsteps\nAT MS") {
		t.Errorf("as a table: %d\n%s", code, stdout)
	}
	if code, _, stderr := ctl(socket, "trace", "a..b"); code != 2 {
		t.Errorf("no name: %d %s", code, stderr)
	}
}

// TestTraceOfProofs: the chain of trust is among the steps, when forwarding, too.
func TestTraceOfProofs(t *testing.T) {
	zone, key := signedZone(t)
	upstream := startUpstream(t, zone)
	for _, recursion := range []string{"forward = [\"UP\"]\n", "from-root = true\nquery-localhost = true\nstub = [\"up.example=UP\"]\n"} {
		dir := t.TempDir()
		socket, file := filepath.Join(dir, "s"), filepath.Join(dir, "names.toml")
		writeFile(t, filepath.Join(dir, "key"), key)
		writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[recursion]\n"+strings.ReplaceAll(recursion, "UP", upstream.String())+
			"[validation]\ntrust-anchor = [\"key\"]\n[control]\nsocket = \"s\"\n")
		startFromFile(t, file)
		for name, want := range map[string]string{
			"good.up.example": "good.up.example A is signed by key",
			"bad.up.example":  "signature of bad.up.example A is wrong, key",
		} {
			code, stdout, stderr := ctl(socket, "trace", name)
			if code != 0 || !strings.Contains(stdout, want) {
				t.Errorf("%s: %s: %d %s%s", recursion, name, code, stdout, stderr)
			}
			if name == "good.up.example" && !strings.Contains(stdout, "good.up.example. 60 IN A 192.0.2.7") {
				t.Errorf("%s: the answer cannot be read:\n%s", recursion, stdout)
			}
		}
	}
}

// TestOpenAPI: docs/openapi.json describes the verbs, and the server answers each
// path of it with the method that it says.
func TestOpenAPI(t *testing.T) {
	const file = "../../../docs/openapi.json"
	s := &Server{}
	verbs := s.verbs()
	want := control.OpenAPI(verbs, "1")
	if *updateFiles {
		if err := os.WriteFile(file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, want) {
		t.Error("docs/openapi.json is stale: go test ./cmd/internal/serve -run OpenAPI -update")
	}
	var document struct {
		Paths map[string]map[string]struct {
			Parameters []struct {
				Schema struct{ MinItems, MaxItems int }
			}
		}
	}
	if err := json.Unmarshal(text, &document); err != nil {
		t.Fatal(err)
	}
	for i := range verbs { // what they do is not what is tested
		verbs[i].Do = func(context.Context, []string) (any, error) { return "done", nil }
	}
	handler := control.Handler(verbs, slog.New(slog.DiscardHandler))
	ask := func(method, path string) int {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w.Code
	}
	for path, methods := range document.Paths {
		for method, operation := range methods {
			least, most := 0, 0
			if len(operation.Parameters) > 0 {
				least, most = operation.Parameters[0].Schema.MinItems, operation.Parameters[0].Schema.MaxItems
			}
			right, other := strings.ToUpper(method), map[string]string{"get": "POST", "post": "GET"}[method]
			with := func(n int) string { return path + "?" + strings.Repeat("arg=x&", max(n, 0)) }
			if a, b := ask(right, with(least)), ask(right, with(most)); a != 200 || b != 200 {
				t.Errorf("%s %s: %d, %d", right, path, a, b)
			}
			if path == "/v1/" {
				continue
			}
			if code := ask(other, path); code != 405 {
				t.Errorf("%s %s: %d", other, path, code)
			}
			if code := ask(right, with(most+1)); code != 400 {
				t.Errorf("%s %s with too much: %d", right, path, code)
			}
			if code := ask(right, with(least-1)); least > 0 && code != 400 {
				t.Errorf("%s %s with too little: %d", right, path, code)
			}
		}
	}
	if len(document.Paths) != len(verbs)+1 {
		t.Errorf("%d paths for %d verbs", len(document.Paths), len(verbs))
	}
}

// TestVerbsAreDocumented: docs/control.md has each verb, with its arguments and
// what it does, and no other.
func TestVerbsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/control.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(page), -1)
	documented := map[string]bool{}
	for _, row := range rows {
		documented[row[1]] = true
	}
	verbs := new(Server).verbs()
	for _, v := range verbs {
		name := strings.ReplaceAll(strings.TrimSpace(v.Name+" "+v.Arguments), "|", "/")
		if !documented[name] || !strings.Contains(string(page), v.What) {
			t.Errorf("docs/control.md has no row `%s`: %s", name, v.What)
		}
	}
	if len(rows) != len(verbs) {
		t.Errorf("docs/control.md has %d verbs, there are %d", len(rows), len(verbs))
	}
}

// TestVerbsOfOthersAreDocumented: docs/coming-from.md has each verb of the servers that
// are installed, as their programs list them.
func TestVerbsOfOthersAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/coming-from.md")
	if err != nil {
		t.Fatal(err)
	}
	_, whole, _ := strings.Cut(string(page), "\n## ")
	parts := map[string]string{}
	for part := range strings.SplitSeq(whole, "\n## ") {
		title, rows, _ := strings.Cut(part, "\n")
		word, _, _ := strings.Cut(title, " ")
		parts[word] = rows
	}
	for program, lists := range map[string]struct{ option, line string }{
		"rndc":            {"", `(?m)^  ([a-z][a-z-]*)[ \t]`},
		"knotc":           {"--help", `(?m)^ ([a-z]+(?:-[a-z]+)*)  `},
		"unbound-control": {"-h", `(?m)^  ([a-z_]+(?:, [a-z_]+)*)[ \t]`},
		"nsd-control":     {"-h", `(?m)^  ([a-z_]+)[ \t]`},
	} {
		t.Run(program, func(t *testing.T) {
			path, err := exec.LookPath(program)
			if err != nil {
				path, err = exec.LookPath("/usr/sbin/" + program)
			}
			if err != nil {
				t.Skip(program + " is not installed: its verbs are not compared")
			}
			said, _ := exec.Command(path, strings.Fields(lists.option)...).CombinedOutput() // its exit code is not 0
			found := 0
			for _, match := range regexp.MustCompile(lists.line).FindAllStringSubmatch(string(said), -1) {
				for verb := range strings.SplitSeq(match[1], ", ") {
					if found++; verb != "exit" && !strings.Contains(parts[program], "`"+verb+"`") {
						t.Errorf("docs/coming-from.md does not say what %s %s is called here", program, verb)
					}
				}
			}
			if found < 15 {
				t.Errorf("%d verbs are found in what %s says:\n%s", found, program, said)
			}
		})
	}
	for _, match := range regexp.MustCompile("`names_[a-z_]+").FindAllString(string(page), -1) {
		if metrics, err := os.ReadFile("../../../docs/metrics.md"); err != nil || !strings.Contains(string(metrics), match) {
			t.Errorf("docs/coming-from.md has %s, and docs/metrics.md has not: %v", match[1:], err)
		}
	}
}

// TestMetrics: numbers are those of the parts, and docs/metrics.md has each.
func TestMetrics(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	writeFile(t, file, "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"a.example\"\n[recursion]\nforward = [\"192.0.2.1\"]\n[cache]\nenabled = true\n[metrics]\nlisten = [\"127.0.0.1:0\"]\n")
	server, log := startFromFile(t, file)
	for range 3 {
		askServer(t, "udp", server.listener.Addresses()[0], "ns.a.example.", wire.TypeA, wire.ClassIN)
	}
	at := regexp.MustCompile(`msg=listening address=(\S+) service=metrics`).FindStringSubmatch(log())
	if at == nil {
		t.Fatalf("the log has no address of metrics:\n%s", log())
	}
	get := func(path string) string {
		response, err := http.Get("http://" + at[1] + path)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		return string(body)
	}
	var text string
	for _, want := range []string{"\nnames_queries_total{family=\"ipv4\",transport=\"udp\"} 3\n", "\nnames_reply_duration_seconds_count{source=\"zone\"} 3\n", "\nnames_replies_total{rcode=\"NOERROR\"} 3\n", "\nnames_zones{state=\"loaded\"} 1\n", "\nnames_zone_records 3\n", "\nnames_cache_entries 0\n", "\nnames_servers{state=\"good\"} 1\n"} {
		eventually.Succeed(t, func() error { // a worker adds to the counters after the reply has left
			if text = get("/metrics"); !strings.Contains(text, want) {
				return fmt.Errorf("there is no %q in\n%s", want, text)
			}
			return nil
		})
	}
	if ready := get("/readyz"); ready != "ready\n" {
		t.Errorf("/readyz: %s", ready)
	}
	page, err := os.ReadFile("../../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range server.metrics() {
		if !strings.Contains(string(page), "| `"+m.Name+"` | "+string(m.Kind)+" |") || !strings.Contains(string(page), m.Help) {
			t.Errorf("docs/metrics.md has no row | `%s` | %s | %s |", m.Name, m.Kind, m.Help)
		}
	}
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed: Debian has it in the package prometheus")
	}
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}
