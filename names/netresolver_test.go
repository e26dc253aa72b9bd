package names

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/names-dns/names/internal/frame"
	"github.com/names-dns/names/wire"
)

// chainForNet is what a program may be pointed at.
var chainForNet = ResolverFunc(func(_ context.Context, x *Exchange) error {
	q := x.Question()
	records := map[string]wire.Rdata{
		"www.example.test. A":          &wire.CNAME{Target: wire.MustParseName("host.example.test")},
		"www.example.test. AAAA":       &wire.CNAME{Target: wire.MustParseName("host.example.test")},
		"example.test. MX":             &wire.MX{Preference: 10, Exchange: wire.MustParseName("mail.example.test")},
		"example.test. TXT":            &wire.TXT{Strings: wire.CharacterStrings(nil).Append("some text")},
		"example.test. NS":             &wire.NS{Host: wire.MustParseName("ns.example.test")},
		"_imap._tcp.example.test. SRV": &wire.SRV{Priority: 1, Weight: 2, Port: 143, Target: wire.MustParseName("mail.example.test")},
		"7.2.0.192.in-addr.arpa. PTR":  &wire.PTR{Target: wire.MustParseName("host.example.test")},
		"nodata.example.test. TXT":     nil,
		"failing.example.test. TXT":    nil,
		"undecided.example.test. TXT":  nil,
		"silent.example.test. TXT":     nil,
		"none.example.test. TXT":       nil,
	}
	switch q.Name.FirstLabel() {
	case "none":
		x.RCode = wire.RCodeNXDomain
		return nil
	case "failing":
		return errors.New("broken")
	case "silent":
		return ErrDrop
	case "undecided":
		return ErrPass
	}
	d := records[fmt.Sprint(q.Name, " ", q.Type)]
	if d == nil {
		return nil
	}
	if err := x.Reply.Record(q.Name, wire.ClassIN, 60, d); err != nil {
		return err
	}
	if alias, ok := d.(*wire.CNAME); ok && q.Type == wire.TypeA {
		return x.Reply.Record(alias.Target, wire.ClassIN, 60, &wire.A{Addr: netip.MustParseAddr("192.0.2.7")})
	}
	return nil
})

// Programs written for package net get their answers from a chain.
func TestNetResolver(t *testing.T) {
	r := NetResolver(chainForNet)
	ctx := t.Context()
	check := func(what, want string, got any, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		expect(t, what, got, want)
	}
	hosts, err := r.LookupHost(ctx, "www.example.test.")
	check("host", "[192.0.2.7]", hosts, err)
	cname, err := r.LookupCNAME(ctx, "www.example.test.")
	check("CNAME", "host.example.test.", cname, err)
	mx, err := r.LookupMX(ctx, "example.test.")
	check("MX", "[{mail.example.test. 10}]", convert(mx, func(m *net.MX) net.MX { return *m }), err)
	ns, err := r.LookupNS(ctx, "example.test.")
	check("NS", "[{ns.example.test.}]", convert(ns, func(n *net.NS) net.NS { return *n }), err)
	txt, err := r.LookupTXT(ctx, "example.test.")
	check("TXT", "[some text]", txt, err)
	_, srv, err := r.LookupSRV(ctx, "imap", "tcp", "example.test.")
	check("SRV", "[{mail.example.test. 143 1 2}]", convert(srv, func(s *net.SRV) net.SRV { return *s }), err)
	ptr, err := r.LookupAddr(ctx, "192.0.2.7")
	check("PTR", "[host.example.test.]", ptr, err)
	for name, notFound := range map[string]bool{"none": true, "nodata": true, "failing": false, "undecided": false, "silent": false} {
		_, err := r.LookupTXT(ctx, name+".example.test.")
		var d *net.DNSError
		if !errors.As(err, &d) || d.IsNotFound != notFound {
			t.Errorf("%s: %v", name, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := r.LookupTXT(ctx, "example.test."); err == nil {
		t.Error("a cancelled look-up succeeds")
	}
}

// A client below package net: its hosts file, then its servers.
func TestClientNetResolver(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("192.0.2.7 only-here.example.test\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	u := newUpstream(t, data("asked.example.test. 60 IN A 192.0.2.8"))
	r := newTestClient(t, u, func(c *ClientConfig) { c.NoHosts, c.HostsFile = false, hosts }).NetResolver()
	for name, want := range map[string]string{"only-here": "[192.0.2.7]", "asked": "[192.0.2.8]"} {
		got, err := r.LookupHost(t.Context(), name+".example.test.")
		expect(t, name, fmt.Sprint(got, err), want+" <nil>")
	}
}

// The connection behaves as a stream does: pieces, several at once, deadlines,
// the end.
func TestConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newConversation(t.Context(), ResolverFunc(func(ctx context.Context, x *Exchange) error {
			if x.Question().Name.FirstLabel() == "slow" {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}))
		framed := func(name string) []byte {
			q := wire.AppendQuery(nil, 5, 0, wire.Question{Name: wire.MustParseName(name), Type: wire.TypeA, Class: wire.ClassIN}, &wire.EDNS{UDPSize: 1232})
			return frame.Append(nil, q)
		}
		two := append(framed("a.example"), framed("b.example")...)
		for _, octet := range two {
			if n, err := c.Write([]byte{octet}); n != 1 || err != nil {
				t.Fatal(n, err)
			}
		}
		for range 2 {
			message, err := frame.Read(c, nil)
			if err != nil || !IsReply(message, two[2:]) && !IsReply(message, two[2+len(two)/2:]) {
				t.Errorf("%x, %v", message, err)
			}
		}
		if _, err := frame.Read(c, nil); err != io.EOF {
			t.Errorf("a reply to nothing: %v", err)
		}
		c.SetDeadline(time.Now().Add(time.Second))
		start := time.Now()
		if _, err := c.Write(framed("slow.example")); err != nil {
			t.Error(err)
		}
		expect(t, "waited", time.Since(start), time.Second)
		if _, err := c.Read(make([]byte, 10)); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("read after the deadline: %v", err)
		}
		c.SetReadDeadline(time.Time{})
		m, err := frame.Read(c, nil)
		if err != nil || m[3]&0xF != byte(wire.RCodeServFail) {
			t.Errorf("%x, %v", m, err)
		}
		c.SetWriteDeadline(time.Now())
		if _, err := c.Write(two); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("write after the deadline: %v", err)
		}
		c.Close()
		if _, err := c.Write(two); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write after the end: %v", err)
		}
		if c.LocalAddr() == nil || c.RemoteAddr() == nil {
			t.Error("no addresses")
		}
	})
}

// Octets that are not a query get the reply that any server gives, or none.
func TestAnswerOfDamage(t *testing.T) {
	whole := wire.AppendQuery(nil, 5, 0, exampleQuestion, &wire.EDNS{UDPSize: 1232})
	for i := range whole {
		reply, _ := answer(t.Context(), chainForNet, whole[:i])
		if i < wire.HeaderLen != (reply == nil) {
			t.Errorf("%d octets: %x", i, reply)
		}
		if reply != nil && reply[3]&0xF != byte(wire.RCodeFormErr) {
			t.Errorf("%d octets: RCODE %d", i, reply[3]&0xF)
		}
	}
}
