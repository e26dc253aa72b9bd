package names

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/filewatch"
	"github.com/names-dns/names/wire"
)

// Identical queries under way share one request and its reply or failure;
// later ones ask again.
func TestClientSharesQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan wire.RCode)
		u := newUpstream(t, func(a asked) [][]byte { return sent(a.rcode(<-answer)) })
		c := newTestClient(t, u, func(c *ClientConfig) { c.Servers = c.Servers[:1] })
		var wg sync.WaitGroup
		results := make([]error, 4)
		for i := range results {
			qtype := wire.TypeA
			if i == 3 {
				qtype = wire.TypeMX
			}
			wg.Go(func() {
				m, err := c.Query(t.Context(), "example.com", qtype)
				results[i] = err
				if m != nil {
					m.Questions = nil // each caller has a message of its own
				}
			})
		}
		synctest.Wait()
		expect(t, "asked at once", len(u.asked()), 2)
		answer <- wire.RCodeNoError
		answer <- wire.RCodeNoError
		wg.Wait()
		expect(t, "results", results, "[<nil> <nil> <nil> <nil>]")

		for range 2 { // one after the other
			wg.Go(func() { c.Query(t.Context(), "example.com", wire.TypeA) })
			synctest.Wait()
			expect(t, "asked again", u.asked(), "[udp 192.0.2.1:53 example.com. A]")
			answer <- wire.RCodeNoError
			wg.Wait()
		}

		for i := range 3 {
			wg.Go(func() { _, results[i] = c.Query(t.Context(), "example.com", wire.TypeA) })
		}
		synctest.Wait()
		expect(t, "asked", len(u.asked()), 1)
		answer <- wire.RCodeNXDomain
		wg.Wait()
		for _, err := range results[:3] {
			if !errors.Is(err, ErrNotExist) {
				t.Errorf("shared failure is %v", err)
			}
		}
	})
}

// Who stops waiting does not stop the others; when all have, the query ends
// and the next one is a new one.
func TestClientSharesQueriesUntilTheLastLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := make(chan bool)
		u := newUpstream(t, func(a asked) [][]byte {
			if !<-answer {
				return nil
			}
			return sent(a.reply(""))
		})
		c := newTestClient(t, u, nil)
		var wg sync.WaitGroup
		ask := func(err *error) (cancel func()) {
			ctx, cancel := context.WithCancel(t.Context())
			wg.Go(func() { _, *err = c.Query(ctx, "example.com", wire.TypeA) })
			return cancel
		}
		var first, second error
		leave := ask(&first)
		defer ask(&second)()
		synctest.Wait()
		leave()
		synctest.Wait()
		answer <- true
		wg.Wait()
		if !errors.Is(first, context.Canceled) || second != nil {
			t.Errorf("errors %v and %v", first, second)
		}
		u.asked()
		leave = ask(&first)
		leaveToo := ask(&second)
		synctest.Wait()
		leave()
		leaveToo()
		wg.Wait()
		answer <- false // no caller waits for it
		synctest.Wait()
		expect(t, "open", u.stillOpen(), 0)
		expect(t, "asked", len(u.asked()), 1)
		defer ask(&first)()
		synctest.Wait()
		answer <- true
		wg.Wait()
		expect(t, "asked anew", len(u.asked()), 1)
		expect(t, "error", first, nil)
	})
}

