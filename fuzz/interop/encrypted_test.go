//go:build interop

package interop

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/internal/freeport"
	"github.com/names-dns/names/listener/certificate"
)

// identity is a key and a certificate of all servers of a test, for ns.example and
// 127.0.0.1, in one file, and the certificate alone, which vouches for itself.
type identity struct {
	file, key, pin string
}

func newIdentity(t *testing.T) identity {
	t.Helper()
	dir := t.TempDir()
	i := identity{file: filepath.Join(dir, "tls.pem"), key: filepath.Join(dir, "key.pem")}
	store, _, err := certificate.OpenSelfSigned(i.file, []string{"ns.example"}, []netip.Addr{netip.MustParseAddr("127.0.0.1")})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(i.file)
	if err != nil {
		t.Fatal(err)
	}
	key, _, _ := strings.Cut(string(text), "-----BEGIN CERTIFICATE")
	if err := os.WriteFile(i.key, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	i.pin = store.Infos()[0].Pin
	return i
}

// encryptedOurs is our server, which is reached over everything. It returns where.
func encryptedOurs(t *testing.T, i identity, zones []zoneFile, more ...string) (s *server, dot, https, quic string) {
	t.Helper()
	port := func() string { return fmt.Sprint(freeport.Loopback(t).Port()) }
	dot, https, quic = port(), port(), port()
	p := withArguments{ours{}, func(_ string, _ uint16, args []string) ([]string, error) {
		return append(append(args, "--tls", "127.0.0.1:"+dot, "--https", "127.0.0.1:"+https, "--quic", "127.0.0.1:"+quic, "--tls-certificate", i.file), more...), nil
	}}
	return startAll(t, zones, p)[0], dot, https, quic
}

var encryptedZones = func(t *testing.T) []zoneFile {
	dir := t.TempDir()
	file := filepath.Join(dir, "crypt.example.zone")
	if err := os.WriteFile(file, []byte("$ORIGIN crypt.example.\n$TTL 60\n@ SOA ns a 7 3600 600 86400 60\n@ NS ns\nns A 192.0.2.1\nwww A 192.0.2.80\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return []zoneFile{{Origin: "crypt.example.", File: file}}
}

// TestEncryptedClients: kdig, dig and curl ask us over what they know.
func TestEncryptedClients(t *testing.T) {
	i := newIdentity(t)
	_, dot, https, quic := encryptedOurs(t, i, encryptedZones(t), "--allow-transfer", "127.0.0.1")
	kdig, dig := need(t, "kdig"), need(t, "dig")
	for _, c := range []struct {
		binary string
		args   string
		want   string
	}{
		{kdig, "-p " + dot + " +tls", "192.0.2.80"},
		{kdig, "-p " + dot + " +tls-pin=" + i.pin, "192.0.2.80"},
		{kdig, "-p " + dot + " +tls-ca=" + i.file + " +tls-hostname=ns.example", "192.0.2.80"},
		{kdig, "-p " + https + " +https", "192.0.2.80"},
		{kdig, "-p " + https + " +https +https-get", "192.0.2.80"},
		{kdig, "-p " + quic + " +quic", "192.0.2.80"},
		{dig, "-r -p " + dot + " +tls", "192.0.2.80"},
		{dig, "-r -p " + dot + " +tls-ca=" + i.file + " +tls-hostname=ns.example", "192.0.2.80"},
		{dig, "-r -p " + https + " +https", "192.0.2.80"},
		{dig, "-r -p " + https + " +https-get", "192.0.2.80"},
		{built, "query -p " + dot + " +tls-ca=" + i.file, "192.0.2.80"},
		{built, "query -p " + https + " +https +tls-pin=" + i.pin, "192.0.2.80"},
		{built, "query -p " + https + " +http3 +tls-pin=" + i.pin, "192.0.2.80"},
		{built, "query -p " + quic + " +quic +tls-pin=" + i.pin, "192.0.2.80"},
	} {
		args := append(strings.Fields(c.args), "@127.0.0.1", "www.crypt.example", "A", "+short")
		if got := run(t, t.TempDir(), c.binary, args...); got != c.want {
			t.Errorf("%s %s: %q, want %q", filepath.Base(c.binary), strings.Join(args, " "), got, c.want)
		}
	}
	for _, binary := range []string{kdig, dig, built} {
		args := strings.Fields("-p " + dot + " @127.0.0.1 crypt.example AXFR +tls")
		if binary == built {
			args = append([]string{"query"}, args...)
		}
		if got := run(t, t.TempDir(), binary, args...); strings.Count(got, "\tA\t") != 2 {
			t.Errorf("%s has\n%s", filepath.Base(binary), got)
		}
	}
	curl := need(t, "curl")
	out, _ := exec.Command(curl, "-sv", "--max-time", "20", "--doh-insecure", "--doh-url", "https://127.0.0.1:"+https+"/dns-query", "--connect-timeout", "1", "http://www.crypt.example/").CombinedOutput()
	if !strings.Contains(string(out), "Trying 192.0.2.80:80") {
		t.Errorf("curl does not find the address:\n%s", out)
	}
}

// asksThrough has a server of ours, which asks another, asked for a name.
func asksThrough(t *testing.T, url string, options ...string) {
	t.Helper()
	p := withArguments{ours{}, func(_ string, _ uint16, args []string) ([]string, error) {
		return append(append(args, "--forward", url, "--no-validation", "--allow-recursion", "any"), options...), nil
	}}
	s := start(t, p, nil)
	got := answerOf(t, s, "www.crypt.example")
	if got != "192.0.2.80" {
		t.Errorf("by way of %s: %q\n%s", url, got, s.printed())
	}
}

// answerOf is the address of a name as a server says it, once the server answers.
func answerOf(t *testing.T, s *server, name string) (address string) {
	t.Helper()
	dig := need(t, "dig")
	err := eventually.Try(s.exited, func() error {
		out, err := exec.Command(dig, "-r", "@127.0.0.1", "-p", fmt.Sprint(s.Addr.Port()), name, "A", "+short", "+tries=1", "+time=5").Output()
		if address = strings.TrimSpace(string(out)); err == nil && address == "" {
			err = errors.New("there is no address")
		}
		return err
	})
	if err != nil {
		t.Errorf("%s, %s: %v", s.Name, name, err)
	}
	return address
}

// encryptedPeers are servers of others that are reached over TLS and HTTPS.
func encryptedPeers(t *testing.T, i identity, zones []zoneFile) (programs []program, ports map[string][2]uint16) {
	ports = map[string][2]uint16{}
	for _, name := range []string{"bind", "unbound", "kresd"} {
		ports[name] = [2]uint16{freeport.Loopback(t).Port(), freeport.Loopback(t).Port()}
	}
	bindTLS := replaceIn(bind{}, "named.conf", func(text string) string {
		p := ports["bind"]
		return fmt.Sprintf("tls here { cert-file %q; key-file %q; };\nhttp here { endpoints { \"/dns-query\"; }; };\n", i.file, i.key) +
			strings.Replace(text, "listen-on-v6", fmt.Sprintf("listen-on port %d tls here { 127.0.0.1; };\nlisten-on port %d tls here http here { 127.0.0.1; };\nlisten-on-v6", p[0], p[1]), 1)
	})
	unboundTLS := replaceIn(unbound{}, "unbound.conf", func(text string) string {
		p := ports["unbound"]
		return strings.Replace(text, "\tnum-threads", fmt.Sprintf("\tinterface: 127.0.0.1@%d\n\tinterface: 127.0.0.1@%d\n\ttls-port: %[1]d\n\thttps-port: %[2]d\n\ttls-service-key: %[3]q\n\ttls-service-pem: %[4]q\n\tnum-threads", p[0], p[1], i.key, i.file), 1)
	})
	return []program{bindTLS, unboundTLS}, ports
}

// TestEncryptedUpstreams: we ask BIND, Unbound, Knot Resolver and ourselves, over TLS,
// HTTPS and QUIC.
func TestEncryptedUpstreams(t *testing.T) {
	i, zones := newIdentity(t), encryptedZones(t)
	programs, ports := encryptedPeers(t, i, zones)
	servers := startAll(t, zones, programs...)
	kresdTLS := withArguments{kresd{}, func(dir string, _ uint16, args []string) ([]string, error) {
		p, file := ports["kresd"], filepath.Join(dir, "kresd.conf")
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		more := fmt.Sprintf("net.listen('127.0.0.1', %d, { kind = 'tls' })\nnet.listen('127.0.0.1', %d, { kind = 'doh2' })\nnet.tls(%q, %q)\npolicy.add(policy.suffix(policy.STUB('127.0.0.1@%d'), policy.todnames({'crypt.example'})))\ntrust_anchors.remove('.')\n",
			p[0], p[1], i.file, i.key, servers[0].Addr.Port())
		return args, os.WriteFile(file, append(text, more...), 0o600)
	}}
	k := start(t, kresdTLS, nil)
	if got := answerOf(t, k, "www.crypt.example"); got != "192.0.2.80" {
		t.Fatalf("kresd does not answer: %q\n%s", got, k.printed())
	}
	for name, p := range ports {
		asksThrough(t, fmt.Sprintf("tls://127.0.0.1:%d?pin=%s", p[0], i.pin))
		asksThrough(t, fmt.Sprintf("tls://127.0.0.1:%d#ns.example", p[0]), "--upstream-authority", i.file)
		asksThrough(t, fmt.Sprintf("https://127.0.0.1:%d/dns-query?pin=%s", p[1], i.pin))
		for _, options := range []string{fmt.Sprintf("-p %d +tls-ca=%s", p[0], i.file), fmt.Sprintf("-p %d +https +tls-pin=%s", p[1], i.pin)} {
			args := append([]string{"query", "@127.0.0.1", "www.crypt.example", "+short"}, strings.Fields(options)...)
			if got := run(t, t.TempDir(), built, args...); got != "192.0.2.80" {
				t.Errorf("%s, %s: %q", name, options, got)
			}
		}
	}
	_, dot, https, quic := encryptedOurs(t, i, zones)
	for _, url := range []string{"tls://127.0.0.1:" + dot, "https://127.0.0.1:" + https, "h3://127.0.0.1:" + https, "quic://127.0.0.1:" + quic} {
		asksThrough(t, url+"?pin="+i.pin)
	}
}

// TestDesignatedServers: Unbound designates what it has, by a record for
// _dns.resolver.arpa, and so does a server of ours: we go on over that.
func TestDesignatedServers(t *testing.T) {
	i := newIdentity(t)
	tls := freeport.Loopback(t).Port()
	u := start(t, replaceIn(unbound{}, "unbound.conf", func(text string) string {
		return strings.Replace(text, "\tnum-threads", fmt.Sprintf("\tinterface: 127.0.0.1@%d\n\ttls-port: %[1]d\n\ttls-service-key: %[2]q\n\ttls-service-pem: %[3]q\n"+
			"\tlocal-zone: \"resolver.arpa.\" static\n\tlocal-data: \"_dns.resolver.arpa. 60 IN SVCB 1 dns.example. alpn=dot port=%[1]d ipv4hint=127.0.0.1\"\n"+
			"\tlocal-data: \"www.crypt.example. 60 IN A 192.0.2.80\"\n\tnum-threads", tls, i.key, i.file), 1)
	}), nil)
	isDesignated(t, u.Addr.String(), fmt.Sprintf("by=tls://dns.example:%d@127.0.0.1 proved=true", tls), "--upstream-authority", i.file)
	isDesignated(t, u.Addr.String(), fmt.Sprintf("by=tls://dns.example:%d@127.0.0.1 proved=false", tls)) // another authority

	zones, quic := encryptedZones(t), freeport.Loopback(t).Port()
	s := startAll(t, zones, withArguments{ours{}, func(dir string, port uint16, _ []string) ([]string, error) {
		file := filepath.Join(dir, "names.toml")
		text := fmt.Sprintf("[listen]\naddress = [\"127.0.0.1:%d\"]\n[recursion]\nfrom-root = true\nallow = [\"any\"]\n[[zone]]\nname = %q\nfile = %q\n[tls]\nname = \"ns.example\"\ncertificate = [%q]\n[quic]\naddress = [\"127.0.0.1:%d\"]\n",
			port, zones[0].Origin, zones[0].File, i.file, quic)
		return []string{"serve", "--config", file}, os.WriteFile(file, []byte(text), 0o600)
	}})[0]
	isDesignated(t, s.Addr.String(), fmt.Sprintf("by=quic://ns.example:%d@127.0.0.1 proved=true", quic), "--upstream-authority", i.file)
}

// isDesignated has a server of ours ask one that is given by its address, and wants a line of
// the log.
func isDesignated(t *testing.T, server, want string, options ...string) {
	t.Helper()
	s := start(t, withArguments{ours{}, func(_ string, _ uint16, args []string) ([]string, error) {
		return append(append(args, "--forward", server, "--upgrade", "ddr", "--no-validation", "--allow-recursion", "any"), options...), nil
	}}, nil)
	eventually.Succeed(t, func() error {
		if !strings.Contains(s.printed(), want) {
			return fmt.Errorf("no %q in\n%s", want, s.printed())
		}
		return nil
	})
	if got := answerOf(t, s, "www.crypt.example"); got != "192.0.2.80" {
		t.Errorf("by way of %s: %q\n%s", server, got, s.printed())
	}
}

// TestEncryptedForwarders: Unbound and Knot Resolver ask us over TLS.
func TestEncryptedForwarders(t *testing.T) {
	i := newIdentity(t)
	_, dot, _, _ := encryptedOurs(t, i, encryptedZones(t))
	u := replaceIn(unbound{}, "unbound.conf", func(text string) string {
		text = strings.Replace(text, "\tnum-threads", fmt.Sprintf("\ttls-cert-bundle: %q\n\tdo-not-query-localhost: no\n\tnum-threads", i.file), 1)
		return text + fmt.Sprintf("forward-zone:\n\tname: \".\"\n\tforward-tls-upstream: yes\n\tforward-addr: 127.0.0.1@%s#ns.example\n", dot)
	})
	k := withArguments{kresd{}, func(dir string, _ uint16, args []string) ([]string, error) {
		file := filepath.Join(dir, "kresd.conf")
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		more := fmt.Sprintf("policy.add(policy.suffix(policy.TLS_FORWARD({{'127.0.0.1@%s', hostname='ns.example', ca_file='%s'}}), policy.todnames({'crypt.example'})))\ntrust_anchors.remove('.')\n", dot, i.file)
		return args, os.WriteFile(file, append(text, more...), 0o600)
	}}
	for _, p := range []program{u, k} {
		s := start(t, p, nil)
		if got := answerOf(t, s, "www.crypt.example"); got != "192.0.2.80" {
			t.Errorf("%s asks us and gets %q\n%s", s.Name, got, s.printed())
		}
	}
}

// TestTransferOverTLS: zones move over TLS between us and BIND, both ways.
func TestTransferOverTLS(t *testing.T) {
	i, zones := newIdentity(t), []zoneFile{{Origin: transferZone, File: absolute(t, "testdata/corner/corner.test.zone")}}
	ourPrimary, dot, _, _ := encryptedOurs(t, i, zones, "--allow-transfer", "127.0.0.1")
	want := transferred(t, ourPrimary)
	theirs := replaceIn(bind{}, "named.conf", func(text string) string {
		zone := strings.Index(text, "zone ")
		text = strings.Replace(text[:zone], "allow-transfer { none; };", "allow-transfer { any; };", 1)
		return fmt.Sprintf("tls primary { ca-file %q; remote-hostname \"ns.example\"; };\n", i.file) + text +
			fmt.Sprintf("zone %q { type secondary; file \"copy\"; masterfile-format text; primaries { 127.0.0.1 port %s tls primary; }; };\n", transferZone, dot)
	})
	b := startAll(t, zones, theirs)[0]
	sameZone(t, "BIND, from us over TLS", transferred(t, b), want)

	port := freeport.Loopback(t).Port()
	bindPrimary := replaceIn(bind{}, "named.conf", func(text string) string {
		return fmt.Sprintf("tls here { cert-file %q; key-file %q; };\n", i.file, i.key) + strings.Replace(
			strings.Replace(text, "allow-transfer { none; };", fmt.Sprintf("allow-transfer port %d transport tls { any; };", port), 1),
			"listen-on-v6", fmt.Sprintf("listen-on port %d tls here { 127.0.0.1; };\nlisten-on-v6", port), 1)
	})
	p := startAll(t, zones, bindPrimary)[0]
	if got := transferred(t, p); len(got) != 0 {
		t.Errorf("BIND sends %d records over TCP", len(got))
	}
	s := start(t, more("--allow-transfer", "127.0.0.1", "--secondary", fmt.Sprintf("tls://127.0.0.1:%d?pin=%s/%s", port, i.pin, transferZone)), nil)
	if err := s.waitFor(zones); err != nil {
		t.Fatalf("from BIND over TLS: %v\n%s", err, s.printed())
	}
	sameZone(t, "ours, from BIND over TLS", transferred(t, s), want)
}
