package designated

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// Which servers the records of a reply name, as URLs, for a resolver at an address.
func TestCandidates(t *testing.T) {
	for _, c := range []struct {
		resolver string
		records  []string
		want     []string
	}{
		{"192.0.2.1", []string{"1 dns.example. alpn=dot ipv4hint=192.0.2.1"}, []string{"tls://dns.example@192.0.2.1"}},
		{"192.0.2.1", []string{"2 b.example. alpn=dot ipv4hint=192.0.2.1", "1 A.example. alpn=doq port=8853 ipv4hint=192.0.2.7,192.0.2.1"}, []string{"quic://a.example:8853@192.0.2.1", "tls://b.example@192.0.2.1"}},
		{"192.0.2.1", []string{"1 dns.example. alpn=h3,h2 dohpath=/q{?dns} ipv4hint=192.0.2.1"}, []string{"https://dns.example/q@192.0.2.1", "h3://dns.example/q@192.0.2.1"}},
		{"2001:db8::1", []string{"1 dns.example. alpn=dot ipv4hint=192.0.2.1 ipv6hint=2001:db8::2"}, []string{"tls://dns.example@2001:db8::2"}},
		{"2001:db8::1", []string{"1 dns.example. alpn=dot ipv4hint=192.0.2.1"}, []string{"tls://dns.example@192.0.2.1"}},
		// Not to be used:
		{"192.0.2.1", []string{"0 dns.example."}, nil},
		{"192.0.2.1", []string{"1 . alpn=dot ipv4hint=192.0.2.1"}, nil},
		{"192.0.2.1", []string{"1 dns.example. alpn=h2 ipv4hint=192.0.2.1"}, nil},
		{"192.0.2.1", []string{"1 dns.example. alpn=smtp ipv4hint=192.0.2.1"}, nil},
		{"192.0.2.1", []string{"1 dns.example. alpn=dot"}, nil},
		{"192.0.2.1", []string{"1 dns.example. alpn=dot port=0 ipv4hint=192.0.2.1"}, nil},
		{"192.0.2.1", []string{"1 dns.example. alpn=dot ipv4hint=0.0.0.0"}, nil},
		{"192.0.2.1", []string{"1 dns.example. mandatory=key667 alpn=dot key667=x ipv4hint=192.0.2.1"}, nil},
		{"192.0.2.1", []string{`1 a\@b.example. alpn=dot ipv4hint=192.0.2.1`}, nil},
		{"192.0.2.1", []string{"1 dns.example. alpn=h2 dohpath=/{x}{?dns} ipv4hint=192.0.2.1"}, nil},
	} {
		var lines []string
		for _, r := range c.records {
			lines = append(lines, "@ SVCB "+r)
		}
		m := &wire.Message{Answers: upstreamtest.Records(queryName, lines...)}
		var got []string
		resolver := netip.MustParseAddr(c.resolver)
		found := designations(m)
		for i := range found {
			for _, s := range found[i].candidates(resolver, found[i].hints(m)) {
				if got = append(got, s.String()); s.Proof != resolver {
					t.Errorf("%v: %v is to be proved for %v", c.records, s, s.Proof)
				}
			}
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("%v: %v, not %v", c.records, got, c.want)
		}
	}
}

// Without a proof, only what is at the address of a resolver in a private network is used.
func TestWithoutProof(t *testing.T) {
	for _, c := range []struct {
		resolver, hint string
		want           bool
	}{
		{"192.168.1.1", "192.168.1.1", true}, {"127.0.0.1", "127.0.0.1", true}, {"fe80::1", "fe80::1", true}, {"fd00::1", "fd00::1", true},
		{"192.168.1.1", "192.168.1.2", false}, {"192.0.2.1", "192.0.2.1", false}, {"2001:db8::1", "2001:db8::1", false},
	} {
		resolver, hint := netip.MustParseAddr(c.resolver), netip.MustParseAddr(c.hint)
		d := designation{record: wire.SVCB{Priority: 1, Params: wire.SvcParams{}.Set(wire.SvcALPN, []byte("\x03dot"))}, target: "dns.example"}
		all := withoutProof(resolver, d.candidates(resolver, []netip.Addr{hint}))
		if got := len(all) == 1 && all[0].NoProof && !all[0].Proof.IsValid(); got != c.want {
			t.Errorf("%s designates %s: %v", c.resolver, c.hint, all)
		}
	}
}

// FuzzDesignations: whatever a server says, there are few candidates, and each is a URL that
// can be read.
func FuzzDesignations(f *testing.F) {
	m := &wire.Message{Answers: upstreamtest.Records(queryName, "@ SVCB 1 dns.example. alpn=doq,h2 dohpath=/q{?dns} port=8853 ipv4hint=192.0.2.1")}
	b, err := m.AppendTo(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	odd, _ := hex.DecodeString("000084000000000100000000045f646e73087265736f6c766572046172706100004000010000003c000a0001016100000100020100")
	f.Add(odd)
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := wire.ParseMessage(b)
		if err != nil {
			return
		}
		resolver := netip.MustParseAddr("192.168.0.1")
		found := designations(m)
		if len(found) > maxRecords {
			t.Fatalf("%d records", len(found))
		}
		if again := goodFor(m); again < minAgain || again > maxAgain {
			t.Errorf("good for %v", again)
		}
		for i := range found {
			for _, s := range found[i].candidates(resolver, append(found[i].hints(m), resolver)) {
				if strings.ContainsAny(s.Host+s.Path, " \r\n?#@") || s.Port == 0 || !s.Address.IsValid() {
					t.Errorf("%#v", s)
				}
			}
		}
	})
}
