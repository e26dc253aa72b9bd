package serve

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/internal/eventually"
	"github.com/names-dns/names/names/namestest"
	"github.com/names-dns/names/wire"
	"github.com/names-dns/names/wire/dnssec"
)

// signedZone returns the text of zone up.example, and the trust anchor for it.
// The signature of bad.up.example is of other data; that of old.up.example has
// expired.
func signedZone(t *testing.T) (zone, anchor string) {
	t.Helper()
	seed := make([]byte, ed25519.SeedSize)
	key, err := dnssec.NewAlgorithms(dnssec.Policy{}).NewSigningKey(wire.AlgorithmED25519, 257, ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	apex := wire.MustParseName("up.example.")
	text := new(strings.Builder)
	text.WriteString("$TTL 60\n@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n")
	add := func(owner string, typ wire.Type, data, signed []byte, expiration time.Duration) {
		set := &dnssec.RRset{Name: wire.MustParseName(owner), Type: typ, Class: wire.ClassIN, TTL: 60, Data: [][]byte{signed}}
		sig, err := key.Sign(set, apex, wire.SerialFromTime(time.Now().Add(-60*24*time.Hour)), wire.SerialFromTime(time.Now().Add(expiration)))
		if err != nil {
			t.Fatal(err)
		}
		raw := sig.AppendTo(nil, nil)
		if typ == wire.TypeSOA {
			fmt.Fprintf(text, "%s RRSIG \\# %d %s\n", owner, len(raw), hex.EncodeToString(raw))
			return
		}
		fmt.Fprintf(text, "%s TYPE%d \\# %d %s\n%s RRSIG \\# %d %s\n", owner, typ, len(data), hex.EncodeToString(data), owner, len(raw), hex.EncodeToString(raw))
	}
	const month = 30 * 24 * time.Hour
	soa := wire.SOA{Primary: wire.MustParseName("ns.up.example."), Mailbox: wire.MustParseName("h.up.example."), Serial: 1, Refresh: 2, Retry: 3, Expire: 4, Minimum: 5}
	add("up.example.", wire.TypeSOA, nil, soa.AppendTo(nil, nil), month)
	add("up.example.", wire.TypeDNSKEY, key.Data(), key.Data(), month)
	add("good.up.example.", wire.TypeA, []byte{192, 0, 2, 7}, []byte{192, 0, 2, 7}, month)
	add("bad.up.example.", wire.TypeA, []byte{192, 0, 2, 8}, []byte{192, 0, 2, 7}, month)
	add("old.up.example.", wire.TypeA, []byte{192, 0, 2, 9}, []byte{192, 0, 2, 9}, -month)
	return text.String(), "up.example. DNSKEY 257 3 15 " + base64.StdEncoding.EncodeToString(key.Record.PublicKey) + "\n"
}

// errorCode is the first extended error of m; -1 if there is none.
func errorCode(m *wire.Message) int {
	if m.EDNS == nil {
		return -1
	}
	if data, ok := m.EDNS.Options.Find(wire.OptionExtendedError); ok && len(data) >= 2 {
		return int(data[0])<<8 | int(data[1])
	}
	return -1
}

// askSecure asks for the address of name with DO.
func askSecure(t *testing.T, server netip.AddrPort, name string, flags wire.Flags) *wire.Message {
	t.Helper()
	conn, err := net.Dial("udp", server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(eventually.Limit))
	q := wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}
	if _, err := conn.Write(wire.AppendQuery(nil, 7, flags, q, &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO})); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 1232)
	n, err := conn.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	m, err := wire.ParseMessage(buf[:n])
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestValidation: what is proved has AD, from the cache too; what is not gets
// SERVFAIL and says why, unless the operator or the client wants otherwise.
func TestValidation(t *testing.T) {
	zone, key := signedZone(t)
	upstream := startUpstream(t, zone)
	anchor := filepath.Join(t.TempDir(), "anchor")
	writeFile(t, anchor, key)
	type reply struct {
		rcode wire.RCode
		ad    bool
		code  int
	}
	good, plain, negative := reply{0, true, -1}, reply{0, false, -1}, reply{0, false, 33}
	for _, c := range []struct {
		options        string
		good, bad, old reply
		log            string
	}{
		{"--forward UP -c --trust-anchor KEY", good, reply{wire.RCodeServFail, false, 6}, reply{wire.RCodeServFail, false, 7}, ""},
		{"--forward up.example=UP --trust-anchor KEY", good, reply{wire.RCodeServFail, false, 6}, reply{wire.RCodeServFail, false, 7}, ""},
		{"--from-root -c --stub up.example=UP --trust-anchor KEY", good, reply{wire.RCodeServFail, false, 6}, reply{wire.RCodeServFail, false, 7}, ""},
		{"--from-root -c --stub up.example=UP --trust-anchor KEY --validation-log-only", good, plain, plain, "signature of bad.up.example A"},
		{"--from-root -c --stub up.example=UP --insecure up.example", negative, negative, negative, ""},
		{"--from-root -c --stub up.example=UP --no-validation", plain, plain, plain, ""},
		{"--forward UP -c", plain, plain, plain, "upstream server does not pass on the signatures of the root"},
		{"--forward up.example=UP -c", plain, plain, plain, "there is no trust anchor for these servers"},
	} {
		t.Run(c.options, func(t *testing.T) {
			server, _, log := startServer(t, strings.Fields(strings.NewReplacer("UP", upstream.String(), "KEY", anchor).Replace(c.options))...)
			for i, want := range []reply{c.good, c.bad, c.old} { // in this order: the log has the first failure
				name := []string{"good", "bad", "old"}[i]
				for i := range 2 { // the second time from the cache
					m := askSecure(t, server, name+".up.example.", wire.FlagRD)
					if got := (reply{m.RCode, m.Flags.Has(wire.FlagAD), errorCode(m)}); got != want {
						t.Errorf("%s, time %d: %v, want %v\n%v", name, i+1, got, want, m)
					}
				}
				m := askSecure(t, server, name+".up.example.", wire.FlagRD|wire.FlagCD)
				if m.RCode != 0 || len(m.Answers) != 2 || m.Flags.Has(wire.FlagAD) && !want.ad {
					t.Errorf("%s with CD:\n%v", name, m)
				}
			}
			if !strings.Contains(log(), c.log) {
				t.Errorf("log does not say %q:\n%s", c.log, log())
			}
		})
	}
}