func TestClientRCodes(t *testing.T) {
	for _, test := range []struct {
		rcode wire.RCode
		want  error
		text  string
	}{
		{wire.RCodeFormErr, ErrFormat, "server could not read the query (FORMERR"},
		{wire.RCodeServFail, ErrServer, "server failed (SERVFAIL"},
		{wire.RCodeNXDomain, ErrNotExist, "name does not exist (NXDOMAIN"},
		{wire.RCodeNotImp, ErrNotImplemented, "server does not know this kind of query (NOTIMP"},
		{wire.RCodeRefused, ErrRefused, "server refused to answer (REFUSED"},
		{wire.RCodeNotAuth, ErrRCode, "server answered with an error (NOTAUTH"},
		{15, ErrRCode, "server answered with an error (RCODE15"},
	} {
		synctest.Test(t, func(t *testing.T) {
			u := newUpstream(t, func(a asked) [][]byte { return sent(a.rcode(test.rcode)) })
			c := newTestClient(t, u, nil)
			m, err := c.Query(t.Context(), "example.com", wire.TypeA)
			if m == nil || m.RCode != test.rcode || !errors.Is(err, test.want) {
				t.Errorf("%v: %v", test.rcode, err)
			}
			if want := "example.com. A: " + test.text; !strings.HasPrefix(fmt.Sprint(err), want) {
				t.Errorf("%v, want %q", err, want)
			}
			var e *Error
			if !errors.As(err, &e) || e.RCode != test.rcode || !e.Server.IsValid() {
				t.Errorf("%+v", e)
			}
			m, err = c.Exchange(t.Context(), &wire.Message{ID: 77, Questions: []wire.Question{exampleQuestion}})
			if err != nil || m.RCode != test.rcode || m.ID != 77 {
				t.Errorf("raw: %v, %v", m, err)
			}
			synctest.Wait()
		})
	}
}

// A server that fails is asked once, and its reply counts only if no other server
// has a better one.
func TestClientAsksElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			switch {
			case a.address == "192.0.2.1:53":
				return sent(a.rcode(wire.RCodeServFail))
			case a.question().Type == wire.TypeA:
				return sent(a.reply(""))
			}
			return nil
		})
		c := newTestClient(t, u, nil)
		if _, err := c.Query(t.Context(), "example.com", wire.TypeA); err != nil {
			t.Error(err)
		}
		u.asked()
		_, err := c.Query(t.Context(), "example.com", wire.TypeMX)
		expect(t, "error", err, "example.com. MX: server failed (SERVFAIL, server 192.0.2.1:53)")
		expect(t, "asked", strings.Join(u.asked(), ", "),
			"udp 192.0.2.1:53 example.com. MX, udp 192.0.2.2:53 example.com. MX, udp 192.0.2.2:53 example.com. MX")
	})
}

func TestClientRotates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, data("example.com. 60 IN A 192.0.2.7"))
		c := newTestClient(t, u, func(c *ClientConfig) { c.Rotate = true })
		for range 3 {
			c.Query(t.Context(), "example.com", wire.TypeA)
		}
		expect(t, "asked", strings.Join(u.asked(), ", "),
			"udp 192.0.2.1:53 example.com. A, udp 192.0.2.2:53 example.com. A, udp 192.0.2.1:53 example.com. A")
		synctest.Wait()
	})
}

// resolv.conf adds its servers after those given, and counts when it changes.
func TestClientReadsResolvConf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			if a.address == "192.0.2.9:53" {
				return sent(a.reply(""))
			}
			return nil
		})
		c := newTestClient(t, u, func(c *ClientConfig) { c.ResolvConf, c.Servers = path, c.Servers[:1] })
		servers := func() string {
			t.Helper()
			s, err := c.current()
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(s.Servers, s.timeouts, s.Ndots)
		}
		expect(t, "missing", servers(), "[192.0.2.1:53 127.0.0.1:53] [5s 5s] 1")
		write("nameserver 192.0.2.9\noptions timeout:1 attempts:3 ndots:2\n")
		expect(t, "not looked at yet", servers(), "[192.0.2.1:53 127.0.0.1:53] [5s 5s] 1")
		<-time.After(filewatch.Interval)
		expect(t, "changed", servers(), "[192.0.2.1:53 192.0.2.9:53] [1s 1s 1s] 2")
		if _, err := c.Query(t.Context(), "example.com", wire.TypeA); err != nil {
			t.Error(err)
		}
		expect(t, "asked", strings.Join(u.asked(), ", "), "udp 192.0.2.1:53 example.com. A, udp 192.0.2.9:53 example.com. A")
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.Mkdir(path, 0o755); err != nil {
			t.Fatal(err)
		}
		<-time.After(filewatch.Interval)
		expect(t, "unreadable", servers(), "[192.0.2.1:53 192.0.2.9:53] [1s 1s 1s] 2")
		synctest.Wait()
	})
}

