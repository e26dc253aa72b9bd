package designated

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/certificatetest"
	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/recursor/upstream"
	"github.com/names-dns/names/recursor/upstream/encrypted"
	"github.com/names-dns/names/recursor/upstream/upstreamtest"
	"github.com/names-dns/names/wire"
)

// story is a resolver in memory that designates servers over TLS.
type story struct {
	t        *testing.T
	network  upstreamtest.Network
	resolver netip.AddrPort
	ca       *tls.Certificate
	pool     *x509.CertPool
	log      bytes.Buffer
	upgrader *Upgrader

	mu       sync.Mutex
	records  []string               // what it designates, in the clear
	overTLS  []string               // and over TLS; nil: the same
	servers  map[string]*tls.Config // over TLS, by address
	conns    map[net.Conn]struct{}  // to these
	asked    int                    // queries in the clear
	used     []string               // what was to be used, in the order
	current  *upstream.Transport    // what is
	accepted map[string]int         // handshakes
}

func newStory(t *testing.T, resolver string) *story {
	s := &story{t: t, resolver: netip.MustParseAddrPort(resolver), pool: x509.NewCertPool(), servers: map[string]*tls.Config{}, conns: map[net.Conn]struct{}{}, accepted: map[string]int{}}
	s.ca = certificatetest.New(t, &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign, Subject: pkix.Name{CommonName: "authority"}}, nil)
	s.pool.AddCert(s.ca.Leaf)
	clear := func(q *upstreamtest.Query) {
		s.mu.Lock()
		s.asked++
		records := s.records
		s.mu.Unlock()
		q.Answer(records...)
	}
	s.network.Serve(s.resolver, clear, clear)
	return s
}

// certify has a server at address with a certificate for addresses.
func (s *story) certify(address string, of ...string) {
	template := &x509.Certificate{DNSNames: []string{"dns.example"}}
	for _, a := range of {
		template.IPAddresses = append(template.IPAddresses, net.IP(netip.MustParseAddr(a).AsSlice()))
	}
	c := certificatetest.New(s.t, template, s.ca)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.servers[address] = &tls.Config{Certificates: []tls.Certificate{*c}, NextProtos: []string{"dot"}, SessionTicketsDisabled: true} // a pipe keeps nothing: both sides would write
}

// cut ends a server and its connections.
func (s *story) cut(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.servers, address)
	for c := range s.conns {
		c.Close()
	}
}

func (s *story) dial(_ context.Context, _, address string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	config := s.servers[address]
	if config == nil {
		return nil, errors.New("connection refused")
	}
	near, far := net.Pipe()
	s.conns[far] = struct{}{}
	go func() {
		defer far.Close()
		conn := tls.Server(far, config)
		if conn.Handshake() != nil {
			return
		}
		s.mu.Lock()
		s.accepted[conn.ConnectionState().ServerName]++
		s.mu.Unlock()
		for {
			b, err := frame.Read(conn, nil)
			if err != nil {
				return
			}
			m, err := wire.ParseMessage(b)
			if err != nil {
				return
			}
			s.mu.Lock()
			records := s.records
			if s.overTLS != nil {
				records = s.overTLS
			}
			s.mu.Unlock()
			m.Flags |= wire.FlagQR
			m.EDNS, m.Answers = nil, upstreamtest.Records(m.Questions[0].Name, records...)
			reply, err := m.AppendTo(nil)
			if err != nil || frame.Write(conn, reply) != nil {
				return
			}
		}
	}()
	return near, nil
}

// begin looks for what the resolver designates.
func (s *story) begin(records ...string) {
	s.designate(records...)
	s.upgrader = New(Config{
		Servers: []netip.AddrPort{s.resolver}, Network: &s.network, Connect: encrypted.Config{Authorities: s.pool, Dial: s.dial},
		IsOwn: func(a netip.AddrPort) bool { return a.Port() == 5353 },
		Use: func(server netip.AddrPort, t *upstream.Transport) {
			s.mu.Lock()
			defer s.mu.Unlock()
			name := "clear"
			if t != nil {
				name = t.Name
			}
			s.used, s.current = append(s.used, name), t
		},
		Log: slog.New(slog.NewTextHandler(&s.log, nil)),
	})
	synctest.Wait()
}

