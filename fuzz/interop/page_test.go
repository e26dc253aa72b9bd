//go:build interop

package interop

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
)

var screenshots = flag.Bool("screenshots", false, "write docs/images")

// browser is a headless Chromium that is spoken to over two pipes.
type browser struct {
	t       *testing.T
	out     *os.File
	in      *bufio.Reader
	session string
	last    int
	// What happened meanwhile.
	errors   []string
	requests []string
}

// startBrowser starts Chromium, or skips the test.
func startBrowser(t *testing.T) *browser {
	t.Helper()
	return startBrowserWith(t, "{}")
}

// startBrowserWith is startBrowser with preferences, as JSON, and arguments.
func startBrowserWith(t *testing.T, preferences string, more ...string) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip("chromium is not installed")
	}
	theirIn, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	in, theirOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	profile, err := os.MkdirTemp("", "names-browser")
	if err != nil {
		t.Fatal(err)
	}
	// The browser's own children write there for a moment after the signal to end.
	t.Cleanup(func() { eventually.Succeed(t, func() error { return os.RemoveAll(profile) }) })
	if err := os.WriteFile(filepath.Join(profile, "Local State"), []byte(preferences), 0o600); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(path, append(more, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--user-data-dir="+profile)...)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.ExtraFiles = []*os.File{theirIn, theirOut} // 3 and 4, as --remote-debugging-pipe has it
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	theirIn.Close()
	theirOut.Close()
	b := &browser{t: t, out: out, in: bufio.NewReaderSize(in, 1<<20)}
	t.Cleanup(func() {
		out.Close()
		syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		c.Wait()
		in.Close()
	})
	time.AfterFunc(2*time.Minute, func() { in.Close() }) // a browser that hangs ends the test
	target := b.do("Target.createTarget", `{"url": "about:blank"}`)
	b.session = b.do("Target.attachToTarget", fmt.Sprintf(`{"targetId": %q, "flatten": true}`, target["targetId"]))["sessionId"].(string)
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.do(domain+".enable", "{}")
	}
	return b
}

// do asks the browser for something, and takes note of events until it replies.
func (b *browser) do(method, params string) map[string]any {
	b.t.Helper()
	b.last++
	request := fmt.Sprintf(`{"id": %d, "method": %q, "params": %s`, b.last, method, params)
	if b.session != "" {
		request += fmt.Sprintf(`, "sessionId": %q`, b.session)
	}
	if _, err := b.out.Write(append([]byte(request), '}', 0)); err != nil {
		b.t.Fatal(err)
	}
	for {
		text, err := b.in.ReadBytes(0)
		if err != nil {
			b.t.Fatalf("%s: the browser has gone: %v", method, err)
		}
		var message struct {
			ID     int
			Method string
			Params map[string]any
			Result map[string]any
			Error  *struct{ Message string }
		}
		if err := json.Unmarshal(text[:len(text)-1], &message); err != nil {
			b.t.Fatal(err)
		}
		switch {
		case message.ID == b.last && message.Error != nil:
			b.t.Fatalf("%s: %s", method, message.Error.Message)
		case message.ID == b.last:
			return message.Result
		case message.Method == "Runtime.exceptionThrown", message.Method == "Log.entryAdded", message.Method == "Runtime.consoleAPICalled":
			details, _ := json.Marshal(message.Params)
			b.errors = append(b.errors, string(details))
		case message.Method == "Network.requestWillBeSent":
			b.requests = append(b.requests, message.Params["request"].(map[string]any)["url"].(string))
		}
	}
}

// eval returns the value of an expression in the page, as text.
func (b *browser) eval(expression string) string {
	b.t.Helper()
	params, _ := json.Marshal(map[string]any{"expression": "String(" + expression + ")", "returnByValue": true})
	result := b.do("Runtime.evaluate", string(params))
	value, _ := result["result"].(map[string]any)["value"].(string)
	return value
}

// until waits until an expression is true.
func (b *browser) until(expression string) {
	b.t.Helper()
	err := eventually.Try(nil, func() error {
		if value := b.eval(expression); value != "true" {
			return fmt.Errorf("%s is %s", expression, value)
		}
		return nil
	})
	if err != nil {
		b.t.Fatalf("%v; the page says\n%s", err, b.eval("document.body.innerText"))
	}
}

