package serve

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/filewatch"
	"github.com/names-dns/names/wire"
)

// boundAt finds where the log says that a service or transport was bound last.
func boundAt(t *testing.T, log, what string) string {
	t.Helper()
	all := regexp.MustCompile(`msg=listening address=(\S+) (?:service|transport)=`+regexp.QuoteMeta(what)+`\s`).FindAllStringSubmatch(log, -1)
	if len(all) == 0 {
		t.Fatalf("%s is not listened for:\n%s", what, log)
	}
	return all[len(all)-1][1]
}

// TestReloadOfServices: control, metrics and the page come, change and go with a reload;
// what has its address still keeps it, and a file with an error leaves all as it was.
func TestReloadOfServices(t *testing.T) {
	dir := t.TempDir()
	file, password := filepath.Join(dir, "names.toml"), filepath.Join(dir, "password")
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	writeFile(t, password, "first password\n")
	if err := os.Chmod(password, 0o600); err != nil {
		t.Fatal(err)
	}
	const start = "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"a.example\"\n"
	const metrics = "[metrics]\nlisten = [\"127.0.0.1:0\"]\n"
	const page = "[web]\nlisten = [\"127.0.0.1:0\"]\npassword-file = \"password\"\n"
	writeFile(t, file, start+metrics)
	server, log := startFromFile(t, file)
	reload := func(text, want string) {
		t.Helper()
		writeFile(t, file, start+text)
		if _, err := server.reload(); want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	get := func(url, password string) int {
		t.Helper()
		r, err := http.NewRequest("GET", url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+password)
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		return response.StatusCode
	}
	defer http.DefaultClient.CloseIdleConnections()
	scrape := "http://" + boundAt(t, log(), "metrics") + "/metrics"
	socket := func(name string) string { return filepath.Join(dir, name) }
	answers := func(name string) bool {
		code, _, _ := ctl(socket(name), "status")
		return code == 0
	}

	reload(metrics+page+"[control]\nsocket = \"one.sock\"\n", "")
	status := "http://" + boundAt(t, log(), "page") + "/v1/status"
	if got := [...]int{get(scrape, ""), get(status, "first password"), get(status, "other password")}; got != [...]int{200, 200, 401} {
		t.Errorf("metrics, page and a wrong password: %v", got)
	}
	if !answers("one.sock") {
		t.Error("the control socket does not answer")
	}

	writeFile(t, password, "other password\n")
	code, _, stderr := func() (int, string, string) { // over the socket that goes
		writeFile(t, file, start+metrics+page+"[control]\nsocket = \"two.sock\"\n")
		return ctl(socket("one.sock"), "reload")
	}()
	if code != 0 || !answers("two.sock") {
		t.Errorf("another socket: %d %s", code, stderr)
	}
	if got := [...]int{get(status, "first password"), get(status, "other password")}; got != [...]int{401, 200} {
		t.Errorf("another password: %v", got)
	}

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	reload("[control]\nsocket = \"three.sock\"\n[metrics]\nlisten = [\""+taken.Addr().String()+"\"]\n", "metrics: listen tcp "+taken.Addr().String())
	reload("[control]\nsocket = \"three.sock\"\n[[zone]]\nfile = \"missing\"\n", "missing")
	if get(scrape, "") != 200 || answers("three.sock") || !answers("two.sock") {
		t.Error("a reload that was refused has changed something")
	}

	reload("", "")
	eventually.Succeed(t, func() error { // they end after the reload
		if get(scrape, "") != 0 || get(status, "other password") != 0 || answers("two.sock") {
			http.DefaultClient.CloseIdleConnections()
			return fmt.Errorf("what was taken out still answers:\n%s", log())
		}
		return nil
	})
	if left, _ := filepath.Glob(socket("*.sock")); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
	reload(metrics+"[process]\nuser = \"names\"\nlandlock = true\n[listen.workers]\n", "names.toml")
	reload("[process]\nuser = \"root\"\nlandlock = true\n", "process.user, process.landlock cannot change")
}

// TestReloadOfEncryption: certificates, the clients that may connect, and where queries
// are received over TLS, HTTPS and QUIC change with a reload; connections stay.
func TestReloadOfEncryption(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	writeFile(t, filepath.Join(dir, "example"), smallZone)
	pins := map[string]string{"one.pem": writeCertificate(t, filepath.Join(dir, "one.pem")), "two.pem": writeCertificate(t, filepath.Join(dir, "two.pem"))}
	const start = "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"example\"\n"
	const https = "[https]\naddress = [\"127.0.0.1:0\"]\n"
	tlsFrom := func(certificate, more string) string {
		return "[tls]\naddress = [\"127.0.0.1:0\"]\ncertificate = [\"" + certificate + "\"]\n" + more
	}
	writeFile(t, file, start)
	server, log := startFromFile(t, file)
	reload := func(text string) {
		t.Helper()
		writeFile(t, file, start+text)
		if _, err := server.reload(); err != nil {
			t.Error(err)
		}
	}
	dial := func(address string, protocols ...string) (*tls.Conn, string) {
		conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
		if err != nil {
			return nil, err.Error()
		}
		t.Cleanup(func() { conn.Close() })
		return conn, pinOf(conn)
	}
	post := func(path string) (status int, alternative string) {
		t.Helper()
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}}
		defer client.CloseIdleConnections()
		q := wire.AppendQuery(nil, 0, 0, wire.Question{Name: wire.MustParseName("ns.example."), Type: wire.TypeA, Class: wire.ClassIN}, nil)
		r, err := client.Post("https://"+boundAt(t, log(), "https")+path, "application/dns-message", bytes.NewReader(q))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		return r.StatusCode, r.Header.Get("Alt-Svc")
	}

	reload(tlsFrom("one.pem", ""))
	address := tlsAddress(t, server).String()
	old, pin := dial(address, "dot")
	if pin != pins["one.pem"] {
		t.Fatalf("the first certificate: %s", pin)
	}
	overTLS(t, old)

	reload(tlsFrom("two.pem", "") + https + "[quic]\naddress = [\"127.0.0.1:0\"]\n")
	overTLS(t, old)
	if _, pin := dial(address, "dot"); pin != pins["two.pem"] || tlsAddress(t, server).String() != address {
		t.Errorf("the second certificate at %v: %s", tlsAddress(t, server), pin)
	}
	if _, pin := dial(boundAt(t, log(), "https"), "h2"); pin != pins["two.pem"] {
		t.Errorf("the second certificate over HTTPS: %s", pin)
	}
	if status, alternative := post("/dns-query"); status != 200 || alternative == "" {
		t.Errorf("HTTPS: %d %q", status, alternative)
	}
	if boundAt(t, log(), "http/3") != boundAt(t, log(), "https") || boundAt(t, log(), "quic") == "" {
		t.Errorf("QUIC and HTTP/3 are not listened for:\n%s", log())
	}

	before := boundAt(t, log(), "https")
	reload(tlsFrom("two.pem", "client-pin = [\""+pins["one.pem"]+"\"]\nclient-optional = true\n") + https + "path = \"/q\"\nno-http3 = true\n")
	if status, _ := post("/dns-query"); status != 404 {
		t.Errorf("the path that was: %d", status)
	}
	if status, alternative := post("/q"); status != 200 || alternative != "" || boundAt(t, log(), "https") != before {
		t.Errorf("another path: %d %q", status, alternative)
	}
	if !strings.Contains(log(), "msg=\"no longer listening\" address="+before+" transport=http/3") {
		t.Errorf("HTTP/3 is still listened for:\n%s", log())
	}
	reload(tlsFrom("two.pem", "client-pin = [\""+pins["one.pem"]+"\"]\n"))
	if conn, _ := dial(address, "dot"); conn != nil { // TLS 1.3 tells the client after its handshake
		conn.Write([]byte{0})
		if _, err := conn.Read(make([]byte, 1)); err == nil || err == io.EOF {
			t.Errorf("a client without a certificate: %v", err)
		}
	}
	overTLS(t, old)
	reload("")
	if conn, _ := dial(address, "dot"); conn != nil {
		t.Error("TLS is still listened for")
	}
}