// TestOtherTime: signatures are judged by the time that --now gives, from the root and
// when forwarding; the log says so.
func TestOtherTime(t *testing.T) {
	zone, key := signedZone(t)
	upstream := startUpstream(t, zone)
	anchor := filepath.Join(t.TempDir(), "anchor")
	writeFile(t, anchor, key)
	const day = 24 * time.Hour
	for days, want := range map[int][2]int{-45: {-1, -1}, 0: {-1, 7}, 45: {7, 7}, -90: {8, 8}} { // of good and old
		for _, from := range []string{"--from-root --stub up.example=UP", "--forward UP"} {
			now := time.Now().Add(time.Duration(days) * day).UTC().Format(time.RFC3339)
			options := strings.NewReplacer("UP", upstream.String(), "KEY", anchor, "NOW", now).Replace(from + " -c --trust-anchor KEY --now NOW")
			server, _, log := startServer(t, strings.Fields(options)...)
			for i, name := range []string{"good", "old"} {
				m := askSecure(t, server, name+".up.example.", wire.FlagRD)
				if got := errorCode(m); got != want[i] || m.Flags.Has(wire.FlagAD) != (want[i] == -1) {
					t.Errorf("%s, %d days from now: extended error %d, want %d\n%v", name, days, got, want[i], m)
				}
			}
			if !strings.Contains(log(), "by another time") {
				t.Errorf("log does not say so:\n%s", log())
			}
		}
	}
}

// TestBogusUpstream: what one upstream server has wrong is asked of the other.
func TestBogusUpstream(t *testing.T) {
	zone, key := signedZone(t)
	right := startUpstream(t, zone)
	wrong := startUpstream(t, strings.Replace(zone, "good.up.example. TYPE1 \\# 4 c0000207", "good.up.example. TYPE1 \\# 4 c0000299", 1))
	anchor := filepath.Join(t.TempDir(), "anchor")
	writeFile(t, anchor, key)
	for i := range 4 { // which is asked first is chance
		server, _, _ := startServer(t, "--forward", wrong.String(), "--forward", right.String(), "-c", "--trust-anchor", anchor)
		if m := askSecure(t, server, "good.up.example.", wire.FlagRD); m.RCode != 0 || !m.Flags.Has(wire.FlagAD) || len(m.Answers) != 2 {
			t.Errorf("time %d:\n%v", i+1, m)
		}
	}
}

