package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/names-dns/names/cmd/internal/settings"
)

var updateFiles = flag.Bool("update", false, "write the golden file and the page")

// write writes a file of a test and returns its path.
func write(t testing.TB, dir, name, text string) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestBroken: testdata/broken.txt has configurations with one mistake each, and
// what is said of it. "go test -update" writes down what is said now.
func TestBroken(t *testing.T) {
	const golden = "testdata/broken.txt"
	text, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	cases := 0
	header, rest, _ := strings.Cut(string(text), "\n=== ")
	got.WriteString(strings.TrimSpace(header) + "\n")
	for each := range strings.SplitSeq(rest, "\n=== ") {
		title, body, _ := strings.Cut(each, "\n")
		source, _, _ := strings.Cut(body, "--- ")
		cases++
		fmt.Fprintf(&got, "\n=== %s\n%s", title, source)
		message := broken(t, source)
		for line := range strings.SplitSeq(message, "\n") {
			fmt.Fprintf(&got, "--- %s\n", line)
		}
		if message == "" {
			t.Errorf("%s: nothing is wrong with\n%s", title, source)
		}
	}
	if cases < 200 {
		t.Errorf("there are only %d cases", cases)
	}
	if *updateFiles {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got.String()); diff != "" {
		t.Errorf("(-%s +what is said)\n%s", golden, diff)
	}
}

// broken returns what is said of a configuration. Lines "@NAME" begin other
// files of the same folder.
func broken(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	parts := regexp.MustCompile(`(?m)^@(\S+)\n`).FindAllStringSubmatchIndex(source, -1)
	first := source
	for i, p := range parts {
		end := len(source)
		if i+1 < len(parts) {
			end = parts[i+1][0]
		}
		write(t, dir, source[p[2]:p[3]], source[p[1]:end])
		if i == 0 {
			first = source[:p[0]]
		}
	}
	_, _, err := Load(write(t, dir, "names.toml", first))
	if err == nil {
		return ""
	}
	return strings.ReplaceAll(err.Error(), dir+"/", "")
}

// everything is a configuration that gives each option.
const everything = `
include = ["conf.d/*.toml"]
log.cache = "all"
log.level = "warn"
[listen]
allow-query = ["any"]
port = 5353
address = ["192.0.2.1", "[2001:db8::1]:54"]
workers = 0x2
max-udp-size = 1_400
[identity]
nsid = "a \"quoted\" \\ name\t"
cookie-secret-file = "secrets"
hide-version = true
[authority]
any-in-full = true
[template.default]
file = "zones/{name}.zone"
sign = "default"
[template.old]
file = "{name}"
format = "pyzone"
[acl.office]
networks = ["192.0.2.0/24"]
except = ["192.0.2.66"]
keys = ["a.key"]
transports = ["tls", "udp"]
addresses = ["198.51.100.1"]
client-names = ["a.example"]
client-pins = ["B6LEEoIsxgYmZnhsL+MUw4MtEyz8WUCMHTa3mFR7b20="]
[[zone]]
name = "Example.com"
[[zone]]
name = "0/25.2.0.192.in-addr.arpa"
template = "old"
[[zone]]
file = "/elsewhere/zone"
[[zones]]
directory = "folder"
match = "*.db"
format = "master"
[signing]
key-dir = "signing"
[recursion]
from-root = true
hosts-file = "hosts"
forward = ["corp.example=10.0.0.53:54", "corp.example=10.0.0.54"]
allow = ["loopback", "192.0.2.0/24"]
root-hints = "hints"
stub = ["s.example=192.0.2.7"]
no-qname-min = true
do-not-query = ["192.0.2.128/25"]
query-localhost = true
[control]
socket = "control.sock"
listen = ["127.0.0.1:8953"]
certificate = "control.pem"
key = "control.key"
client-ca = "clients.pem"
token-file = "token"
[tls]
address = ["192.0.2.1", "192.0.2.2:8853"]
certificate = ["cert.pem", "/other.pem"]
key = ["key.pem"]
only-13 = true
ticket-keys = "tickets"
client-pin = ["B6LEEoIsxgYmZnhsL+MUw4MtEyz8WUCMHTa3mFR7b20="]
client-optional = true
[https]
address = ["192.0.2.3"]
path = "/q"
plain = ["127.0.0.1:8080"]
proxy = ["loopback"]
no-http3 = true
json = true
oblivious = true
[quic]
address = ["192.0.2.3:8853"]
early-data = true
[limits]
rate-limit = 300
rate-limit-in-all = 6000
slip = 3
rate-limit-exempt = ["192.0.2.0/24"]
rate-limit-log-only = true
client-queries = 400
client-waiting = 500
client-exempt = ["192.0.2.1"]
[metrics]
listen = ["127.0.0.1:9153"]
[web]
listen = ["127.0.0.1:8053"]
password-file = "password"
[process]
user = "names"
landlock = true
[query-log]
which = "slow"
slow = "20ms"
one-in = 7
messages = true
format = "json"
to = "queries.log"
[dnstap]
to = "unix:tap.sock"
messages = ["auth", "client"]
one-in = 9
[validation]
log-only = true
trust-anchor = ["keys"]
insecure = ["corp.example", "b.example=2026-12-24"]
`

