package query

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/names-dns/names/internal/pin"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/names"
	"github.com/names-dns/names/recursor/upstream/doq"
	"github.com/names-dns/names/recursor/upstream/encrypted"
)

// queryEncryption is how a server is asked over an encrypted transport, in the words
// of kdig.
type queryEncryption struct {
	protocol names.Transport // names.UDP: it is not
	http3    bool
	path     string
	get      bool
	hostname string // that the certificate has to be for; "": the server's
	ca       string // file of the authorities that count; "": the system's
	isProved bool   // the certificate has to be a good one
	pins     [][32]byte
	certFile string // of the client's certificate
	keyFile  string
}

// defaultPort is the port of the transport, 0 if it is not encrypted.
func (e *queryEncryption) defaultPort() uint16 {
	switch e.protocol {
	case names.TLS, names.QUIC:
		return 853
	case names.HTTPS:
		return 443
	}
	return 0
}

// encryptedPadding is what the length of an encrypted query is a multiple of (RFC 8467
// 4.1).
const encryptedPadding = 128

// require makes TLS of what is not encrypted yet.
func (e *queryEncryption) require() { e.protocol = cmp.Or(e.protocol, names.TLS) }

// encryptionOption makes an option that chooses a transport.
func encryptionOption(name string, protocol names.Transport, http3 bool) plusOption {
	return plusOption{name, noValue, func(o *queryOptions, on bool, _ string) error {
		if o.encryption.protocol, o.encryption.http3 = names.UDP, false; on {
			o.encryption.protocol, o.encryption.http3 = protocol, http3
		}
		return nil
	}}
}

var encryptionOptions = []plusOption{
	encryptionOption("tls", names.TLS, false),
	encryptionOption("quic", names.QUIC, false),
	encryptionOption("http3", names.HTTPS, true),
	{"https", optionalValue, func(o *queryOptions, on bool, value string) error {
		e := &o.encryption
		if e.protocol = names.UDP; on {
			e.protocol, e.path = names.HTTPS, value
		}
		if value != "" && value[0] != '/' {
			return fmt.Errorf("+https wants a path such as /dns-query, not %q", value)
		}
		return nil
	}},
	{"https-get", noValue, func(o *queryOptions, on bool, _ string) error {
		o.encryption.get = on
		if on {
			o.encryption.protocol = names.HTTPS
		}
		return nil
	}},
	{"tls-ca", optionalValue, func(o *queryOptions, on bool, value string) error {
		o.encryption.ca, o.encryption.isProved = value, on
		o.encryption.require()
		return nil
	}},
	{"tls-hostname", wantsValue, func(o *queryOptions, _ bool, value string) error {
		o.encryption.hostname, o.encryption.isProved = strings.TrimSuffix(value, "."), true
		o.encryption.require()
		return nil
	}},
	{"tls-pin", wantsValue, func(o *queryOptions, _ bool, value string) error {
		p, err := pin.Parse(value)
		if err != nil {
			return fmt.Errorf("+tls-pin: %w", err)
		}
		o.encryption.pins = append(o.encryption.pins, p)
		o.encryption.require()
		return nil
	}},
	{"tls-certfile", wantsValue, func(o *queryOptions, _ bool, value string) error {
		o.encryption.certFile = value
		o.encryption.require()
		return nil
	}},
	{"tls-keyfile", wantsValue, func(o *queryOptions, _ bool, value string) error {
		o.encryption.keyFile = value
		o.encryption.require()
		return nil
	}},
}

// setURL takes a server from a URL, which says how it is asked and proved.
func (a *queryArguments) setURL(text string) error {
	s, err := encrypted.Parse(text)
	if err != nil {
		return err
	}
	a.server, a.serverOwnPort = s.Host, s.Port
	if s.Address.IsValid() {
		a.server = s.Address.String()
	}
	a.encryption = queryEncryption{protocol: s.Protocol, http3: s.HTTP3, path: s.Path, hostname: s.Name, pins: s.Pins, isProved: !s.NoProof}
	return nil
}

