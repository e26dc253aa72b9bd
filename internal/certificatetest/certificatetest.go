// Package certificatetest makes certificates for tests.
package certificatetest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"
)

// New makes a key and a certificate for it like template, which authority vouches
// for; it does so itself if that is nil. It is good for a day if template says nothing.
func New(t testing.TB, template *x509.Certificate, authority *tls.Certificate) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	made := *template
	made.SerialNumber = big.NewInt(1)
	if made.NotAfter.IsZero() {
		made.NotBefore, made.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	}
	c := &tls.Certificate{PrivateKey: key, Leaf: &made}
	if authority == nil {
		authority = c
	}
	der, err := x509.CreateCertificate(rand.Reader, &made, authority.Leaf, key.Public(), authority.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c.Certificate = [][]byte{der}
	if c.Leaf, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return c
}