// loadEverything reads everything, with the files it names.
func loadEverything(t *testing.T) (c *Config, dir string) {
	t.Helper()
	dir = t.TempDir()
	write(t, dir, "secrets", "# two\n000102030405060708090a0b0c0d0e0f\n\n101112131415161718191a1b1c1d1e1f\n")
	write(t, dir, "conf.d/cache.toml", "[cache]\nenabled = true\nsize = \"1GiB\"\nserve-stale = \"90m\"\nfile = \"../cache\"\n")
	for _, name := range []string{"a.db", "b.db", ".c.db", "d.db~", "e.txt", "f.db/g"} {
		write(t, dir, "folder/"+name, "")
	}
	c, warnings, err := Load(write(t, dir, "names.toml", everything))
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v\n%v", err, warnings)
	}
	return c, dir
}

// A file says what a command line says, with paths that begin at its folder.
func TestFileIsLikeFlags(t *testing.T) {
	c, dir := loadEverything(t)
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	s, finish := settings.Flags(flags)
	args := strings.Fields(strings.ReplaceAll(`-i 192.0.2.1 -i [2001:db8::1]:54 -p 5353 --workers 2 --max-udp-size 1400
		--cookie-secret 000102030405060708090a0b0c0d0e0f --cookie-secret 101112131415161718191a1b1c1d1e1f --hide-version
		--bindzone Example.com=DIR/zones/example.com.zone --bindzone /elsewhere/zone --bindzone DIR/folder/a.db --bindzone DIR/folder/b.db
		--sign DIR/signing
		--from-root --hosts-file DIR/hosts --forward corp.example=10.0.0.53:54 --forward corp.example=10.0.0.54 --allow-recursion loopback
		--allow-recursion 192.0.2.0/24 --root-hints DIR/hints --stub s.example=192.0.2.7 --no-qname-min --do-not-query 192.0.2.128/25
		--query-localhost --trust-anchor DIR/keys --insecure corp.example --insecure b.example=2026-12-24 --validation-log-only --any-in-full -c --cache-size 1GiB --serve-stale=90m --cache-file DIR/cache --rate-limit 300 --rate-limit-in-all 6000 --slip 3 --rate-limit-exempt 192.0.2.0/24 --rate-limit-log-only --client-queries 400 --client-waiting 500 --client-exempt 192.0.2.1 -v -v
		--allow-query any --tls 192.0.2.1 --tls 192.0.2.2:8853 --tls-certificate DIR/cert.pem --tls-certificate /other.pem --tls-key DIR/key.pem --tls-only-13 --tls-ticket-keys DIR/tickets
		--tls-client-pin B6LEEoIsxgYmZnhsL+MUw4MtEyz8WUCMHTa3mFR7b20= --tls-client-optional --https 192.0.2.3 --https-path /q --https-plain 127.0.0.1:8080 --https-proxy loopback --no-http3 --https-json --https-oblivious --quic 192.0.2.3:8853 --quic-early-data
		--query-log slow=20ms --query-log-one-in 7 --query-log-format json --query-log-file DIR/queries.log --dnstap unix:DIR/tap.sock
		--dnstap-messages auth --dnstap-messages client --dnstap-one-in 9`, "DIR", dir))
	if err := flags.Parse(append(args, "--nsid", "a \"quoted\" \\ name\t")); err != nil {
		t.Fatal(err)
	}
	if err := finish(); err != nil {
		t.Fatal(err)
	}
	if z := c.Settings.Zones[1]; z.Path != dir+"/0_25.2.0.192.in-addr.arpa" || z.Format == 0 || z.Origin.String() != "0/25.2.0.192.in-addr.arpa." {
		t.Errorf("%+v", z)
	}
	c.Settings.Zones = append(c.Settings.Zones[:1:1], c.Settings.Zones[2:]...)
	if len(c.Settings.ACLs) != 1 || c.Settings.ACLs[0].Name != "office" {
		t.Errorf("access lists %+v", c.Settings.ACLs)
	}
	c.Settings.ACLs = nil // a command line has none
	if !reflect.DeepEqual(c.Settings, *s) {
		t.Errorf("file\n%+v\nflags\n%+v", c.Settings, *s)
	}
}