func (s *story) designate(records ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = records
}

// expect checks what was used so far.
func (s *story) expect(when string, used ...string) {
	s.t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.Join(s.used, " ") != strings.Join(used, " ") {
		s.t.Errorf("%s: %v is used, not %v\n%s", when, s.used, used, s.log.String())
	}
}

func (s *story) end() {
	s.upgrader.Close()
	s.mu.Lock()
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.network.Wait()
}

func tell(t *testing.T, resolver string, do func(s *story)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newStory(t, resolver)
		do(s)
		s.end()
	})
}

const (
	dot     = "@ SVCB 1 dns.example. alpn=dot ipv4hint=192.0.2.1"
	dotText = "tls://dns.example@192.0.2.1"
)

// A certificate for the address of the resolver proves what is designated, wherever it is
// (RFC 9462 4.2); a name in it proves nothing.
func TestVerifiedDiscovery(t *testing.T) {
	tell(t, "192.0.2.1:53", func(s *story) {
		s.certify("192.0.2.1:853", "192.0.2.1")
		s.begin(dot)
		s.expect("at the same address", dotText)
		if s.accepted["dns.example"] == 0 {
			t.Errorf("the names asked for in handshakes: %v", s.accepted)
		}
		if status := s.upgrader.Status(); len(status) != 1 || status[0] != (Status{s.resolver, dotText, true}) {
			t.Errorf("%+v", status)
		}
	})
	tell(t, "192.0.2.1:53", func(s *story) {
		s.certify("192.0.2.9:853", "192.0.2.1", "192.0.2.9")
		s.begin("@ SVCB 1 dns.example. alpn=dot ipv4hint=192.0.2.9")
		s.expect("at another address", "tls://dns.example@192.0.2.9")
	})
	for name, of := range map[string][]string{"another address": {"192.0.2.9"}, "a name only": nil} {
		tell(t, "192.0.2.1:53", func(s *story) {
			s.certify("192.0.2.1:853", of...)
			s.begin(dot)
			s.expect("a certificate for " + name)
			if stats := s.upgrader.Stats(); stats != (Stats{Refused: 1}) || !strings.Contains(s.log.String(), "not for 192.0.2.1") {
				t.Errorf("%+v\n%s", stats, s.log.String())
			}
		})
	}
	tell(t, "192.0.2.1:53", func(s *story) {
		s.certify("192.0.2.1:853", "192.0.2.1")
		s.pool = x509.NewCertPool()
		s.begin(dot)
		s.expect("an authority that is not trusted")
	})
}

// In a private network what is at the same address is used without a proof (RFC 9462 4.3),
// and a proof is taken first.
func TestOpportunisticDiscovery(t *testing.T) {
	const private = "@ SVCB 1 dns.example. alpn=dot ipv4hint=192.168.1.1"
	for name, of := range map[string][]string{"no proof": nil, "proof": {"192.168.1.1"}} {
		tell(t, "192.168.1.1:53", func(s *story) {
			s.certify("192.168.1.1:853", of...)
			s.begin(private)
			s.expect(name, "tls://dns.example@192.168.1.1")
			if status := s.upgrader.Status(); status[0].IsProved != (of != nil) {
				t.Errorf("%s: %+v", name, status)
			}
		})
	}
	tell(t, "192.168.1.1:53", func(s *story) {
		s.certify("192.168.1.2:853")
		s.begin("@ SVCB 1 dns.example. alpn=dot ipv4hint=192.168.1.2")
		s.expect("at another address without a proof")
	})
}

