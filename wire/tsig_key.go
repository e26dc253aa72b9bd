package wire

import (
	"bytes"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"maps"
	"strconv"
	"strings"
	"sync/atomic"
)

// TSIGAlgorithm is how MACs are computed (RFC 8945 6).
type TSIGAlgorithm uint8

const (
	TSIGUnknown TSIGAlgorithm = iota
	TSIGMD5                   // RFC 8945 6: must not be used; only verified, and only if that is allowed
	TSIGSHA1
	TSIGSHA224
	TSIGSHA256
	TSIGSHA384
	TSIGSHA512
)

var tsigAlgorithms = [...]struct {
	text string // as it is written in configurations
	name Name
	size int // octets of the MAC
	hash func() hash.Hash
}{
	TSIGUnknown: {text: "unknown"},
	TSIGMD5:     {"hmac-md5", MustParseName("hmac-md5.sig-alg.reg.int."), md5.Size, md5.New},
	TSIGSHA1:    {"hmac-sha1", MustParseName("hmac-sha1."), sha1.Size, sha1.New},
	TSIGSHA224:  {"hmac-sha224", MustParseName("hmac-sha224."), sha256.Size224, sha256.New224},
	TSIGSHA256:  {"hmac-sha256", MustParseName("hmac-sha256."), sha256.Size, sha256.New},
	TSIGSHA384:  {"hmac-sha384", MustParseName("hmac-sha384."), sha512.Size384, sha512.New384},
	TSIGSHA512:  {"hmac-sha512", MustParseName("hmac-sha512."), sha512.Size, sha512.New},
}

func (a TSIGAlgorithm) isKnown() bool { return a > TSIGUnknown && int(a) < len(tsigAlgorithms) }

// Name is the algorithm as TSIG records have it.
func (a TSIGAlgorithm) Name() Name {
	if !a.isKnown() {
		return Root
	}
	return tsigAlgorithms[a].name
}

// Size is how many octets a MAC has that is not truncated.
func (a TSIGAlgorithm) Size() int {
	if !a.isKnown() {
		return 0
	}
	return tsigAlgorithms[a].size
}

func (a TSIGAlgorithm) hash() func() hash.Hash { return tsigAlgorithms[a].hash }

func (a TSIGAlgorithm) String() string {
	if !a.isKnown() {
		a = TSIGUnknown
	}
	return tsigAlgorithms[a].text
}

// algorithmOf is the algorithm with that name.
func algorithmOf(name Name) TSIGAlgorithm {
	for a := TSIGMD5; a.isKnown(); a++ {
		if tsigAlgorithms[a].name.Equal(name) {
			return a
		}
	}
	return TSIGUnknown
}

// ParseTSIGAlgorithm reads the name of an algorithm: hmac-sha256, with or without
// a dot at its end, or hmac-md5 in its short and its long form.
func ParseTSIGAlgorithm(text string) (TSIGAlgorithm, error) {
	word := strings.TrimSuffix(strings.ToLower(text), ".")
	for a := TSIGMD5; a.isKnown(); a++ {
		if word == a.String() || word == strings.TrimSuffix(a.Name().String(), ".") {
			return a, nil
		}
	}
	return TSIGUnknown, fmt.Errorf("TSIG algorithm %q is not one of hmac-sha1, -sha224, -sha256, -sha384, -sha512 and hmac-md5", text)
}

// TSIGKey is a secret that two servers share, with the name they call it by (RFC
// 8945 4).
type TSIGKey struct {
	Name      Name
	Algorithm TSIGAlgorithm
	Secret    []byte
	// MACSize is how many octets of a MAC are sent, and the least that are accepted,
	// within the bounds of RFC 8945 5.2.2.1. 0 means all.
	MACSize int

	wireAlgorithm Name // of a message, if Algorithm is unknown
}