// What is printed can be read back, and is the same again.
func TestPrintIsReadBack(t *testing.T) {
	everything, _ := loadEverything(t)
	for name, text := range map[string]string{
		"nothing": "", "forwarder": "recursion.forward = [\"192.0.2.1\"]\ncache.enabled = true",
		"resolv.conf": "recursion.recursive = true", "port": "listen.port = 0\ncache.size = 65537",
		"zones":    "[[zone]]\nfile = \"a\"\n",
		"views":    "[view.b]\nclients = [\"10.0.0.0/8\"]\nforward = [\"10.0.0.53\", \"corp.example=10.0.0.54\"]\n[view.a]\nclients = [\"any\"]\nno-recursion = true\n[[zone]]\nname = \"z.example\"\nfile = \"z\"\nviews = [\"a\", \"b\"]\n[[zone]]\nname = \"z.example\"\nfile = \"y\"\njournal = false\n",
		"policies": "signing.key-dir = \"keys\"\n[policy.a]\nkeys = \"two\"\nalgorithm = \"ED25519\"\nnsec3 = true\nopt-out = true\ncds = true\nvalidity = \"48h\"\nrefresh = \"6h\"\nkey-ttl = \"5m\"\n[policy.default]\nnsec3 = true\n[[zone]]\nfile = \"z\"\nsign = \"a\"\n",
	} {
		c, _, err := Load(write(t, t.TempDir(), "names.toml", text))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		readBack(t, name, c)
	}
	readBack(t, "everything", everything)
}

func readBack(t *testing.T, name string, c *Config) {
	t.Helper()
	var printed bytes.Buffer
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	again, warnings, err := Load(write(t, t.TempDir(), "names.toml", printed.String()))
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%s: %v %v in\n%s", name, err, warnings, printed.String())
	}
	again.Files, again.templates = c.Files, c.templates
	if options, _, _ := Diff(again, c); len(options) > 0 || !reflect.DeepEqual(again.Settings, c.Settings) {
		t.Errorf("%s: read back\n%+v\nand not\n%+v\nfrom\n%s", name, again.Settings, c.Settings, printed.String())
	}
	if bytes.Contains(printed.Bytes(), []byte("000102030405060708090a0b0c0d0e0f")) {
		t.Errorf("%s: a secret is printed", name)
	}
}

