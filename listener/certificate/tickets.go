package certificate

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/names-dns/names/internal/files"
)

// TicketKeys are keys of session tickets (RFC 8446 4.6.1) that are in a file,
// so that several servers resume each other's sessions.
type TicketKeys struct {
	path    string
	servers []*tls.Config

	loading sync.Mutex // one reload at a time; the file is read under it, and no handshake takes it
	content []byte     // as it was read last
}

const (
	maxTicketFile = 64 << 10 // octets
	maxTicketKeys = 16       // each is tried for a ticket that is of none
)

// OpenTicketKeys reads a file of keys, one a line, for servers, which encrypt tickets with
// the first and recognise those of all.
func OpenTicketKeys(path string, servers ...*tls.Config) (*TicketKeys, error) {
	k := &TicketKeys{path: path, servers: servers}
	if _, err := k.Reload(); err != nil {
		return nil, err
	}
	return k, nil
}

// Reload reads the file again, and reports whether it has changed. If there is an error
// the keys stay what they were.
func (k *TicketKeys) Reload() (changed bool, err error) {
	if k == nil {
		return false, nil
	}
	k.loading.Lock()
	defer k.loading.Unlock()
	content, err := files.ReadSecret(k.path, maxTicketFile)
	if err != nil {
		return false, fmt.Errorf("ticket keys: %w", err)
	}
	if k.content != nil && bytes.Equal(k.content, content) {
		return false, nil
	}
	keys, err := parseTicketKeys(content)
	if err != nil {
		return false, fmt.Errorf("ticket keys: %s%w", k.path, err)
	}
	k.content = content
	for _, c := range k.servers {
		c.SetSessionTicketKeys(keys)
	}
	return true, nil
}

// Path is the file to watch, "" if there is none.
func (k *TicketKeys) Path() string {
	if k == nil {
		return ""
	}
	return k.path
}

// parseTicketKeys reads keys of 32 octets in hexadecimal, one a line. An error begins with
// the line, and has nothing of what may be a key in it.
func parseTicketKeys(content []byte) (keys [][32]byte, err error) {
	line := 0
	for text := range bytes.Lines(content) {
		line++
		text = bytes.TrimSpace(text)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		var key [32]byte
		if len(text) != 2*len(key) {
			return nil, fmt.Errorf(":%d: key has %d characters, not 64 hexadecimal digits (openssl rand -hex 32)", line, len(text))
		}
		if _, err := hex.Decode(key[:], text); err != nil {
			return nil, fmt.Errorf(":%d: key is not 64 hexadecimal digits (openssl rand -hex 32)", line)
		}
		if slices.Contains(keys, key) {
			return nil, fmt.Errorf(":%d: key is in a line before, too", line)
		}
		if len(keys) == maxTicketKeys {
			return nil, fmt.Errorf(":%d: there are more than %d keys", line, maxTicketKeys)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New(": there is no key: write 64 hexadecimal digits (openssl rand -hex 32)")
	}
	return keys, nil
}
