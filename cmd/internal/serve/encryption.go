package serve

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/names-dns/names/cmd/internal/bound"
	"github.com/names-dns/names/cmd/internal/metrics"
	"github.com/names-dns/names/cmd/internal/settings"
	"github.com/names-dns/names/internal/filewatch"
	"github.com/names-dns/names/listener"
	"github.com/names-dns/names/listener/acme"
	"github.com/names-dns/names/listener/certificate"
	"github.com/names-dns/names/listener/ocsp"
	"github.com/names-dns/names/names"
)

// encryption is what the encrypted transports have in common: each has a side of TLS
// that can be replaced while the server runs.
type encryption struct {
	dot   *tls.Config // for DNS over TLS (RFC 7858 3.1): one for all, so that sessions are resumed at any address
	quic  bound.TLS
	https bound.TLS
	http3 bound.TLS
	plain bound.TLS // what dot has now

	challenges acme.Challenges // where those of a certificate authority are published
	started    chan struct{}   // closed once the server answers what that asks
	running    sync.WaitGroup  // what looks after certificates

	mu      sync.Mutex
	now     *identity     // nil: no transport is encrypted
	stop    func()        // no longer watches its files, nor renews its certificate
	renewer chan struct{} // closed once what renewed the last certificate has ended; nil: nothing has
}

// identity is what clients know the server by, and what it wants to know of them.
type identity struct {
	settings settings.TLS
	acme     settings.ACME
	manager  *acme.Manager // nil: no certificate comes from an authority
	store    *certificate.Store
	tickets  *certificate.TicketKeys // nil: each side makes its own

	dot, https, http3, quic *tls.Config // one for each side, which chooses the protocol (ALPN)
}

func newEncryption(c acme.Challenges) *encryption {
	e := &encryption{challenges: c, started: make(chan struct{}), stop: func() {}}
	e.dot = e.plain.Config()
	return e
}

// read reads the certificates that settings name, or makes one if there is none. What
// was read before is kept if the settings are the same.
func (e *encryption) read(s *settings.Settings, log *slog.Logger) (*identity, error) {
	if !s.UsesTLS() {
		return nil, nil
	}
	t := s.TLS
	t.Addresses = nil
	if before := e.identity(); before != nil && reflect.DeepEqual(before.settings, t) && reflect.DeepEqual(before.acme, s.ACME) {
		return before, nil
	}
	i := &identity{settings: t, acme: s.ACME}
	base := &tls.Config{MinVersion: tls.VersionTLS12}
	if t.Only13 {
		base.MinVersion = tls.VersionTLS13
	}
	var err error
	switch {
	case s.ACME.IsWanted():
		if i.manager, err = e.newManager(i, log); err == nil {
			i.store, err = certificate.Open(certificateFiles(append(slices.Clone(t.Certificates), acme.CertificateFile(s.ACME.Dir)), t.Keys))
		}
	case len(t.Certificates) > 0:
		i.store, err = certificate.Open(certificateFiles(t.Certificates, t.Keys))
	case t.SelfSigned != "":
		var made bool
		i.store, made, err = certificate.OpenSelfSigned(t.SelfSigned, ownNames(), ownAddresses(s))
		if made {
			log.Info("self-signed certificate made", "file", t.SelfSigned)
		}
	default:
		var c *tls.Certificate
		if c, err = certificate.MakeSelfSigned(ownNames(), ownAddresses(s)); err == nil {
			i.store = certificate.Of(c)
			log.Warn("certificate is lost when the server stops; to keep it, name a file with tls.self-signed (--tls-self-signed)")
		}
	}
	if err != nil {
		return nil, err
	}
	base.GetCertificate = i.store.Get
	clients, err := tlsClients(&t)
	if err != nil {
		return nil, err
	}
	clients.Apply(base)
	side := func(protocols ...string) *tls.Config {
		c := base.Clone()
		c.NextProtos = protocols
		return c
	}
	i.dot, i.https, i.http3, i.quic = side("dot"), side("h2", "http/1.1"), side("h3"), side("doq")
	if t.TicketKeys != "" {
		if i.tickets, err = certificate.OpenTicketKeys(t.TicketKeys, i.dot, i.https, i.http3, i.quic); err != nil {
			return nil, err
		}
	}
	return i, nil
}

// certificateFiles are those of certificates, and of what their authorities say of them.
func certificateFiles(certificates, keys []string) certificate.Files {
	return certificate.Files{Certificates: certificates, Keys: keys, CheckStaple: ocsp.Check}
}

// identity is the present one.
func (e *encryption) identity() *identity {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.now
}

// use has new connections see i, whose files are watched until ctx is done.
func (e *encryption) use(ctx context.Context, i *identity, log *slog.Logger) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if i == e.now {
		return
	}
	e.now = i
	e.stop()
	e.stop = func() {}
	if i == nil {
		return
	}
	e.plain.Set(i.dot)
	e.https.Set(i.https)
	e.http3.Set(i.http3)
	e.quic.Set(i.quic)
	ctx, e.stop = context.WithCancel(ctx)
	for _, path := range i.paths() {
		go filewatch.Watch(ctx, path, func() { i.reload(log) })
	}
	if i.manager != nil {
		e.renew(ctx, i.manager)
	}
	i.log("certificate", log)
}

