//go:build interop

package interop

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/listener/listenertest"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// TestOnlineSigningValidates: BIND's validator believes what is signed as it is
// asked for, whether it is there or not.
func TestOnlineSigningValidates(t *testing.T) {
	delv := need(t, "delv")
	zone := wire.MustParseName("example.")
	key, err := sign.GenerateKey(wire.AlgorithmECDSAP256SHA256, wire.FlagZoneKey|wire.FlagSecureEntry, 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	hosts := names.ResolverFunc(func(_ context.Context, x *names.Exchange) error {
		q := x.Question()
		if strings.HasPrefix(q.Name.FirstLabel(), "alias") {
			return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.CNAME{Target: wire.MustParseName("host1.example.")})
		}
		if !strings.HasPrefix(q.Name.FirstLabel(), "host") {
			x.RCode = wire.RCodeNXDomain
			return nil
		}
		if q.Type != wire.TypeA {
			return names.ErrPass
		}
		return x.Reply.Record(q.Name, wire.ClassIN, 60, &wire.A{Addr: netip.MustParseAddr("192.0.2.1")})
	})
	signer, err := sign.NewOnline(hosts, sign.OnlineConfig{Zone: zone, Servers: []wire.Name{wire.MustParseName("ns.example.net.")}, Keys: []*sign.Key{key}})
	if err != nil {
		t.Fatal(err)
	}
	address := listenertest.Serve(t, signer)
	anchor := filepath.Join(t.TempDir(), "anchor")
	text := strings.Fields(key.Record.String())
	config := fmt.Sprintf("trust-anchors { example. static-key %s %s %s \"%s\"; };\n", text[0], text[1], text[2], strings.Join(text[3:], ""))
	if err := os.WriteFile(anchor, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for question, want := range map[string]string{
		"host1.example A":                        "; fully validated",
		"a.b.host2.example A":                    "; negative response, fully validated",
		"host1.example AAAA":                     "; negative response, fully validated",
		"host1.example DS":                       "; negative response, fully validated",
		"gone.example A":                         "; negative response, fully validated",
		"alias.example A":                        "; fully validated",
		"example DNSKEY":                         "; fully validated",
		"example NS":                             "; fully validated",
		"example MX":                             "; negative response, fully validated",
		strings.Repeat("x", 63) + ".example TXT": "; negative response, fully validated",
	} {
		args := append([]string{"@127.0.0.1", "-p", fmt.Sprint(address.Port()), "-a", anchor, "+root=example"}, strings.Fields(question)...)
		out, err := exec.CommandContext(t.Context(), delv, args...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v\n%s", question, err, out)
		}
	}
	out := run(t, t.TempDir(), need(t, "dig"), "-r", "@127.0.0.1", "-p", fmt.Sprint(address.Port()), "+dnssec", "+coflag", "gone.example", "A")
	if !strings.Contains(out, "status: NXDOMAIN") || !strings.Contains(out, "flags: do co;") {
		t.Errorf("with CO (RFC 9824 5):\n%s", out)
	}
}