// The resolver is asked again when the TTL is over, over TLS: what an attacker says in the
// clear does not end that. When it designates nothing, it is asked in the clear.
func TestDiscoveryIsRepeated(t *testing.T) {
	tell(t, "192.0.2.1:53", func(s *story) {
		s.certify("192.0.2.1:853", "192.0.2.1")
		s.certify("192.0.2.1:8853", "192.0.2.1")
		s.begin(dot)
		s.expect("at first", dotText)
		s.overTLS = []string{dot}
		s.designate() // forged
		asked := s.asked
		time.Sleep(time.Hour)
		s.expect("an attacker says that there is nothing", dotText)
		if s.asked != asked {
			t.Errorf("asked %d times in the clear", s.asked-asked)
		}
		s.mu.Lock()
		s.overTLS = []string{"@ SVCB 1 dns.example. alpn=dot port=8853 ipv4hint=192.0.2.1"}
		s.mu.Unlock()
		time.Sleep(10 * time.Minute)
		s.expect("another port", dotText, "tls://dns.example:8853@192.0.2.1")
		s.mu.Lock()
		s.overTLS = []string{}
		s.mu.Unlock()
		time.Sleep(10 * time.Minute)
		s.expect("nothing", dotText, "tls://dns.example:8853@192.0.2.1", "clear")
		s.mu.Lock()
		asked = s.asked
		s.mu.Unlock()
		time.Sleep(24 * time.Hour)
		synctest.Wait()
		if n := s.asked - asked; n != 24 {
			t.Errorf("asked %d times a day, not 24", n)
		}
	})
}

// A server that cannot be connected to is left at once, and tried again later.
func TestLostServer(t *testing.T) {
	tell(t, "192.0.2.1:53", func(s *story) {
		s.certify("192.0.2.1:853", "192.0.2.1")
		s.begin(dot)
		s.expect("at first", dotText)
		s.cut("192.0.2.1:853")
		if conn, err := s.current.Dial(t.Context()); err == nil { // as a query does
			conn.Close()
			t.Error("it can be connected to")
		}
		s.expect("the server is gone", dotText, "clear")
		if !strings.Contains(s.log.String(), "asked in the clear again") {
			t.Errorf("log:\n%s", s.log.String())
		}
		s.certify("192.0.2.1:853", "192.0.2.1")
		time.Sleep(59 * time.Second)
		s.expect("too early", dotText, "clear")
		time.Sleep(2 * time.Second)
		s.expect("it is there again", dotText, "clear", dotText)
		if stats := s.upgrader.Stats(); stats != (Stats{Upgraded: 2, Lost: 1}) {
			t.Errorf("%+v", stats)
		}
	})
}

// What is designated may be this server itself: it is not asked.
func TestOwnServerIsNotUsed(t *testing.T) {
	tell(t, "192.0.2.1:53", func(s *story) {
		s.certify("192.0.2.1:5353", "192.0.2.1")
		s.begin("@ SVCB 1 dns.example. alpn=dot port=5353 ipv4hint=192.0.2.1")
		s.expect("itself")
	})
}

// The addresses of a target without hints are looked up at the resolver; servers that are
// no longer given are not asked.
func TestTargetIsLookedUp(t *testing.T) {
	tell(t, "192.0.2.1:53", func(s *story) {
		s.certify("192.0.2.7:853", "192.0.2.1")
		handler := func(q *upstreamtest.Query) {
			switch q.Questions[0].Type {
			case wire.TypeSVCB:
				q.Answer("@ SVCB 1 dns.example. alpn=dot")
			case wire.TypeA:
				q.Answer("@ A 192.0.2.7")
			default:
				q.Answer()
			}
		}
		s.network.Serve(s.resolver, handler, handler)
		s.begin()
		s.expect("looked up", "tls://dns.example@192.0.2.7")
		s.upgrader.SetServers(nil)
		if status := s.upgrader.Status(); len(status) != 0 {
			t.Errorf("%+v", status)
		}
	})
}
