package acme

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/listener/certificate"
)

// The files of a folder.
const (
	certificateFile = "certificate.pem" // with its key and those that lead to an authority
	accountFile     = "account.pem"
	probeFile       = "next-key.pem"
	challengesFile  = "challenges" // those that may be published now
)

// maxFile is how large a file may be, in octets.
const maxFile = 1 << 20

// CertificateFile is the file of the certificate and its key in a folder, as PEM.
func CertificateFile(dir string) string { return filepath.Join(dir, certificateFile) }

func (m *Manager) path(name string) string { return filepath.Join(m.config.Dir, name) }

// open reads the folder, and makes what is missing.
func (m *Manager) open() (err error) {
	if err := os.MkdirAll(m.config.Dir, 0o700); err != nil {
		return err
	}
	if m.account, err = openAccount(m.path(accountFile)); err != nil {
		return err
	}
	if err := m.openExternal(); err != nil {
		return err
	}
	m.recallFailures()
	text, err := files.Read(m.path(certificateFile), maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		_, _, err := certificate.OpenSelfSigned(m.path(certificateFile), m.config.Names, nil)
		return err
	}
	if err != nil {
		return err
	}
	leaf, err := m.parse(text)
	switch {
	case err != nil:
		m.config.Log.Info("another certificate is needed", "file", m.path(certificateFile), "because", err)
	case bytes.HasPrefix(text, m.preamble()):
		m.leaf = leaf
	}
	return nil
}

// preamble is the first line of a certificate's file: which authority it is from. PEM
// leaves what is before its blocks to people.
func (m *Manager) preamble() []byte { return []byte("Issued by " + m.config.Directory + "\n") }

// openAccount reads the key of the account, or makes one, which only the user of the
// process can read.
func openAccount(path string) (crypto.Signer, error) {
	text, err := files.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, err
		}
		if text, err = encodeKey(key); err != nil {
			return nil, err
		}
		return key, replace(path, text)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("there is no key in %s: remove the file, and another account is made", path)
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	signer, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: a key of type %T is not one of ours", path, key)
	}
	return signer, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

// parsePair reads a certificate with its key.
func parsePair(text []byte) (*x509.Certificate, error) {
	pair, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, err
	}
	return pair.Leaf, nil
}

func replace(path string, text []byte) error {
	return files.Replace(path, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// probe writes a key to the disk, to see whether that works, and removes it.
func (m *Manager) probe(key []byte) error {
	path := m.path(probeFile)
	if err := replace(path, key); err != nil {
		return fmt.Errorf("the folder cannot be written, and so nothing is ordered: %w", err)
	}
	return os.Remove(path)
}

// save writes the certificate and its key, both or neither.
func (m *Manager) save(text []byte) error {
	if err := replace(m.path(certificateFile), text); err != nil {
		return fmt.Errorf("the certificate is issued, and cannot be written: %w", err)
	}
	m.unsaved = nil
	return nil
}

// note writes down what is about to be published, so that another process removes it if
// this one cannot.
func (m *Manager) note(all []challenge) error {
	var text bytes.Buffer
	for _, c := range all {
		fmt.Fprintln(&text, c.name, c.value)
	}
	return replace(m.path(challengesFile), text.Bytes())
}

func (m *Manager) forget() { os.Remove(m.path(challengesFile)) }

// removeLeftovers removes what a process that was killed had published.
func (m *Manager) removeLeftovers() {
	text, err := files.Read(m.path(challengesFile), maxFile)
	if err != nil {
		return // there is none
	}
	var all []challenge
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			all = append(all, challenge{name: name, value: value})
		}
	}
	m.remove(all)
}
