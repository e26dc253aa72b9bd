//go:build interop

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// TestDnsdist has dnsdist ask us over TLS, over HTTPS, and over TLS with a PROXY header, which
// it sends within TLS; and us ask dnsdist over TLS, because we are configured so, or because
// it designates that (RFC 9462).
func TestDnsdist(t *testing.T) {
	dnsdist, dig := need(t, "dnsdist"), need(t, "dig")
	i, zones := newIdentity(t), encryptedZones(t)
	_, dot, https, _ := encryptedOurs(t, i, zones)
	_, proxied, _, _ := encryptedOurs(t, i, zones, "--proxy", "127.0.0.9", "--allow-query", "127.0.0.1", "--allow-query", "127.0.0.7")
	front, frontTLS := freeport.Loopback(t).Port(), freeport.Loopback(t).Port()
	conf := filepath.Join(t.TempDir(), "dnsdist.conf")
	server := func(port, pool, more string) string {
		return fmt.Sprintf("newServer({address='127.0.0.1:%s', tls='openssl', subjectName='ns.example', caStore=%q, pool=%q, healthCheckMode='up'%s})\n", port, i.file, pool, more)
	}
	text := fmt.Sprintf("setLocal('127.0.0.1:%d')\naddTLSLocal('127.0.0.1:%d', %q, %q)\nsetACL({'127.0.0.0/8'})\nsetSecurityPollSuffix('')\n", front, frontTLS, i.file, i.key) +
		server(dot, "dot", "") + server(https, "doh", ", dohPath='/dns-query'") + server(proxied, "proxied", ", useProxyProtocol=true, source='127.0.0.9'") +
		"addAction(AndRule({QNameRule('_dns.resolver.arpa.'), QTypeRule(64)}), SpoofRawAction('" + luaBytes(designation(frontTLS)) + "'))\n" +
		"addAction('www.crypt.example.', PoolAction('dot'))\naddAction('ns.crypt.example.', PoolAction('doh'))\naddAction('crypt.example.', PoolAction('proxied'))\n"
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(dnsdist, "--supervised", "--disable-syslog", "-C", conf)
	out := &strings.Builder{}
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Log(out)
		}
	}()
	for _, c := range []struct{ what, from, name, kind, want string }{
		{"over TLS", "127.0.0.1", "www.crypt.example", "A", "192.0.2.80"},
		{"over HTTPS", "127.0.0.1", "ns.crypt.example", "A", "192.0.2.1"},
		{"over TLS, the client in a PROXY header", "127.0.0.7", "crypt.example", "NS", "status: NOERROR"},
		{"over TLS, another client in a PROXY header", "127.0.0.8", "crypt.example", "NS", "status: REFUSED"},
	} {
		eventually.Succeed(t, func() error {
			reply, _ := exec.Command(dig, "-r", "@127.0.0.1", "-p", fmt.Sprint(front), "-b", c.from, "+tries=1", "+timeout=5", c.name, c.kind).CombinedOutput()
			if !strings.Contains(string(reply), c.want) {
				return fmt.Errorf("%s: no %s in\n%s", c.what, c.want, reply)
			}
			return nil
		})
	}
	asksThrough(t, fmt.Sprintf("tls://127.0.0.1:%d?pin=%s", frontTLS, i.pin))
	isDesignated(t, fmt.Sprintf("127.0.0.1:%d", front), fmt.Sprintf("by=tls://dns.example:%d@127.0.0.1 proved=true", frontTLS), "--upstream-authority", i.file)
}

// designation is the data of a record that designates DNS over TLS at a port of this machine.
func designation(port uint16) []byte {
	return upstreamtest.Records(wire.Root, fmt.Sprintf("@ SVCB 1 dns.example. alpn=dot port=%d ipv4hint=127.0.0.1", port))[0].Data
}

// luaBytes is how a string of Lua has octets.
func luaBytes(b []byte) (text string) {
	for _, c := range b {
		text += fmt.Sprintf("\\%03d", c)
	}
	return text
}
