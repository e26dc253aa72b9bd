package listener

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/names-dns/names/wire"
)

// TestQueriesToMany: what was sent to a broadcast or multicast address has no
// reply, of none of the sockets.
func TestQueriesToMany(t *testing.T) {
	engines(t, Config{Workers: 3, Endpoints: Plain(netip.MustParseAddrPort("0.0.0.0:0"), netip.MustParseAddrPort("[::]:0"))}, func(t *testing.T, c Config) {
		s := Serving(t, c)
		port4, port6 := int(s.Addresses()[0].Port()), int(s.Addresses()[1].Port())
		group := &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: port4}
		lo, err := net.InterfaceByName("lo")
		if err != nil {
			t.Fatal(err)
		}
		// Another program of this machine is in the group.
		if member, err := net.ListenMulticastUDP("udp4", lo, &net.UDPAddr{IP: group.IP}); err == nil {
			defer member.Close()
		} else {
			t.Logf("no multicast on the loopback interface: %v", err)
		}
		ours, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}) // its socket may send to broadcast addresses
		if err != nil {
			t.Fatal(err)
		}
		defer ours.Close()
		six, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
		if err != nil {
			t.Fatal(err)
		}
		defer six.Close()
		sent := 0
		for _, to := range []struct {
			conn *net.UDPConn
			addr *net.UDPAddr
		}{
			{ours, &net.UDPAddr{IP: net.IPv4(127, 255, 255, 255), Port: port4}}, {ours, group},
			{six, &net.UDPAddr{IP: net.ParseIP("ff02::1"), Port: port6, Zone: "lo"}},
		} {
			if _, err := to.conn.WriteToUDP(plain, to.addr); err != nil {
				t.Logf("%v: %v", to.addr, err) // no route for it here
				continue
			}
			sent++
		}
		if sent == 0 {
			t.Fatal("nothing could be sent to many")
		}
		// What is sent to the server itself afterwards is answered first.
		for _, to := range []struct {
			conn *net.UDPConn
			addr *net.UDPAddr
		}{{ours, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port4}}, {six, &net.UDPAddr{IP: net.IPv6loopback, Port: port6}}} {
			if _, err := to.conn.WriteToUDP(Question(99, "www.example.", nil), to.addr); err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 512)
			to.conn.SetReadDeadline(time.Now().Add(patience))
			n, _, err := to.conn.ReadFromUDP(buf)
			if err != nil {
				t.Fatal(err)
			}
			if r := ParseReply(t, buf[:n]); r.Header.ID != 99 {
				t.Errorf("reply %d, to what was sent to many", r.Header.ID)
			}
		}
		// Workers add to the counters after the replies have left.
		Eventually(t, s, "the broadcast is seen, and two replies", func(c Stats) bool {
			return c.Strays >= 1 && c.Replies == 2 && c.Silent == c.Strays
		})
	})
}

// forge sends a datagram over the loopback interface from an address and port of
// another host.
func forge(t *testing.T, from, to netip.AddrPort, data []byte) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW)
	if err != nil {
		t.Skipf("raw sockets take CAP_NET_RAW: %v", err)
	}
	defer unix.Close(fd)
	b := make([]byte, 28, 28+len(data))
	b[0], b[8], b[9] = 0x45, 64, 17
	binary.BigEndian.PutUint16(b[2:], uint16(28+len(data)))
	source, target := from.Addr().As4(), to.Addr().As4()
	copy(b[12:], source[:])
	copy(b[16:], target[:])
	binary.BigEndian.PutUint16(b[20:], from.Port())
	binary.BigEndian.PutUint16(b[22:], to.Port())
	binary.BigEndian.PutUint16(b[24:], uint16(8+len(data)))
	if err := unix.Sendto(fd, append(b, data...), 0, &unix.SockaddrInet4{Addr: target}); err != nil {
		t.Fatal(err)
	}
}