// TestWatchedConfiguration: a change of the file is a reload, if the configuration wants
// that, from the start or since a reload.
func TestWatchedConfiguration(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits for looks at the file, one in two seconds")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "names.toml")
	writeFile(t, filepath.Join(dir, "a.example"), smallZone)
	const start = "[listen]\naddress = [\"127.0.0.1:0\"]\n[[zone]]\nfile = \"a.example\"\n"
	writeFile(t, file, start)
	server, log := startFromFile(t, file)
	writeFile(t, file, start+"[control]\nwatch = true\n")
	server.reload()
	tries, written := 0, time.Time{}
	eventually.Succeed(t, func() error { // the first look may come after the first change
		if time.Since(written) > 4*filewatch.Interval {
			tries, written = tries+1, time.Now()
			writeFile(t, file, start+"[control]\nwatch = true\n[identity]\nnsid = \""+strings.Repeat("x", tries)+"\"\n")
		}
		if !strings.Contains(log(), "setting=identity.nsid") {
			return fmt.Errorf("no reload:\n%s", log())
		}
		return nil
	})
}

// TestRestartIsDocumented: the page about the configuration names what takes a restart.
func TestRestartIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range restartOnly {
		if !strings.Contains(string(page), "`"+f.option+"`") {
			t.Errorf("docs/configuration.md does not say that %s needs a restart", f.option)
		}
	}
}

// TestConfigurationIsReadWhole: a file that is being written is left until it has been the
// same for two looks.
func TestConfigurationIsReadWhole(t *testing.T) {
	var looks looks
	for i, look := range []struct {
		at     string
		isRead bool
	}{
		{"one", false}, {"one", false}, // in use
		{"", false}, {"half", false}, {"two", false}, {"two", true}, {"two", false},
		{"", false}, {"two", false}, {"two", false}, // as it was
		{"three", false}, {"three", true},
		{"", false}, {"", true}, // it is gone, which the reload says
	} {
		if got := looks.haveSettled(look.at); got != look.isRead {
			t.Errorf("look %d, %q: %v", i, look.at, got)
		}
	}
}
