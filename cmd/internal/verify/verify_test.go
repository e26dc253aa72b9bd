package verify

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/cmd/internal/cli"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// serveRoot answers from a signed root zone of few names, over UDP, and returns its
// address and a file with its key: the signature of bad is of other data, that of old
// has expired, and silent gets no answer but SERVFAIL.
func serveRoot(t *testing.T) (server, anchor string) {
	t.Helper()
	key, err := dnssec.NewAlgorithms(dnssec.Policy{}).NewSigningKey(wire.AlgorithmED25519, 257, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	if err != nil {
		t.Fatal(err)
	}
	sets := map[string][]wire.Record{}
	add := func(owner string, kind wire.Type, data, signed []byte, until time.Duration) {
		name := wire.MustParseName(owner)
		set := &dnssec.RRset{Name: name, Type: kind, Class: wire.ClassIN, TTL: 60, Data: [][]byte{signed}}
		const month = 30 * 24 * time.Hour
		sig, err := key.Sign(set, wire.Root, wire.SerialFromTime(time.Now().Add(-2*month)), wire.SerialFromTime(time.Now().Add(until)))
		if err != nil {
			t.Fatal(err)
		}
		sets[name.String()+" "+kind.String()] = []wire.Record{
			{Name: name, Type: kind, Class: wire.ClassIN, TTL: 60, Data: data},
			{Name: name, Type: wire.TypeRRSIG, Class: wire.ClassIN, TTL: 60, Data: sig.AppendTo(nil, nil)},
		}
	}
	const month = 30 * 24 * time.Hour
	add(".", wire.TypeDNSKEY, key.Data(), key.Data(), month)
	add("good.", wire.TypeA, []byte{192, 0, 2, 7}, []byte{192, 0, 2, 7}, month)
	add("bad.", wire.TypeA, []byte{192, 0, 2, 8}, []byte{192, 0, 2, 7}, month)
	add("old.", wire.TypeA, []byte{192, 0, 2, 9}, []byte{192, 0, 2, 9}, -month)
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 4096)
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			q, err := wire.ParseMessage(buf[:n])
			if err != nil {
				continue
			}
			m := &wire.Message{ID: q.ID, Flags: wire.FlagQR | wire.FlagRA | q.Flags, Questions: q.Questions, EDNS: &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO}}
			m.Answers = sets[q.Questions[0].Name.Fold().String()+" "+q.Questions[0].Type.String()]
			if len(m.Answers) == 0 {
				m.RCode = wire.RCodeServFail
			}
			if reply, err := m.AppendTo(nil); err == nil {
				conn.WriteTo(reply, from)
			}
		}
	}()
	anchor = filepath.Join(t.TempDir(), "root.key")
	text := ". DNSKEY 257 3 15 " + base64.StdEncoding.EncodeToString(key.Record.PublicKey) + "\n"
	if err := os.WriteFile(anchor, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return "@" + conn.LocalAddr().String(), anchor
}

func run(args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	code = Run(args, &out, &errs)
	return code, out.String(), errs.String()
}

// TestVerify: the chain is shown link by link, and the exit code tells the verdict.
func TestVerify(t *testing.T) {
	server, anchor := serveRoot(t)
	for _, c := range []struct {
		args string
		code int
		want []string
	}{
		{"good", cli.ExitOK, []string{"is that of its trust anchor", ". DNSKEY is signed by key", ". is secure", "good A is signed by key", "secure    good.", "good. A: NOERROR, secure\n"}},
		{"bad", exitBogus, []string{". is secure", "bogus     bad.", "bad. A: NOERROR, bogus: signature of bad A is wrong, key"}},
		{"old A", exitBogus, []string{"old. A: NOERROR, bogus: signature of old A expired "}},
		{"good --insecure good", exitInsecure, []string{"good. A: NOERROR, insecure: negative trust anchor for good"}},
		{"good --now 2020-01-01T00:00:00Z", exitBogus, []string{"not valid for another"}},
		{"silent", exitIndeterminate, []string{"silent. A: SERVFAIL, indeterminate"}},
	} {
		args := append(strings.Fields(c.args), server, "--trust-anchor", anchor)
		code, stdout, stderr := run(args...)
		if code != c.code || stderr != "" {
			t.Errorf("%s: exit code %d, want %d; %s%s", c.args, code, c.code, stdout, stderr)
		}
		at := 0
		for _, want := range c.want {
			next := strings.Index(stdout[at:], want)
			if next < 0 {
				t.Errorf("%s: %q does not come next in\n%s", c.args, want, stdout)
				break
			}
			at += next
		}
		if code, stdout, _ := run(append(args, "-q")...); code != c.code || stdout != "" {
			t.Errorf("%s, quiet: exit code %d, %q", c.args, code, stdout)
		}
		code, stdout, _ = run(append(args, "--json")...)
		var o struct {
			Verdict string
			Answer  []struct{ Name, Verdict string }
			Links   []struct{ Kind, Zone string }
		}
		if err := json.Unmarshal([]byte(stdout), &o); err != nil || strings.Contains(stdout, "null") || code != c.code || exitOf(o.Verdict) != c.code {
			t.Errorf("%s, JSON: exit code %d, %v\n%s", c.args, code, err, stdout)
		}
	}
}

// exitOf is the exit code of a verdict in words.
func exitOf(verdict string) int {
	for v, code := range exitCodes {
		if v.String() == verdict {
			return code
		}
	}
	return -1
}

func TestVerifyCommandLine(t *testing.T) {
	for args, want := range map[string]string{
		"":                            "give a name",
		"a b c":                       "b",
		"a A B":                       "\"B\" is too much",
		"a @nowhere":                  "nowhere",
		"a @127.0.0.1 @127.0.0.2":     "there are two servers",
		"a --now yesterday":           "\"yesterday\" is not a time",
		"a --trust-anchor /not/there": "/not/there",
		"a --insecure a..b":           "\"a..b\" is not a domain name",
		"a --odd":                     "odd",
	} {
		code, _, stderr := run(strings.Fields(args)...)
		if code != cli.ExitUsage || !strings.Contains(stderr, want) {
			t.Errorf("%q: exit code %d, %q does not say %q", args, code, stderr, want)
		}
	}
	if code, stdout, _ := run("--help"); code != cli.ExitOK || stdout != Help {
		t.Errorf("--help: %d, %q", code, stdout)
	}
}
