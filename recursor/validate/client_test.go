package validate

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/names-dns/names/internal/certificatetest"
	"github.com/names-dns/names/internal/signedtree"
	"github.com/names-dns/names/wire"
)

// Exchange makes a world a resolver.
func (w *world) Exchange(_ context.Context, m *wire.Message) (*wire.Message, error) {
	return w.ask(m.Questions[0], true), nil
}

// client returns a client that asks the world.
func (w *world) client() *Client {
	c := w.config
	c.Fetcher = nil
	return NewClient(w, c)
}

// TestClientRequiresSecureAnswers: what is insecure is an answer or an error, what is
// bogus an error in any case.
func TestClientRequiresSecureAnswers(t *testing.T) {
	w := newWorld(t,
		signZone(t, ".", options(t, ".", signedtree.NSEC), "www. A 192.0.2.1", "alias. CNAME www.", "to. CNAME www.plain.", "plain. NS ns.plain."),
		&signedtree.Zone{Apex: wire.MustParseName("plain."), Records: []wire.Record{parse(t, "plain. SOA ns. h. 1 2 3 4 5"), parse(t, "www.plain. A 192.0.2.2")}})
	w.change = func(m *wire.Message, _ bool) *wire.Message {
		if len(m.Answers) > 0 && strings.HasPrefix(m.Questions[0].Name.String(), "bad") {
			m.Answers[0].Data = []byte{192, 0, 2, 66}
		}
		return m
	}
	for _, c := range []struct {
		question string
		verdict  Verdict
		rcode    wire.RCode
		records  int
	}{
		{"www. A", Secure, wire.RCodeNoError, 1},
		{"alias. A", Secure, wire.RCodeNoError, 1},
		{"www. TXT", Secure, wire.RCodeNoError, 0},
		{"none. A", Secure, wire.RCodeNXDomain, 0},
		{"www.plain. A", Insecure, wire.RCodeNoError, 1},
		{"to. A", Insecure, wire.RCodeNoError, 1},
	} {
		q := question(t, c.question)
		for _, required := range []bool{false, true} {
			client := w.client()
			client.RequireSecure = required
			a, err := client.LookUp(t.Context(), q.Name, q.Type)
			if required && c.verdict != Secure {
				if e, ok := errors.AsType[*Error](err); !ok || e.Verdict != c.verdict {
					t.Errorf("%s: %v, %v", c.question, a, err)
				}
				continue
			}
			if err != nil || a.Verdict != c.verdict || a.RCode != c.rcode || len(a.Records) != c.records {
				t.Errorf("%s: %+v, %v", c.question, a, err)
			}
		}
	}
	w.change = func(m *wire.Message, fetched bool) *wire.Message {
		for i := range m.Answers {
			if m.Answers[i].Type == wire.TypeA {
				m.Answers[i].Data = []byte{192, 0, 2, 66}
			}
		}
		return m
	}
	if a, err := w.client().LookUp(t.Context(), wire.MustParseName("www."), wire.TypeA); err == nil {
		t.Errorf("a bogus answer: %+v", a)
	}
}

// certificate makes one, signed by another or itself.
func certificate(t *testing.T, name string, isCA bool, parent *tls.Certificate) *tls.Certificate {
	t.Helper()
	return certificatetest.New(t, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, DNSNames: []string{name}, IsCA: isCA, BasicConstraintsValid: true,
		NotBefore: now.Add(-day), NotAfter: now.Add(day), KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}, parent)
}

// tlsa is the record for a certificate.
func tlsa(usage, selector, matching uint8, c *x509.Certificate) *wire.TLSA {
	data := c.Raw
	if selector == 1 {
		data = c.RawSubjectPublicKeyInfo
	}
	if matching == 1 {
		sum := sha256.Sum256(data)
		data = sum[:]
	}
	return &wire.TLSA{Usage: usage, Selector: selector, MatchingType: matching, Data: data}
}

func TestCheckTLSA(t *testing.T) {
	authority := certificate(t, "authority", true, nil)
	root, leaf := authority.Leaf, certificate(t, "www.test", false, authority).Leaf
	other := certificate(t, "www.test", false, nil).Leaf
	chain := []*x509.Certificate{leaf, root}
	for _, c := range []struct {
		what   string
		record *wire.TLSA
		name   string
		at     time.Time
		isGood bool
	}{
		{"key of the server", tlsa(3, 1, 1, leaf), "www.test", now, true},
		{"whole certificate of the server", tlsa(3, 0, 0, leaf), "www.test", now, true},
		{"key of the server, another name and time", tlsa(3, 1, 1, leaf), "other.test", now.Add(100 * day), true},
		{"another key", tlsa(3, 1, 1, other), "www.test", now, false},
		{"key of the authority as that of the server", tlsa(3, 1, 1, root), "www.test", now, false},
		{"key of the authority", tlsa(2, 1, 1, root), "www.test", now, true},
		{"key of the authority, another name", tlsa(2, 1, 1, root), "other.test", now, false},
		{"key of the authority, another time", tlsa(2, 1, 1, root), "www.test", now.Add(100 * day), false},
		{"public authority", tlsa(1, 1, 1, leaf), "www.test", now, false},
		{"unknown selector", &wire.TLSA{Usage: 3, Selector: 2, MatchingType: 0, Data: leaf.Raw}, "www.test", now, false},
		{"unknown matching", &wire.TLSA{Usage: 3, Selector: 0, MatchingType: 9, Data: leaf.Raw}, "www.test", now, false},
	} {
		if err := CheckTLSA([]*wire.TLSA{c.record}, chain, c.name, c.at); (err == nil) != c.isGood || err != nil && !errors.Is(err, ErrDANE) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if err := CheckTLSA([]*wire.TLSA{tlsa(3, 1, 1, leaf)}, nil, "www.test", now); err == nil {
		t.Error("no certificate is good")
	}
}

// TestDialTLS connects to a server with a certificate of its own making, which the
// TLSA record of its name allows, and to one that has another.
func TestDialTLS(t *testing.T) {
	cert := certificate(t, "www.test", false, nil)
	server, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{*cert}})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	go func() {
		for {
			conn, err := server.Accept()
			if err != nil {
				return
			}
			go func() {
				fmt.Fprint(conn, "hello")
				conn.Close()
			}()
		}
	}()
	_, port, _ := net.SplitHostPort(server.Addr().String())
	other := certificate(t, "www.test", false, nil)
	line := func(host string, c *tls.Certificate) string {
		return "_" + port + "._tcp." + host + " TLSA 3 1 1 " + hex.EncodeToString(tlsa(3, 1, 1, c.Leaf).Data)
	}
	w := newWorld(t, signZone(t, ".", options(t, ".", signedtree.NSEC), line("www.test.", cert), line("evil.test.", other), "plain. NS ns.plain."),
		&signedtree.Zone{Apex: wire.MustParseName("plain."), Records: []wire.Record{parse(t, "plain. SOA ns. h. 1 2 3 4 5"), parse(t, line("www.plain.", cert))}})
	client := w.client()
	conn, err := client.DialTLS(t.Context(), wire.MustParseName("www.test."), server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	hello := make([]byte, 5)
	if _, err := conn.Read(hello); err != nil || string(hello) != "hello" {
		t.Errorf("%q, %v", hello, err)
	}
	conn.Close()
	for host, want := range map[string]string{"evil.test.": ErrDANE.Error(), "none.test.": "has none", "www.plain.": "is insecure"} {
		if _, err := client.DialTLS(t.Context(), wire.MustParseName(host), server.Addr().String()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v does not say %q", host, err, want)
		}
	}
}
