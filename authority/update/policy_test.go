package update

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/names-dns/names/authority"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// rule reads a rule: words KEY=VALUE with values separated by commas, "deny", and
// "streams".
func rule(t testing.TB, text string) (r Rule) {
	t.Helper()
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, word := range strings.Fields(text) {
		what, list, _ := strings.Cut(word, "=")
		values := strings.Split(list, ",")
		var err error
		switch what {
		case "deny":
			r.Deny = true
		case "streams":
			r.Streams = true
		case "addresses":
			r.Clients, err = names.ParseAccess(values...)
			must(err)
		case "match":
			r.Match, err = ParseMatch(list)
			must(err)
		default:
			for _, v := range values {
				switch what {
				case "keys":
					r.Keys = append(r.Keys, wire.MustParseName(v))
				case "names":
					p, err := ParsePattern(v)
					must(err)
					r.Names = append(r.Names, p)
				case "types":
					l, err := ParseTypeLimit(v)
					must(err)
					r.Types = append(r.Types, l)
				default:
					t.Fatalf("%q", word)
				}
			}
		}
	}
	return r
}

func TestPolicy(t *testing.T) {
	z := newZone(t, "full A 192.0.2.1\nfull TXT a\nfull TXT b\nkeyed DNSKEY 256 3 13 AAAA\nkeyed A 192.0.2.1")
	for _, test := range []struct {
		policy  string // rules separated by semicolons
		client  string // address, then the key, transport
		updates string
		allowed bool
	}{
		{"", "192.0.2.1", "add www A 192.0.2.1", false},
		{"addresses=192.0.2.0/24", "192.0.2.1", "add www A 192.0.2.1", true},
		{"addresses=192.0.2.0/24", "192.0.3.1", "add www A 192.0.2.1", false},
		{"keys=k.", "192.0.2.1", "add www A 192.0.2.1", false},
		{"keys=k.", "192.0.2.1 K.", "add www A 192.0.2.1", true},
		{"keys=k.", "192.0.2.1 l.", "add www A 192.0.2.1", false},
		{"keys=k.,l.", "192.0.2.1 l.", "add www A 192.0.2.1", true},
		{"keys=*.h.", "192.0.2.1 a.h.", "add www A 192.0.2.1", true},
		{"keys=*.h.", "192.0.2.1 h.", "add www A 192.0.2.1", false},
		{"keys=*.h.", "192.0.2.1 a.i.", "add www A 192.0.2.1", false},
		{"keys=k. addresses=192.0.2.0/24", "192.0.3.1 k.", "add www A 192.0.2.1", false},
		{"keys=k. streams", "192.0.2.1 k.", "add www A 192.0.2.1", false},
		{"keys=k. streams", "192.0.2.1 k. tcp", "add www A 192.0.2.1", true},
		{"keys=k. streams", "192.0.2.1 k. cookie", "add www A 192.0.2.1", true},
		// names
		{"keys=k. names=www.example.", "192.0.2.1 k.", "add www A 192.0.2.1", true},
		{"keys=k. names=www.example.", "192.0.2.1 k.", "add WWW A 192.0.2.1", true},
		{"keys=k. names=www.example.", "192.0.2.1 k.", "add a.www A 192.0.2.1", false},
		{"keys=k. names=www.example. match=sub", "192.0.2.1 k.", "add a.www A 192.0.2.1", true},
		{"keys=k. names=www.example. match=sub", "192.0.2.1 k.", "add www A 192.0.2.1", false},
		{"keys=k. names=www.example. match=sub-or-equal", "192.0.2.1 k.", "add www A 192.0.2.1; add b.a.www A 192.0.2.1", true},
		{"keys=k. names=www.example. match=sub-or-equal", "192.0.2.1 k.", "add wwww A 192.0.2.1", false},
		{"keys=k. names=_acme-challenge.*.example. match=pattern", "192.0.2.1 k.", "add _acme-challenge.a TXT a", true},
		{"keys=k. names=_acme-challenge.*.example. match=pattern", "192.0.2.1 k.", "add _acme-challenge.a.b TXT a", false},
		{"keys=k. names=_acme-challenge.*.example. match=pattern", "192.0.2.1 k.", "add a TXT a", false},
		{"keys=k. names=_ACME-challenge.*.example. match=pattern", "192.0.2.1 k.", "add _acme-challenge TXT a", false},
		{"keys=*.example. names={key}", "192.0.2.1 www.example.", "add www A 192.0.2.1", true},
		{"keys=*.example. names={key}", "192.0.2.1 www.example.", "add ftp A 192.0.2.1", false},
		{"keys=*.example. names={key} match=sub", "192.0.2.1 www.example.", "add a.www A 192.0.2.1", true},
		{"addresses=any names={key}", "192.0.2.1", "add www A 192.0.2.1", false},
		// types
		{"keys=k. types=A", "192.0.2.1 k.", "add www A 192.0.2.1", true},
		{"keys=k. types=A", "192.0.2.1 k.", "add www TXT a", false},
		{"keys=k.", "192.0.2.1 k.", "add www TXT a; add www SRV 1 2 3 www", true},
		{"keys=k.", "192.0.2.1 k.", "add www NS ns", false},
		{"keys=k.", "192.0.2.1 k.", "add @ SOA ns a 11 1 1 1 1", false},
		{"keys=k.", "192.0.2.1 k.", "add www DNSKEY 256 3 13 AAAA", false},
		{"keys=k. types=ANY", "192.0.2.1 k.", "add www NS ns; del keyed DNSKEY; add @ SOA ns a 11 1 1 1 1", true},
		{"keys=k. types=ANY", "192.0.2.1 k.", "add www NSEC www A", false},
		{"keys=k. types=NSEC", "192.0.2.1 k.", "add www NSEC www A", true},
		{"keys=k. types=NS", "192.0.2.1 k.", "add www NS ns", true},
		// removals of a whole name
		{"keys=k.", "192.0.2.1 k.", "del full", true},
		{"keys=k.", "192.0.2.1 k.", "del keyed", false},
		{"keys=k. types=A", "192.0.2.1 k.", "del full", false},
		{"keys=k. types=A,TXT", "192.0.2.1 k.", "del full", true},
		{"keys=k. types=A", "192.0.2.1 k.", "del none", true},
		{"keys=k. names=www.example.", "192.0.2.1 k.", "del none", false},
		{"keys=k.", "192.0.2.1 k.", "del @", true},
		// the first rule counts
		{"deny keys=k. names=www.example.; keys=k.", "192.0.2.1 k.", "add www A 192.0.2.1", false},
		{"deny keys=k. names=www.example.; keys=k.", "192.0.2.1 k.", "add ftp A 192.0.2.1", true},
		{"keys=k. types=A; deny keys=k. names=www.example.; keys=k. types=TXT", "192.0.2.1 k.", "add www A 192.0.2.1", true},
		{"keys=k. types=A; deny keys=k. names=www.example.; keys=k. types=TXT", "192.0.2.1 k.", "add www TXT a", false},
		{"deny addresses=192.0.2.1; addresses=any", "192.0.2.1", "add www A 192.0.2.1", false},
		{"deny addresses=192.0.2.1; addresses=any", "192.0.2.2", "add www A 192.0.2.1", true},
		{"deny addresses=192.0.2.1", "192.0.2.2", "add www A 192.0.2.1", false},
		// one update that is not allowed is enough
		{"keys=k. types=A", "192.0.2.1 k.", "add www A 192.0.2.1; add www TXT a", false},
		{"keys=k.", "192.0.2.1 k.", "", true},
		// how many records there are in the end
		{"keys=k. types=TXT(3)", "192.0.2.1 k.", "add full TXT c", true},
		{"keys=k. types=TXT(3)", "192.0.2.1 k.", "add full TXT c; add full TXT d", false},
		{"keys=k. types=TXT(3)", "192.0.2.1 k.", "add full TXT c; del full TXT a; add full TXT d", true},
		{"keys=k. types=TXT(1)", "192.0.2.1 k.", "del full TXT a", true},
		{"keys=k. types=TXT(1)", "192.0.2.1 k.", "add full TXT a", false},
		{"keys=k. types=TXT(1)", "192.0.2.1 k.", "del full TXT; add full TXT z", true},
		{"keys=k. types=ANY(1)", "192.0.2.1 k.", "add www A 192.0.2.1; add www A 192.0.2.2", false},
		// the client's own address
		{"addresses=any names={address}", "192.0.2.1", "", true},
	} {
		var policy Policy
		for text := range strings.SplitSeq(test.policy, ";") {
			if strings.TrimSpace(text) != "" {
				policy = append(policy, rule(t, text))
			}
		}
		peer := newPeer(test.client)
		r := parse(t, test.updates)
		txn, err := z.Begin(authority.FromUpdate)
		if err != nil {
			t.Fatal(err)
		}
		err = policy.Allows(&peer, r, txn)
		if err == nil {
			if err = r.Apply(txn); err != nil {
				t.Fatal(err)
			}
			err = policy.Limits(&peer, r, txn)
		}
		txn.Rollback()
		if (err == nil) != test.allowed || err != nil && RCodeOf(err) != wire.RCodeRefused {
			t.Errorf("%s, client %s, %s: %v", test.policy, test.client, test.updates, err)
		}
		if test.allowed && !policy.Concerns(&peer) {
			t.Errorf("%s does not concern %s", test.policy, test.client)
		}
	}
}

