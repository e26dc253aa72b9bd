package encrypted

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
	"time"

	"github.com/names-dns/names/internal/pin"
)

// CertificateError is returned if a server did not prove who it is.
type CertificateError struct {
	Text string
	Err  error // may be nil
}

func (e *CertificateError) Error() string { return "certificate refused: " + e.Text }

func (e *CertificateError) Unwrap() error { return e.Err }

// Explain says in words what is wrong with a certificate, if that is what err is about.
func Explain(err error) error {
	if already, ok := errors.AsType[*CertificateError](err); ok {
		return already
	}
	failed, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok || len(failed.UnverifiedCertificates) == 0 {
		return err
	}
	leaf := failed.UnverifiedCertificates[0]
	text := failed.Err.Error()
	invalid, isInvalid := errors.AsType[x509.CertificateInvalidError](err)
	name, isName := errors.AsType[x509.HostnameError](err)
	_, isUnknown := errors.AsType[x509.UnknownAuthorityError](err)
	switch {
	case isInvalid && invalid.Reason == x509.Expired:
		c := invalid.Cert
		if text = "it expired on " + c.NotAfter.UTC().Format(time.RFC3339); time.Now().Before(c.NotBefore) {
			text = "it is not valid before " + c.NotBefore.UTC().Format(time.RFC3339) + "; is the clock right?"
		}
	case isName:
		text = "it is for " + namesOf(leaf) + ", not for " + name.Host
	case isUnknown:
		text = "no authority that is trusted vouches for it; its pin is " + pin.Text(pin.Of(leaf))
	}
	return &CertificateError{Text: text, Err: failed}
}

// namesOf is what a certificate is for, in words.
func namesOf(c *x509.Certificate) string {
	const most = 8
	all := append([]string(nil), c.DNSNames...)
	for _, a := range c.IPAddresses {
		all = append(all, a.String())
	}
	switch {
	case len(all) == 0:
		return "no name"
	case len(all) > most:
		all = append(all[:most], "others")
	}
	return strings.Join(all, ", ")
}
