package certificate

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/internal/pin"
)

// Clients says which clients may connect. The zero value: all, and none is asked for
// a certificate.
type Clients struct {
	// Authorities are those that vouch for certificates of clients.
	Authorities *x509.CertPool

	// Pins are the public keys of clients, for which no authority has to vouch. They
	// exclude Authorities.
	Pins [][sha256.Size]byte

	// Optional lets clients without a certificate connect too. A wrong one is refused
	// all the same.
	Optional bool
}

// Apply makes a server's configuration ask for certificates of clients.
func (c *Clients) Apply(config *tls.Config) {
	switch {
	case c.Authorities != nil:
		config.ClientCAs = c.Authorities
		config.ClientAuth = tls.RequireAndVerifyClientCert
		if c.Optional {
			config.ClientAuth = tls.VerifyClientCertIfGiven
		}
	case len(c.Pins) > 0:
		config.ClientAuth = tls.RequireAnyClientCert
		if c.Optional {
			config.ClientAuth = tls.RequestClientCert
		}
		config.VerifyConnection = c.verifyPin // of resumed sessions too
	}
}

var errPin = errors.New("the client's key is not one of those that may connect")

func (c *Clients) verifyPin(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return nil // if one is required, the handshake says so
	}
	if !pin.Matches(c.Pins, state.PeerCertificates) {
		return errPin
	}
	return nil
}

// ReadAuthorities reads files of certificates of authorities, as PEM.
func ReadAuthorities(paths ...string) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	for _, path := range paths {
		text, err := files.Read(path, maxFile)
		if err != nil {
			return nil, fmt.Errorf("authorities: %w", err)
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("authorities: there is no certificate in %s", path)
		}
	}
	return pool, nil
}