func TestNewClient(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		config ClientConfig
		want   string
	}{
		{ClientConfig{}, ""}, // whatever this machine has
		{ClientConfig{ResolvConf: filepath.Join(dir, "missing"), HostsFile: filepath.Join(dir, "missing")}, ""},
		{ClientConfig{ResolvConf: dir, NoHosts: true}, "is a directory"},
		{ClientConfig{ResolvConf: filepath.Join(dir, "missing"), HostsFile: dir}, "is a directory"},
		{ClientConfig{Servers: []netip.AddrPort{{}}}, "is not an address with a port"},
		{ClientConfig{Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:0")}}, "192.0.2.1:0 is not an address with a port"},
		{ClientConfig{Timeouts: []time.Duration{time.Second, 0}}, "timeout of 0s is not positive"},
		{ClientConfig{Search: []string{"a..b"}}, "search list: name \"a..b\": label is empty"},
		{ClientConfig{Search: []string{"bücher.example"}}, "search list: name is not ASCII"},
	} {
		_, err := NewClient(test.config)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: %v, want %q", test.config, err, test.want)
		}
		var zero Client
		zero.config = test.config
		if _, zeroErr := zero.Query(t.Context(), "a..b", wire.TypeA); test.want != "" && zeroErr == nil {
			t.Errorf("%+v: %v", test.config, zeroErr)
		}
	}
	s, err := Default.current()
	if err != nil || len(s.Servers) == 0 {
		t.Errorf("the default client asks %v, %v", s, err)
	}
	again, _ := Default.current()
	if s != again {
		t.Error("the default client is made twice")
	}
}

// EDNS, and the flags of the query and of what is believed.
func TestClientHeaders(t *testing.T) {
	for _, test := range []struct {
		options string
		want    string
		ad      bool
	}{
		{"", "flags: rd; no EDNS", false},
		{"options edns0", "flags: rd; EDNS 1232", false},
		{"options trust-ad", "flags: rd ad; no EDNS", true},
		{"options edns0 trust-ad use-vc", "flags: rd ad; EDNS 1232", true},
	} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "resolv.conf")
			if err := os.WriteFile(path, []byte("nameserver 192.0.2.1\n"+test.options), 0o644); err != nil {
				t.Fatal(err)
			}
			var got string
			u := newUpstream(t, func(a asked) [][]byte {
				got = a.network + " flags: rd"
				if a.message.Flags.Has(wire.FlagAD) {
					got += " ad"
				}
				if a.message.EDNS == nil {
					got += "; no EDNS"
				} else {
					got += fmt.Sprint("; EDNS ", a.message.EDNS.UDPSize)
				}
				r := a.reply("")
				r.Flags |= wire.FlagAD
				return sent(r)
			})
			c := newTestClient(t, u, func(c *ClientConfig) { c.ResolvConf, c.Servers = path, nil })
			m, err := c.Query(t.Context(), "example.com", wire.TypeA)
			if err != nil || m.Flags.Has(wire.FlagAD) != test.ad {
				t.Errorf("%s: %v, %v", test.options, m, err)
			}
			network := "udp "
			if strings.Contains(test.options, "use-vc") {
				network = "tcp "
			}
			expect(t, test.options, got, network+test.want)
			c.CloseIdleConnections()
			synctest.Wait()
		})
	}
}