// picture writes what the page looks like to docs/images.
func (b *browser) picture(name string) {
	if !*screenshots {
		return
	}
	result := b.do("Page.captureScreenshot", `{"format": "png"}`)
	data, err := base64.StdEncoding.DecodeString(result["data"].(string))
	if err == nil {
		err = os.MkdirAll("../../docs/images", 0o755)
	}
	if err == nil {
		err = os.WriteFile("../../docs/images/"+name, data, 0o644)
	}
	if err != nil {
		b.t.Error(err)
	}
}

// TestPage looks at a running server in Chromium: a bad password gets nothing, the
// page loads without an error and asks only its own server, its numbers are those
// of names ctl, a name is resolved and its way drawn, and a phone can show it.
func TestPage(t *testing.T) {
	b := startBrowser(t)
	dir := t.TempDir()
	write := filesIn(t, dir)
	zone := write("page.example", "$ORIGIN page.example.\n@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 192.0.2.1\n")
	const otherZone = "@ 60 SOA ns a 1 2 3 4 5\n@ 60 NS ns\nns 60 A 127.0.0.1\n* 60 A 192.0.2.2\n"
	other, stopOther := startTapped(t, "--bindzone", "elsewhere.example="+write("elsewhere", otherZone))
	defer stopOther()
	socket, page := filepath.Join(dir, "s"), freeport.Loopback(t).Port()
	config := write("names.toml", fmt.Sprintf(`
[[zone]]
file = %q
[recursion]
from-root = true
root-hints = %q
query-localhost = true
stub = ["elsewhere.example=127.0.0.1:%d"]
[validation]
off = true
[cache]
enabled = true
[control]
socket = %q
[web]
listen = ["127.0.0.1:%d"]
password-file = %q
`, zone, write("hints", ". 60 NS root.\nroot. 60 A 127.0.0.1\n"), other, socket, page, write("password", "a good password\n")))
	ours, stop := startConfigured(t, config)
	defer stop()
	ask := func(names ...string) {
		for _, name := range names {
			exec.Command("dig", "-r", "@127.0.0.1", "-p", fmt.Sprint(ours), "+tries=1", "+timeout=2", name).Run()
		}
	}
	for i := range 20 {
		ask("ns.page.example", fmt.Sprintf("n%d.elsewhere.example", i%4), "no.page.example")
	}

	b.do("Emulation.setDeviceMetricsOverride", `{"width": 1200, "height": 1500, "deviceScaleFactor": 1, "mobile": false}`)
	b.do("Page.navigate", fmt.Sprintf(`{"url": "http://127.0.0.1:%d/"}`, page))
	b.until(`document.readyState == "complete" && !document.getElementById("login").hidden`)
	logIn := func(password string) {
		b.eval(fmt.Sprintf(`(document.getElementById("password").value = %q, document.querySelector("#login button").click())`, password))
	}
	logIn("a bad password")
	b.until(`document.getElementById("login-error").textContent.includes("wrong")`)
	if b.eval(`document.getElementById("page").hidden`) != "true" || strings.Contains(b.eval("document.body.innerText"), "page.example.") {
		t.Error("a bad password gets the page")
	}
	refusals := len(b.errors) // the browser says of each 401 that it is one
	for _, e := range b.errors {
		if !strings.Contains(e, "401") {
			t.Errorf("before the login: %s", e)
		}
	}
	logIn("a good password")
	b.until(`!document.getElementById("page").hidden && document.querySelectorAll("#chart-rcodes canvas").length > 0`)
	b.until(`document.getElementById("zones").innerText.includes("page.example.")`)

	b.eval(`(f => { f.value = "none.example"; f.dispatchEvent(new Event("input")); })(document.getElementById("filter"))`)
	b.until(`document.getElementById("zones").innerText.includes("None.")`)
	b.eval(`(f => { f.value = "PAGE"; f.dispatchEvent(new Event("input")); })(document.getElementById("filter"))`)
	b.until(`document.getElementById("zones").innerText.includes("page.example.")`)
	b.eval(`(f => { f.value = ""; f.dispatchEvent(new Event("input")); })(document.getElementById("filter"))`)

	out, err := exec.Command(built, "ctl", "--socket", socket, "--json", "stats").Output()
	if err != nil {
		t.Fatal(err)
	}
	var stats struct {
		Queries struct{ Clients map[string]uint64 }
		Zones   struct{ Zones, Loaded int }
	}
	if err := json.Unmarshal(out, &stats); err != nil {
		t.Fatal(err)
	}
	queries := uint64(0)
	for _, n := range stats.Queries.Clients {
		queries += n
	}
	b.until(fmt.Sprintf(`document.getElementById("queries").textContent == "%d"`, queries))
	if got, want := b.eval(`document.getElementById("zones-loaded").textContent`), fmt.Sprintf("%d of %d", stats.Zones.Loaded, stats.Zones.Zones); got != want {
		t.Errorf("zones: %s and not %s", got, want)
	}
	for _, id := range []string{"top-names", "top-clients", "servers"} {
		if text := b.eval(fmt.Sprintf(`document.getElementById(%q).innerText`, id)); !strings.Contains(text, "127.0.0.1") && !strings.Contains(text, "page.example.") {
			t.Errorf("%s: %s", id, text)
		}
	}

	// A chart has lines, says what is in it, and shows earlier numbers to the arrow keys.
	blue := `(c => { const copy = new OffscreenCanvas(c.width, c.height).getContext("2d", { willReadFrequently: true });
		copy.drawImage(c, 0, 0); const p = copy.getImageData(0, 0, c.width, c.height).data; let n = 0;
		for (let i = 0; i < p.length; i += 4) n += p[i] == 0x2a && p[i+1] == 0x6f && p[i+2] == 0x97; return n > 10; })(document.querySelector("#chart-rcodes canvas"))`
	err = eventually.Try(nil, func() error {
		ask("ns.page.example") // there have to be numbers that are not 0
		if b.eval(blue) != "true" {
			return errors.New("the chart has no blue line")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	b.until(`document.getElementById("chart-rcodes").getAttribute("aria-label").startsWith("Now: NOERROR ")`)
	legend := `document.querySelector("#chart-rcodes .u-legend .u-value").textContent`
	b.until(legend + ` == "now"`)
	b.eval(`document.getElementById("chart-rcodes").focus()`)
	b.do("Input.dispatchKeyEvent", `{"type": "keyDown", "key": "ArrowLeft", "code": "ArrowLeft", "windowsVirtualKeyCode": 37}`)
	b.until(legend + ` == "-2"`)
	b.eval(`document.getElementById("chart-rcodes").blur()`)
	b.until(legend + ` == "now"`)
	b.eval(`document.querySelectorAll("#chart-rcodes .u-series th")[1].focus()`)
	b.do("Input.dispatchKeyEvent", `{"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}`)
	b.until(`document.querySelectorAll("#chart-rcodes .u-series.u-off").length == 1`)
	b.do("Input.dispatchKeyEvent", `{"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}`)
	b.until(`document.querySelectorAll("#chart-rcodes .u-series.u-off").length == 0`)

	// By the keyboard: / goes to the box, Enter resolves.
	b.do("Input.dispatchKeyEvent", `{"type": "keyDown", "key": "/", "text": "/"}`)
	b.until(`document.activeElement.id == "trace-name"`)
	b.do("Input.insertText", `{"text": "way.elsewhere.example"}`)
	b.do("Input.dispatchKeyEvent", `{"type": "keyDown", "key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13, "text": "\r"}`)
	b.until(`document.getElementById("outcome").textContent.includes("there is an answer of 1 records")`)
	way := b.eval(`document.getElementById("way").innerText`)
	for _, want := range []string{"no zone of this server is for the name", fmt.Sprintf("asking 127.0.0.1:%d for way.elsewhere.example. A", other)} {
		if !strings.Contains(way, want) {
			t.Errorf("the way has no %q:\n%s", want, way)
		}
	}
	if *screenshots {
		const looks = `performance.getEntriesByType("resource").filter(e => e.name.endsWith("stats")).length`
		for range 4 { // each look at the statistics is a point of the charts
			ask("ns.page.example", "n1.elsewhere.example", "no.page.example")
			b.until(looks + " > " + b.eval(looks))
		}
	}
	b.picture("page-light.png")
	b.eval(`document.getElementById("theme").click()`)
	b.until(`document.documentElement.classList.contains("dark")`)
	b.picture("page-dark.png")
	b.do("Emulation.setDeviceMetricsOverride", `{"width": 390, "height": 1400, "deviceScaleFactor": 1, "mobile": true}`)
	b.until(`document.documentElement.scrollWidth <= 390`)
	b.picture("page-phone.png")

	for _, e := range b.errors[refusals:] {
		t.Errorf("the console says %s", e)
	}
	for _, r := range b.requests {
		if u, err := url.Parse(r); err != nil || u.Host != fmt.Sprintf("127.0.0.1:%d", page) && u.Scheme != "data" && u.Scheme != "about" {
			t.Errorf("the page asks for %s", r)
		}
	}
}