// TestQueriesFromNobody: nothing is sent to an address that no client can have, nor
// to services that would answer.
func TestQueriesFromNobody(t *testing.T) {
	engines(t, Config{Workers: 1, Endpoints: Plain(netip.MustParseAddrPort("0.0.0.0:0"))}, func(t *testing.T, c Config) {
		s := Serving(t, c)
		to := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.Addresses()[0].Port())
		// The owner of each port would see a reply.
		silent := []string{"127.0.0.9:7", "127.0.0.9:19", "127.0.0.9:37", "127.0.0.9:13"}
		for _, from := range silent {
			forge(t, netip.MustParseAddrPort(from), to, plain)
		}
		forge(t, netip.MustParseAddrPort("224.0.0.1:4242"), to, plain)
		Eventually(t, s, "all are seen", func(c Stats) bool { return c.Strays == 5 })
		// A query from port 53 is answered, an error is not sent there.
		forge(t, netip.MustParseAddrPort("127.0.0.9:53"), to, plain)
		forge(t, netip.MustParseAddrPort("127.0.0.9:53"), to, plain[:14])
		// The kernel refuses to send to a broadcast address.
		forge(t, netip.MustParseAddrPort("127.255.255.255:4242"), to, plain)
		Eventually(t, s, "the rest is seen", func(c Stats) bool {
			return c.UDPQueries == 8 && c.SendErrors == 1 && c.Replies == 2 && c.ErrorsLimited == 1
		})
	})
}

// TestLoopWithChargen: a service that answers whatever it gets, started by one
// forged query, is sent a few errors, and that is all.
func TestLoopWithChargen(t *testing.T) {
	s := Serving(t, Config{Workers: 1})
	service, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 8)})
	if err != nil {
		t.Fatal(err)
	}
	defer service.Close()
	server := net.UDPAddrFromAddrPort(s.Addresses()[0])
	if _, err := service.WriteToUDP(plain, server); err != nil { // the forged query
		t.Fatal(err)
	}
	line := []byte(" !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ\r\n")
	line[3] = 0 // looks like no error itself
	buf := make([]byte, 2048)
	service.SetReadDeadline(time.Now().Add(patience))
	// 50 at once, and ten a second while it lasts.
	for packets := uint64(1); ; packets++ {
		Eventually(t, s, "each is counted", func(c Stats) bool { return c.UDPQueries == packets && c.Replies+c.Silent == packets })
		if s.Stats().ErrorsLimited > 0 {
			break // it has no reply
		}
		if packets == 200 {
			t.Fatal("errors are not held back")
		}
		if _, _, err := service.ReadFromUDP(buf); err != nil {
			t.Fatal(err)
		}
		if _, err := service.WriteToUDP(line, server); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNoIPv6(t *testing.T) {
	here := Plain(netip.MustParseAddrPort("127.0.0.1:0"), netip.MustParseAddrPort("[::]:0"))
	var log bytes.Buffer
	for _, optional := range []bool{true, false} {
		for i := range here {
			here[i].Optional = optional
		}
		s, err := Listen(Config{Resolver: Echo{}, Network: onlyIPv4{}, Endpoints: here, Workers: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
		if (err == nil) != optional {
			t.Fatalf("optional: %v; error is %v", optional, err)
		}
		if err == nil {
			if n := len(s.Endpoints()); n != 2 || len(s.Addresses()) != 1 {
				t.Errorf("%d endpoints: %v", n, s.Endpoints())
			}
			s.Close()
		}
	}
	if n := strings.Count(log.String(), "address left out"); n != 1 {
		t.Errorf("%d warnings: %s", n, &log)
	}
	if _, err := Listen(Config{Resolver: Echo{}, Network: onlyIPv4{}, Endpoints: here[2:]}); err == nil {
		t.Error("a server without any address")
	}
}

// onlyIPv4 is a machine whose kernel has no IPv6.
type onlyIPv4 struct{ systemNetwork }

func (n onlyIPv4) ListenPacket(ctx context.Context, network, address string) (net.PacketConn, error) {
	if network == "udp6" {
		return nil, &net.OpError{Op: "listen", Net: network, Err: unix.EAFNOSUPPORT}
	}
	return n.systemNetwork.ListenPacket(ctx, network, address)
}

func (n onlyIPv4) Listen(ctx context.Context, network, address string) (net.Listener, error) {
	if network == "tcp6" {
		return nil, &net.OpError{Op: "listen", Net: network, Err: unix.EAFNOSUPPORT}
	}
	return n.systemNetwork.Listen(ctx, network, address)
}

// TestRepliesToErrors: what is an error itself gets no error.
func TestRepliesToErrors(t *testing.T) {
	p := newPure(t, Config{})
	broken := packet(wire.Flags(0).WithRCode(wire.RCodeServFail), [4]uint16{1}, aQuestion[:4])
	if got, _ := p.try(broken, client); got != nil {
		t.Errorf("reply %x", got)
	}
}
