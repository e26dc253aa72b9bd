package names

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/filewatch"
	"github.com/names-dns/names/wire"
)

// What a program may use through an interface: a net.Resolver or a client.
var _, _ interface {
	LookupAddr(ctx context.Context, addr string) ([]string, error)
	LookupCNAME(ctx context.Context, host string) (string, error)
	LookupHost(ctx context.Context, host string) ([]string, error)
	LookupIP(ctx context.Context, network, host string) ([]net.IP, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupNS(ctx context.Context, name string) ([]*net.NS, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
} = net.DefaultResolver, Default

// look is Lookup with its result printed.
func look[T any, P interface {
	*T
	wire.Rdata
}](ctx context.Context, c *Client) (string, error) {
	all, err := Lookup[T, P](ctx, c, "example.com.")
	var text []string
	for i := range all {
		text = append(text, fmt.Sprint(P(&all[i])))
	}
	return strings.Join(text, ", "), err
}

// Each look-up asks for exactly its type and returns what the records hold.
func TestLookup(t *testing.T) {
	for _, test := range []struct {
		data string
		look func(context.Context, *Client) (string, error)
	}{
		{"A 192.0.2.7", look[wire.A]},
		{"AAAA 2001:db8::7", look[wire.AAAA]},
		{"A6 0 2001:db8::7", look[wire.A6]},
		{"MX 10 mail.example.com.", look[wire.MX]},
		{"NS ns.example.com.", look[wire.NS]},
		{"CNAME other.example.com.", look[wire.CNAME]},
		{"MB box.example.com.", look[wire.MB]},
		{"MG group.example.com.", look[wire.MG]},
		{"MR new.example.com.", look[wire.MR]},
		{"PTR host.example.com.", look[wire.PTR]},
		{"SOA ns.example.com. root.example.com. 1 2 3 4 5", look[wire.SOA]},
		{"WKS 192.0.2.7 6 25", look[wire.WKS]},
		{"SRV 1 2 3 host.example.com.", look[wire.SRV]},
		{`HINFO "PDP-11" "UNIX"`, look[wire.HINFO]},
		{"MINFO a.example.com. b.example.com.", look[wire.MINFO]},
		{`TXT "some" "text"`, look[wire.TXT]},
		{`SPF "v=spf1 -all"`, look[wire.SPF]},
		{"RP a.example.com. b.example.com.", look[wire.RP]},
		{"AFSDB 1 afs.example.com.", look[wire.AFSDB]},
		{`NAPTR 1 2 "s" "SIP+D2U" "" _sip._udp.example.com.`, look[wire.NAPTR]},
		{`CAA 0 issue "ca.example"`, look[wire.CAA]},
		{"HTTPS 1 . alpn=h2", look[wire.HTTPS]},
	} {
		qtype, rdata, _ := strings.Cut(test.data, " ")
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream(t, data("example.com. 60 IN "+test.data))
			got, err := test.look(t.Context(), newTestClient(t, u, nil))
			if err != nil {
				t.Errorf("%s: %v", test.data, err)
			}
			got, want := strings.ReplaceAll(got, `"`, ""), strings.ReplaceAll(rdata, `"`, "")
			expect(t, qtype, got, want)
			expect(t, "asked", u.asked(), "[udp 192.0.2.1:53 example.com. "+qtype+"]")
			synctest.Wait()
		})
	}
}

// Types without a look-up of their own, and all at once, go through Query.
func TestQueryAnyType(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, data(`example.com. 60 IN TYPE65280 \# 2 ABCD`+"\n"+`example.com. 60 IN NULL \# 1 00`))
		c := newTestClient(t, u, nil)
		for _, qtype := range []wire.Type{65280, wire.TypeNULL, wire.TypeANY} {
			m, err := c.Query(t.Context(), "example.com", qtype)
			if want := 1 + int(qtype/wire.TypeANY%2); err != nil || len(m.Answers) != want && qtype != 65280 {
				t.Errorf("%v: %v, %v", qtype, m, err)
			}
		}
		expect(t, "asked", strings.Join(u.asked(), ", "),
			"udp 192.0.2.1:53 example.com. TYPE65280, udp 192.0.2.1:53 example.com. NULL, udp 192.0.2.1:53 example.com. ANY")
		synctest.Wait()
	})
}