// algorithmName is what the records of the reply have.
func (k *TSIGKey) algorithmName() Name {
	if !k.Algorithm.isKnown() && !k.wireAlgorithm.IsZero() {
		return k.wireAlgorithm // RFC 8945 5.2.1: the reply to an unknown algorithm has it
	}
	return k.Algorithm.Name()
}

// String is name and algorithm. It does not show the secret.
func (k TSIGKey) String() string { return k.AlgorithmText() + ":" + k.Name.String() }

// AlgorithmText is the algorithm as configurations have it: hmac-sha256, or
// hmac-sha256-128 if MACs are truncated to 128 bits.
func (k TSIGKey) AlgorithmText() string {
	if k.macSize() == k.Algorithm.Size() {
		return k.Algorithm.String()
	}
	return fmt.Sprintf("%s-%d", k.Algorithm, 8*k.MACSize)
}

// macSize is how many octets of a MAC are sent.
func (k *TSIGKey) macSize() int {
	if k.MACSize == 0 {
		return k.Algorithm.Size()
	}
	return k.MACSize
}

// GoString does not show the secret either.
func (k TSIGKey) GoString() string { return "wire.TSIGKey(" + k.String() + ")" }

// Text is the key as [ParseTSIGKey] reads it, secret included.
func (k TSIGKey) Text() string {
	return k.String() + ":" + base64.StdEncoding.EncodeToString(k.Secret)
}

// AppendStanza appends the key as BIND's configuration has it, secret included.
func (k TSIGKey) AppendStanza(b []byte) []byte {
	return fmt.Appendf(b, "key %q {\n\talgorithm %s;\n\tsecret \"%s\";\n};\n", k.Name.String(), k.AlgorithmText(), base64.StdEncoding.EncodeToString(k.Secret))
}

// NewTSIGKey makes a key with a random secret as long as the algorithm's MAC,
// which RFC 8945 9 recommends.
func NewTSIGKey(name Name, a TSIGAlgorithm) (TSIGKey, error) {
	if !a.isKnown() || a == TSIGMD5 {
		return TSIGKey{}, fmt.Errorf("TSIG key %s: algorithm %s is not used for signing", name, a)
	}
	k := TSIGKey{Name: name.Fold(), Algorithm: a, Secret: make([]byte, a.Size())}
	rand.Read(k.Secret)
	return k, nil
}

// maxSecret is the longest secret that is accepted, in octets.
const maxSecret = 512

// parseTruncated reads the name of an algorithm, after which there may be how many bits
// MACs are truncated to: hmac-sha256-128.
func parseTruncated(text string) (a TSIGAlgorithm, size int, err error) {
	at := strings.LastIndexByte(text, '-')
	if a, err = ParseTSIGAlgorithm(text); err == nil || at < 0 {
		return a, 0, err
	}
	bits, notNumber := strconv.ParseUint(text[at+1:], 10, 16)
	whole, isUnknown := ParseTSIGAlgorithm(text[:at])
	if notNumber != nil || isUnknown != nil {
		return a, 0, err
	}
	if bits%8 != 0 || checkMACSize(whole, int(bits/8)) != nil {
		return a, 0, fmt.Errorf("TSIG algorithm %q: MACs of %s have %d to %d bits, whole octets", text, whole, 8*leastMAC(whole), 8*whole.Size())
	}
	return whole, int(bits / 8), nil
}

// ParseTSIGKey reads a key that is written as algorithm:name:secret, or as
// name:secret for hmac-sha256, with the secret in base64: what dig, kdig and
// nsupdate take with -y. An algorithm like hmac-sha256-128 truncates MACs.
func ParseTSIGKey(text string) (TSIGKey, error) {
	parts := strings.Split(text, ":")
	if len(parts) == 2 {
		parts = append([]string{TSIGSHA256.String()}, parts...)
	}
	if len(parts) != 3 {
		return TSIGKey{}, errors.New("TSIG key is not written as algorithm:name:secret") // the text may be a secret
	}
	return newKey(parts[1], parts[0], parts[2])
}