// TestTrustAD: a server that is believed needs no signatures that hold; what it does not
// call authentic does.
func TestTrustAD(t *testing.T) {
	zone, key := signedZone(t)
	signed := startUpstream(t, zone)
	anchor := filepath.Join(t.TempDir(), "anchor")
	writeFile(t, anchor, key)
	validator, _, _ := startServer(t, "--forward", signed.String(), "--trust-anchor", anchor, "-c")
	for options, want := range map[string]bool{
		"--forward UP -c":                                                false,
		"--forward UP -c --trust-ad UP":                                  true,
		"--forward UP -c --trust-ad UP --no-validation":                  true,
		"--forward up.example=UP -c --trust-ad UP":                       true,
		"--forward UP -c --no-validation":                                false,
		"--forward tls://127.0.0.1@127.0.0.1 --forward UP --trust-ad UP": true,
	} {
		server, _, _ := startServer(t, strings.Fields(strings.ReplaceAll(options, "UP", validator.String()))...)
		for i := range 2 { // the second time from the cache
			m := askSecure(t, server, "good.up.example.", wire.FlagRD)
			if m.RCode != 0 || m.Flags.Has(wire.FlagAD) != want || len(m.Answers) != 2 {
				t.Errorf("%s, time %d:\n%v", options, i+1, m)
			}
		}
		if m := askSecure(t, server, "bad.up.example.", wire.FlagRD); m.RCode != wire.RCodeServFail || errorCode(m) != 6 {
			t.Errorf("%s: bogus:\n%v", options, m)
		}
	}
	_, _, log := startServer(t, "--forward", "192.0.2.1", "--forward", "tls://192.0.2.2", "--trust-ad", "192.0.2.1", "--trust-ad", "tls://192.0.2.2")
	if want := "an attacker on the way to them can forge it"; !strings.Contains(log(), want) || !strings.Contains(log(), "[192.0.2.1:53]") {
		t.Errorf("log does not say %q of 192.0.2.1 only:\n%s", want, log())
	}
}

// TestTrustAnchorFiles: a file that is not good stops the start, and says why.
func TestTrustAnchorFiles(t *testing.T) {
	dir := t.TempDir()
	bad := filepath.Join(dir, "bad")
	writeFile(t, bad, ". DS nonsense\n")
	old := filepath.Join(dir, "old")
	writeFile(t, old, ". DS 1 3 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
	revoked := filepath.Join(dir, "revoked")
	writeFile(t, revoked, "; mine\n. DNSKEY 385 3 15 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")
	state := filepath.Join(dir, "state")
	writeFile(t, state, "names trust anchors 1\nzone . checked never next never\nend 00\n")
	for options, want := range map[string]string{
		"--from-root --trust-anchor " + bad:            "bad:1:",
		"--from-root --trust-anchor " + old:            "trust anchors of .: none has an algorithm and a digest that count",
		"--from-root --trust-anchor " + revoked:        "revoked:2: key 1168 of . is revoked (flags 385)",
		"--from-root --trust-anchor " + dir + "/other": "no such file",
		"--from-root --trust-anchor-state " + state:    "state:3: the checksum does not match; restore the file",
	} {
		_, err := assemble(t.Context(), parse(t, strings.Fields(options)...), new(authority.Set), nil, nil, nil, newLimitLog(nil), slog.New(slog.DiscardHandler))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not say %q", options, err, want)
		}
	}
}