func TestTypedLookups(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, data(`
example.com. 60 IN MX 20 b.example.com.
example.com. 60 IN MX 10 a.example.com.
example.com. 60 IN NS ns.example.com.
example.com. 60 IN TXT "one " "text"
example.com. 60 IN SOA ns.example.com. root.example.com. 7 2 3 4 5
_xmpp-client._tcp.example.com. 60 IN SRV 20 0 5222 b.example.com.
_xmpp-client._tcp.example.com. 60 IN SRV 10 0 5223 a.example.com.
www.example.com. 60 IN CNAME a.example.com.
a.example.com. 60 IN A 192.0.2.7
a.example.com. 60 IN AAAA 2001:db8::7
7.2.0.192.in-addr.arpa. 60 IN PTR a.example.com.
`))
		c := newTestClient(t, u, nil)
		ctx := t.Context()
		check := func(what, want string, got any, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s: %v", what, err)
			}
			expect(t, what, got, want)
		}
		mx, err := c.LookupMX(ctx, "example.com.")
		check("MX", "[{a.example.com. 10} {b.example.com. 20}]", convert(mx, func(m *net.MX) net.MX { return *m }), err)
		ns, err := c.LookupNS(ctx, "example.com.")
		check("NS", "[{ns.example.com.}]", convert(ns, func(n *net.NS) net.NS { return *n }), err)
		txt, err := c.LookupTXT(ctx, "example.com.")
		check("TXT", "[one text]", txt, err)
		soa, err := c.LookupSOA(ctx, "example.com.")
		check("SOA", "7", soa.Serial, err)
		name, srv, err := c.LookupSRV(ctx, "xmpp-client", "tcp", "example.com")
		check("SRV", "_xmpp-client._tcp.example.com. [{a.example.com. 5223 10 0} {b.example.com. 5222 20 0}]",
			name+" "+fmt.Sprint(convert(srv, func(s *net.SRV) net.SRV { return *s })), err)
		_, srv, err = c.LookupSRV(ctx, "", "", "_xmpp-client._tcp.example.com")
		check("SRV of a name", "2", len(srv), err)
		cname, err := c.LookupCNAME(ctx, "www.example.com")
		check("CNAME", "a.example.com.", cname, err)
		ip, err := c.LookupIP(ctx, "ip4", "www.example.com")
		check("IP", "[192.0.2.7]", ip, err)
		ipaddr, err := c.LookupIPAddr(ctx, "www.example.com")
		check("IPAddr", "[{2001:db8::7 } {192.0.2.7 }]", ipaddr, err)
		ptr, err := c.LookupAddr(ctx, "192.0.2.7")
		check("PTR", "[a.example.com.]", ptr, err)
		for what, err := range map[string]error{
			"address":   second(c.LookupAddr(ctx, "here")),
			"PTR none":  second(c.LookupAddr(ctx, "192.0.2.8")),
			"SOA none":  second(c.LookupSOA(ctx, "www.example.com")),
			"CNAME no":  second(c.LookupCNAME(ctx, "none.example.com")),
			"network":   second(c.LookupNetIP(ctx, "tcp", "example.com")),
			"no family": second(c.LookupNetIP(ctx, "ip6", "192.0.2.1")),
		} {
			var e *Error
			if !errors.As(err, &e) {
				t.Errorf("%s: %v", what, err)
			}
		}
		_, err = c.LookupAddr(ctx, "192.0.2.8")
		expect(t, "PTR of an unknown address", err, "192.0.2.8 PTR: name does not exist (NXDOMAIN, server 192.0.2.1:53)")
		synctest.Wait()
	})
}

func second[T any](_ T, err error) error { return err }