// Each option in a comment of the example is good where it stands, on its own.
func TestExamplesAreGood(t *testing.T) {
	for _, s := range sections {
		for _, o := range s.options {
			if o.key == "cookie-secret-file" || o.key == "directory" {
				continue // they are read at once
			}
			text := s.header("x") + "\n" + o.written() + "\n"
			_, _, err := Load(write(t, t.TempDir(), "names.toml", text))
			switch {
			case err == nil:
			case strings.Contains(err.Error(), " requires "), strings.Contains(err.Error(), " is missing"), strings.Contains(err.Error(), "there is no template"), strings.Contains(err.Error(), "there is no view"):
			default:
				t.Errorf("%s%v", text, err)
			}
			if o.what == "" || o.why == "" || !strings.HasSuffix(o.what, ".") || !strings.HasSuffix(o.why, ".") {
				t.Errorf("%s.%s is not explained", s.name, o.key)
			}
		}
		if s.example != "" {
			if _, err := parse("example", []byte(s.example)); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestPathsBeginAtTheirFile: a path is relative to the file that it is written in.
func TestPathsBeginAtTheirFile(t *testing.T) {
	tried := 0
	for _, s := range sections {
		for _, o := range s.options {
			if !strings.Contains(o.example, `"/`) || s.name == "https" && o.key == "path" {
				continue
			}
			text := s.header("x") + "\n" + strings.ReplaceAll(o.written(), `"/`, `"relative/`) + "\n"
			if strings.Contains(o.what, "Requires from-root") {
				text += "from-root = true\n"
			}
			dir := t.TempDir()
			c, _, err := Load(write(t, dir, "names.toml", text))
			if err != nil {
				if !strings.Contains(err.Error(), filepath.Join(dir, "relative")) && !strings.Contains(err.Error(), " requires ") && !strings.Contains(err.Error(), " is missing") {
					t.Errorf("%s%v", text, err)
				}
				continue
			}
			var printed strings.Builder
			if err := c.Print(&printed); err != nil {
				t.Fatal(err)
			}
			if tried++; !strings.Contains(printed.String(), filepath.Join(dir, "relative")) {
				t.Errorf("%sis not below %s", text, dir)
			}
		}
	}
	if tried < 8 {
		t.Errorf("only %d options have paths", tried)
	}
}

func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	secret := write(t, dir, "secrets", "000102030405060708090a0b0c0d0e0f")
	file := write(t, dir, "names.toml", "[identity]\ncookie-secret-file = \"secrets\"\ncookie-secret = [\"000102030405060708090a0b0c0d0e0f\"]\n[[zones]]\ndirectory=\".\"\nmatch=\"*.zone\"\n")
	for _, f := range []string{file, secret} {
		if err := os.Chmod(f, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	_, warnings, err := Load(file)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"2:22: identity.cookie-secret-file: every user can read", "3:1: identity.cookie-secret: every user can read this file", "has no file that matches"}
	for i, w := range want {
		if len(warnings) != len(want) || !strings.Contains(warnings[i].Error(), w) {
			t.Errorf("%v does not say %q", warnings, w)
		}
	}
}

func TestDiff(t *testing.T) {
	load := func(text string) *Config {
		c, _, err := Load(write(t, t.TempDir(), "names.toml", text))
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	before := load("[recursion]\nfrom-root = true\n[[zone]]\nfile = \"/a\"\n[[zone]]\nfile = \"/b\"\n")
	after := load("[recursion]\nforward = [\"192.0.2.1\"]\n[[zone]]\nfile = \"/b\"\n[[zone]]\nfile = \"/c\"\n")
	options, added, removed := Diff(before, after)
	want := []Difference{{"recursion.from-root", "true", "false"}, {"recursion.recursive", "false", "true"}, {"recursion.forward", "", `["192.0.2.1:53"]`}}
	if !reflect.DeepEqual(options, want) || len(added) != 1 || added[0].Path != "/c" || len(removed) != 1 || removed[0].Path != "/a" {
		t.Errorf("%v %v %v", options, added, removed)
	}
}

// TestPageIsUpToDate: "go test -update" writes the page.
func TestPageIsUpToDate(t *testing.T) {
	const page = "../../../docs/configuration.md"
	if *updateFiles {
		if err := os.WriteFile(page, Page(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, Page()) {
		t.Error("docs/configuration.md is stale: go test ./cmd/internal/config -run PageIsUpToDate -update")
	}
}

// The schema knows each option, and its examples are of the types it names.
func TestSchema(t *testing.T) {
	var schema struct {
		Properties map[string]struct {
			Type                 string
			Items                *struct{ Properties map[string]json.RawMessage }
			Properties           map[string]json.RawMessage
			AdditionalProperties any
		}
	}
	if err := json.Unmarshal(Schema(), &schema); err != nil {
		t.Fatal(err)
	}
	for _, s := range sections {
		p := schema.Properties[s.name]
		in := p.Properties
		switch s.form {
		case isListed:
			in = p.Items.Properties
		case isNamed:
			continue
		}
		for _, o := range s.options {
			if _, ok := in[o.key]; !ok {
				t.Errorf("the schema has no %s.%s", s.name, o.key)
			}
		}
	}
}

// The command line has no option that the file lacks: each is the key of an
// option, or another name of one.
func TestFileHasAllFlags(t *testing.T) {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	settings.Flags(flags)
	// Transfers are not in the file yet: docs/transfers.md says so.
	elsewhere := map[string]bool{"secondary": true, "secondary-dir": true, "allow-transfer": true, "allow-update": true, "tsig-key": true, "also-notify": true}
	flags.VisitAll(func(f *flag.Flag) {
		if _, option := ownerOf(f.Name); option == "" && len(f.Name) > 1 && !elsewhere[f.Name] {
			t.Errorf("--%s has no setting in the file", f.Name)
		}
	})
}

// FuzzConfig: no file makes the reader panic, and one that is taken is printed
// as a file that is taken.
func FuzzConfig(f *testing.F) {
	f.Add(everything)
	text, err := os.ReadFile("testdata/broken.txt")
	if err != nil {
		f.Fatal(err)
	}
	for each := range strings.SplitSeq(string(text), "\n=== ") {
		_, body, _ := strings.Cut(each, "\n")
		source, _, _ := strings.Cut(body, "--- ")
		f.Add(source)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "include") || strings.Contains(text, "file") || strings.Contains(text, "directory") {
			return // other files are not what is tested
		}
		c, _, err := Load(write(t, dir, "names.toml", text))
		if problems, isProblems := errors.AsType[Problems](err); err != nil && (!isProblems || len(problems) == 0) {
			t.Fatalf("%v is not a list of problems", err)
		}
		if err != nil || len(c.Settings.Identity.CookieSecrets) > 0 {
			return
		}
		readBack(t, "fuzz", c)
	})
}
