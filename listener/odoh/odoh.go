// Package odoh opens queries that clients have encrypted for this server, so that a proxy
// which passes them on can tell who asks, but not what, and the server what is asked,
// but not by whom (Oblivious DNS over HTTPS, RFC 9230). Package doh answers them.
package odoh

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"slices"
	"sync"
	"time"
)

// MediaType is that of encrypted messages (RFC 9230 12.1).
const MediaType = "application/oblivious-dns-message"

// ConfigsPath is where clients get the keys. RFC 9230 5 leaves that open; targets have them
// here.
const ConfigsPath = "/.well-known/odohconfigs"

// Errors of Open.
var (
	ErrKey     = errors.New("odoh: no key of this server is that of the message")
	ErrMessage = errors.New("odoh: the message is malformed or cannot be decrypted")
)

const (
	version       = 1
	typeQuery     = 1
	typeResponse  = 2
	enclosedLen   = 32 // of the client's key in a query (DHKEM with X25519)
	keyLen        = 16 // AES-128-GCM
	nonceLen      = 12
	responseNonce = max(keyLen, nonceLen)
	padTo         = 468   // octets, for replies (RFC 8467 4.1)
	maxReply      = 65000 // so that all lengths fit, with padding
	publishedFor  = 24 * time.Hour
	recognisedFor = 2 * publishedFor // clients may keep what they got for as long as it was published
)

// key is a pair of keys with what clients get of it.
type key struct {
	private hpke.PrivateKey
	id      []byte
	configs []byte // as they are published
	made    time.Time
}

func newKey(now time.Time) (*key, error) {
	private, err := hpke.DHKEM(ecdh.X25519()).GenerateKey()
	if err != nil {
		return nil, err
	}
	k := &key{private: private, made: now}
	public := private.PublicKey()
	b := binary.BigEndian.AppendUint16(nil, public.KEM().ID())
	b = binary.BigEndian.AppendUint16(b, hpke.HKDFSHA256().ID())
	b = binary.BigEndian.AppendUint16(b, hpke.AES128GCM().ID())
	contents := appendSized(b, public.Bytes())
	if k.id, err = identify(contents); err != nil {
		return nil, err
	}
	config := binary.BigEndian.AppendUint16(nil, version)
	k.configs = appendSized(nil, appendSized(config, contents))
	return k, nil
}

// identify returns the identifier of a key from how it is published (RFC 9230 6.1).
func identify(contents []byte) ([]byte, error) {
	prk, err := hkdf.Extract(sha256.New, contents, nil)
	if err != nil {
		return nil, err
	}
	return hkdf.Expand(sha256.New, prk, "odoh key id", sha256.Size)
}

// Keys are those of a server, in memory only. Each is published for a day, and recognised
// for another.
type Keys struct {
	mu  sync.Mutex // nothing waits under it
	all []*key     // the newest first; one or two
}

// keys returns those that are recognised now, the published one first.
func (k *Keys) keys(now time.Time) ([]*key, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.all) == 0 || now.Sub(k.all[0].made) >= publishedFor {
		next, err := newKey(now)
		if err != nil {
			return nil, err
		}
		k.all = slices.Insert(slices.Clone(k.all), 0, next) // others may still read the list that was
	}
	k.all = slices.DeleteFunc(slices.Clone(k.all), func(k *key) bool { return now.Sub(k.made) >= recognisedFor })
	return k.all, nil
}

// Configs returns what is at [ConfigsPath], and for how long it is.
func (k *Keys) Configs(now time.Time) (configs []byte, left time.Duration, err error) {
	all, err := k.keys(now)
	if err != nil {
		return nil, 0, err
	}
	return all[0].configs, publishedFor - now.Sub(all[0].made), nil
}

// Answer encrypts the reply to one query.
type Answer struct {
	query  []byte // with its padding
	secret []byte
}

// Open decrypts a message of a client. Its query is valid as long as the Answer.
func (k *Keys) Open(message []byte, now time.Time) (query []byte, a *Answer, err error) {
	kind, id, encrypted, ok := cut(message)
	if !ok || kind != typeQuery || len(encrypted) < enclosedLen {
		return nil, nil, ErrMessage
	}
	all, err := k.keys(now)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(all, func(k *key) bool { return string(k.id) == string(id) })
	if i < 0 {
		return nil, nil, ErrKey
	}
	r, err := hpke.NewRecipient(encrypted[:enclosedLen], all[i].private, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("odoh query"))
	if err != nil {
		return nil, nil, ErrMessage
	}
	plain, err := r.Open(appendSized([]byte{typeQuery}, id), encrypted[enclosedLen:])
	if err != nil {
		return nil, nil, ErrMessage
	}
	a = &Answer{query: plain}
	query, padding, ok := cutSized(plain)
	if padding, rest, okPadding := cutSized(padding); !ok || !okPadding || len(rest) > 0 || len(query) == 0 || slices.ContainsFunc(padding, isNotZero) {
		return nil, nil, ErrMessage // RFC 9230 6.1: padding is zero
	}
	a.secret, err = r.Export("odoh response", keyLen)
	return query, a, err
}

func isNotZero(c byte) bool { return c != 0 }

// Seal encrypts a reply, padded (RFC 9230 6.2).
func (a *Answer) Seal(reply []byte) ([]byte, error) {
	if len(reply) > maxReply {
		return nil, errors.New("odoh: the reply is too long to be encrypted")
	}
	nonce := make([]byte, responseNonce)
	rand.Read(nonce)
	aead, iv, err := a.cipher(nonce)
	if err != nil {
		return nil, err
	}
	plain := appendSized(nil, reply)
	n := (padTo - (len(plain)+2)%padTo) % padTo
	plain = append(binary.BigEndian.AppendUint16(plain, uint16(n)), make([]byte, n)...)
	head := appendSized([]byte{typeResponse}, nonce)
	return appendSized(head, aead.Seal(nil, iv, plain, head)), nil
}

// cipher is that of the reply with a nonce.
func (a *Answer) cipher(nonce []byte) (aead cipher.AEAD, iv []byte, err error) {
	salt := appendSized(slices.Clone(a.query), nonce)
	prk, err := hkdf.Extract(sha256.New, a.secret, salt)
	if err != nil {
		return nil, nil, err
	}
	secret, err := hkdf.Expand(sha256.New, prk, "odoh key", keyLen)
	if err != nil {
		return nil, nil, err
	}
	if iv, err = hkdf.Expand(sha256.New, prk, "odoh nonce", nonceLen); err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, nil, err
	}
	aead, err = cipher.NewGCM(block)
	return aead, iv, err
}

// cut takes a message apart: its type, the identifier of the key, or the nonce, and what is
// encrypted.
func cut(message []byte) (kind byte, id, encrypted []byte, ok bool) {
	if len(message) == 0 {
		return 0, nil, nil, false
	}
	id, rest, ok := cutSized(message[1:])
	if !ok {
		return 0, nil, nil, false
	}
	encrypted, rest, ok = cutSized(rest)
	return message[0], id, encrypted, ok && len(rest) == 0
}

// cutSized takes octets with their length before them from b.
func cutSized(b []byte) (part, rest []byte, ok bool) {
	if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
		return nil, nil, false
	}
	n := 2 + int(binary.BigEndian.Uint16(b))
	return b[2:n:n], b[n:], true
}

func appendSized(b, part []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(part))), part...)
}
