// Package certificate keeps the certificates of a server: it reads them from files,
// again when these change, chooses one for each client, and makes one for servers
// that have none.
package certificate

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/internal/pin"
)

// Files are where certificates are kept, as PEM.
type Files struct {
	// Certificates are files of a certificate each, followed by those that lead from
	// it to an authority. A key may be in the same file.
	Certificates []string

	// Keys are files of the certificates' private keys, in any order: which key belongs
	// to which certificate is seen from the keys.
	Keys []string

	// CheckStaple judges what a file next to that of a certificate, with .ocsp added to its
	// name, says of the certificate, which issuer has signed (nil: it is not known): the
	// response as clients are to get it, and until when it is good. Nil: there are no such
	// files.
	CheckStaple func(response []byte, leaf, issuer *x509.Certificate, now time.Time) (der []byte, until time.Time, err error)
}

// How large files may be, in octets.
const (
	maxFile   = 1 << 20
	maxStaple = 64 << 10 // each client gets it
)

// entry is a certificate, and what its authority says of it (OCSP).
type entry struct {
	*tls.Certificate
	stapled *tls.Certificate // the same with the response; nil: there is none
	until   time.Time        // no longer then
	problem error            // why there is none, though there is a file
}

// Store holds certificates, of which each client gets one that suits it.
type Store struct {
	files    Files
	loading  sync.Mutex // one reload at a time; files are read under it, and no handshake takes it
	contents [][]byte   // of the files, as they were read last; nil for one of OCSP that is not there
	current  atomic.Pointer[[]entry]
}

// Open reads the files.
func Open(f Files) (*Store, error) {
	s := &Store{files: f}
	if _, err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Of returns a store of a certificate that is in no file.
func Of(c *tls.Certificate) *Store {
	s := new(Store)
	s.current.Store(&[]entry{{Certificate: c}})
	return s
}

// Reload reads the files again, and reports whether anything in them has changed. If
// there is an error the certificates stay what they were. Connections that are open
// go on.
func (s *Store) Reload() (changed bool, err error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	if len(s.files.Certificates) == 0 {
		return false, nil
	}
	var contents [][]byte
	for _, list := range [][]string{s.files.Certificates, s.files.Keys} {
		for _, path := range list {
			text, err := files.Read(path, maxFile)
			if err != nil {
				return false, fmt.Errorf("certificate: %w", err)
			}
			contents = append(contents, text)
		}
	}
	for _, path := range s.files.staples() {
		text, err := files.Read(path, maxStaple)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("certificate: %w", err)
		}
		contents = append(contents, text)
	}
	if s.current.Load() != nil && equal(s.contents, contents) {
		return false, nil
	}
	n := len(s.files.Certificates) + len(s.files.Keys)
	certificates, err := s.files.parse(contents[:n])
	if err != nil {
		return false, err
	}
	all := make([]entry, len(certificates))
	for i, c := range certificates {
		all[i].Certificate = c
		if len(contents) > n && contents[n+i] != nil {
			s.files.staple(&all[i], contents[n+i])
		}
	}
	s.contents = contents
	s.current.Store(&all)
	return true, nil
}

// staple adds a response to a certificate, if it is good. If it is not, the certificate
// is used without it: most clients need none.
func (f *Files) staple(e *entry, response []byte) {
	var issuer *x509.Certificate
	if len(e.Certificate.Certificate) > 1 {
		issuer, e.problem = x509.ParseCertificate(e.Certificate.Certificate[1])
	}
	var der []byte
	if e.problem == nil {
		der, e.until, e.problem = f.CheckStaple(response, e.Leaf, issuer, time.Now())
	}
	if e.problem != nil {
		return
	}
	with := *e.Certificate
	with.OCSPStaple = der
	e.stapled = &with
}

// now is the certificate as clients get it.
func (e *entry) now(at time.Time) *tls.Certificate {
	if e.stapled != nil && at.Before(e.until) {
		return e.stapled
	}
	return e.Certificate
}

// staples are the files of OCSP, one for each certificate.
func (f *Files) staples() (all []string) {
	if f.CheckStaple == nil {
		return nil
	}
	for _, path := range f.Certificates {
		all = append(all, path+".ocsp")
	}
	return all
}

func equal(a, b [][]byte) bool {
	return slices.EqualFunc(a, b, func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) })
}