// TestAnchorsInForce: which keys count for which servers.
func TestAnchorsInForce(t *testing.T) {
	dir := t.TempDir()
	private, root, hints := filepath.Join(dir, "private"), filepath.Join(dir, "root"), filepath.Join(dir, "hints")
	_, key := signedZone(t)
	writeFile(t, private, key)
	writeFile(t, root, ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n")
	writeFile(t, hints, ". 60 NS a.\na. 60 A 192.0.2.1\n")
	for options, want := range map[string]int{
		"--from-root":                           2,
		"--from-root --trust-anchor " + private: 3,
		"--from-root --trust-anchor " + root:    1,
		"--from-root --root-hints " + hints:     0,
		"--recursive":                           2,
		"--forward a.example=192.0.2.1":         0,
		"--from-root --root-hints " + hints + " --trust-anchor " + private:               1,
		"--forward a.example=192.0.2.1 --trust-anchor " + private:                        1,
		"--from-root --insecure a.example --trust-anchor " + private + " --no-qname-min": 3,
	} {
		s := parse(t, strings.Fields(options)...)
		anchors, err := readAnchors(&s.Recursion, time.Now())
		if err != nil {
			t.Errorf("%s: %v", options, err)
		} else if all := anchors.All(); len(all) != want {
			t.Errorf("%s: %v, want %d", options, all, want)
		}
	}
}

// TestWarningsOfAnchors: the log says what will keep names from being validated, and which
// zones with servers of their own may need a negative trust anchor.
func TestWarningsOfAnchors(t *testing.T) {
	dir := t.TempDir()
	old, both, private := filepath.Join(dir, "old"), filepath.Join(dir, "both"), filepath.Join(dir, "private")
	const ds20326 = ". DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D\n"
	writeFile(t, old, ds20326)
	writeFile(t, both, ds20326+". DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16\n")
	_, key := signedZone(t) // of up.example
	writeFile(t, private, key)
	const (
		wrongClock = "the clock is wrong"
		oldKey     = "the root's trust anchor is 20326 only"
		ended      = "zone is validated again"
		zones      = "zones with servers of their own"
	)
	for options, want := range map[string]string{
		"--from-root":                                                                                      "",
		"--from-root --trust-anchor " + old:                                                                oldKey,
		"--from-root --trust-anchor " + both:                                                               "",
		"--from-root --now 1970-01-02T00:00:00Z":                                                           wrongClock,
		"--from-root --now 2026-12-24T00:00:00Z":                                                           "",
		"--from-root --insecure a.example=2026-11-02 --now 2026-11-03T00:00:00Z":                           ended,
		"--from-root --insecure a.example=2026-11-04 --now 2026-11-03T00:00:00Z":                           "",
		"--from-root --stub corp.example=192.0.2.1 --forward lan.example=192.0.2.2":                        zones + ` ... zones="[lan.example. corp.example.]"`,
		"--from-root --stub corp.example=192.0.2.1 --insecure corp.example":                                "",
		"--from-root --stub a.corp.example=192.0.2.1 --insecure corp.example":                              "",
		"--from-root --stub up.example=192.0.2.1 --trust-anchor " + private:                                "",
		"--from-root --stub up.example=192.0.2.1 --stub other.example=192.0.2.1 --trust-anchor " + private: zones + ` ... zones=[other.example.]`,
		"--forward 192.0.2.53 --forward corp.example=192.0.2.1":                                            zones + ` ... zones=[corp.example.]`,
		"--forward 192.0.2.53 --forward corp.example=192.0.2.1 --no-validation":                            "",
	} {
		var log strings.Builder
		s := parse(t, strings.Fields(options+" -c -i 127.0.0.1:0")...)
		p, err := assemble(t.Context(), s, new(authority.Set), nil, nil, nil, newLimitLog(nil), slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Errorf("%s: %v", options, err)
			continue
		}
		p.close()
		text, values, _ := strings.Cut(want, " ... ")
		for _, warning := range []string{wrongClock, oldKey, ended, zones} {
			if n := strings.Count(log.String(), warning); n > 1 || (n == 1) != (warning == text) {
				t.Errorf("%s: %q is logged %d times:\n%s", options, warning, n, log.String())
			}
		}
		if !strings.Contains(log.String(), values) {
			t.Errorf("%s: the log does not have %q:\n%s", options, values, log.String())
		}
	}
}

// TestIPv4Only: from the root, ipv4only.arpa is answered here. Servers that queries are
// forwarded to may know the NAT64 prefix of the network, and are asked.
func TestIPv4Only(t *testing.T) {
	for options, isLocal := range map[string]bool{
		"--from-root": true,
		"--from-root --forward corp.example=192.0.2.1": true,
		"--from-root --forward arpa=192.0.2.1":         false,
		"--from-root --stub ipv4only.arpa=192.0.2.1":   false,
		"--forward 192.0.2.1":                          false,
		"--recursive":                                  false,
	} {
		s := parse(t, strings.Fields(options)...)
		local, err := localNames(&s.Recursion)
		if err != nil {
			t.Fatal(err)
		}
		for name, kind := range map[string]wire.Type{"ipv4only.arpa.": wire.TypeAAAA, "171.0.0.192.in-addr.arpa.": wire.TypePTR} {
			want := isLocal || strings.Contains(options, "root --stub ipv4only") && kind == wire.TypePTR
			if _, err := namestest.Try(t, local, name, kind); (err == nil) != want {
				t.Errorf("%s: %s: %v", options, name, err)
			}
		}
	}
}

// TestKeysAreFollowed: the keys of a trust anchor are looked at when the server
// starts, and what is known of them is in the file.
func TestKeysAreFollowed(t *testing.T) {
	zone, key := signedZone(t)
	upstream := startUpstream(t, zone)
	dir := t.TempDir()
	anchor, state := filepath.Join(dir, "anchor"), filepath.Join(dir, "state")
	writeFile(t, anchor, key)
	for _, options := range []string{"--forward up.example=UP --trust-anchor KEY", "--from-root -c --stub up.example=UP --trust-anchor KEY"} {
		os.Remove(state)
		options = strings.NewReplacer("UP", upstream.String(), "KEY", anchor).Replace(options) + " --trust-anchor-state " + state
		s := parse(t, strings.Fields(options)...)
		p, err := assemble(t.Context(), s, new(authority.Set), nil, nil, nil, newLimitLog(nil), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		for _, z := range p.follower.Zones() {
			if !z.Zone.IsRoot() {
				p.follower.Check(t.Context(), z)
			}
		}
		p.close()
		text, err := os.ReadFile(state)
		if err != nil || !strings.Contains(string(text), "zone up.example. checked 2") || strings.Count(string(text), "key valid since") < 1 ||
			!strings.Contains(string(text), "DNSKEY 257 3 15 ") {
			t.Errorf("%s: %v\n%s", options, err, text)
		}
	}
}
