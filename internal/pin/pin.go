// Package pin knows public keys by their digests, as clients and servers of TLS do for
// which no authority vouches (RFC 7858 4.2).
package pin

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"slices"
)

// Of is the pin of the key in a certificate: the SHA-256 of its SubjectPublicKeyInfo.
func Of(c *x509.Certificate) [sha256.Size]byte { return sha256.Sum256(c.RawSubjectPublicKeyInfo) }

// Text is a pin in base64, as kdig, Unbound and Knot Resolver take it.
func Text(p [sha256.Size]byte) string { return base64.StdEncoding.EncodeToString(p[:]) }

// Parse reads a pin in base64.
func Parse(text string) (p [sha256.Size]byte, err error) {
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(b) != len(p) {
		return p, fmt.Errorf("%q is not a pin: the SHA-256 of a public key in base64, 44 characters", text)
	}
	return [sha256.Size]byte(b), nil
}

// Matches reports whether the first of certificates has one of the keys. The others are
// not looked at: their owners did not take part in the handshake.
func Matches(pins [][sha256.Size]byte, certificates []*x509.Certificate) bool {
	return len(certificates) > 0 && slices.Contains(pins, Of(certificates[0]))
}
