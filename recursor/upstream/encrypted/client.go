package encrypted

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/pin"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream"
)

// Config says how servers are found and proved. Zero values mean the defaults given
// with each field.
type Config struct {
	// Authorities are those that vouch for servers. By default the system's.
	Authorities *x509.CertPool

	// Certificate returns what is shown to a server that asks for a certificate (mutual
	// TLS). By default nothing is.
	Certificate func() (*tls.Certificate, error)

	// Lookup finds the addresses of a server that has only a name. It must not
	// ask that server.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)

	// Dial opens connections of network "tcp". By default the system's.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// QUIC carries queries over QUIC, HTTP3 requests: functions of package doq. By
	// default there is no QUIC.
	QUIC  func(c *Client) Exchanger
	HTTP3 func(c *Client) RoundTripper

	// GET asks over HTTPS by GET. By default by POST, whose replies no cache on the
	// way has.
	GET bool

	// Only13 refuses TLS 1.2 (RFC 9103 9.1).
	Only13 bool

	// HTTPConnections is how many connections there may be over HTTP/1.1 and HTTP/2. By
	// default 8.
	HTTPConnections int

	// NoResumption has a whole handshake for each connection.
	NoResumption bool

	// Opened is called with how long each connection took to open. It may be nil.
	Opened func(took time.Duration)

	// Failed is called if the server cannot be connected to, with why. It may be nil.
	Failed func(err error)

	// Connected is called after each handshake. It may be nil.
	Connected func(state *tls.ConnectionState)
}

// Exchanger carries a query and brings the reply.
type Exchanger interface {
	Exchange(ctx context.Context, query []byte) (reply []byte, err error)
	// Close ends its connections. It may be used again.
	Close()
}

// RoundTripper is how HTTP requests are sent.
type RoundTripper interface {
	http.RoundTripper
	CloseIdleConnections()
}

// Client is the connections to one server.
type Client struct {
	Server    Server
	config    Config
	tls       *tls.Config
	exchanger Exchanger // nil for TLS

	mu      sync.Mutex   // guards found and expires; addresses are looked up without it
	found   []netip.Addr // by Lookup
	expires time.Time    // when they are looked up again

	full, resumed, failed atomic.Uint64
}

// addressTime is how long the addresses of a server are used before they are looked
// up again; sooner if none of them answers.
const addressTime = 5 * time.Minute

// New returns a client of s.
func New(s Server, c Config) (*Client, error) {
	switch {
	case !s.Address.IsValid() && c.Lookup == nil:
		return nil, fmt.Errorf("%s: its address is not known: add @ADDRESS, or name servers that know it", &s)
	case s.Protocol == names.QUIC && c.QUIC == nil, s.HTTP3 && c.HTTP3 == nil:
		return nil, fmt.Errorf("%s: this program has no QUIC", &s)
	}
	c.HTTPConnections = cmp.Or(c.HTTPConnections, maxConnections)
	if c.Dial == nil {
		c.Dial = new(net.Dialer).DialContext
	}
	client := &Client{Server: s, config: c}
	client.tls = &tls.Config{
		MinVersion: tls.VersionTLS12, ServerName: s.Name, RootCAs: c.Authorities,
		VerifyConnection: client.verify,
	}
	if !c.NoResumption {
		client.tls.ClientSessionCache = tls.NewLRUClientSessionCache(maxSessions)
	}
	if c.Certificate != nil {
		client.tls.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.Certificate() }
	}
	if c.Only13 {
		client.tls.MinVersion = tls.VersionTLS13
	}
	// Without a name to prove, what is proved instead is in verify.
	client.tls.InsecureSkipVerify = s.NoProof || len(s.Pins) > 0 || s.Proof.IsValid()
	switch {
	case s.Protocol == names.QUIC:
		client.exchanger = c.QUIC(client)
	case s.HTTP3:
		client.exchanger = newHTTPS(client, c.HTTP3(client))
	case s.Protocol == names.HTTPS:
		client.exchanger = newHTTPS(client, client.http2())
	}
	return client, nil
}

// maxSessions is how many sessions are kept to be resumed.
const maxSessions = 16

// verify is called once a certificate, or the lack of one to prove, was accepted, also
// when a session is resumed.
func (c *Client) verify(state tls.ConnectionState) error {
	if len(c.Server.Pins) > 0 && !pin.Matches(c.Server.Pins, state.PeerCertificates) {
		return &CertificateError{Text: "key is not the one that is pinned: it is " + pin.Text(pin.Of(state.PeerCertificates[0]))}
	}
	if c.Server.Proof.IsValid() {
		if err := c.proveAddress(state.PeerCertificates); err != nil {
			return err
		}
	}
	if state.DidResume {
		c.resumed.Add(1)
	} else {
		c.full.Add(1)
	}
	if c.config.Connected != nil {
		c.config.Connected(&state)
	}
	return nil
}

