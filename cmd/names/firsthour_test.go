package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

// asCommand makes the test binary the command itself.
const asCommand = "NAMES_TEST_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// TestFirstHour runs the commands of docs/first-hour.md, with paths and ports of its
// own, and a server that is started where the page starts it.
func TestFirstHour(t *testing.T) {
	for _, tool := range []string{"sh", "dig", "curl", "sed", "base64"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	page, err := os.ReadFile("../../docs/first-hour.md")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"etc", "run", "bin"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	ports := map[string]string{}
	for _, standard := range []string{":53\"", ":9153", ":8053"} {
		ports[standard] = fmt.Sprint(freeport.Loopback(t).Port())
	}
	here := strings.NewReplacer("/etc/names", dir+"/etc", "/run/names", dir+"/run", "127.0.0.1:53\"", "127.0.0.1:"+ports[":53\""]+"\"",
		":9153", ":"+ports[":9153"], ":8053", ":"+ports[":8053"], "dig ", "dig -p "+ports[":53\""]+" ", "names ctl ", "names ctl --socket "+dir+"/run/control.sock ")
	script := "#!/bin/sh\n" + asCommand + "=1 exec " + os.Args[0] + " \"$@\"\n"
	if err := os.WriteFile(filepath.Join(dir, "bin", "names"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	environment := append(os.Environ(), "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	var output strings.Builder
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	started := false
	for _, block := range blocks {
		commands := block[1]
		if strings.HasPrefix(commands, "# not here\n") {
			if !strings.Contains(commands, "systemctl enable --now names") {
				continue
			}
			server := exec.Command(filepath.Join(dir, "bin", "names"), "serve", "--config", filepath.Join(dir, "etc", "names.toml"))
			server.Env = environment
			server.Stderr = os.Stderr
			if err := server.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				server.Process.Signal(os.Interrupt)
				server.Wait()
			}()
			eventually.Succeed(t, func() error {
				conn, err := net.Dial("unix", filepath.Join(dir, "run", "control.sock"))
				if err == nil {
					conn.Close()
				}
				return err
			})
			started = true
			continue
		}
		c := exec.Command("sh", "-eu", "-c", here.Replace(commands))
		c.Env, c.Dir = environment, dir
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s\n%s", err, here.Replace(commands), out)
		}
		output.Write(out)
	}
	if !started || len(blocks) < 8 {
		t.Errorf("%d blocks, started: %t", len(blocks), started)
	}
	for _, want := range []string{"zone example.org. serial 1: 4 records", "the configuration is right", "\n192.0.2.2\n", "ready\n", "names_queries_total{family=\"ipv4\",transport=\"udp\"}",
		"<title>names</title>", "\n192.0.2.3\n", "names.toml:17:1", "refused\n", "this would change", "recursion.from-root", "recursion      offered", "name=ns.example.org."} {
		if !strings.Contains(output.String(), want) {
			t.Errorf("the commands print no %q:\n%s", want, output.String())
		}
	}
}
