// Package ocsp judges what an authority says of a certificate of ours (OCSP, RFC 6960),
// before clients are given it with the certificate. It is a package of its own because it
// needs a library.
package ocsp

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"
)

// skew is how far the clock of an authority may be ahead of ours.
const skew = 5 * time.Minute

// Check reports until when a response is good for leaf, which issuer has signed, and the
// response in DER: it may be in PEM. It is an error if the response is for another
// certificate, is signed neither by issuer nor by a responder that issuer has named, is not of
// now, or says anything but that the certificate is good.
func Check(response []byte, leaf, issuer *x509.Certificate, now time.Time) (der []byte, until time.Time, err error) {
	if block, _ := pem.Decode(response); block != nil && strings.HasSuffix(block.Type, "OCSP RESPONSE") {
		response = block.Bytes
	}
	if issuer == nil {
		return nil, until, errors.New("the certificate of the authority is missing: it has to follow the server's own in the same file")
	}
	r, err := ocsp.ParseResponseForCert(response, leaf, issuer)
	if err != nil {
		return nil, until, fmt.Errorf("not a response for this certificate: %w", err)
	}
	if d := r.Certificate; d != nil && !d.Equal(issuer) { // RFC 6960 4.2.2.2; that issuer has signed it is known
		if !slices.Contains(d.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
			return nil, until, errors.New("the response is signed with a certificate that is not for that")
		}
		if now.Before(d.NotBefore) || now.After(d.NotAfter) {
			return nil, until, errors.New("the certificate that signed the response is not of now")
		}
	}
	switch {
	case r.Status == ocsp.Revoked:
		return nil, until, fmt.Errorf("the certificate was revoked on %s", r.RevokedAt.UTC().Format(time.DateOnly))
	case r.Status != ocsp.Good:
		return nil, until, errors.New("the authority does not know the certificate")
	case r.NextUpdate.IsZero(): // RFC 6960 4.2.2.1: newer information is always there
		return nil, until, errors.New("the response does not say until when it is good (nextUpdate)")
	case r.ThisUpdate.After(now.Add(skew)):
		return nil, until, fmt.Errorf("the response is of the future: %s", r.ThisUpdate.UTC().Format(time.RFC3339))
	case !r.NextUpdate.After(now):
		return nil, until, fmt.Errorf("the response expired at %s", r.NextUpdate.UTC().Format(time.RFC3339))
	}
	return response, r.NextUpdate, nil
}
