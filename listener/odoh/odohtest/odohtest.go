// Package odohtest is a client of Oblivious DNS over HTTPS (RFC 9230), for tests. It shares
// no code with package odoh.
package odohtest

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/hkdf"
	"crypto/hpke"
	"crypto/sha256"
	"encoding/binary"
	"slices"
	"testing"
)

// Client reads the reply to one query.
type Client struct {
	plain, secret []byte
}

// Seal encrypts a query, with padding, for the first key of configs.
func Seal(t testing.TB, configs, query []byte, padding ...byte) (message []byte, c *Client) {
	t.Helper()
	return SealPlain(t, configs, sized(sized(nil, query), padding))
}

// SealPlain encrypts what may not have the form of a query.
func SealPlain(t testing.TB, configs, plain []byte) (message []byte, c *Client) {
	t.Helper()
	if len(configs) != 46 || string(configs[:14]) != "\x00\x2c\x00\x01\x00\x28\x00\x20\x00\x01\x00\x01\x00\x20" {
		t.Fatalf("keys %x", configs)
	}
	public, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(configs[14:])
	if err != nil {
		t.Fatal(err)
	}
	prk, err := hkdf.Extract(sha256.New, configs[6:], nil)
	if err != nil {
		t.Fatal(err)
	}
	id := expand(t, prk, "odoh key id", 32)
	enclosed, sender, err := hpke.NewSender(public, hpke.HKDFSHA256(), hpke.AES128GCM(), []byte("odoh query"))
	if err != nil {
		t.Fatal(err)
	}
	head := sized([]byte{1}, id)
	encrypted, err := sender.Seal(head, plain)
	if err != nil {
		t.Fatal(err)
	}
	c = &Client{plain: plain}
	if c.secret, err = sender.Export("odoh response", 16); err != nil {
		t.Fatal(err)
	}
	return sized(head, slices.Concat(enclosed, encrypted)), c
}

// Open decrypts a reply.
func (c *Client) Open(t testing.TB, message []byte) (reply []byte) {
	t.Helper()
	const head = 1 + 2 + 16
	if len(message) < head+2 || message[0] != 2 || binary.BigEndian.Uint16(message[1:]) != 16 || int(binary.BigEndian.Uint16(message[head:])) != len(message)-head-2 {
		t.Fatalf("reply %x", message)
	}
	prk, err := hkdf.Extract(sha256.New, c.secret, sized(slices.Clone(c.plain), message[3:head]))
	if err != nil {
		t.Fatal(err)
	}
	block, err := aes.NewCipher(expand(t, prk, "odoh key", 16))
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := aead.Open(nil, expand(t, prk, "odoh nonce", 12), message[head+2:], message[:head])
	if err != nil {
		t.Fatal(err)
	}
	n := 2 + int(binary.BigEndian.Uint16(plain))
	padding := plain[n+2:]
	if int(binary.BigEndian.Uint16(plain[n:])) != len(padding) || slices.ContainsFunc(padding, func(c byte) bool { return c != 0 }) {
		t.Fatalf("padding %x", plain[n:])
	}
	if len(plain)%468 != 0 {
		t.Errorf("a reply of %d octets is padded to %d", n-2, len(plain))
	}
	return plain[2:n]
}

func expand(t testing.TB, prk []byte, info string, n int) []byte {
	t.Helper()
	key, err := hkdf.Expand(sha256.New, prk, info, n)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sized(b, part []byte) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(part))), part...)
}