// newPeer reads ADDRESS [KEY] [tcp|cookie].
func newPeer(text string) (p names.Peer) {
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
			p.Remote = netip.AddrPortFrom(netip.MustParseAddr(word), 4000)
		case word == "tcp":
			p.Transport = names.TCP
		case word == "cookie":
			p.CookieValid = true
		default:
			p.Key = wire.MustParseName(word)
		}
	}
	return p
}

// Clients may change the name of their own address if that cannot be forged.
func TestNameOfAddress(t *testing.T) {
	policy := Policy{rule(t, "addresses=any names={address} types=PTR")}
	for _, test := range []struct {
		client, name string
		want         bool
	}{
		{"192.0.2.1 tcp", "1.2.0.192.in-addr.arpa.", true},
		{"192.0.2.1 cookie", "1.2.0.192.in-addr.arpa.", true},
		{"192.0.2.1", "1.2.0.192.in-addr.arpa.", false},
		{"192.0.2.1 tcp", "2.2.0.192.in-addr.arpa.", false},
		{"2001:db8::1 tcp", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.", true},
	} {
		peer := newPeer(test.client)
		if limit, ok := policy.find(&peer, wire.MustParseName(test.name), wire.TypePTR); (ok && limit != nil) != test.want {
			t.Errorf("%s, %s: %v", test.client, test.name, ok)
		}
	}
}

func TestParsePolicy(t *testing.T) {
	for _, text := range []string{"{zone}", "a..b", "{key", "k}"} {
		if p, err := ParsePattern(text); err == nil {
			t.Errorf("pattern %q: %v", text, p)
		}
	}
	for _, text := range []string{"", "B", "TXT(", "TXT()", "TXT(0)", "TXT(x)", "TXT(3", "TXT(70000)", "AXFR", "OPT"} {
		if l, err := ParseTypeLimit(text); err == nil {
			t.Errorf("type %q: %v", text, l)
		}
	}
	for _, text := range []string{"TXT(3)", "ANY", "ANY(2)", "TYPE65535"} {
		if l, err := ParseTypeLimit(text); err != nil || l.String() != text {
			t.Errorf("type %q: %v, %v", text, l, err)
		}
	}
	for _, text := range []string{"{key}", "{address}", "a.example."} {
		if p, err := ParsePattern(text); err != nil || p.String() != text {
			t.Errorf("pattern %q: %v, %v", text, p, err)
		}
	}
	for m := MatchEqual; m <= MatchPattern; m++ {
		if got, err := ParseMatch(m.String()); err != nil || got != m {
			t.Errorf("%v: %v", m, err)
		}
	}
	if _, err := ParseMatch("zone"); err == nil {
		t.Error("zone is a match")
	}
}
