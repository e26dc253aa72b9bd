package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"os"
	"time"
)

// selfSignedTime is how long a certificate of ours is good: clients know it by its
// pin, and have to be told of another one.
const selfSignedTime = 10 * 365 * 24 * time.Hour

// OpenSelfSigned reads a file of a key and a certificate or, if there is no such file,
// makes both: the certificate is for names and addresses, and no authority vouches for
// it. made says that they are new.
func OpenSelfSigned(path string, names []string, addresses []netip.Addr) (s *Store, made bool, err error) {
	_, err = os.Lstat(path)
	if made = errors.Is(err, fs.ErrNotExist); made {
		err = writeSelfSigned(path, names, addresses)
	}
	if err != nil {
		return nil, false, fmt.Errorf("certificate: %w", err)
	}
	s, err = Open(Files{Certificates: []string{path}})
	return s, made, err
}

func writeSelfSigned(path string, names []string, addresses []netip.Addr) error {
	c, err := MakeSelfSigned(names, addresses)
	if err != nil {
		return err
	}
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})...)
	// O_EXCL: what another process has put there meanwhile is not overwritten.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if errClose := f.Close(); err == nil {
		err = errClose
	}
	if err != nil {
		os.Remove(path)
	}
	return err
}

// MakeSelfSigned returns a new key and a certificate for it that no authority vouches
// for.
func MakeSelfSigned(names []string, addresses []netip.Addr) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial.Add(serial, big.NewInt(1)),
		Subject:      pkix.Name{CommonName: "names, self-signed"},
		NotBefore:    now.Add(-time.Hour), NotAfter: now.Add(selfSignedTime),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: names,
	}
	for _, a := range addresses {
		template.IPAddresses = append(template.IPAddresses, net.IP(a.AsSlice()))
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}
