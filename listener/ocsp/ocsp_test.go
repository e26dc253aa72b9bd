package ocsp

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/names-dns/names/listener/certificate"
)

// signed is a certificate and its key.
type signed struct {
	*x509.Certificate
	key *ecdsa.PrivateKey
}

// sign makes a certificate that by has signed; nil: it is an authority.
func sign(t testing.TB, serial int64, by *signed, change func(*x509.Certificate)) *signed {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "test"}, DNSNames: []string{"ns.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), BasicConstraintsValid: true, IsCA: by == nil,
	}
	if change != nil {
		change(template)
	}
	self := &signed{template, key}
	if by == nil {
		by = self
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.Certificate, key.Public(), by.key)
	if err != nil {
		t.Fatal(err)
	}
	self.Certificate, err = x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return self
}

// respond is what a responder says.
func respond(t testing.TB, issuer, responder *signed, r ocsp.Response) []byte {
	t.Helper()
	der, err := ocsp.CreateResponse(issuer.Certificate, responder.Certificate, r, responder.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestCheck(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	ca := sign(t, 1, nil, nil)
	leaf := sign(t, 2, ca, nil)
	other := sign(t, 1, nil, nil)
	delegate := sign(t, 3, ca, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
	good := ocsp.Response{Status: ocsp.Good, SerialNumber: leaf.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)}
	with := func(change func(*ocsp.Response)) ocsp.Response {
		r := good
		change(&r)
		return r
	}
	named := good
	named.Certificate = delegate.Certificate
	unnamed := good
	unnamed.Certificate = leaf.Certificate
	stranger := sign(t, 3, other, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning} })
	byStranger := good
	byStranger.Certificate = stranger.Certificate
	expired := sign(t, 4, ca, func(c *x509.Certificate) {
		c.ExtKeyUsage, c.NotAfter = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}, now.Add(-time.Minute)
	})
	byExpired := good
	byExpired.Certificate = expired.Certificate
	der := respond(t, ca, ca, good)
	for _, c := range []struct {
		what     string
		response []byte
		issuer   *x509.Certificate
		want     string
	}{
		{"good", der, ca.Certificate, ""},
		{"good, in PEM", pem.EncodeToMemory(&pem.Block{Type: "OCSP RESPONSE", Bytes: der}), ca.Certificate, ""},
		{"by a delegate", respond(t, ca, delegate, named), ca.Certificate, ""},
		{"by a certificate that is for something else", respond(t, ca, leaf, unnamed), ca.Certificate, "not for that"},
		{"by a delegate that has expired", respond(t, ca, expired, byExpired), ca.Certificate, "not of now"},
		{"by a delegate of another authority", respond(t, ca, stranger, byStranger), ca.Certificate, "not a response"},
		{"by another authority", respond(t, other, other, good), ca.Certificate, "not a response"},
		{"without the authority", der, nil, "the certificate of the authority is missing"},
		{"for another certificate", respond(t, ca, ca, with(func(r *ocsp.Response) { r.SerialNumber = big.NewInt(9) })), ca.Certificate, "not a response"},
		{"revoked", respond(t, ca, ca, with(func(r *ocsp.Response) { r.Status, r.RevokedAt = ocsp.Revoked, now })), ca.Certificate, "revoked on " + now.UTC().Format(time.DateOnly)},
		{"unknown", respond(t, ca, ca, with(func(r *ocsp.Response) { r.Status = ocsp.Unknown })), ca.Certificate, "does not know"},
		{"without an end", respond(t, ca, ca, with(func(r *ocsp.Response) { r.NextUpdate = time.Time{} })), ca.Certificate, "nextUpdate"},
		{"of tomorrow", respond(t, ca, ca, with(func(r *ocsp.Response) { r.ThisUpdate = now.Add(skew + time.Minute) })), ca.Certificate, "of the future"},
		{"of a clock that is a little fast", respond(t, ca, ca, with(func(r *ocsp.Response) { r.ThisUpdate = now.Add(skew) })), ca.Certificate, ""},
		{"expired", respond(t, ca, ca, with(func(r *ocsp.Response) { r.NextUpdate = now })), ca.Certificate, "expired at"},
		{"an error", ocsp.TryLaterErrorResponse, ca.Certificate, "try later"},
		{"nothing", nil, ca.Certificate, "not a response"},
		{"more than a response", append(der[:len(der):len(der)], 0), ca.Certificate, "trailing"},
	} {
		got, until, err := Check(c.response, leaf.Certificate, c.issuer, now)
		if c.want == "" {
			if err != nil || !until.Equal(good.NextUpdate) || len(got) == 0 {
				t.Errorf("%s: until %v, %v", c.what, until, err)
			}
		} else if err == nil || !strings.Contains(err.Error(), c.want) || !until.IsZero() {
			t.Errorf("%s: until %v, %v; want %s", c.what, until, err, c.want)
		}
	}
}

