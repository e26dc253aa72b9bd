package cli

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/names-dns/names/internal/files"
	"github.com/names-dns/names/wire"
)

// maxKeyFile is how large a file of TSIG keys may be, in octets.
const maxKeyFile = 1 << 20

// ParseTSIGKey reads a key of a command line: [algorithm:]name:secret. Its error does
// not repeat the secret.
func ParseTSIGKey(text string) (wire.TSIGKey, error) {
	if strings.Count(text, ":") == 1 {
		text = "hmac-sha256:" + text
	}
	return wire.ParseTSIGKey(text)
}

// ReadTSIGKeys reads a file of keys, as BIND's configuration has them, or with a line of
// algorithm:name:secret for each.
func ReadTSIGKeys(path string) (keys []wire.TSIGKey, err error) {
	text, err := files.Read(path, maxKeyFile)
	if err != nil {
		return nil, err
	}
	if bytes.ContainsRune(text, '{') {
		keys, err = wire.ParseTSIGKeys(text, path)
	} else {
		keys, err = readKeyLines(text, path)
	}
	if err == nil && len(keys) == 0 {
		err = fmt.Errorf("there is no key in %s", path)
	}
	return keys, err
}

func readKeyLines(text []byte, path string) (keys []wire.TSIGKey, err error) {
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, err := wire.ParseTSIGKey(line)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", path, i+1, err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

// ReadTSIGKey reads a file that has one key.
func ReadTSIGKey(path string) (key wire.TSIGKey, err error) {
	keys, err := ReadTSIGKeys(path)
	if err == nil && len(keys) != 1 {
		err = fmt.Errorf("%s has %d keys: one is wanted", path, len(keys))
	}
	if err != nil {
		return key, err
	}
	return keys[0], nil
}
