package keyhelper

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// Folder is a [sign.Device] whose keys are PEM files (PKCS #8) that are called
// LABEL.pem.
type Folder struct {
	dir string

	mu    sync.Mutex // guards known; files are read under it
	known map[string]crypto.Signer
}

var _ sign.Device = (*Folder)(nil)

// NewFolder returns the keys in a folder, which only its owner may be able to enter.
func NewFolder(dir string) (*Folder, error) {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return nil, err
	case !info.IsDir():
		return nil, fmt.Errorf("%s is not a folder", dir)
	case info.Mode().Perm()&0o077 != 0:
		return nil, fmt.Errorf("%s can be entered by other users: chmod 700 it", dir)
	}
	return &Folder{dir: dir, known: map[string]crypto.Signer{}}, nil
}

const (
	pemType  = "PRIVATE KEY"
	maxPEM   = 64 << 10
	maxKnown = 10_000 // keys in memory
)

// path is that of the file of a key.
func (f *Folder) path(label string) (string, error) {
	if err := sign.CheckLabel(label); err != nil {
		return "", err
	}
	if strings.ContainsAny(label, `/\:`) || strings.HasPrefix(label, ".") || len(label) > 200 {
		return "", fmt.Errorf("label %q cannot be the name of a file", label)
	}
	return filepath.Join(f.dir, label+".pem"), nil
}

func (f *Folder) signer(label string) (crypto.Signer, error) {
	path, err := f.path(label)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if s := f.known[label]; s != nil {
		return s, nil
	}
	text, err := files.Read(path, maxPEM)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no key %q", label)
	}
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != pemType {
		return nil, fmt.Errorf("%s has no PEM block %q", path, pemType)
	}
	s, err := sign.ParsePrivate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(f.known) >= maxKnown {
		clear(f.known)
	}
	f.known[label] = s
	return s, nil
}

// Public returns the public half of a key.
func (f *Folder) Public(label string) (crypto.PublicKey, error) {
	s, err := f.signer(label)
	if err != nil {
		return nil, err
	}
	return s.Public(), nil
}

// Sign signs. ECDSA is deterministic, as with keys that the server has itself.
func (f *Folder) Sign(label string, digest []byte, hash crypto.Hash) ([]byte, error) {
	s, err := f.signer(label)
	if err != nil {
		return nil, err
	}
	random := rand.Reader
	if _, ok := s.(*ecdsa.PrivateKey); ok {
		random = nil // RFC 6979
	}
	return s.Sign(random, digest, hash)
}

// Generate makes a key.
func (f *Folder) Generate(label string, algorithm wire.Algorithm, bits int) (crypto.PublicKey, error) {
	path, err := f.path(label)
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is a key %q already", label)
	}
	s, err := sign.GeneratePrivate(algorithm, bits)
	if err != nil {
		return nil, err
	}
	der, err := sign.MarshalPrivate(s)
	if err != nil {
		return nil, err
	}
	if err := files.Replace(path, func(w io.Writer) error { return pem.Encode(w, &pem.Block{Type: pemType, Bytes: der}) }); err != nil {
		return nil, err
	}
	return s.Public(), nil
}