// A server from before EDNS is asked without it.
func TestClientWithoutEDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			if a.message.EDNS != nil {
				r := a.rcode(wire.RCodeFormErr)
				r.Questions = nil
				return sent(r)
			}
			return data("example.com. 60 IN A 192.0.2.7")(a)
		})
		c := newTestClient(t, u, func(c *ClientConfig) { c.EDNS0 = true })
		m, err := c.Query(t.Context(), "example.com", wire.TypeA)
		if err != nil || len(m.Answers) != 1 {
			t.Errorf("%v, %v", m, err)
		}
		expect(t, "asked", len(u.asked()), 2)
		synctest.Wait()
	})
}

func TestClientExtendedErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			r := a.rcode(wire.RCodeServFail)
			r.EDNS = &wire.EDNS{UDPSize: 1232}
			r.EDNS.Options = r.EDNS.Options.AppendOption(wire.OptionExtendedError, (&wire.ExtendedError{Code: wire.ExtendedErrorBogus, Text: "no DS"}).AppendTo(nil))
			r.EDNS.Options = r.EDNS.Options.AppendOption(wire.OptionExtendedError, nil) // malformed
			return sent(r)
		})
		c := newTestClient(t, u, func(c *ClientConfig) { c.EDNS0, c.Servers = true, c.Servers[:1] })
		_, err := c.Query(t.Context(), "example.com", wire.TypeA)
		expect(t, "error", err, "example.com. A: server failed (SERVFAIL, server 192.0.2.1:53, extended error 6 (DNSSEC Bogus): (no DS))")
		synctest.Wait()
	})
}

// What cannot be read is an error that says where, whatever is cut off.
func TestClientMalformedReplies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cut := 0
		u := newUpstream(t, func(a asked) [][]byte {
			whole := data("example.com. 60 IN A 192.0.2.7")(a)[0]
			return [][]byte{whole[:max(len(whole)-cut, 0)]}
		})
		c := newTestClient(t, u, func(c *ClientConfig) { c.Timeouts = []time.Duration{time.Second} })
		for cut = 1; cut < 50; cut++ {
			_, err := c.LookupNetIP(t.Context(), "ip4", "example.com.")
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrTimeout) {
				t.Errorf("%d octets cut off: %v", cut, err)
			}
			if cut == 1 && !strings.Contains(err.Error(), "reply is malformed: answer section, octet") {
				t.Errorf("error does not say where: %v", err)
			}
		}
		synctest.Wait()
	})
}

// Over TCP a connection serves query after query, until it has been idle for
// long or the server closes it.
func TestClientKeepsStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangUp := false
		u := newUpstream(t, func(a asked) [][]byte {
			replies := data("example.com. 60 IN A 192.0.2.7")(a)
			if hangUp {
				replies = append(replies, nil)
			}
			return replies
		})
		c := newTestClient(t, u, func(c *ClientConfig) { c.UseTCP = true })
		ask := func(what string, dialed, open int) {
			t.Helper()
			if _, err := c.Query(t.Context(), "example.com", wire.TypeA); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			synctest.Wait()
			if u.connections() != dialed || u.stillOpen() != open {
				t.Errorf("%s: %d connections made, %d open; want %d and %d", what, u.connections(), u.stillOpen(), dialed, open)
			}
		}
		ask("first", 1, 1)
		ask("second", 1, 1)
		<-time.After(streamIdle - 1)
		ask("before it is idle for long", 1, 1)
		<-time.After(streamIdle)
		synctest.Wait()
		expect(t, "open when idle", u.stillOpen(), 0)
		ask("after", 2, 1)
		hangUp = true
		ask("the server closes it afterwards", 2, 1)
		hangUp = false
		ask("unnoticed until then", 3, 1)
		var wg sync.WaitGroup
		for _, name := range []string{"a.example.com", "b.example.com", "c.example.com"} {
			wg.Go(func() { c.Query(t.Context(), name, wire.TypeA) })
		}
		wg.Wait()
		synctest.Wait()
		expect(t, "kept of those used at once", u.stillOpen(), 1)
		c.CloseIdleConnections()
		expect(t, "open", u.stillOpen(), 0)
		synctest.Wait()
	})
}