// parse makes certificates of the contents of the files.
func (f *Files) parse(contents [][]byte) (all []*tls.Certificate, err error) {
	var keys []crypto.Signer
	for i, text := range contents {
		found, err := parseKeys(text)
		if err != nil {
			return nil, fmt.Errorf("certificate: %s: %w", f.path(i), err)
		}
		if len(found) == 0 && i >= len(f.Certificates) {
			return nil, fmt.Errorf("certificate: there is no private key in %s", f.path(i))
		}
		keys = append(keys, found...)
	}
	for i, path := range f.Certificates {
		c, err := parseChain(contents[i])
		if err != nil {
			return nil, fmt.Errorf("certificate: %s: %w", path, err)
		}
		if c.PrivateKey = keyOf(c.Leaf, keys); c.PrivateKey == nil {
			return nil, fmt.Errorf("certificate: none of the keys is that of %s", path)
		}
		all = append(all, c)
	}
	return all, nil
}

func (f *Files) path(i int) string {
	if i < len(f.Certificates) {
		return f.Certificates[i]
	}
	return f.Keys[i-len(f.Certificates)]
}

// parseChain reads a certificate and those that follow it.
func parseChain(text []byte) (*tls.Certificate, error) {
	c := new(tls.Certificate)
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			c.Certificate = append(c.Certificate, block.Bytes)
		}
	}
	if len(c.Certificate) == 0 {
		return nil, errors.New("there is no certificate in PEM")
	}
	var err error
	c.Leaf, err = x509.ParseCertificate(c.Certificate[0])
	return c, err
}

// parseKeys reads private keys: PKCS #8, PKCS #1 and SEC 1.
func parseKeys(text []byte) (keys []crypto.Signer, err error) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		var key any
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			return nil, errors.New("the private key is encrypted: a server has to read it without a passphrase")
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("a key of type %T cannot sign", key)
		}
		keys = append(keys, signer)
	}
	return keys, nil
}

// keyOf returns the private key of a certificate.
func keyOf(leaf *x509.Certificate, keys []crypto.Signer) crypto.Signer {
	public, ok := leaf.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	if !ok {
		return nil
	}
	for _, key := range keys {
		if public.Equal(key.Public()) {
			return key
		}
	}
	return nil
}

// Get is for [tls.Config.GetCertificate]: the first certificate for the name that the
// client asks for, of a kind that it supports; the first of all if there is none.
//
// A name that is longer than any ends the handshake: connections keep it, and a client
// could send 64 KiB of it for each.
func (s *Store) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if len(hello.ServerName) > maxServerName {
		return nil, errLongName
	}
	all, now := *s.current.Load(), time.Now()
	for i := range all {
		if hello.SupportsCertificate(all[i].Certificate) == nil {
			return all[i].now(now), nil
		}
	}
	return all[0].now(now), nil
}

// maxServerName is the length of the longest domain name in text, without escapes.
const maxServerName = 253

var errLongName = errors.New("the server name of the client is longer than a domain name can be")

// Info is what there is to know of a certificate.
type Info struct {
	Names    []string  // the DNS names and addresses that it is for
	NotAfter time.Time // when it expires
	Pin      string    // see [Pin]

	StapledUntil  time.Time // when the response of OCSP that clients get with it expires; zero: there is none
	StapleProblem error     // why there is none, though there is a file of it
	NeedsStaple   bool      // the certificate says that clients are to refuse it without one (RFC 7633)
}

// Infos returns what there is to know of the certificates.
func (s *Store) Infos() (all []Info) {
	for _, c := range *s.current.Load() {
		i := Info{NotAfter: c.Leaf.NotAfter, Pin: Pin(c.Leaf), StapledUntil: c.until, StapleProblem: c.problem, NeedsStaple: needsStaple(c.Leaf)}
		i.Names = append(i.Names, c.Leaf.DNSNames...)
		for _, a := range c.Leaf.IPAddresses {
			i.Names = append(i.Names, a.String())
		}
		all = append(all, i)
	}
	return all
}

// Paths are the files to watch.
func (s *Store) Paths() []string {
	return slices.Concat(s.files.Certificates, s.files.Keys, s.files.staples())
}

// idTLSFeature and statusRequest are what a certificate has that is good only with a
// response of OCSP (RFC 7633 4.1, RFC 6066 8).
var idTLSFeature = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 24}

const statusRequest = 5

func needsStaple(leaf *x509.Certificate) bool {
	for _, e := range leaf.Extensions {
		var features []int
		if e.Id.Equal(idTLSFeature) {
			_, err := asn1.Unmarshal(e.Value, &features)
			return err == nil && slices.Contains(features, statusRequest)
		}
	}
	return false
}

// Pin is the SHA-256 of a certificate's public key (SubjectPublicKeyInfo), in base64,
// as kdig, Unbound and Knot Resolver take it (RFC 7858 4.2).
func Pin(c *x509.Certificate) string { return pin.Text(pin.Of(c)) }

// ParsePin reads a pin.
func ParsePin(text string) ([sha256.Size]byte, error) { return pin.Parse(text) }