// Aliases are followed in the reply, and from reply to reply.
func TestLookupFollowsAliases(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		long := ""
		for i := range MaxAliases + 1 {
			long += fmt.Sprintf("l%d.example.com. 60 IN CNAME l%d.example.com.\n", i, i+1)
		}
		u := newUpstream(t, func(a asked) [][]byte {
			switch a.question().Name.FirstLabel() {
			case "www":
				return sent(a.reply(";; ANSWER SECTION:\nwww.example.com. 60 IN CNAME Cdn.example.net.\ncdn.example.NET. 60 IN CNAME host.example.net.\nhost.example.net. 60 IN A 192.0.2.7\n"))
			case "half":
				return sent(a.reply(";; ANSWER SECTION:\nhalf.example.com. 60 IN CNAME host.example.net.\n"))
			case "empty":
				return sent(a.reply(";; ANSWER SECTION:\nempty.example.com. 60 IN CNAME host.example.net.\n;; AUTHORITY SECTION:\nexample.net. 60 IN SOA ns. root. 1 2 3 4 5\n"))
			case "gone":
				r := a.reply(";; ANSWER SECTION:\ngone.example.com. 60 IN CNAME host.example.net.\n")
				r.RCode = wire.RCodeNXDomain
				return sent(r)
			case "host":
				return sent(a.reply(";; ANSWER SECTION:\nhost.example.net. 60 IN A 192.0.2.8\nother.example.net. 60 IN A 192.0.2.9\nhost.example.net. 60 CH A 192.0.2.10\n"))
			case "self":
				return sent(a.reply(";; ANSWER SECTION:\nself.example.com. 60 IN CNAME self.example.com.\n"))
			case "ping":
				return sent(a.reply(";; ANSWER SECTION:\nping.example.com. 60 IN CNAME pong.example.com.\n"))
			case "pong":
				return sent(a.reply(";; ANSWER SECTION:\npong.example.com. 60 IN CNAME ping.example.com.\n"))
			case "l0":
				return sent(a.reply(";; ANSWER SECTION:\n" + long + "l17.example.com. 60 IN A 192.0.2.7\n"))
			}
			return sent(a.reply(""))
		})
		c := newTestClient(t, u, nil)
		for _, test := range []struct{ name, want string }{
			{"www", "host.example.net. [192.0.2.7] <nil>"},
			{"half", "host.example.net. [192.0.2.8] <nil>"},
			{"empty", " [] empty.example.com. A: name has no data of this type"},
			{"gone", " [] gone.example.com. A: name does not exist (NXDOMAIN, server 192.0.2.1:53)"},
			{"self", " [] self.example.com. A: CNAME loop, or chain too long"},
			{"ping", " [] ping.example.com. A: CNAME loop, or chain too long"},
			{"l0", " [] l0.example.com. A: CNAME loop, or chain too long"},
			{"nodata", " [] nodata.example.com. A: name has no data of this type"},
		} {
			a, err := c.lookupAddresses(t.Context(), "ip4", test.name+".example.com.", func([]netip.Addr) {})
			expect(t, test.name, fmt.Sprint(a.name, " ", a.addrs, " ", err), test.want)
		}
		if n := len(u.asked()); n > 32 {
			t.Errorf("%d queries", n)
		}
		synctest.Wait()
	})
}

