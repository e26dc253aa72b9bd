package listener

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/wire"
)

// proxyHeader is a header of version 2 from 192.0.2.9:4097 to a port of 198.51.100.53.
func proxyHeader(command, family byte) []byte {
	return append([]byte("\r\n\r\n\x00\r\nQUIT\n"), command, family, 0, 12,
		192, 0, 2, 9, 198, 51, 100, 53, 0x10, 0x01, 0, 53)
}

const (
	isLocal, isProxied = 0x20, 0x21
	overTCP4, overUDP4 = 0x11, 0x12
	overTCP6           = 0x21
)

// dialFrom connects to s from an address of this machine.
func dialFrom(t testing.TB, s *Server, network, from string) net.Conn {
	t.Helper()
	var local net.Addr = &net.UDPAddr{IP: net.ParseIP(from)}
	if network == "tcp" {
		local = &net.TCPAddr{IP: net.ParseIP(from)}
	}
	conn, err := (&net.Dialer{LocalAddr: local}).Dial(network, s.Addresses()[0].String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// tellPeer answers with the addresses of the peer, as text.
func tellPeer(x *names.Exchange) error {
	p := &x.Peer
	proxy := "no proxy"
	if p.Proxy.IsValid() {
		proxy = p.Proxy.Addr().String()
	}
	text := fmt.Sprintf("%v asked %v, %s", p.Remote, p.Local.Addr(), proxy)
	return x.Reply.Raw(x.Question().Name, wire.TypeTXT, wire.ClassIN, 0, append([]byte{byte(len(text))}, text...))
}

// proxiedBy has loopback addresses above 127.0.0.1 as proxies.
func proxiedBy(t testing.TB, c Config) *Server {
	proxies, err := names.ParsePeerSet("127.0.0.2", "127.0.0.3")
	if err != nil {
		t.Fatal(err)
	}
	c.Proxies, c.Resolver = proxies, names.ResolverFunc(func(_ context.Context, x *names.Exchange) error { return tellPeer(x) })
	return Serving(t, c)
}

// proxiedCases are what may begin a datagram or a connection, and whose it then is.
func proxiedCases(family byte) []struct{ name, from, header, want string } {
	v2 := string(proxyHeader(isProxied, family))
	tlv := []byte(v2 + "\x04\x00\x02ab")
	binary.BigEndian.PutUint16(tlv[14:], 17)
	fromService := []byte(v2)
	binary.BigEndian.PutUint16(fromService[24:], 19)
	return []struct{ name, from, header, want string }{
		{"of a client", "127.0.0.2", v2, "192.0.2.9:4097 asked 198.51.100.53, 127.0.0.2"},
		{"with a TLV", "127.0.0.3", string(tlv), "192.0.2.9:4097 asked 198.51.100.53, 127.0.0.3"},
		{"as text", "127.0.0.2", "PROXY TCP6 2001:db8::9 2001:db8::53 4097 53\r\n", "[2001:db8::9]:4097 asked 2001:db8::53, 127.0.0.2"},
		{"of a health check", "127.0.0.2", string(proxyHeader(isLocal, 0)), "127.0.0.2:PORT asked 127.0.0.1, no proxy"},
		{"none, from a client", "127.0.0.1", "", "127.0.0.1:PORT asked 127.0.0.1, no proxy"},

		{"none, from a proxy", "127.0.0.2", "", ""},
		{"from a client", "127.0.0.1", v2, ""},
		{"as text from a client", "127.0.0.1", "PROXY TCP4 192.0.2.9 192.0.2.53 4097 53\r\n", ""},
		{"malformed", "127.0.0.2", string(proxyHeader(isProxied, 0x77)), ""},
		{"of a service that answers everything", "127.0.0.2", string(fromService), ""},
		{"two", "127.0.0.2", v2 + v2, "?"},
	}
}

// Whose a datagram is, and what is not answered.
func TestProxiedDatagrams(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		s := proxiedBy(t, c)
		refused := uint64(0)
		for _, test := range proxiedCases(overUDP4) {
			conn := dialFrom(t, s, "udp", test.from)
			if _, err := conn.Write(append([]byte(test.header), Question(7, "www.example.", nil)...)); err != nil {
				t.Fatal(err)
			}
			switch test.want {
			case "":
				refused++
				Eventually(t, s, test.name+" is refused", func(c Stats) bool { return c.HeadersRefused == refused })
				continue
			case "?": // the second is a message that makes no sense
				continue
			}
			buf := make([]byte, 512)
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatalf("%s: %v", test.name, err)
			}
			expectPeer(t, test.name, buf[:n], conn, test.want)
		}
	})
}

func expectPeer(t *testing.T, name string, reply []byte, conn net.Conn, want string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(conn.LocalAddr().String())
	want = strings.ReplaceAll(want, "PORT", port)
	ParseReply(t, reply)
	if !strings.HasSuffix(string(reply), string(rune(len(want)))+want) {
		t.Errorf("%s: %q, want %q", name, reply, want)
	}
}

// Whose a connection is, however its octets are cut up.
func TestProxiedConnections(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		s := proxiedBy(t, c)
		refused := uint64(0)
		for _, test := range proxiedCases(overTCP4) {
			octets := append([]byte(test.header), frame.Append(nil, Question(7, "www.example.", nil))...)
			for _, cut := range []int{0, 1, 5, 14, 16, 30, len(octets)} {
				cut = min(cut, len(octets))
				conn := dialFrom(t, s, "tcp", test.from)
				conn.Write(octets[:cut])
				conn.Write(octets[cut:])
				switch test.want {
				case "":
					refused++
					expectEnd(t, conn)
					Eventually(t, s, test.name+" is refused", func(c Stats) bool { return c.ConnectionsForged == refused })
				case "?":
				default:
					expectPeer(t, test.name, ReadFrame(t, conn), conn, test.want)
				}
				conn.Close()
			}
		}
	})
}

