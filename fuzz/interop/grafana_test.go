//go:build interop

package interop

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

// TestDashboard scrapes our server with Prometheus and has it answer each query of
// the dashboard: none finds nothing. The metrics that alerts are about are there.
func TestDashboard(t *testing.T) {
	for _, tool := range []string{"prometheus", "promtool", "dig"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("CI") != "" {
				t.Fatal(err)
			}
			t.Skipf("%s is not installed: Debian's package prometheus has it", tool)
		}
	}
	const grafana = "../../packaging/grafana"
	if out, err := exec.Command("promtool", "check", "rules", grafana+"/alerts.yml").CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	dir := t.TempDir()
	write := filesIn(t, dir)
	zone := write("panel.example", "$ORIGIN panel.example.\n@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n")
	upstream, stopUpstream := startTapped(t, "--bindzone", "elsewhere.example="+write("elsewhere", "@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n* 1 A 192.0.2.2\n"))
	defer stopUpstream()
	metrics := freeport.Loopback(t).Port()
	config := write("names.toml", fmt.Sprintf(`
[[zone]]
file = %q
[recursion]
forward = ["127.0.0.1:%d"]
[validation]
off = true
[cache]
enabled = true
[metrics]
listen = ["127.0.0.1:%d"]
[query-log]
which = "all"
to = %q
[dnstap]
to = "file:%s"
`, zone, upstream, metrics, filepath.Join(dir, "queries.log"), filepath.Join(dir, "tap")))
	ours, stopOurs := startConfigured(t, config)
	defer stopOurs()
	port := freeport.Loopback(t).Port()
	p := exec.Command("prometheus", "--config.file="+write("prometheus.yml", fmt.Sprintf(`
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: names
    static_configs: [{targets: ["127.0.0.1:%d"]}]
`, metrics)), "--storage.tsdb.path="+filepath.Join(dir, "data"), fmt.Sprintf("--web.listen-address=127.0.0.1:%d", port), "--log.level=error")
	p.Stderr = os.Stderr
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		p.Process.Signal(syscall.SIGTERM)
		p.Wait()
	}()

	// ask returns how many series a query finds.
	ask := func(query string) int {
		response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/api/v1/query?query=%s", port, url.QueryEscape(query)))
		if err != nil {
			return 0
		}
		defer response.Body.Close()
		if response.StatusCode == http.StatusServiceUnavailable {
			return 0 // it listens before it is ready
		}
		var answer struct {
			Error string
			Data  struct {
				Result []struct{ Value []any }
			}
		}
		if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Error != "" {
			t.Fatalf("%s: %v %s", query, err, answer.Error)
		}
		return len(slices.DeleteFunc(answer.Data.Result, func(r struct{ Value []any }) bool { return r.Value[1] == "NaN" }))
	}
	dig := func(i int) {
		for _, args := range [][]string{{"ns.panel.example"}, {"ns.panel.example", "+tcp"}, {fmt.Sprintf("n%d.elsewhere.example", i)}, {"ns.elsewhere.example", "AAAA"}, {"ns.panel.example", "CHAOS"}} {
			exec.Command("dig", append([]string{"-r", "@127.0.0.1", "-p", fmt.Sprint(ours), "+tries=1", "+timeout=1"}, args...)...).Run()
		}
	}
	queries := panelQueries(t, grafana+"/dashboard.json")
	if len(queries) < 20 {
		t.Fatalf("the dashboard has %d queries", len(queries))
	}
	left, tries := slices.Clone(queries), 0
	eventually.Succeed(t, func() error {
		dig(tries)
		tries++
		left = slices.DeleteFunc(left, func(q string) bool { return ask(q) > 0 })
		if len(left) > 0 {
			return fmt.Errorf("nothing is found by\n%s", strings.Join(left, "\n"))
		}
		return nil
	})
	alerts, err := os.ReadFile(grafana + "/alerts.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range regexp.MustCompile(`\bnames_[a-z_]+\b(\{[^}]*\})?`).FindAllString(string(alerts), -1) {
		if strings.Contains(name, "NaN") {
			continue
		}
		name = regexp.MustCompile(`\{.*\}`).ReplaceAllString(name, "")
		if ask(name) == 0 && !onlySometimes[name] {
			t.Errorf("alerts are about %s, which there is not", name)
		}
	}
}

// onlySometimes are metrics of alerts that this server has no reason to have; tests of
// package serve look at them.
var onlySometimes = map[string]bool{
	"names_signing_offline_end_timestamp_seconds": true, // a key on a machine without a network
}

// panelQueries are the queries of a dashboard, with its variables filled in.
func panelQueries(t *testing.T, file string) (all []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			all = append(all, strings.NewReplacer("$job", "names", "$instance", ".*", "$__rate_interval", "10s").Replace(target.Expr))
		}
	}
	return all
}

// startConfigured starts our server with a file, on a free port of 127.0.0.1.
func startConfigured(t *testing.T, config string) (port uint16, stop func()) {
	t.Helper()
	port = freeport.Loopback(t).Port()
	f, err := os.OpenFile(config, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "[listen]\naddress = [\"127.0.0.1:%d\"]\n", port)
	f.Close()
	return port, runServer(t, port, "--config", config)
}