// A and AAAA are asked for at the same time; what one family says may be
// enough.
func TestLookupNetIP(t *testing.T) {
	const (
		four = "192.0.2.7"
		six  = "2001:db8::7"
	)
	reply := func(a asked, what string) [][]byte {
		switch what {
		case "mute":
			return nil
		case "none":
			return sent(a.rcode(wire.RCodeNXDomain))
		case "fail":
			return sent(a.rcode(wire.RCodeServFail))
		case "empty":
			return sent(a.reply(""))
		}
		return data("host. 60 IN A " + four + "\nhost. 60 IN AAAA " + six)(a)
	}
	for _, test := range []struct{ six, four, want string }{
		{"ok", "ok", "[2001:db8::7 192.0.2.7] <nil>"},
		{"empty", "ok", "[192.0.2.7] <nil>"},
		{"ok", "empty", "[2001:db8::7] <nil>"},
		{"fail", "ok", "[192.0.2.7] <nil>"},
		{"ok", "mute", "[2001:db8::7] <nil>"},
		{"empty", "empty", "[] host. A: name has no data of this type"},
		{"none", "none", "[] host. A: name does not exist (NXDOMAIN, server 192.0.2.1:53)"},
		{"none", "fail", "[] host. AAAA: name does not exist (NXDOMAIN, server 192.0.2.1:53)"},
		{"fail", "none", "[] host. A: name does not exist (NXDOMAIN, server 192.0.2.1:53)"},
		{"empty", "fail", "[] host. A: server failed (SERVFAIL, server 192.0.2.1:53)"},
		{"fail", "empty", "[] host. AAAA: server failed (SERVFAIL, server 192.0.2.1:53)"},
		{"empty", "mute", "[] host. A: no reply within 5s (server 192.0.2.1:53)"},
	} {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream(t, func(a asked) [][]byte {
				if a.question().Type == wire.TypeA {
					return reply(a, test.four)
				}
				return reply(a, test.six)
			})
			c := newTestClient(t, u, func(c *ClientConfig) { c.Servers = c.Servers[:1] })
			addrs, err := c.LookupNetIP(t.Context(), "ip", "host.")
			expect(t, test.six+" and "+test.four, fmt.Sprint(addrs, " ", err), test.want)
			synctest.Wait()
		})
	}
	synctest.Test(t, func(t *testing.T) {
		both := make(chan bool)
		u := newUpstream(t, func(a asked) [][]byte { <-both; return reply(a, "ok") })
		c := newTestClient(t, u, nil)
		go c.LookupNetIP(t.Context(), "ip", "host.")
		synctest.Wait()
		expect(t, "asked at the same time", len(u.asked()), 2)
		close(both)
		synctest.Wait()
	})
}

