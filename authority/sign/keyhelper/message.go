package keyhelper

import (
	"bufio"
	"crypto"
	_ "crypto/sha256" // hashes that requests name
	_ "crypto/sha512"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/names-dns/names/authority/sign"
	"github.com/names-dns/names/wire"
)

const (
	// maxLine bounds a message. The longest is a request to sign with Ed25519, which
	// has the whole RRset.
	maxLine = 2 << 20
	// maxErrorText bounds what a helper says of an error, for the log.
	maxErrorText = 500

	protocol = "names-keys"
	version  = 1
)

// greeting is what a helper says first.
type greeting struct {
	Protocol string `json:"protocol"`
	Version  int    `json:"version"`
}

func (g *greeting) check() error {
	if g.Protocol != protocol || g.Version != version {
		return fmt.Errorf("it speaks protocol %.40q, version %d, not %q, version %d", g.Protocol, g.Version, protocol, version)
	}
	return nil
}

// The things that a request asks for.
const (
	doPublic   = "public"
	doGenerate = "generate"
	doSign     = "sign"
)

// request is what a client sends. Octets are base64.
type request struct {
	Do        string         `json:"do"`
	Label     string         `json:"label"`
	Algorithm wire.Algorithm `json:"algorithm,omitempty"` // of a key to make
	Bits      int            `json:"bits,omitempty"`      // of the modulus of an RSA key to make
	Hash      string         `json:"hash,omitempty"`      // what made the digest; "" for Ed25519
	Digest    []byte         `json:"digest,omitempty"`    // what to sign
}

// reply is what a helper sends.
type reply struct {
	Error     string `json:"error,omitempty"`
	Public    []byte `json:"public,omitempty"` // SubjectPublicKeyInfo in DER (RFC 5280 4.1)
	Signature []byte `json:"signature,omitempty"`
}

// hashes are those that are signed, by their names.
var hashes = map[string]crypto.Hash{"": 0, "SHA-256": crypto.SHA256, "SHA-384": crypto.SHA384, "SHA-512": crypto.SHA512}

// hashName is the name of a hash.
func hashName(h crypto.Hash) (string, error) {
	for name, of := range hashes {
		if of == h {
			return name, nil
		}
	}
	return "", fmt.Errorf("hash %v is not one that zones are signed with", h)
}

// parseRequest reads a request and checks it whole.
func parseRequest(line []byte) (r request, hash crypto.Hash, err error) {
	if err := json.Unmarshal(line, &r); err != nil {
		return r, 0, fmt.Errorf("request: %w", err)
	}
	if err := sign.CheckLabel(r.Label); err != nil {
		return r, 0, fmt.Errorf("request: %w", err)
	}
	switch r.Do {
	case doPublic:
	case doGenerate:
		if r.Algorithm == 0 || r.Bits < 0 || r.Bits > 4096 {
			return r, 0, fmt.Errorf("request: a key of algorithm %d and %d bits", r.Algorithm, r.Bits)
		}
	case doSign:
		var ok bool
		if hash, ok = hashes[r.Hash]; !ok {
			return r, 0, fmt.Errorf("request: hash %.40q is unknown", r.Hash)
		}
		if len(r.Digest) == 0 || hash != 0 && len(r.Digest) != hash.Size() {
			return r, 0, fmt.Errorf("request: a digest of %d octets, hash %q", len(r.Digest), r.Hash)
		}
	default:
		return r, 0, fmt.Errorf("request: %.40q is not one of public, generate and sign", r.Do)
	}
	return r, hash, nil
}

// parseReply reads a reply. refused is that the helper could not do it.
func parseReply(line []byte) (r reply, refused, err error) {
	if err := json.Unmarshal(line, &r); err != nil {
		return r, nil, fmt.Errorf("reply: %w", err)
	}
	if r.Error != "" {
		return r, fmt.Errorf("key helper: %q", r.Error[:min(len(r.Error), maxErrorText)]), nil
	}
	return r, nil, nil
}

// appendLine appends a message.
func appendLine(b []byte, message any) ([]byte, error) {
	text, err := json.Marshal(message)
	if err != nil {
		return b, err
	}
	if len(text) >= maxLine {
		return b, fmt.Errorf("a message of %d octets: at most %d are sent to a key helper", len(text), maxLine-1)
	}
	return append(append(b, text...), '\n'), nil
}

// errLong is returned for a line that is longer than any message.
var errLong = fmt.Errorf("a line of more than %d octets", maxLine)

// readLine reads a message. What it returns is overwritten by the next call.
func readLine(r *bufio.Reader, room []byte) ([]byte, error) {
	line := room[:0]
	for {
		part, err := r.ReadSlice('\n')
		if len(line)+len(part) > maxLine {
			return line, errLong
		}
		line = append(line, part...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, err
		}
	}
}