// proveAddress returns an error if certificates are not those of the address that is to be
// proved.
func (c *Client) proveAddress(certificates []*x509.Certificate) error {
	options := x509.VerifyOptions{Roots: c.config.Authorities, Intermediates: x509.NewCertPool(), DNSName: c.Server.Proof.String()}
	for _, i := range certificates[1:] {
		options.Intermediates.AddCert(i)
	}
	if _, err := certificates[0].Verify(options); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: certificates, Err: err}
	}
	return nil
}

// TLS is the client's side of TLS, for one of the protocols (ALPN).
func (c *Client) TLS(protocols ...string) *tls.Config {
	config := c.tls.Clone()
	config.NextProtos = protocols
	return config
}

// Transport is what a client of package upstream asks the server by.
func (c *Client) Transport() *upstream.Transport {
	t := &upstream.Transport{Protocol: c.Server.Protocol, Name: c.Server.Label()}
	if c.exchanger == nil {
		t.Dial = c.DialTLS
	} else {
		t.Exchange, t.Close = c.exchanger.Exchange, c.exchanger.Close
	}
	return t
}

// DialTLS opens a connection for DNS over TLS.
func (c *Client) DialTLS(ctx context.Context) (net.Conn, error) {
	return First(ctx, c, func(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
		conn, err := c.dial(ctx, address, c.TLS("dot")) // RFC 7858 3.1
		if err == nil && conn.ConnectionState().NegotiatedProtocol == "" {
			return conn, nil // servers before ALPN had a name for it
		}
		return conn, err
	})
}

func (c *Client) dial(ctx context.Context, address netip.AddrPort, config *tls.Config) (*tls.Conn, error) {
	socket, err := c.config.Dial(ctx, "tcp", address.String())
	if err != nil {
		return nil, err
	}
	conn := tls.Client(socket, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		socket.Close()
		return nil, err
	}
	return conn, nil
}

// First calls try with one address of the server after the other, until one is good.
// Each has its share of the time; the errors of the others are forgotten, not that of
// the last.
func First[T any](ctx context.Context, c *Client, try func(ctx context.Context, address netip.AddrPort) (T, error)) (T, error) {
	var none T
	began := time.Now()
	addresses, err := c.addresses(ctx)
	if err != nil {
		return none, err
	}
	for i, a := range addresses {
		share, cancel := ctx, context.CancelFunc(func() {})
		if deadline, ok := ctx.Deadline(); ok && i < len(addresses)-1 {
			share, cancel = context.WithTimeout(ctx, time.Until(deadline)/time.Duration(len(addresses)-i))
		}
		var v T
		v, err = try(share, netip.AddrPortFrom(a, c.Server.Port))
		cancel()
		if err == nil {
			if c.config.Opened != nil {
				c.config.Opened(time.Since(began))
			}
			return v, nil
		}
		if ctx.Err() != nil {
			break
		}
	}
	c.failed.Add(1)
	c.forget()
	err = Explain(err)
	if c.config.Failed != nil && !errors.Is(ctx.Err(), context.Canceled) {
		c.config.Failed(err)
	}
	return none, err
}

// maxAddresses is how many addresses of a server are tried.
const maxAddresses = 4

// addresses are where the server is.
func (c *Client) addresses(ctx context.Context) ([]netip.Addr, error) {
	if c.Server.Address.IsValid() {
		return []netip.Addr{c.Server.Address}, nil
	}
	c.mu.Lock()
	found, isFresh := c.found, time.Now().Before(c.expires)
	c.mu.Unlock()
	if isFresh {
		return found, nil
	}
	found, err := c.config.Lookup(ctx, c.Server.Host)
	if err == nil && len(found) == 0 {
		err = errors.New("it has none")
	}
	if err != nil {
		return nil, fmt.Errorf("address of %s: %w", c.Server.Host, err)
	}
	found = slices.Clone(found[:min(len(found), maxAddresses)])
	c.mu.Lock()
	c.found, c.expires = found, time.Now().Add(addressTime)
	c.mu.Unlock()
	return found, nil
}

// forget makes c look up the addresses again: none of them answers.
func (c *Client) forget() {
	c.mu.Lock()
	c.expires = time.Time{}
	c.mu.Unlock()
}

// Stats is what became of connections.
type Stats struct {
	Full    uint64 // opened with a whole handshake
	Resumed uint64 // opened with the session of an earlier one
	Failed  uint64
}

// Stats returns what was counted so far.
func (c *Client) Stats() Stats {
	return Stats{Full: c.full.Load(), Resumed: c.resumed.Load(), Failed: c.failed.Load()}
}