func newKey(name, algorithm, secret string) (TSIGKey, error) {
	k := TSIGKey{Algorithm: TSIGSHA256}
	n, err := ParseName(name)
	if err != nil {
		return k, fmt.Errorf("name of TSIG key %q: %w", name, err)
	}
	k.Name = n.Fold()
	if k.Algorithm, k.MACSize, err = parseTruncated(algorithm); err != nil {
		return k, err
	}
	k.Secret, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(secret), ""))
	switch {
	case err != nil:
		return TSIGKey{}, fmt.Errorf("secret of TSIG key %s is not base64", k.Name)
	case len(k.Secret) == 0:
		return TSIGKey{}, fmt.Errorf("secret of TSIG key %s is empty", k.Name)
	case len(k.Secret) > maxSecret:
		return TSIGKey{}, fmt.Errorf("secret of TSIG key %s has %d octets, more than %d", k.Name, len(k.Secret), maxSecret)
	}
	return k, nil
}

// TSIGKeys are keys by name, for a server. They must not be written to once they
// are in use. Nil has no keys.
type TSIGKeys struct {
	// AllowMD5 accepts requests that are signed with hmac-md5.
	AllowMD5 bool
	// MinMAC is the shortest MAC that is accepted, in octets, within the bounds
	// of RFC 8945 5.2.2.1. 0 means that no MAC may be shorter than that of its key.
	MinMAC int

	keys atomic.Pointer[map[Key]TSIGKey] // which is not written to
}

// Add adds a key. Names count without their case. A name may have one key.
func (k *TSIGKeys) Add(key TSIGKey) error {
	before := k.keys.Load()
	after := map[Key]TSIGKey{}
	if before != nil {
		maps.Copy(after, *before)
	}
	id := key.Name.Key()
	if _, ok := after[id]; ok {
		return fmt.Errorf("TSIG key %s is there already", key.Name)
	}
	after[id] = key
	k.keys.Store(&after)
	return nil
}

// Take replaces the keys by those of others, while messages are verified.
func (k *TSIGKeys) Take(others *TSIGKeys) { k.keys.Store(others.keys.Load()) }

// Find returns the key with that name.
func (k *TSIGKeys) Find(name Name) (TSIGKey, bool) {
	if k == nil {
		return TSIGKey{}, false
	}
	keys := k.keys.Load()
	if keys == nil {
		return TSIGKey{}, false
	}
	key, ok := (*keys)[name.Key()]
	return key, ok
}

// ParseTSIGKeys reads a file of keys as BIND's tools write it (tsig-keygen,
// rndc-confgen): key "name" { algorithm hmac-sha256; secret "..."; }; with
// comments of three kinds. An error says where: "file:line:column: ...".
func ParseTSIGKeys(text []byte, file string) ([]TSIGKey, error) {
	s := keyScanner{text: text, file: file, line: 1, column: 1}
	var keys []TSIGKey
	for {
		word, quoted, err := s.next()
		switch {
		case err != nil:
			return nil, err
		case word == "" && !quoted:
			return keys, nil
		case word != "key" || quoted:
			return nil, s.errorf("%q is not expected: only key { } is read here", word)
		}
		k, err := s.key()
		if err != nil {
			return nil, err
		}
		for i := range keys {
			if keys[i].Name.Equal(k.Name) {
				return nil, s.errorf("TSIG key %s is there already", k.Name)
			}
		}
		keys = append(keys, k)
	}
}