// paths are the files to watch.
func (i *identity) paths() []string {
	paths := i.store.Paths()
	if path := i.tickets.Path(); path != "" {
		paths = append(paths, path)
	}
	return paths
}

// tlsClients is which clients may connect.
func tlsClients(t *settings.TLS) (c certificate.Clients, err error) {
	c.Optional = t.ClientOptional
	if len(t.ClientAuthorities) > 0 {
		if c.Authorities, err = certificate.ReadAuthorities(t.ClientAuthorities...); err != nil {
			return c, err
		}
	}
	for _, text := range t.ClientPins {
		pin, err := certificate.ParsePin(text)
		if err != nil {
			return c, err
		}
		c.Pins = append(c.Pins, pin)
	}
	return c, nil
}

// checkEncryption reads the files of the settings, and makes none.
func checkEncryption(s *settings.Settings) error {
	t := &s.TLS
	if len(t.Certificates) > 0 {
		if _, err := certificate.Open(certificateFiles(t.Certificates, t.Keys)); err != nil {
			return err
		}
	}
	if s.ACME.Authority != "" {
		if _, err := certificate.ReadAuthorities(s.ACME.Authority); err != nil {
			return fmt.Errorf("acme: %w", err)
		}
	}
	if t.TicketKeys != "" {
		if _, err := certificate.OpenTicketKeys(t.TicketKeys); err != nil {
			return err
		}
	}
	_, err := tlsClients(t)
	return err
}

// ownNames are the names that a self-signed certificate is for.
func ownNames() []string {
	host, err := os.Hostname()
	if err != nil || host == "localhost" {
		return []string{"localhost"}
	}
	return []string{host, "localhost"}
}

// ownAddresses are the addresses that a self-signed certificate is for.
func ownAddresses(s *settings.Settings) (all []netip.Addr) {
	for _, a := range s.EncryptedAddresses() {
		if !a.Addr().IsUnspecified() {
			all = append(all, a.Addr())
		}
	}
	return all
}

// endpoints are those of the listener.
func (e *encryption) endpoints(s *settings.Settings) (all []listener.Endpoint) {
	for _, a := range s.TLS.Addresses {
		all = append(all, listener.Endpoint{Address: a, Transport: names.TLS, TLS: e.dot})
	}
	return all
}

// log says what clients can know the server by.
func (i *identity) log(message string, log *slog.Logger) {
	for _, c := range i.store.Infos() {
		if c.StapledUntil.IsZero() {
			log.Info(message, "names", c.Names, "expires", c.NotAfter, "pin", c.Pin)
		} else {
			log.Info(message, "names", c.Names, "expires", c.NotAfter, "pin", c.Pin, "stapled_until", c.StapledUntil)
		}
		switch {
		case c.StapleProblem != nil:
			log.Warn("OCSP response not stapled", "names", c.Names, "error", c.StapleProblem)
		case c.NeedsStaple && c.StapledUntil.IsZero():
			log.Warn("certificate asks for an OCSP response, and there is no file of one next to it", "names", c.Names)
		}
	}
}

// reload reads certificates and ticket keys again.
func (i *identity) reload(log *slog.Logger) {
	if i == nil {
		return
	}
	switch changed, err := i.store.Reload(); {
	case err != nil:
		log.Error("certificates not reloaded, still using the previous ones", "error", err)
	case changed:
		i.log("certificate reloaded", log)
	}
	switch changed, err := i.tickets.Reload(); {
	case err != nil:
		log.Error("ticket keys not reloaded, still using the previous ones", "error", err)
	case changed:
		log.Info("ticket keys reloaded", "file", i.tickets.Path())
	}
}

func (e *encryption) metrics() []metrics.Metric {
	now := e.identity()
	if now == nil {
		return nil
	}
	m := metrics.Metric{Name: "names_certificate_expiry_time_seconds", Help: "When a certificate expires, in seconds since 1970-01-01 UTC.", Kind: metrics.Gauge}
	staples := metrics.Metric{Name: "names_certificate_staple_expiry_time_seconds", Help: "When the OCSP response of a certificate expires, in seconds since 1970-01-01 UTC; 0: there is none, and the certificate asks for one.", Kind: metrics.Gauge}
	for i, c := range now.store.Infos() {
		name := cmp.Or(strings.Join(c.Names, " "), fmt.Sprint(i))
		m.Samples = append(m.Samples, metrics.Sample{Labels: []string{"names", name}, Value: float64(c.NotAfter.Unix())})
		switch labels := []string{"names", name}; {
		case !c.StapledUntil.IsZero():
			staples.Samples = append(staples.Samples, metrics.Sample{Labels: labels, Value: float64(c.StapledUntil.Unix())})
		case c.NeedsStaple || c.StapleProblem != nil:
			staples.Samples = append(staples.Samples, metrics.Sample{Labels: labels})
		}
	}
	all := []metrics.Metric{m}
	if len(staples.Samples) > 0 {
		all = append(all, staples)
	}
	return append(all, now.acmeMetrics()...)
}