// A client of a proxy has the connections of one client, and the proxy has those
// of all.
func TestConnectionsOfProxiedClients(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		c.MaxConnectionsPerClient = 2
		s := proxiedBy(t, c)
		ask := func(host byte) net.Conn {
			header := proxyHeader(isProxied, overTCP4)
			header[19] = host
			conn := dialFrom(t, s, "tcp", "127.0.0.2")
			conn.Write(append(header, frame.Append(nil, Question(uint16(host), "www.example.", nil))...))
			return conn
		}
		for host := range byte(3) {
			for range 2 {
				expectID(t, ask(host), uint16(host))
			}
		}
		expectEnd(t, ask(1))
		Eventually(t, s, "the limit of a client", func(c Stats) bool { return c.Limits.PerClient == 1 && c.ConnectionsForged == 0 })
	})
}

// Of a proxy's connections those count that its clients begin, as theirs.
func TestConnectionRateOfProxiedClients(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		refused := netip.MustParseAddr("192.0.2.66")
		c.Admit = func(client netip.Addr) bool { return client != refused && client.String() != "127.0.0.2" }
		s := proxiedBy(t, c)
		ask := func(host byte) net.Conn {
			header := proxyHeader(isProxied, overTCP4)
			header[19] = host
			conn := dialFrom(t, s, "tcp", "127.0.0.2")
			conn.Write(append(header, frame.Append(nil, Question(uint16(host), "www.example.", nil))...))
			return conn
		}
		expectID(t, ask(65), 65)
		expectEnd(t, ask(66))
		Eventually(t, s, "the limit of a network", func(c Stats) bool {
			return c.Limits.ConnectionRate == 1 && c.ConnectionsRefused == 1 && c.ConnectionsForged == 0
		})
	})
}

// What a header names is asked about as it is, not as its network: it may be loopback, or
// a client without a limit.
func TestAdmissionOfProxiedAddress(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		asked := make(chan netip.Addr, 2)
		c.Admit = func(client netip.Addr) bool {
			asked <- client
			return true
		}
		s := proxiedBy(t, c)
		conn := dialFrom(t, s, "tcp", "127.0.0.2")
		client, server := netip.MustParseAddr("2001:db8::41"), netip.MustParseAddr("2001:db8::53")
		header := append([]byte("\r\n\r\n\x00\r\nQUIT\n"), isProxied, overTCP6, 0, 36)
		header = append(append(append(header, client.AsSlice()...), server.AsSlice()...), 0x10, 0x01, 0, 53)
		conn.Write(append(header, frame.Append(nil, Question(1, "www.example.", nil))...))
		expectID(t, conn, 1)
		if got := <-asked; got != client {
			t.Errorf("asked about %v, not %v", got, client)
		}
	})
}

// Proxies may come and go while the server runs.
func TestProxiesChange(t *testing.T) {
	eachEngine(t, func(t *testing.T, c Config) {
		s := proxiedBy(t, c)
		octets := append(proxyHeader(isProxied, overUDP4), Question(7, "www.example.", nil)...)
		conn := dialFrom(t, s, "udp", "127.0.0.2")
		expectPeer(t, "with proxies", Ask(t, conn, octets), conn, "192.0.2.9:4097 asked 198.51.100.53, 127.0.0.2")
		next := s.config
		next.Proxies = nil
		if err := s.Configure(next); err != nil {
			t.Fatal(err)
		}
		expectPeer(t, "without", Ask(t, conn, Question(7, "www.example.", nil)), conn, "127.0.0.2:PORT asked 127.0.0.1, no proxy")
	})
}

// A flood of forged headers has no reply, holds up no client, and costs a line of log
// a second at most.
func TestForgedHeaders(t *testing.T) {
	s := proxiedBy(t, Config{Workers: 1, Endpoints: Plain(netip.MustParseAddrPort("127.0.0.1:0"))})
	attacker, client := dialFrom(t, s, "udp", "127.0.0.9"), dialFrom(t, s, "udp", "127.0.0.1")
	forged := append(proxyHeader(isProxied, overUDP4), Question(7, "www.example.", nil)...)
	for range 50 {
		for range 20 {
			attacker.Write(forged)
		}
		Ask(t, client, Question(8, "www.example.", nil))
	}
	Eventually(t, s, "only the client has replies", func(c Stats) bool {
		return c.Replies == 50 && c.HeadersRefused > 0 && c.Silent == c.HeadersRefused
	})
}

// A cookie is good for the client that the header names, not for all clients of the
// proxy.
func TestCookiesOfProxiedClients(t *testing.T) {
	s := proxiedBy(t, Config{Workers: 1})
	conn := dialFrom(t, s, "udp", "127.0.0.2")
	ask := func(host byte, cookie []byte) []byte {
		header := proxyHeader(isProxied, overUDP4)
		header[19] = host
		query := Question(7, "www.example.", &wire.EDNS{UDPSize: 1232, Options: wire.Options(nil).AppendOption(wire.OptionCookie, cookie)})
		got, _ := ParseReply(t, Ask(t, conn, append(header, query...))).EDNS.Options.Find(wire.OptionCookie)
		return got
	}
	cookie := ask(9, []byte("12345678"))
	if len(cookie) != 24 {
		t.Fatalf("cookie is %x", cookie)
	}
	ask(9, cookie)
	Eventually(t, s, "the cookie is good", func(c Stats) bool { return c.CookiesGood == 1 && c.CookiesBad == 0 })
	ask(10, cookie)
	Eventually(t, s, "the cookie is another client's", func(c Stats) bool { return c.CookiesGood == 1 && c.CookiesBad == 1 })
}