// A server receives the cookie it sent, and must send one once it has.
func TestClientCookies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var cookies []string
		answer := func(m *wire.Message, cookie ...byte) *wire.Message {
			m.EDNS = &wire.EDNS{UDPSize: 1232}
			if cookie != nil {
				m.EDNS.Options = m.EDNS.Options.AppendOption(wire.OptionCookie, cookie)
			}
			return m
		}
		server := bytes.Repeat([]byte{0xAB}, 8)
		var replies func(a asked, client []byte) [][]byte
		u := newUpstream(t, func(a asked) [][]byte {
			cookie, _ := a.message.EDNS.Options.Find(wire.OptionCookie)
			cookies = append(cookies, fmt.Sprintf("%x", cookie[8:]))
			return replies(a, slices.Clone(cookie[:8]))
		})
		c := newTestClient(t, u, func(c *ClientConfig) { c.EDNS0, c.Servers = true, c.Servers[:1] })
		ask := func(what string) {
			t.Helper()
			if _, err := c.Query(t.Context(), "example.com", wire.TypeA); err != nil {
				t.Errorf("%s: %v", what, err)
			}
			synctest.Wait()
		}
		replies = func(a asked, client []byte) [][]byte {
			forged := answer(a.rcode(wire.RCodeNXDomain), bytes.Repeat([]byte{1}, 16)...)
			return sent(forged, answer(a.reply(""), append(client, server...)...))
		}
		ask("a forged cookie first")
		replies = func(a asked, client []byte) [][]byte {
			return sent(answer(a.rcode(wire.RCodeNXDomain)), answer(a.reply(""), append(client, server...)...))
		}
		ask("none first")
		replies = func(a asked, client []byte) [][]byte {
			if len(cookies) == 3 {
				return sent(answer(a.rcode(wire.RCodeBadCookie), append(client, bytes.Repeat([]byte{0xCD}, 8)...)...))
			}
			return sent(answer(a.reply(""), append(client, bytes.Repeat([]byte{0xCD}, 8)...)...))
		}
		ask("a new one wanted")
		replies = func(a asked, client []byte) [][]byte { return sent(answer(a.reply(""))) }
		ask("given up by the server") // after the first try
		expect(t, "server cookies sent", cookies, "[ abababababababab abababababababab cdcdcdcdcdcdcdcd cdcdcdcdcdcdcdcd ]")
	})
}

// A client is a resolver: what a small forwarder is made of.
func TestClientAsResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			switch a.question().Name.FirstLabel() {
			case "www":
				return sent(a.reply(";; ANSWER SECTION:\nwww.example.com. 60 IN A 192.0.2.7\n;; AUTHORITY SECTION:\nexample.com. 60 IN NS ns.example.com.\n;; ADDITIONAL SECTION:\nns.example.com. 60 IN A 192.0.2.8\n"))
			case "none":
				r := a.rcode(wire.RCodeNXDomain)
				r.Authority = a.reply(";; AUTHORITY SECTION:\nexample.com. 60 IN SOA ns. root. 1 2 3 4 5\n").Authority
				return sent(r)
			case "mute":
				return nil
			case "do":
				if a.message.EDNS == nil || !a.message.EDNS.DO() || !a.message.Flags.Has(wire.FlagCD|wire.FlagRD) {
					return sent(a.rcode(wire.RCodeNotImp))
				}
				return sent(a.reply(""))
			}
			return sent(a.rcode(wire.RCodeRefused))
		})
		c := newTestClient(t, u, nil)
		ask := func(name string, flags wire.Flags, e *wire.EDNS) string {
			q := wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}
			reply, _ := answer(t.Context(), c, wire.AppendQuery(nil, 9, flags, q, e))
			m, err := wire.ParseMessage(reply)
			if err != nil {
				t.Fatal(err)
			}
			text := fmt.Sprint(m.ID, " ", m.RCode)
			for s := wire.SectionAnswer; s <= wire.SectionAdditional; s++ {
				for _, r := range m.Section(s) {
					text += fmt.Sprint(", ", s, " ", r.Name, " ", r.Type)
				}
			}
			for _, e := range extendedErrors(m) {
				text += fmt.Sprint(", ", e.Code, ": ", e.Text)
			}
			return text
		}
		edns := &wire.EDNS{UDPSize: 1232, Flags: wire.FlagDO}
		expect(t, "www", ask("www.example.com", 0, nil), "9 NOERROR, answer www.example.com. A, authority example.com. NS, additional ns.example.com. A")
		expect(t, "none", ask("none.example.com", 0, nil), "9 NXDOMAIN, authority example.com. SOA")
		expect(t, "do", ask("do.example.com", wire.FlagCD, edns), "9 NOERROR")
		expect(t, "refused", ask("refused.example.com", 0, edns), "9 SERVFAIL, Other Error: upstream replied REFUSED")
		expect(t, "mute", ask("mute.example.com", 0, edns), "9 SERVFAIL, No Reachable Authority: upstream did not reply")
		synctest.Wait()
	})
}

