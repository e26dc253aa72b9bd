package acme

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/acme"

	"github.com/names-dns/names/internal/files"
)

// ExternalAccount is an account that the operator has with the authority in another way,
// to which the one of ACME is bound (RFC 8555 7.3.4).
type ExternalAccount struct {
	KeyID   string // what the authority calls the key; "": there is no such account
	KeyFile string // the file of the key, as the authority shows it: in base64url
}

// readMACKey reads the key of an account.
func readMACKey(path string) ([]byte, error) {
	text, err := files.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	key, err := parseMACKey(string(text))
	if err != nil {
		return nil, fmt.Errorf("key of the external account in %s: %w", path, err)
	}
	return key, nil
}

// leastMACKey is the least length of a key, in octets: half of what HS256 takes.
const leastMACKey = 16

// parseMACKey reads base64url, with or without padding. Its error does not repeat what was
// meant to be secret.
func parseMACKey(text string) ([]byte, error) {
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(text), "="))
	switch {
	case err != nil:
		return nil, errors.New("it is not base64url, as the authority shows it: letters, digits, - and _")
	case len(key) < leastMACKey:
		return nil, fmt.Errorf("it has %d octets, less than %d", len(key), leastMACKey)
	}
	return key, nil
}

// openExternal reads the key of the external account, if there is one.
func (m *Manager) openExternal() error {
	e := &m.config.External
	if e.KeyID == "" {
		return nil
	}
	key, err := readMACKey(e.KeyFile)
	if err != nil {
		return err
	}
	m.external = &acme.ExternalAccountBinding{KID: e.KeyID, Key: key}
	return nil
}
