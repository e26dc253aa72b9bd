package serve

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/cmd/internal/config"
	"github.com/names-dns/names/wire"
)

// startFromFile serves what a configuration file says. Its address has to be
// 127.0.0.1:0.
func startFromFile(t testing.TB, file string) (server *Server, log func() string) {
	t.Helper()
	c, _, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	server, _, log = startAnd(t, c.Settings, func(s *Server) error {
		return s.operate(c, new(slog.LevelVar), nil, func(string) string { return "" })
	})
	return server, log
}

// TestReloadOfTheConfiguration: a reload takes what has changed in the file, all
// of it or nothing.
func TestReloadOfTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	const start = "[listen]\naddress = [\"127.0.0.1:0\"]\n"
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	writeFile(t, filepath.Join(dir, "b.example"), smallZone)
	writeFile(t, file, start+"[[zones]]\ndirectory = \".\"\nmatch = \"a.*\"\n")
	server, log := startFromFile(t, file)
	serves := func(when string, zones map[string]bool) {
		t.Helper()
		for name, want := range zones {
			m := askServer(t, "udp", server.listener.Addresses()[0], "ns."+name, wire.TypeA, wire.ClassIN)
			if got := m.RCode == wire.RCodeNoError; got != want {
				t.Errorf("%s: %s is served: %t\n%s", when, name, got, log())
			}
		}
	}
	serves("at first", map[string]bool{"a.example.": true, "b.example.": false})

	for _, step := range []struct{ text, says string }{
		{"[[zones]]\ndirectory = \".\"\nmatch = \"?.example\"\n[cache]\nsize = \"much\"\n", "names.toml:7:8 "},
		{"[[zones]]\ndirectory = \".\"\nmatch = \"?.example\"\n[[zone]]\nfile = \"missing\"\n", "zone file"},
		{"[[zones]]\ndirectory = \".\"\nmatch = \"?.example\"\n[journal]\ndir = \"j\"\n", "journal.dir cannot change while the server runs"},
	} {
		writeFile(t, file, start+step.text)
		server.reload()
		serves("after a refusal", map[string]bool{"a.example.": true, "b.example.": false})
		if !strings.Contains(log(), step.says) {
			t.Errorf("the log does not say %q:\n%s", step.says, log())
		}
	}
	if n := strings.Count(log(), "configuration refused, still running the previous one"); n != 3 {
		t.Errorf("%d are refused:\n%s", n, log())
	}

	writeFile(t, file, start+"[[zones]]\ndirectory = \".\"\nmatch = \"b.*\"\n[query-log]\nwhich = \"all\"\n")
	server.reload()
	serves("after the change", map[string]bool{"a.example.": false, "b.example.": true})
	for _, want := range []string{"msg=query ", "setting=query-log.which", "zones_added=1 zones_removed=1"} {
		if !strings.Contains(log(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log())
		}
	}
	// A zone that is added to the folder, and one that changes.
	writeFile(t, filepath.Join(dir, "b.more"), "$ORIGIN c.example.\n"+smallZone)
	writeFile(t, filepath.Join(dir, "b.example"), strings.ReplaceAll(smallZone, "192.0.2.1", "192.0.2.2"))
	server.reload()
	serves("after the folder has changed", map[string]bool{"b.example.": true, "c.example.": true})
	if got := answers(askServer(t, "udp", server.listener.Addresses()[0], "ns.b.example.", wire.TypeA, wire.ClassIN)); !strings.Contains(got, "192.0.2.2") {
		t.Errorf("the zone is still %q\n%s", got, log())
	}
}

// TestConfigOptions: what the command line may say of files.
func TestConfigOptions(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	writeFile(t, file, "[listen]\nport = 5353\n")
	broken := filepath.Join(dir, "broken.toml")
	writeFile(t, broken, "[listen]\nport = 0x10000\nwork = 1\n")
	for _, test := range []struct {
		args           string
		code           int
		stdout, stderr string
	}{
		{"--config " + file + " --print-config", cli.ExitOK, "\nport = 5353\n", ""},
		{"-p 54 --print-config", cli.ExitOK, "\nport = 54\n", ""},
		{"--config " + broken, cli.ExitFailed, "", broken + ":2:8: listen.port: 65536 is not between 0 and 65535; write port = 53\n" + broken + ":3:1: "},
		{"--config " + file + "x", cli.ExitFailed, "", file + "x: cannot read the configuration: no such file"},
		{"--config " + file + " -p 54", cli.ExitUsage, "", "--config and -p both say what to do"},
	} {
		var stdout, stderr bytes.Buffer
		code := Run(strings.Fields(test.args), &stdout, &stderr)
		if code != test.code || !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) {
			t.Errorf("%s: code %d, stdout %q, stderr %q", test.args, code, stdout.String(), stderr.String())
		}
	}
}