// key reads what follows the word key.
func (s *keyScanner) key() (k TSIGKey, err error) {
	name, quoted, err := s.next()
	if err != nil {
		return k, err
	}
	if name == "" || !quoted && isPunctuation(name[0]) {
		return k, s.errorf("key has no name")
	}
	at := *s
	if err := s.expect("{"); err != nil {
		return k, err
	}
	fields := map[string]string{}
	for {
		field, quoted, err := s.next()
		switch {
		case err != nil:
			return k, err
		case field == "}" && !quoted:
			if err := s.expect(";"); err != nil {
				return k, err
			}
			for _, f := range []string{"algorithm", "secret"} {
				if _, ok := fields[f]; !ok {
					return k, at.errorf("key %q has no %s", name, f)
				}
			}
			k, err = newKey(name, fields["algorithm"], fields["secret"])
			if err != nil {
				return k, at.errorf("%w", err)
			}
			return k, nil
		case field == "":
			return k, s.errorf("key %q does not end", name)
		case quoted || field != "algorithm" && field != "secret":
			return k, s.errorf("key %q: %q is neither algorithm nor secret", name, field)
		}
		if _, ok := fields[field]; ok {
			return k, s.errorf("key %q has more than one %s", name, field)
		}
		value, quoted, err := s.next()
		if err != nil {
			return k, err
		}
		if !quoted && (value == "" || isPunctuation(value[0])) {
			return k, s.errorf("key %q: %s has no value", name, field)
		}
		fields[field] = value
		if err := s.expect(";"); err != nil {
			return k, err
		}
	}
}

// keyScanner splits text into words, strings and punctuation.
type keyScanner struct {
	text         []byte
	file         string
	line, column int // of text
	startLine    int // of the last word
	startColumn  int
}

func (s *keyScanner) errorf(format string, args ...any) error {
	return fmt.Errorf("%s:%d:%d: %w", s.file, s.startLine, s.startColumn, fmt.Errorf(format, args...))
}

func (s *keyScanner) expect(want string) error {
	got, quoted, err := s.next()
	if err == nil && (got != want || quoted) {
		err = s.errorf("%q is missing", want)
	}
	return err
}

func isPunctuation(c byte) bool { return c == '{' || c == '}' || c == ';' }

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }

// advance takes n octets.
func (s *keyScanner) advance(n int) {
	for _, c := range s.text[:n] {
		s.column++
		if c == '\n' {
			s.line, s.column = s.line+1, 1
		}
	}
	s.text = s.text[n:]
}

// skip skips blanks and comments.
func (s *keyScanner) skip() error {
	for len(s.text) > 0 {
		s.startLine, s.startColumn = s.line, s.column
		switch {
		case isBlank(s.text[0]):
			s.advance(1)
		case s.text[0] == '#', bytes.HasPrefix(s.text, []byte("//")):
			end := bytes.IndexByte(s.text, '\n')
			if end < 0 {
				end = len(s.text)
			}
			s.advance(end)
		case bytes.HasPrefix(s.text, []byte("/*")):
			end := bytes.Index(s.text[2:], []byte("*/"))
			if end < 0 {
				return s.errorf("comment does not end")
			}
			s.advance(2 + end + 2)
		default:
			return nil
		}
	}
	return nil
}

// next returns the next word, "" at the end of the text.
func (s *keyScanner) next() (word string, quoted bool, err error) {
	if err := s.skip(); err != nil {
		return "", false, err
	}
	s.startLine, s.startColumn = s.line, s.column
	switch {
	case len(s.text) == 0:
		return "", false, nil
	case isPunctuation(s.text[0]):
		word = string(s.text[:1])
		s.advance(1)
		return word, false, nil
	case s.text[0] == '"':
		end := bytes.IndexByte(s.text[1:], '"')
		if end < 0 || bytes.IndexByte(s.text[1:1+end], '\n') >= 0 {
			return "", false, s.errorf("string does not end")
		}
		word = string(s.text[1 : 1+end])
		s.advance(end + 2)
		return word, true, nil
	}
	end := bytes.IndexFunc(s.text, func(r rune) bool { return r < 128 && (isBlank(byte(r)) || isPunctuation(byte(r)) || r == '"') })
	if end < 0 {
		end = len(s.text)
	}
	word = string(s.text[:end])
	s.advance(end)
	return word, false, nil
}