// client is a client of the server at address.
func (o *queryOptions) client(address netip.AddrPort, c encrypted.Config) (*encrypted.Client, error) {
	e := &o.encryption
	s := encrypted.Server{
		Protocol: e.protocol, HTTP3: e.http3, Host: cmp.Or(strings.TrimSuffix(o.server, "."), address.Addr().String()), Port: address.Port(),
		Path: cmp.Or(e.path, "/dns-query"), Address: address.Addr(), Pins: e.pins, NoProof: !e.isProved && len(e.pins) == 0,
	}
	s.Name = cmp.Or(e.hostname, s.Host)
	c.QUIC, c.HTTP3, c.GET = doq.New, doq.NewHTTP3, e.get
	c.Only13 = o.isTransfer() // RFC 9103 9.1
	var err error
	if e.ca != "" {
		if c.Authorities, err = certificate.ReadAuthorities(e.ca); err != nil {
			return nil, err
		}
	}
	if e.certFile != "" {
		pair, err := tls.LoadX509KeyPair(e.certFile, cmp.Or(e.keyFile, e.certFile))
		if err != nil {
			return nil, fmt.Errorf("certificate of the client: %w", err)
		}
		c.Certificate = func() (*tls.Certificate, error) { return &pair, nil }
	}
	return encrypted.New(s, c)
}

// askEncrypted asks one server after the other until one replies. state is that of its
// handshake.
func (o *queryOptions) askEncrypted(ctx context.Context, packet []byte, servers []netip.AddrPort, failed func(netip.AddrPort, names.Transport, error)) (r *names.Reply, state *tls.ConnectionState, err error) {
	for range o.tries {
		for _, server := range servers {
			client, err := o.client(server, encrypted.Config{Connected: func(s *tls.ConnectionState) { state = s }})
			if err != nil {
				return nil, nil, err
			}
			r, err := o.exchange(ctx, client, packet, server)
			if err == nil {
				state.ServerName = client.Server.Name // which is not sent if it is an address
				return r, state, nil
			}
			failed(server, o.encryption.protocol, err)
			if ctx.Err() != nil || errors.As(err, new(*encrypted.CertificateError)) {
				return nil, nil, errNoReply // to ask again does not help
			}
		}
	}
	return nil, nil, errNoReply
}

// exchange asks a server once.
func (o *queryOptions) exchange(ctx context.Context, client *encrypted.Client, packet []byte, server netip.AddrPort) (r *names.Reply, err error) {
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	if o.encryption.protocol == names.TLS {
		var dialed error
		querier := names.Querier{Timeouts: []time.Duration{o.timeout}, TCP: true, Dial: func(ctx context.Context, _, _ string) (conn net.Conn, err error) {
			conn, dialed = client.DialTLS(ctx)
			return conn, dialed
		}}
		if r, err = querier.Query(ctx, packet, server); dialed != nil {
			return nil, dialed
		}
		if e, ok := errors.AsType[*names.Error](err); ok {
			return nil, e.Err
		}
		if r != nil {
			r.Transport = names.TLS
		}
		return r, err
	}
	transport := client.Transport()
	defer transport.Close()
	began := time.Now()
	reply, err := transport.Exchange(ctx, packet)
	if err != nil {
		return nil, err
	}
	return &names.Reply{Message: reply, Server: server, Transport: o.encryption.protocol, Time: time.Since(began)}, nil
}

// handshake prints what a handshake has shown.
func (p *queryPrinter) handshake(state *tls.ConnectionState, e *queryEncryption) {
	if state == nil || !p.display.comments || p.display.short {
		return
	}
	p.printf(";; %s, %s, %v, protocol %s\n", tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite), state.CurveID, cmp.Or(state.NegotiatedProtocol, "not chosen"))
	for i, c := range state.PeerCertificates {
		p.printf(";; certificate %d: %s\n;;   issued by %s, good from %s to %s\n;;   pin %s\n", i+1, subjectOf(c), c.Issuer,
			c.NotBefore.UTC().Format(time.RFC3339), c.NotAfter.UTC().Format(time.RFC3339), pin.Text(pin.Of(c)))
	}
	switch {
	case len(e.pins) > 0:
		p.printf(";; the server has the key that is pinned\n\n")
	case e.isProved:
		p.printf(";; the certificate is a good one, for %s\n\n", state.ServerName)
	default:
		p.printf(";; WARNING: the server was not proved: +tls-ca, +tls-hostname and +tls-pin do so\n\n")
	}
}

// subjectOf is what a certificate is for.
func subjectOf(c *x509.Certificate) string {
	all := append([]string(nil), c.DNSNames...)
	for _, a := range c.IPAddresses {
		all = append(all, a.String())
	}
	return cmp.Or(strings.Join(all, ", "), c.Subject.String())
}