// A client may ask a chain in the same program.
func TestClientOfAResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := NewClient(ClientConfig{NoHosts: true, Resolver: Chain{
			ResolverFunc(func(ctx context.Context, x *Exchange) error {
				switch x.Question().Name.FirstLabel() {
				case "slow":
					<-ctx.Done()
					return ctx.Err()
				case "drop":
					return ErrDrop
				case "broken":
					return errors.New("broken")
				}
				return ErrPass
			}),
			ParseHosts("192.0.2.7 www.example.com\n2001:db8::7 www.example.com"),
		}})
		if err != nil {
			t.Fatal(err)
		}
		addrs, err := c.LookupHost(t.Context(), "www.example.com")
		expect(t, "addresses", fmt.Sprint(addrs, err), "[2001:db8::7 192.0.2.7] <nil>")
		for name, want := range map[string]error{"other": ErrRefused, "slow": ErrTimeout, "drop": ErrTimeout, "broken": ErrServer} {
			if _, err := c.LookupHost(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		for _, err := range c.LookupZone(t.Context(), "example.com") {
			if err == nil {
				t.Error("a resolver in memory gives a zone")
			}
		}
	})
}

// bogus is a failure with an extended error, and a cause.
type bogus struct{ cause error }

func (bogus) Error() string   { return "the signature is wrong" }
func (b bogus) Unwrap() error { return b.cause }
func (bogus) ExtendedError() (code uint16, text string) {
	return uint16(wire.ExtendedErrorBogus), "key 4711"
}

// What a resolver in the same program fails with arrives at the caller of a
// look-up, and of a client that is itself a resolver.
func TestCauseOfAResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cause := errors.New("digest differs")
		for _, edns := range []bool{false, true} {
			c, err := NewClient(ClientConfig{NoHosts: true, EDNS0: edns, Resolver: ResolverFunc(func(context.Context, *Exchange) error {
				return bogus{cause}
			})})
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.LookupHost(t.Context(), "www.example.com")
			_, isBogus := errors.AsType[bogus](err)
			e, _ := errors.AsType[*Error](err)
			if !errors.Is(err, ErrServer) || !errors.Is(err, cause) || !isBogus || e == nil ||
				len(e.Extended) != 1 || e.Extended[0].Code != wire.ExtendedErrorBogus || e.Extended[0].Text != "key 4711" {
				t.Errorf("EDNS %v: %+v", edns, err)
			}
			stub, err := NewClient(ClientConfig{NoHosts: true, Resolver: c})
			if err != nil {
				t.Fatal(err)
			}
			if _, err = stub.Query(t.Context(), "www.example.com", wire.TypeA); !errors.Is(err, cause) {
				t.Errorf("by way of two clients: %v", err)
			}
			var x Exchange
			q := wire.Question{Name: wire.MustParseName("www.example.com."), Type: wire.TypeA, Class: wire.ClassIN}
			x.Read(wire.AppendQuery(nil, 1, wire.FlagRD, q, nil), Peer{})
			x.Begin(nil, 512)
			if err := stub.Resolve(t.Context(), &x); !errors.Is(err, cause) {
				t.Errorf("client as a resolver: %v", err)
			} else if e, _ := errors.AsType[*Error](err); e == nil {
				t.Errorf("client as a resolver: %v", err)
			} else if code, text := e.ExtendedError(); code != uint16(wire.ExtendedErrorBogus) || text != "key 4711" {
				t.Errorf("client as a resolver: extended error %d %q", code, text)
			}
		}
	})
}

func TestClientLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		u := newUpstream(t, func(asked) [][]byte { return nil })
		c := newTestClient(t, u, func(c *ClientConfig) {
			c.Timeouts, c.Servers = []time.Duration{time.Second}, c.Servers[:1]
			c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		})
		c.Query(t.Context(), "example.com", wire.TypeA)
		if !strings.Contains(log.String(), `msg="no reply" server=192.0.2.1:53 transport=udp error="no reply within 1s"`) {
			t.Errorf("log %q", log.String())
		}
	})
}

func TestErrorsForPackageNet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUpstream(t, func(a asked) [][]byte {
			switch a.question().Name.FirstLabel() {
			case "mute":
				return nil
			case "empty":
				return sent(a.reply(""))
			case "fail":
				return sent(a.rcode(wire.RCodeServFail))
			}
			return sent(a.rcode(wire.RCodeNXDomain))
		})
		c := newTestClient(t, u, nil)
		for _, test := range []struct{ name, want string }{
			{"none", "not found"}, {"empty", "not found"}, {"fail", "temporary"}, {"mute", "timeout temporary"}, {"", ""}, {"ü", ""},
		} {
			_, err := c.LookupHost(t.Context(), test.name)
			var d *net.DNSError
			var n net.Error
			if !errors.As(err, &d) || !errors.As(err, &n) {
				t.Fatalf("%s: %#v", test.name, err)
			}
			var got []string
			if d.IsNotFound {
				got = append(got, "not found")
			}
			if d.IsTimeout && n.Timeout() {
				got = append(got, "timeout")
			}
			if d.IsTemporary {
				got = append(got, "temporary")
			}
			expect(t, test.name, strings.Join(got, " "), test.want)
			if d.Name != test.name {
				t.Errorf("name is %q, want %q", d.Name, test.name)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := c.LookupHost(ctx, "mute")
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrTimeout) || errors.Is(err, ErrServer) {
			t.Errorf("a caller's deadline gives %v", err)
		}
		synctest.Wait()
	})
}

// Whatever a server sends, a client comes back.
func FuzzReply(f *testing.F) {
	reply := data("www.example.com. 60 IN CNAME example.com.\nexample.com. 60 IN A 192.0.2.7")
	f.Add(reply(asked{message: &wire.Message{Questions: []wire.Question{{Name: wire.MustParseName("www.example.com"), Type: wire.TypeA, Class: wire.ClassIN}}}})[0][2:])
	f.Fuzz(func(t *testing.T, rest []byte) {
		q := wire.Question{Name: wire.MustParseName("www.example.com"), Type: wire.TypeA, Class: wire.ClassIN}
		u := newUpstream(t, func(a asked) [][]byte {
			return [][]byte{append([]byte{byte(a.message.ID >> 8), byte(a.message.ID)}, rest...)}
		})
		c, err := NewClient(ClientConfig{
			Servers: []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:53")}, NoHosts: true, Dial: u.Dial,
			Timeouts: []time.Duration{time.Millisecond}, EDNS0: true, UseTCP: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		defer c.CloseIdleConnections()
		found, err := c.find(t.Context(), q.Name, q.Type)
		if (err == nil) != (found != nil && len(found.records) > 0) {
			t.Errorf("%v, %v", found, err)
		}
		for _, err := range c.LookupZone(t.Context(), "www.example.com") {
			if err != nil {
				return
			}
		}
	})
}