// write writes a certificate and its key in one file, with its authority unless that is nil.
func write(t *testing.T, path string, leaf, ca *signed) {
	t.Helper()
	key, err := x509.MarshalECPrivateKey(leaf.key)
	if err != nil {
		t.Fatal(err)
	}
	text := append(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: key}), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw})...)
	if ca != nil {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Raw})...)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// Clients get what is in the file next to that of the certificate, as long as it is good.
func TestStaple(t *testing.T) {
	mustStaple := func(c *x509.Certificate) {
		c.ExtraExtensions = []pkix.Extension{{Id: []int{1, 3, 6, 1, 5, 5, 7, 1, 24}, Value: []byte{0x30, 3, 2, 1, 5}}}
	}
	ca := sign(t, 1, nil, nil)
	leaf := sign(t, 2, ca, mustStaple)
	path := filepath.Join(t.TempDir(), "tls.pem")
	write(t, path, leaf, ca)
	store, err := certificate.Open(certificate.Files{Certificates: []string{path}, CheckStaple: Check})
	if err != nil {
		t.Fatal(err)
	}
	stapled := func() []byte {
		t.Helper()
		c, err := store.Get(&tls.ClientHelloInfo{ServerName: "ns.example"})
		if err != nil {
			t.Fatal(err)
		}
		return c.OCSPStaple
	}
	info := func() certificate.Info { return store.Infos()[0] }
	if i := info(); len(stapled()) > 0 || !i.StapledUntil.IsZero() || i.StapleProblem != nil || !i.NeedsStaple {
		t.Errorf("without a file: %+v", i)
	}
	r := ocsp.Response{Status: ocsp.Good, SerialNumber: leaf.SerialNumber, ThisUpdate: time.Now().Add(-time.Hour), NextUpdate: time.Now().Add(time.Hour)}
	first := respond(t, ca, ca, r)
	put := func(response []byte) {
		t.Helper()
		if err := os.WriteFile(path+".ocsp", response, 0o600); err != nil {
			t.Fatal(err)
		}
		if changed, err := store.Reload(); !changed || err != nil {
			t.Fatalf("changed %v, %v", changed, err)
		}
	}
	put(first)
	if got := stapled(); string(got) != string(first) || info().StapledUntil.IsZero() || info().StapleProblem != nil {
		t.Errorf("%d octets, %+v", len(got), info())
	}
	if changed, err := store.Reload(); changed || err != nil {
		t.Errorf("the same again: changed %v, %v", changed, err)
	}
	r.Status = ocsp.Revoked
	put(respond(t, ca, ca, r))
	if got := stapled(); len(got) > 0 || info().StapleProblem == nil || !info().StapledUntil.IsZero() {
		t.Errorf("revoked: %d octets, %+v", len(got), info())
	}
	put(first)
	write(t, path, leaf, nil)
	if _, err := store.Reload(); err != nil || len(stapled()) > 0 || !strings.Contains(info().StapleProblem.Error(), "authority is missing") {
		t.Errorf("without the authority: %v, %+v", err, info())
	}
	if err := os.Remove(path + ".ocsp"); err != nil {
		t.Fatal(err)
	}
	if changed, err := store.Reload(); !changed || err != nil || info().StapleProblem != nil {
		t.Errorf("the file is gone: changed %v, %v, %+v", changed, err, info())
	}
	if paths := store.Paths(); len(paths) != 2 || paths[1] != path+".ocsp" {
		t.Errorf("watched: %v", paths)
	}
	if err := os.WriteFile(path+".ocsp", make([]byte, 100<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Reload(); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large file: %v", err)
	}
}

func FuzzCheck(f *testing.F) {
	ca := sign(f, 1, nil, nil)
	leaf := sign(f, 2, ca, nil)
	now := time.Now()
	good := respond(f, ca, ca, ocsp.Response{Status: ocsp.Good, SerialNumber: leaf.SerialNumber, ThisUpdate: now.Add(-time.Hour), NextUpdate: now.Add(time.Hour)})
	f.Add(good)
	f.Add(pem.EncodeToMemory(&pem.Block{Type: "OCSP RESPONSE", Bytes: good}))
	f.Fuzz(func(t *testing.T, response []byte) {
		der, until, err := Check(response, leaf.Certificate, ca.Certificate, now)
		if err == nil && (len(der) == 0 || !until.After(now)) {
			t.Errorf("%d octets, good until %v", len(der), until)
		}
	})
}