// Names for which no server is asked.
func TestLookupWithoutAsking(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("192.0.2.7 Www.example www\n2001:db8::7 six.example\n192.0.2.9 some.localhost\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte { return sent(a.rcode(wire.RCodeRefused)) })
		c := newTestClient(t, u, func(c *ClientConfig) { c.NoHosts, c.HostsFile = false, hosts })
		for _, test := range []struct{ network, host, want string }{
			{"ip", "192.0.2.1", "[192.0.2.1] <nil>"},
			{"ip", "::ffff:192.0.2.1", "[192.0.2.1] <nil>"},
			{"ip", "fe80::1%eth0", "[fe80::1%eth0] <nil>"},
			{"ip", "WWW.example", "[192.0.2.7] <nil>"},
			{"ip", "www", "[192.0.2.7] <nil>"},
			{"ip6", "www.example.", "[] www.example. AAAA: name has no data of this type"},
			{"ip", "six.example", "[2001:db8::7] <nil>"},
			{"ip", "localhost", "[::1 127.0.0.1] <nil>"},
			{"ip4", "any.LOCALHOST.", "[127.0.0.1] <nil>"},
			{"ip", "some.localhost", "[192.0.2.9] <nil>"},
			{"ip", "a.invalid", "[] a.invalid A: name does not exist (NXDOMAIN)"},
			{"ip", "a.onion", "[] a.onion A: name does not exist (NXDOMAIN)"},
			{"ip", "bücher.example", "[] bücher.example AAAA: name is not ASCII: use its xn-- form, or set ToASCII in the client's configuration"},
			{"ip", "a..b", `[] a..b AAAA: name "a..b": label is empty`},
		} {
			addrs, err := c.LookupNetIP(t.Context(), test.network, test.host)
			expect(t, test.host, fmt.Sprint(addrs, " ", err), test.want)
		}
		names, err := c.LookupAddr(t.Context(), "192.0.2.7")
		expect(t, "reverse", fmt.Sprint(names, err), "[Www.example. www.] <nil>")
		expect(t, "asked", u.asked(), "[]")
		if err := os.WriteFile(hosts, []byte("192.0.2.77 www.example\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		<-time.After(filewatch.Interval)
		addrs, err := c.LookupHost(t.Context(), "www.example")
		expect(t, "changed", fmt.Sprint(addrs, err), "[192.0.2.77] <nil>")
		if err := os.Remove(hosts); err != nil {
			t.Fatal(err)
		}
		<-time.After(filewatch.Interval)
		_, err = c.LookupHost(t.Context(), "www.example")
		if !errors.Is(err, ErrRefused) {
			t.Errorf("removed: %v", err)
		}
		synctest.Wait()
	})
}

func TestLookupSearches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			switch a.question().Name.String() {
			case "host.b.example.", "a.b.c.", "broken.b.example.", "refused.b.example.", "silent.b.example.":
				return sent(a.reply(";; ANSWER SECTION:\n" + a.question().Name.String() + " 60 IN A 192.0.2.7\n"))
			case "empty.a.example.":
				return sent(a.reply(""))
			case "broken.a.example.", "failing.a.example.", "bad.a.example.", "bad.b.example.", "bad.":
				return sent(a.rcode(wire.RCodeServFail))
			case "refused.a.example.":
				return sent(a.rcode(wire.RCodeRefused))
			case "silent.a.example.":
				return nil
			}
			return sent(a.rcode(wire.RCodeNXDomain))
		})
		c := newTestClient(t, u, func(c *ClientConfig) {
			c.Servers, c.Search, c.Ndots = c.Servers[:1], []string{"a.example", "A.example", ".", "b.example"}, 2
		})
		for _, test := range []struct{ name, asked, want string }{
			{"host", "host.a.example. host. host.b.example.", "<nil>"},
			{"a.b.c", "a.b.c.", "<nil>"},
			{"host.", "host.", "host. A: name does not exist (NXDOMAIN, server 192.0.2.1:53)"},
			{"none", "none.a.example. none. none.b.example.", "none A: name does not exist (NXDOMAIN, server 192.0.2.1:53)"},
			{"x.y.z", "x.y.z. x.y.z.a.example. x.y.z.b.example.", "x.y.z A: name does not exist (NXDOMAIN, server 192.0.2.1:53)"},
			{"empty", "empty.a.example. empty. empty.b.example.", "empty A: name has no data of this type"},
			{"broken", "broken.a.example. broken. broken.b.example.", "<nil>"},
			{"refused", "refused.a.example. refused. refused.b.example.", "<nil>"},
			{"silent", "silent.a.example. silent. silent.b.example.", "<nil>"},
			{"failing", "failing.a.example. failing. failing.b.example.", "failing A: server failed (SERVFAIL, server 192.0.2.1:53)"},
			{"bad", "bad.a.example. bad. bad.b.example.", "bad A: server failed (SERVFAIL, server 192.0.2.1:53)"},
		} {
			_, err := Lookup[wire.A](t.Context(), c, test.name)
			expect(t, test.name, err, test.want)
			var asked []string
			for _, a := range u.asked() {
				asked = append(asked, strings.Fields(a)[2])
			}
			expect(t, test.name+" asks for", strings.Join(slices.Compact(asked), " "), test.asked)
		}
		synctest.Wait()
	})
}

func TestLookupOfMalformedData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			r := a.reply("")
			r.Answers = []wire.Record{{Name: a.question().Name, Type: a.question().Type, Class: wire.ClassIN, Data: []byte{1}}}
			return sent(r)
		})
		c := newTestClient(t, u, nil)
		_, err := Lookup[wire.MX](t.Context(), c, "example.com")
		expect(t, "error", err, "example.com MX: reply is malformed: answer section, octet 41: data ends too early (server 192.0.2.1:53)")
		if !errors.Is(err, ErrMalformed) || !errors.Is(err, wire.ErrShort) {
			t.Errorf("%v has lost its cause", err)
		}
		synctest.Wait()
	})
}
